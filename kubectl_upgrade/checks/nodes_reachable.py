"""Every node answers over ssh, with root's rights."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import NOT_ASKED, Host, Unknown
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class NodesReachable:
    """An upgrade that finds out half way that it cannot log in leaves a mixed cluster."""

    NAME: ClassVar[str] = "nodes-reachable"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        for name, host in facts.hosts.items():
            answer = host if isinstance(host, Unknown) else host.host
            if answer == NOT_ASKED:
                continue  # the run alone was asked what it did there
            if not isinstance(answer, Host):
                yield Finding(
                    Level.BLOCKER,
                    f"does not answer over ssh: {answer.reason}",
                    node=name,
                    fix=f"make `ssh {name} sudo -n true` work: its host key known, sudo without a password",
                )
        for node in facts.control_planes:
            if node.name not in facts.hosts:
                yield Finding(
                    Level.BLOCKER, "was not asked over ssh", node=node.name, fix="give the Node an InternalIP"
                )
