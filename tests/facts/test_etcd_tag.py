"""etcd.local.imageTag is set and taken out, and every other byte of ClusterConfiguration stays."""

from __future__ import annotations

import pytest
import yaml

from kubectl_upgrade.facts.etcd_tag import is_settable, with_etcd_tag
from kubectl_upgrade.facts.kubeadm_config import kubeadm_config

KUBEADMS = """\
apiServer:
  extraArgs:
  - name: audit-log-path
    value: "/var/log/audit: here # not there"
apiVersion: kubeadm.k8s.io/v1beta4
controlPlaneEndpoint: 10.0.0.1:6443
# a person's word
etcd:
  local:
    dataDir: /var/lib/etcd   # on its own disk
    extraArgs:
    - name: imageTag
      value: "none of ours"
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: v1.33.9
dns: {imageTag: v1.12.0}
"""
LAST = "kubernetesVersion: v1.33.9\netcd:\n    local:\n        dataDir: /var/lib/etcd\n        imageTag: '3.5.24-0'"


@pytest.mark.parametrize(
    "text", [KUBEADMS, KUBEADMS.replace("\n", "\r\n"), KUBEADMS.replace("person's", "Ä\U0001f600")]
)
def test_a_tag_comes_and_goes_without_a_trace(text: str) -> None:
    with_tag = with_etcd_tag(text, "3.5.32-0")
    assert yaml.safe_load(with_tag)["etcd"]["local"]["imageTag"] == "3.5.32-0"
    assert len(with_tag) == len(text) + len("    imageTag: 3.5.32-0\n")
    assert with_etcd_tag(with_tag, "none") == text


def test_one_that_is_there_is_replaced_where_it_stands() -> None:
    changed = with_etcd_tag(LAST, "3.5.32-0")
    assert changed == LAST.replace("'3.5.24-0'", "3.5.32-0")
    assert with_etcd_tag(changed, "mine: #1") == LAST.replace("'3.5.24-0'", '"mine: #1"')
    assert with_etcd_tag(changed, "none") == LAST[: LAST.index("        imageTag")]


def test_what_would_read_as_a_number_stays_text() -> None:
    assert yaml.safe_load(with_etcd_tag(KUBEADMS, "3.5"))["etcd"]["local"]["imageTag"] == "3.5"


@pytest.mark.parametrize(
    "etcd",
    [
        "",
        "etcd: {}",
        "etcd: {local: {dataDir: /var/lib/etcd}}",
        "etcd:\n  local:",
        "etcd:\n  local: {}",
        "etcd:\n  external:\n    endpoints: [https://10.0.0.5:2379]",
        "etcd:\n  local: &a\n    dataDir: /var/lib/etcd\nother: *a",
        "etcd: [local]",
    ],
)
def test_what_kubeadm_would_not_write_is_left_alone(etcd: str) -> None:
    text = f"kubernetesVersion: v1.33.9\n{etcd}\n"
    assert not is_settable(text)
    if "[local]" not in etcd:
        assert not kubeadm_config({"data": {"ClusterConfiguration": text}}).etcd_tag_settable


def test_what_kubeadm_writes_can_be_changed() -> None:
    assert kubeadm_config({"data": {"ClusterConfiguration": KUBEADMS}}).etcd_tag_settable
