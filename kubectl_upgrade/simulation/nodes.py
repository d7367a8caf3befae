"""World.nodes over the modelled machines."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import LockedError, NodeUnreachableError, StepError
from kubectl_upgrade.simulation.actions import model_of
from kubectl_upgrade.simulation.facts import observe
from kubectl_upgrade.simulation.faults import Point, UnplannedError
from kubectl_upgrade.simulation.node import Unit
from kubectl_upgrade.simulation.units import run_unit
from kubectl_upgrade.world import Fence, UnitStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from kubectl_upgrade.simulation.client import Client
    from kubectl_upgrade.simulation.node import Node
    from kubectl_upgrade.world import FactOutput, Machine

# seconds of a round trip through an open ssh master, and of a probe
_ROUND_TRIP = 0.1
_PROBE = 0.5
_LONGEST_WAIT = 30
_RUN = re.compile(r"[0-9a-f]{32}")
_UNIT = re.compile(r"upgrade-cp-[0-9a-f]{8}-[0-9a-f]{12}-[1-9][0-9]*")


class SimulatedNodes:
    """Nodes, as one client reaches them by their addresses."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._cluster = client.cluster

    async def probe(self, machine: Machine, facts: Sequence[str]) -> Mapping[str, FactOutput]:
        async with self._session("probe", machine, _PROBE) as node:
            return observe(self._cluster, node, facts)

    async def install(self, machine: Machine) -> None:
        async with self._session("install", machine) as node:
            node.bundle = True

    async def raise_fence(self, machine: Machine, fence: Fence) -> None:
        if not _RUN.fullmatch(fence.run) or fence.epoch < 1:
            raise UnplannedError(f"{fence} is no fence: a run is 32 hexadecimal digits, epochs begin at 1")
        async with self._session("raise_fence", machine) as node:
            self._need_bundle(node, "raise_fence")
            holder = node.fence
            if not _gives_way(holder, fence):
                raise _locked(node)
            if holder != fence:
                self._client.landed(f"fence {node.name} {fence.epoch}")
            node.fence = fence

    async def start(self, machine: Machine, fence: Fence, unit: str, action: str, args: Sequence[str]) -> None:
        model = model_of(action, args)
        if not _UNIT.fullmatch(unit):
            raise UnplannedError(f"{unit} is no name of a unit")
        async with self._session("start", machine, action=action) as node:
            if node.fence != fence:
                raise _locked(node)
            self._need_bundle(node, "start")
            known = node.units.get(unit)
            if known is not None:
                if (known.action, known.args) != (action, tuple(args)):
                    raise UnplannedError(f"{node.name}: {unit} is {known.action} {known.args}, not {action} {args}")
                return
            self._refuse_beside_another(node)
            started = int(self._cluster.epoch.timestamp() + self._cluster.now)
            begun = Unit(name=unit, action=action, args=tuple(args), boot_id=node.boot_id, started=started)
            node.units[unit] = begun
            self._client.landed(f"start {node.name} {action}")
            node.work.append(self._cluster.spawn(run_unit(self._cluster, node, begun, model)))

    async def wait(self, machine: Machine, unit: str, seconds: int, offset: int = 0) -> UnitStatus:
        if not 0 <= seconds <= _LONGEST_WAIT:
            raise UnplannedError(f"nodes.wait takes 0 to {_LONGEST_WAIT} seconds, not {seconds}")
        async with self._session("wait", machine) as node:
            known = node.units.get(unit)
            if known is None:
                return UnitStatus("absent", None, "", offset)
            cuts = node.cuts
            if known.state == "running":
                await _ended(known, seconds)
            if node.cuts != cuts:
                raise _lost(node)
            output = bytes(known.output)
            return UnitStatus(known.state, known.exit_code, output[offset:].decode(), len(output))

    async def fetch(self, machine: Machine, fence: Fence, version: str, name: str, target: Path) -> str:
        async with self._session("fetch", machine) as node:
            if node.fence != fence:
                raise _locked(node)
            self._need_bundle(node, "fetch")
            content = node.backups.get(f"{fence.run[:8]}-{version}", {}).get(name)
            if content is None:
                raise StepError(f"{node.name} has no backup for {version}", fix="see /var/backups/upgrade-cp there")
            return _put(target, content)

    async def release(self, machine: Machine, fence: Fence) -> None:
        async with self._session("release", machine) as node:
            if not _gives_way(node.fence, fence):
                if node.fence is not None and node.fence.run == fence.run:
                    raise _locked(node)
                return
            busy = [unit.name for unit in node.units.values() if unit.state == "running"]
            if busy:
                raise StepError(f"{node.name}: {busy[0]} still runs", fix="wait until it has ended, then try again")
            self._client.landed(f"release {node.name}")
            node.fence = None
            node.units.clear()
            node.kept_manifests.clear()
            node.fetched.clear()
            node.kept_kubelet, node.stepped_back = None, False
            node.kept_server = False
            node.bundle = False

    async def close(self) -> None:
        self._client.check()

    @asynccontextmanager
    async def _session(
        self, call: str, machine: Machine, seconds: float = _ROUND_TRIP, *, action: str = ""
    ) -> AsyncIterator[Node]:
        point = Point(call=f"nodes.{call}", node=machine.name, action=action)
        async with self._client.call(point, seconds):
            node = self._cluster.reach(machine.address)
            cuts = node.cuts
            yield node
            if node.cuts != cuts:
                raise _lost(node)

    @staticmethod
    def _need_bundle(node: Node, call: str) -> None:
        if not node.bundle:
            raise UnplannedError(f"nodes.{call} on {node.name} before nodes.install")

    @staticmethod
    def _refuse_beside_another(node: Node) -> None:
        for unit in node.units.values():
            if unit.state == "running":
                raise StepError(
                    f"{node.name}: {unit.name} ({unit.action}) still runs there",
                    fix="wait until it has ended, then run apply again",
                )


async def _ended(unit: Unit, seconds: int) -> None:
    try:
        async with asyncio.timeout(seconds):
            await unit.ended.wait()
    except TimeoutError:
        return


def _put(target: Path, content: bytes) -> str:
    target.touch(0o600)
    target.write_bytes(content)
    return sha256(content).hexdigest()


def _gives_way(held: Fence | None, fence: Fence) -> bool:
    """Is it nothing, this very fence, or a lower epoch of the same run?"""
    return held is None or held == fence or (held.run == fence.run and held.epoch < fence.epoch)


def _locked(node: Node) -> LockedError:
    holder = f"run {node.fence.run}, epoch {node.fence.epoch}" if node.fence else "no run"
    return LockedError(
        f"{node.name} is held by {holder}",
        fix="see `kubectl upgrade-cp status`; if its operator is gone for good: apply PLAN --take-over RUN, or abort "
        "--run RUN PLAN",
    )


def _lost(node: Node) -> NodeUnreachableError:
    return NodeUnreachableError(f"ssh to {node.name}: connection closed by remote host", fix="run apply again")
