"""Differences between manifests that a person is told of, and what of them stays untold."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.rendered import Difference, Rendered
from kubectl_upgrade.world import FactOutput

NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
FLAGS = ("--bind-address=127.0.0.1", "--v=2")


def manifest(component: str, **changes: Any) -> str:
    version = "3.5.21-0" if component == "etcd" else "v1.33.9"
    image = f"registry.k8s.io/{component}:{version}"
    container = {"name": component, "image": image, "command": [component, *FLAGS], **changes}
    pod = {"kind": "Pod", "metadata": {"name": component}, "spec": {"containers": [container]}}
    return b64encode(json.dumps(pod).encode()).decode()


def output(component: str, **changes: Any) -> FactOutput:
    """Of a control plane on which one manifest says something else."""
    lines = ["kubeadm v1.33.9", "cluster v1.33.9"]
    for name in NAMES:
        here = manifest(name, **changes) if name == component else manifest(name)
        lines += [f"manifest {name} {here}", f"rendered {name} {manifest(name)}"]
    return FactOutput(0, "".join(f"{line}\n" for line in lines))


def found(component: str = "kube-apiserver", **changes: Any) -> tuple[Difference, ...]:
    fact = FACTS["rendered"](output(component, **changes))
    assert isinstance(fact, Rendered), fact
    assert "hunter2" not in repr(fact)
    return fact.differences[component]


def test_a_probe_is_named_and_never_told() -> None:
    """Its headers hold credentials where anonymous requests are off, and its command may."""
    headers = [{"name": "Authorization", "value": "Basic hunter2"}]
    for probe in ({"httpGet": {"httpHeaders": headers}}, {"exec": {"command": ["curl", "-u", "me:hunter2"]}}):
        assert found(livenessProbe=probe) == (Difference(what="livenessProbe", manifest="", rendered=None),)


@pytest.mark.parametrize(
    "value", ["Bearer hunter2", "http://x?token=hunter2", "authorization hunter2", "Basic hunter2"]
)
def test_a_value_that_looks_like_a_secret_is_not_told(value: str) -> None:
    command = ["kube-apiserver", *FLAGS, f"--audit={value}"]
    assert found(command=command) == (Difference(what="--audit", manifest="", rendered=None),)


@pytest.mark.parametrize(
    "command",
    [
        ["sh", "-ec", "exec kube-apiserver --client=hunter2"],
        ["sh", "-ec", "-x hunter2"],
        ["sh", "-c", "exec kube-apiserver", "hunter2", "hunter2"],
        ["env", "WORD=hunter2", "kube-apiserver", "--other=hunter2"],
        ["kube-apiserver", *FLAGS, "-c", "hunter2", "--other=hunter2"],
        ["kube-apiserver", *FLAGS, "--other=x", "word", "hunter2"],
    ],
)
def test_what_another_program_is_given_is_not_told(command: list[str]) -> None:
    assert not {one.manifest for one in found(command=command)} - {"", None}


def test_a_flag_of_the_program_itself_is_told_however_it_is_written() -> None:
    command = ["kube-apiserver", "--bind-address", "::1", "-v", "2", "--audit-log-path=/var/log/audit"]
    assert found(command=command) == (
        Difference(what="--audit-log-path", manifest="/var/log/audit", rendered=None),
        Difference(what="--bind-address", manifest="::1", rendered="127.0.0.1"),
    )


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("registry.k8s.io/etcd:3.5.32-0", False),
        ("registry.k8s.io/etcd:3.5.21-1", False),
        ("registry.k8s.io/etcd:3.5.20-0", True),
        ("mirror.example.com:5000/etcd:3.5.32-0", True),
        ("registry.k8s.io/etcd:ours", True),
    ],
)
def test_an_etcd_that_is_further_stays_where_it_is(image: str, *, told: bool) -> None:
    """Who were told that it would go back might pin it in kubeadm-config for ever."""
    expected = Difference(what="image", manifest=image, rendered="registry.k8s.io/etcd:3.5.21-0")
    assert found("etcd", image=image) == ((expected,) if told else ())


def test_a_manifest_that_was_not_rendered_is_no_match() -> None:
    whole = output("etcd")
    without = "".join(line for line in whole.text.splitlines(keepends=True) if not line.startswith("rendered etcd"))
    fact = FACTS["rendered"](FactOutput(0, without))
    assert isinstance(fact, Unknown)
    assert "there are etcd, kube-apiserver" in fact.reason
    assert isinstance(FACTS["rendered"](FactOutput(0, f"{without}skipped it was not asked\n")), Rendered)


def test_a_proxy_that_could_not_be_read_is_left_out() -> None:
    env = [{"name": "NO_PROXY", "value": "10.0.0.0/8,*.local"}, {"name": "HTTP_PROXY", "value": "x"}]
    whole = output("kube-apiserver", env=env)
    fact = FACTS["rendered"](FactOutput(0, f"{whole.text}unread NO_PROXY\n"))
    assert isinstance(fact, Rendered)
    assert [one.what for one in fact.differences["kube-apiserver"]] == ["env HTTP_PROXY"]


def test_another_component_goes_where_kubeadm_says() -> None:
    assert [one.what for one in found(image="registry.k8s.io/kube-apiserver:v1.33.10")] == ["image"]
