"""dpkg is in order on every node."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.systems import systems
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts

_NAMED = 5


class PackagesSound:
    """An installation that broke off months ago, of any package, makes apt refuse the next one: kubeadm is new by then
    and kubelet cannot follow.
    """

    NAME: ClassVar[str] = "packages-sound"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        for node, _, system in systems(facts):
            if not system.broken:
                continue
            named = ", ".join(system.broken[:_NAMED])
            more = f" and {len(system.broken) - _NAMED} more" if len(system.broken) > _NAMED else ""
            if system.locks:
                # it may only look broken while somebody is at work there
                message = f"packages are being changed now, or an installation broke off: {named}{more}"
                yield Finding(Level.WARN, message, node.name, "plan again when package-lock names nobody any more")
            else:
                message = f"an installation of packages broke off there: {named}{more}"
                yield Finding(
                    Level.BLOCKER,
                    message,
                    node.name,
                    "`dpkg --audit` says more; `dpkg --configure -a`, then `apt-get -f install`",
                )
