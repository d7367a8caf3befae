"""The real clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta

from kubectl_upgrade.world.clock import RealClock


def test_time_passes_and_is_utc() -> None:
    clock = RealClock()
    before, then = clock.monotonic(), clock.now()
    asyncio.run(clock.sleep(0.02))
    assert clock.monotonic() - before >= 0.02
    assert clock.now() - then < timedelta(seconds=5)
    assert then.tzinfo is UTC
