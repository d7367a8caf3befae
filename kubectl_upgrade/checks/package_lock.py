"""Nobody else is changing packages on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.systems import systems
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts

# as long as actions wait for a lock (node/lib/apt.sh)
_PATIENCE_SECONDS = 300


class PackageLock:
    """unattended-upgrades takes apt's locks at its own time, and a question that a package's script asks on a terminal
    long gone keeps them for days. Actions wait for five minutes; whoever keeps a lock longer stops the upgrade.
    """

    NAME: ClassVar[str] = "package-lock"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        for node, _, system in systems(facts):
            if not system.locks:
                continue
            lock = max(system.locks, key=lambda held: held.seconds)
            who = f"{lock.program} (pid {lock.pid}) holds {lock.file}"
            if lock.seconds > _PATIENCE_SECONDS:
                message = f"{who} and has run for {lock.seconds // 60} min: no package can be installed"
                fix = "let it end; if it hangs, find out what it waits for (pstree, its terminal), and end it"
                yield Finding(Level.WARN, message, node.name, fix)
            else:
                message = f"{who} now: steps wait for it, {_PATIENCE_SECONDS // 60} min at most"
                yield Finding(Level.INFO, message, node.name)
