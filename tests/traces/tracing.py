"""Nodes that record what actions do there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.facts import kubeadm_config
from kubectl_upgrade.model.errors import UpgradeError
from kubectl_upgrade.world import Nodes
from tests.traces.trace import RECORDED, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from kubectl_upgrade.world import Clock, Cluster, FactOutput, Fence, Machine, UnitStatus


@dataclass(frozen=True)
class _Begun:
    action: str
    args: tuple[str, ...]
    at: float
    cluster: str
    before: dict[str, str]


class TracingNodes(Nodes):
    """Passes everything on; looks at the node right before an action starts and as soon as it has ended."""

    def __init__(self, inner: Nodes, cluster: Cluster, clock: Clock, keep: Callable[[Trace], None]) -> None:
        self._inner = inner
        self._cluster = cluster
        self._clock = clock
        self._keep = keep
        self._begun: dict[str, _Begun] = {}

    async def probe(self, machine: Machine, facts: Sequence[str]) -> Mapping[str, FactOutput]:
        return await self._inner.probe(machine, facts)

    async def install(self, machine: Machine) -> None:
        await self._inner.install(machine)

    async def raise_fence(self, machine: Machine, fence: Fence) -> None:
        await self._inner.raise_fence(machine, fence)

    async def start(self, machine: Machine, fence: Fence, unit: str, action: str, args: Sequence[str]) -> None:
        if unit not in self._begun:
            at = self._clock.monotonic()
            before, cluster = await self._look(machine), await self._version()
            self._begun[unit] = _Begun(action, tuple(args), at, cluster, before)
        await self._inner.start(machine, fence, unit, action, args)

    async def wait(self, machine: Machine, unit: str, seconds: int, offset: int = 0) -> UnitStatus:
        status = await self._inner.wait(machine, unit, seconds, offset)
        begun = self._begun.get(unit)
        if begun is not None and status.state in {"exited", "interrupted"} and begun.before:
            after = await self._look(machine)
            del self._begun[unit]
            self._keep(
                Trace(
                    node=machine.name,
                    control_plane="control-plane yes" in begun.before["kubeadm"],
                    action=begun.action,
                    args=begun.args,
                    exit_code=status.exit_code,
                    seconds=round(self._clock.monotonic() - begun.at, 1),
                    cluster_before=begun.cluster,
                    cluster_after=await self._version(),
                    before=begun.before,
                    after=after,
                )
            )
        return status

    async def fetch(self, machine: Machine, fence: Fence, version: str, name: str, target: Path) -> str:
        return await self._inner.fetch(machine, fence, version, name, target)

    async def release(self, machine: Machine, fence: Fence) -> None:
        await self._inner.release(machine, fence)

    async def close(self) -> None:
        await self._inner.close()

    async def _look(self, machine: Machine) -> dict[str, str]:
        """Empty when the node does not answer: then there is no trace."""
        try:
            found = await self._inner.probe(machine, RECORDED)
        except UpgradeError:
            return {}
        return {name: output.text for name, output in found.items() if output.exit_code == 0}

    async def _version(self) -> str:
        try:
            raw = await self._cluster.get(kubeadm_config.PATH)
        except UpgradeError:
            return ""
        return str(kubeadm_config.kubeadm_config(raw).kubernetes_version)
