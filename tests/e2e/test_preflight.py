"""What `check` finds on a real cluster: nothing that is not so, and each fault while it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.findings import TRUE_OF_THE_LAB, findings, young_kubelets
from tests.lab.api import MERGE
from tests.lab.until import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.findings import Found
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

CONFIG_MAPS = "/api/v1/namespaces/kube-system/configmaps"
NODE = "/api/v1/nodes/{}"
SERVICE = {"namespace": "default", "name": "nobody", "path": "/"}
WEBHOOK = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
BUDGETS = "/apis/policy/v1/namespaces/kube-system/poddisruptionbudgets"
PODS = "/api/v1/namespaces/default/pods"
KUBEADMS = {"name": "faulty", "namespace": "kube-system"}


@dataclass(frozen=True)
class OnNode:
    """A fault that is caused and mended by a shell on a node."""

    node: str
    cause: str
    mend: str

    def set_up(self, lab: Lab) -> None:
        lab.run(self.node, self.cause)

    def take_back(self, lab: Lab) -> None:
        lab.run(self.node, self.mend)


@dataclass(frozen=True)
class Made:
    """An object that should not be there."""

    collection: str
    body: dict[str, Any]

    def set_up(self, lab: Lab) -> None:
        lab.api.must("POST", self.collection, self.body)

    def take_back(self, lab: Lab) -> None:
        name = self.body["metadata"]["name"]
        lab.api.must("DELETE", f"{self.collection}/{name}", {"gracePeriodSeconds": 0})


@dataclass(frozen=True)
class Patched:
    """An object that was changed: a merge patch, and its opposite."""

    path: str
    change: dict[str, Any]
    back: dict[str, Any]

    def set_up(self, lab: Lab) -> None:
        lab.api.must("PATCH", self.path, self.change, MERGE)

    def take_back(self, lab: Lab) -> None:
        lab.api.must("PATCH", self.path, self.back, MERGE)


@dataclass(frozen=True)
class Rewritten:
    """A text in a ConfigMap of kube-system that somebody has edited."""

    name: str
    key: str
    edit: Callable[[str], str]
    undo: Callable[[str], str]

    def set_up(self, lab: Lab) -> None:
        self._write(lab, self.edit)

    def take_back(self, lab: Lab) -> None:
        self._write(lab, self.undo)

    def _write(self, lab: Lab, edit: Callable[[str], str]) -> None:
        path = f"{CONFIG_MAPS}/{self.name}"
        text = lab.api.get(path)["data"][self.key]
        assert edit(text) != text
        lab.api.must("PATCH", path, {"data": {self.key: edit(text)}}, MERGE)


def _package(name: str, after: str) -> str:
    """A package of one's own, as a shell builds it on a node."""
    control = (
        f"Package: {name}\\nVersion: 1\\nArchitecture: all\\nMaintainer: nobody <n@example.org>\\nDescription: none\\n"
    )
    return (
        f"mkdir -p /root/{name}/DEBIAN && printf '{control}' >/root/{name}/DEBIAN/control && "
        f"printf '#!/bin/sh\\n{after}\\n' >/root/{name}/DEBIAN/postinst && chmod 755 /root/{name}/DEBIAN/postinst && "
        f"dpkg-deb --build /root/{name} /root/{name}.deb >/dev/null"
    )


def _line(text: str) -> tuple[Callable[[str], str], Callable[[str], str]]:
    return (lambda found: f"{found}{text}", lambda found: found.removesuffix(text))


FLAG = "--pod-infra-container-image=registry.k8s.io/pause:3.10.1"
RUN = "0123456789abcdef0123456789abcdef"
FAULTS: dict[str, tuple[OnNode | Made | Patched | Rewritten, Found]] = {
    "a removed flag": (
        OnNode(
            "w1",
            f"sed -i 's#^KUBELET_EXTRA_ARGS=#&{FLAG} #' /etc/default/kubelet",
            f"sed -i 's#{FLAG} ##' /etc/default/kubelet",
        ),
        {("removed-flags", "blocker", "w1")},
    ),
    "a removed feature gate": (
        Rewritten("kubelet-config", "kubelet", *_line("featureGates:\n  ComponentSLIs: true\n")),
        {("removed-feature-gates", "blocker", "")},
    ),
    "a file among the manifests": (
        OnNode("cp1", "echo no pod >/etc/kubernetes/manifests/README", "rm /etc/kubernetes/manifests/README"),
        {("stray-manifests", "warn", "cp1")},
    ),
    "a cordoned node": (
        Patched(NODE.format("w3"), {"spec": {"unschedulable": True}}, {"spec": {"unschedulable": None}}),
        {("cordoned-nodes", "info", "")},
    ),
    "a label of another tool": (
        Patched(
            NODE.format("w2"),
            {"metadata": {"labels": {"kubeone.io/upgrade-in-process": ""}}},
            {"metadata": {"labels": {"kubeone.io/upgrade-in-process": None}}},
        ),
        {("no-upgrade-in-process", "blocker", "w2")},
    ),
    "a half-installed package": (
        OnNode("w2", f"{_package('halfway', 'exit 0')} && dpkg --unpack /root/halfway.deb", "dpkg --purge halfway"),
        {("packages-sound", "blocker", "w2")},
    ),
    "somebody who installs": (
        OnNode(
            "w3",
            f"{_package('sleeper', 'sleep 900')} && "
            "systemd-run --quiet --unit=sleeper dpkg --install /root/sleeper.deb && "
            "until pgrep -x sleep; do sleep 0.2; done",
            "systemctl stop sleeper; dpkg --purge sleeper",
        ),
        {("package-lock", "info", "w3"), ("packages-sound", "warn", "w3")},
    ),
    "another hostname": (OnNode("w3", "hostname elsewhere", "hostname w3"), {("hostnames", "blocker", "w3")}),
    "what a run left": (
        OnNode("w2", f"mkdir -p /var/lib/upgrade-cp/keep-{RUN}", "rm -r /var/lib/upgrade-cp"),
        {("leftovers", "info", "w2")},
    ),
    "a full disk": (
        OnNode(
            "w3",
            "mkdir -p /var/lib/upgrade-cp && mount -t tmpfs -o size=20m none /var/lib/upgrade-cp",
            "umount /var/lib/upgrade-cp && rmdir /var/lib/upgrade-cp",
        ),
        {("disk-room", "blocker", "w3")},
    ),
    "a kubelet that is stopped": (
        OnNode("w1", "systemctl stop kubelet", "systemctl start kubelet"),
        {("kubelet-steady", "blocker", "w1")},
    ),
    "a budget that allows nothing": (
        Made(
            BUDGETS,
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": KUBEADMS,
                "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"k8s-app": "kube-dns"}}},
            },
        ),
        {("disruption-budgets", "blocker", "")},
    ),
    "a pod without a controller": (
        Made(
            PODS,
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "faulty"},
                "spec": {"nodeName": "w2", "containers": [{"name": "pause", "image": "registry.k8s.io/pause:3.10.1"}]},
            },
        ),
        {("unmanaged-pods", "blocker", "")},
    ),
    "a webhook that nobody serves": (
        Made(
            WEBHOOK,
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": "faulty"},
                "webhooks": [
                    {
                        "name": "faulty.example.org",
                        "clientConfig": {"service": SERVICE},
                        "rules": [
                            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
                        ],
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                        "sideEffects": "None",
                        "admissionReviewVersions": ["v1"],
                    }
                ],
            },
        ),
        {("webhooks", "blocker", "")},
    ),
    "a plugin that CoreDNS does not have": (
        Rewritten(
            "coredns",
            "Corefile",
            lambda text: text.replace("errors\n", "errors\n    frobnicate\n", 1),
            lambda text: text.replace("    frobnicate\n", "", 1),
        ),
        {("coredns-migratable", "blocker", "")},
    ),
}


def test_a_healthy_cluster_has_nothing_to_mend(lab: Lab, tmp_path: Path) -> None:
    until("kubelets have run for a minute", 90, lambda: young_kubelets(lab))
    found, texts = findings(lab, tmp_path, code=0)
    assert {result for _, result, _ in found} <= {"info"}, texts
    assert {check for check, _, _ in found} == TRUE_OF_THE_LAB, texts


def test_each_fault_is_found_while_it_is_there(lab: Lab, tmp_path: Path) -> None:
    """All at once: each finds exactly its own, and all are gone with their faults."""
    healthy, _ = findings(lab, tmp_path, code=0)
    made: list[OnNode | Made | Patched | Rewritten] = []
    try:
        for fault, _ in FAULTS.values():
            made.append(fault)
            fault.set_up(lab)
        found, texts = findings(lab, tmp_path, code=4)
    finally:
        for fault in reversed(made):
            fault.take_back(lab)
    lab.wait_settled()
    wanted = set[tuple[str, str, str]]().union(*(finds for _, finds in FAULTS.values()))
    assert (found - healthy - wanted, wanted - found) == (set(), set()), texts
    assert "/etc/default/kubelet" in texts["removed-flags"]
    assert "faulty.example.org" in texts["webhooks"]
    assert "kube-system/faulty" in texts["disruption-budgets"]
    again, texts = findings(lab, tmp_path, code=0)
    assert again == healthy, texts
