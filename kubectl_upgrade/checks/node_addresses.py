"""Every node has an internal address, and no two share one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class NodeAddresses:
    """ssh goes to the InternalIP: a wrong one would upgrade another machine."""

    NAME: ClassVar[str] = "node-addresses"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        owners: dict[str, str] = {}
        for node in facts.linux:
            if not node.internal_ip:
                yield Finding(
                    Level.BLOCKER,
                    "its Node has no InternalIP",
                    node=node.name,
                    fix="set --node-ip of its kubelet, or let the cloud controller set the address",
                )
                continue
            other = owners.setdefault(node.internal_ip, node.name)
            if other != node.name:
                yield Finding(
                    Level.BLOCKER,
                    f"has the same InternalIP {node.internal_ip} as {other}",
                    node=node.name,
                    fix="delete the Node that no longer exists",
                )
        if not facts.control_planes:
            yield Finding(
                Level.BLOCKER,
                "no Node has the label node-role.kubernetes.io/control-plane",
                fix="label the control-plane nodes as kubeadm does",
            )
