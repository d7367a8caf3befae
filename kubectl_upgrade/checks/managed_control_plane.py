"""The control planes are upgraded by kubeadm in place, and nobody replaces them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class ManagedControlPlane:
    """Cluster API replaces the nodes of a control plane that it manages when their version differs from the one that it
    was given; upgraded by kubeadm behind its back, the next rollout brings the old version back
    (https://cluster-api.sigs.k8s.io/tasks/upgrading-clusters).
    """

    NAME: ClassVar[str] = "managed-control-plane"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        for node in facts.control_planes:
            owner = facts.machines.owners.get(node.name)
            if owner is None:
                continue
            if owner.here and owner.owner == "none":
                message = (
                    f"it is the Machine {owner.machine}, which nobody would replace: its version there stays as it is"
                )
                yield Finding(Level.WARN, message, node=node.name)
            else:
                where = "" if owner.here else " (in the management cluster)"
                yield Finding(
                    Level.BLOCKER,
                    f"it is the Machine {owner.machine} of {owner.owner}: this control plane is Cluster API's own",
                    node=node.name,
                    fix=f"upgrade it there{where}: the version of {owner.owner}, or of its Cluster's topology",
                )
