"""Running one action detached on a node: attach, start again after a reboot, detach when a limit passes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from kubectl_upgrade.engine.waiting import reach
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.run_record import RunRecord
from kubectl_upgrade.model.types import visible

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kubectl_upgrade.model.errors import NodeUnreachableError
    from kubectl_upgrade.model.facts import HostFacts, Maybe
    from kubectl_upgrade.model.plan import StepId
    from kubectl_upgrade.steps.base import Action
    from kubectl_upgrade.world import Clock, Fence, Machine, Nodes, UnitStatus

T = TypeVar("T")

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_WAIT_SECONDS = 30
_LAST_LINES = 20
# a node that reboots under an action again and again has a trouble of its own
_ATTEMPTS_PER_APPLY = 3
# longer than a machine takes to boot
_UNREACHABLE_SECONDS = 600


def unit_stem(run: str, step: StepId) -> str:
    """`upgrade-cp-<run8>-<sha256 of the step's id, 12 digits>`; the attempt's number follows."""
    return f"upgrade-cp-{run[:8]}-{hashlib.sha256(str(step).encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The newest unit of a step on its node."""

    number: int
    state: str
    exit_code: int | None
    action: tuple[str, ...]
    """its name and arguments"""


def newest_attempt(host: Maybe[HostFacts], stem: str) -> Attempt | None:
    """From the fact `run`; StepError when it could not be read: a second kubeadm must never start beside a first."""
    record = getattr(host, "run", host)
    if not isinstance(record, RunRecord):
        raise StepError(f"what ran on the node before could not be read: {record}", fix="run apply again")
    found = [u for u in record.units if u.unit.rpartition("-")[0] == stem]
    if not found:
        return None
    unit = max(found, key=lambda u: int(u.unit.rpartition("-")[2]))
    return Attempt(int(unit.unit.rpartition("-")[2]), unit.state, unit.exit_code, unit.action)


@dataclass(slots=True, kw_only=True)
class ActionRunner:
    """Act for one step: called once with the step's action."""

    nodes: Nodes
    clock: Clock
    machine: Machine
    fence: Fence
    id: StepId
    last: Attempt | None
    say: Callable[[str], None]
    lines: list[str] = field(default_factory=list)

    async def __call__(self, action: Action) -> str:
        """What it printed; StepError unless it exits 0."""
        end = self.clock.monotonic() + action.limit_seconds
        number = self.last.number if self.last else 1
        if self.last and self.last.state in {"exited", "interrupted"}:
            number += 1
        first = number
        while number < first + _ATTEMPTS_PER_APPLY:
            unit = f"{unit_stem(self.fence.run, self.id)}-{number}"
            start = partial(self.nodes.start, self.machine, self.fence, unit, action.name, action.args)
            await self._sit_out(start, action)
            status = await self._wait(unit, action, end)
            if status.state == "exited":
                return self._judge(status, action, unit)
            self.say("was interrupted by a reboot of the node; starting it again")
            number += 1
        raise StepError(
            f"{self.id}: {action.name} was interrupted {_ATTEMPTS_PER_APPLY} times on {self.machine.name}",
            fix=f"find out why {self.machine.name} reboots, then run apply again",
        )

    async def _wait(self, unit: str, action: Action, end: float) -> UnitStatus:
        offset = 0
        while True:
            status = await self._sit_out(partial(self.nodes.wait, self.machine, unit, _WAIT_SECONDS, offset), action)
            offset = status.offset
            self._take(status.output)
            if status.state in {"exited", "interrupted"}:
                return status
            if status.state == "absent":
                raise StepError(
                    f"{self.id}: {unit} was started on {self.machine.name} and is not there any more",
                    fix=f"someone removed /var/lib/upgrade-cp on {self.machine.name}; look there, then run apply again",
                )
            if self.clock.monotonic() >= end:
                raise StepError(
                    f"{self.id}: {action.name} is still running on {self.machine.name} after {action.limit_seconds} s "
                    f"(unit {unit}); nothing was killed. Last lines:\n{self._tail()}",
                    fix=f"look with `journalctl -u {unit}` there; run apply again to attach to it",
                )

    async def _sit_out(self, ask: Callable[[], Awaitable[T]], action: Action) -> T:
        """Ask again while the node cannot be reached: what runs there hangs on no connection."""

        def lost(error: NodeUnreachableError) -> None:
            self.say(f"lost the connection, {action.name} does not depend on it: {error.message}")

        return await reach(self.clock, ask, _UNREACHABLE_SECONDS, lost)

    def _judge(self, status: UnitStatus, action: Action, unit: str) -> str:
        output = "\n".join(self.lines)
        if status.exit_code == 0:
            return output
        raise StepError(
            f"{self.id}: {action.name} on {self.machine.name} exited {status.exit_code}. "
            f"Its last lines:\n{self._tail()}",
            fix=f"mend what it says, then run apply again: it starts {action.name} anew and goes on "
            f"(whole output on {self.machine.name}: /var/lib/upgrade-cp/units/{unit}/output)",
        )

    def _take(self, output: str) -> None:
        for raw in output.splitlines():
            # kubeadm colours its lines; and what a node prints must never steer the operator's terminal
            line = visible(_COLOUR.sub("", raw))
            self.lines.append(line)
            self.say(line)

    def _tail(self) -> str:
        return "\n".join(f"    {line}" for line in self.lines[-_LAST_LINES:]) or "    (it printed nothing)"
