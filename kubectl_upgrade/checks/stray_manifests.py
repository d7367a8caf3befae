"""The kubelet's folder of static pods holds no second copy of one of kubeadm's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import HostFacts, ManifestFiles
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.names import CONTROL_PLANE_COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts

_FOLDER = "/etc/kubernetes/manifests"
_KUBEADMS = frozenset({"etcd", *CONTROL_PLANE_COMPONENTS})


class StrayManifests:
    """`cp kube-apiserver.yaml kube-apiserver.yaml.bak` before an edit: the kubelet reads every file there that does not
    begin with a dot, whatever it ends with, and of two pods of one name the copy may be what runs
    (https://github.com/kubernetes/kubernetes/issues/136962). kubeadm then writes a new manifest and waits five minutes
    for a pod that never changes.
    """

    NAME: ClassVar[str] = "stray-manifests"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        strangers: dict[str, list[str]] = {}
        for node in facts.control_planes:
            host = facts.hosts.get(node.name)
            if not isinstance(host, HostFacts) or not isinstance(host.manifests, ManifestFiles):
                continue  # nothing can be pinned of it, and no plan is made
            others = host.manifests.others
            yield from _copies(others, node.name)
            for file in sorted(others.keys() - _copied(others).keys()):
                if others[file]:
                    strangers.setdefault(file, []).append(node.name)
        if strangers:
            listed = "; ".join(f"{file} ({', '.join(nodes)})" for file, nodes in sorted(strangers.items()))
            yield Finding(Level.INFO, f"static pods that are not kubeadm's stay as they are: {listed}")


def _copies(others: Mapping[str, str], node: str) -> Iterator[Finding]:
    for file, pod in sorted(_copied(others).items()):
        yield Finding(
            Level.BLOCKER if pod in _KUBEADMS else Level.WARN,
            f"{_FOLDER}/{file} is a second manifest of the static pod {pod}: which of them runs is chance",
            node=node,
            fix="move it out of that folder",
        )
    for file in sorted(file for file, pod in others.items() if not pod and file not in _copied(others)):
        yield Finding(
            Level.WARN,
            f"{_FOLDER}/{file} names no pod: the kubelet tries to run it all the same",
            node=node,
            fix="move it out of that folder",
        )


def _copied(others: Mapping[str, str]) -> dict[str, str]:
    """File → the pod of which it is another manifest: by the name in it, else by what the file is called."""
    pods = list(others.values())
    found = {file: pod for file, pod in others.items() if pod in _KUBEADMS or (pod and pods.count(pod) > 1)}
    for file, pod in others.items():
        copied = next((name for name in _KUBEADMS if not pod and file.startswith(f"{name}.")), None)
        if copied:
            found[file] = copied
    return found
