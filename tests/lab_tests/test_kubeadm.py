"""What kubeadm is told fits the spec."""

from typing import Any

import pytest
import yaml

from tests.lab import kubeadm
from tests.lab.errors import LabError
from tests.lab.spec import Spec

SECRETS = kubeadm.Secrets("abcdef.0123456789abcdef", "0" * 64)


def documents(text: str) -> dict[str, Any]:
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def test_init_names_endpoint_and_version() -> None:
    told = documents(kubeadm.init_config(Spec(3, 3), SECRETS))
    assert told["ClusterConfiguration"]["controlPlaneEndpoint"] == "10.99.0.1:6443"
    assert told["ClusterConfiguration"]["kubernetesVersion"] == "v1.34.4"
    assert told["InitConfiguration"]["localAPIEndpoint"]["advertiseAddress"] == "10.99.0.11"
    assert told["KubeletConfiguration"]["failCgroupV1"] is False


def test_only_a_control_plane_joins_as_one() -> None:
    spec = Spec(2, 1)
    cp2 = documents(kubeadm.join_config(spec, spec.node("cp2"), SECRETS, "sha256:1"))["JoinConfiguration"]
    w1 = documents(kubeadm.join_config(spec, spec.node("w1"), SECRETS, "sha256:1"))["JoinConfiguration"]
    assert cp2["controlPlane"]["localAPIEndpoint"]["advertiseAddress"] == "10.99.0.12"
    assert "controlPlane" not in w1


def test_no_preflight_error_is_ignored_wholesale() -> None:
    assert "all" not in [name.lower() for name in kubeadm.IGNORED]


def test_the_hash_of_the_ca_is_found_in_the_output() -> None:
    digest = "sha256:" + "0a" * 32
    assert kubeadm.ca_hash(f"\t--discovery-token-ca-cert-hash {digest} \\\n\t--control-plane") == digest
    with pytest.raises(LabError, match="printed no CA hash:\nboom"):
        kubeadm.ca_hash("boom")


def test_secrets_differ_and_have_the_form_of_a_token() -> None:
    first, second = kubeadm.Secrets.new(), kubeadm.Secrets.new()
    assert first != second
    assert [len(part) for part in first.token.split(".")] == [6, 16]
