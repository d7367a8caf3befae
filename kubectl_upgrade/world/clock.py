"""The machine's own clock."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from kubectl_upgrade.world import Clock


class RealClock(Clock):
    """Time as it passes."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
