"""Every node was set up by kubeadm, and is what its Node says."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import NOT_ASKED, Kubeadm, Unknown
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts, HostFacts


class NodesInitialised:
    """kubeadm upgrades only what kubeadm made; a node of another kind would be broken by it."""

    NAME: ClassVar[str] = "nodes-initialised"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        roles = {node.name: node.control_plane for node in facts.nodes}
        for name, host in facts.hosts.items():
            if not isinstance(host, Unknown):  # nodes-reachable says so
                yield from _judge(name, host, control_plane=roles[name])


def _judge(name: str, host: HostFacts, *, control_plane: bool) -> Iterator[Finding]:
    kubeadm = host.kubeadm
    if kubeadm == NOT_ASKED:
        return  # the run alone was asked what it did there
    if not isinstance(kubeadm, Kubeadm):
        yield Finding(Level.BLOCKER, f"kubeadm's files could not be read: {kubeadm.reason}", node=name)
        return
    if not kubeadm.initialised:
        yield Finding(
            Level.BLOCKER,
            "was not joined by kubeadm: /etc/kubernetes/kubelet.conf is missing",
            node=name,
            fix="upgrade this node with the tool that made it, and take it out of this cluster's kubeadm nodes",
        )
    if kubeadm.control_plane != control_plane:
        here, label = ("a", "lacks") if kubeadm.control_plane else ("no", "has")
        yield Finding(
            Level.BLOCKER,
            f"there is {here} control plane on it, but its Node {label} the label of one",
            node=name,
            fix="correct the label node-role.kubernetes.io/control-plane, or finish `kubeadm join --control-plane`",
        )
