"""Nothing of a run that is over is left on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.systems import answering
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.node_health import System
from kubectl_upgrade.model.run_record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts

_PLACE = "/var/lib/upgrade-cp"


class Leftovers:
    """A run whose end was cut short leaves its folder, and in it the record of holds that were never put back; an
    action of it that still runs makes the node refuse every other one.
    """

    NAME: ClassVar[str] = "leftovers"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        for node, host in answering(facts):
            if isinstance(host.run, RunRecord):  # else node-answers says so
                # what the fence's run has there is its own: no-upgrade-in-process tells it if it is not ours
                owners = {aim.run8, host.run.run[:8]} - {""}
                yield from _units(node.name, host.run, owners)
                yield from _folders(node.name, host.system, owners)


def _units(name: str, record: RunRecord, owners: set[str]) -> Iterator[Finding]:
    for unit in record.units:
        run8 = unit.unit.removeprefix("upgrade-cp-")[:8]
        if unit.state == "running" and run8 not in owners:
            yield Finding(
                Level.BLOCKER,
                f"{unit.action[0] if unit.action else unit.unit} of run {run8} still runs there, and no fence is left",
                name,
                f"let it end (`systemctl status {unit.unit}` on {name}), then plan again",
                waivable=False,
            )


def _folders(name: str, system: object, owners: set[str]) -> Iterator[Finding]:
    for kept in system.kept if isinstance(system, System) else ():
        if kept.run[:8] in owners:
            continue
        folder = f"{_PLACE}/keep-{kept.run}"
        if kept.holds:
            message = f"run {kept.run[:8]} was cut short there and did not put packages on hold again"
            fix = f"on {name}: `xargs apt-mark hold <{folder}/holds`, then `rm -r {folder}`"
            yield Finding(Level.WARN, message, name, fix)
        else:
            yield Finding(Level.INFO, f"run {kept.run[:8]} has left {folder} there", name, f"`rm -r {folder}`")
