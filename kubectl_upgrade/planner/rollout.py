"""How the workers of a pool are gone through: a canary first, then batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from kubectl_upgrade.model.plan import After, PoolTargets, Stage

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import PlannedStep, Pool
    from kubectl_upgrade.model.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """What a person may choose of it."""

    canary: int = 0
    """nodes of each pool that go first, one at a time"""
    soak_seconds: int | None = None
    """after the canary"""
    pause: bool = False
    """after the canary, until apply is run again"""
    max_failures: int = 0
    on_drain_timeout: Literal["stop", "skip-node"] = "stop"
    drain_limit_seconds: int | None = None
    window: Window | None = None

    def stages(
        self, pool: Pool, steps: tuple[PlannedStep, ...], max_unavailable: str, *, only_pool: bool
    ) -> tuple[Stage, ...]:
        """A canary never takes a pool's last node: what it would tell, the others could not heed any more."""
        drains = any(step.do == "drain-node" for step in steps)
        rest = Stage(
            stage=pool.name,
            targets=PoolTargets(pool=pool.name),
            max_unavailable=max_unavailable,
            max_failures=self.max_failures,
            drain_limit_seconds=self.drain_limit_seconds if drains else None,
            window=self.window,
            steps=steps,
        )
        first = min(self.canary, len(pool.nodes) - 1)
        if not first:
            return (rest,)
        after = After(soak_seconds=self.soak_seconds, pause=self.pause)
        canary = replace(
            rest,
            stage="canary" if only_pool else f"{pool.name}-canary",
            targets=PoolTargets(pool=pool.name, count=first),
            max_unavailable=None,
            max_failures=0,
            after=after if self.soak_seconds or self.pause else None,
        )
        return (canary, rest)
