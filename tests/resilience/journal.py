"""A journal that lost its end, or was damaged: what is read is a true beginning, and a run goes on from any beginning.

`python -m tests.resilience.journal [--flips N] [--every N]`
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.world.journal import Lines, read_entries
from kubectl_upgrade.world.state import FolderState
from tests.resilience.crash_matrix import undisturbed
from tests.resilience.figures import complain, figure
from tests.resilience.world import Operator, cluster, difference, state_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.simulation.state import StoredRun

UID = "3f2b7c1e-0000-4000-8000-0123456789ab"
# where the client is killed, as a share of an undisturbed run
SHARES = (0.3, 0.6, 0.97)


def prefix_case(share_and_length: tuple[float, int]) -> str:
    """Killed there, with so many entries left of its journal: why the next apply failed, empty when it did not."""
    share, length = share_and_length
    wanted = undisturbed(3).state

    async def story() -> str:
        operator, stored, plan = await _killed(share)
        del stored.entries[length:]
        await operator.apply(plan)
        await asyncio.sleep(600)
        twice = _twice(operator)
        return twice or difference(await state_of(operator.model), wanted)

    try:
        return loop.run(story())
    except Exception as bug:  # noqa: BLE001 - a broken case must not hide the others
        return f"{type(bug).__name__}: {bug}"


def _twice(operator: Operator) -> str:
    done = [(record.node, record.action) for record in operator.model.trace if record.exit_code == 0]
    twice = sorted({pair for pair in done if done.count(pair) > 1})
    return f"done twice: {twice}" if twice else ""


async def _killed(share: float) -> tuple[Operator, StoredRun, Any]:
    model = cluster()
    operator = Operator(model, model.folder)
    plan = await operator.plan()
    nth = model.faults.points + int(len(undisturbed(3).points) * share)
    model.faults.add(Fault(kind="client-kill", moment="", nth=nth))
    with contextlib.suppress(ClientKilled):
        await operator.apply(plan)
    ((stored,),) = operator.folder.runs.values()
    return operator, stored, plan


@cache
def entries(share: float) -> tuple[str, ...]:
    """The journal of a run that was killed there."""
    undisturbed(3)

    async def story() -> tuple[str, ...]:
        _, stored, _ = await _killed(share)
        return tuple(stored.entries)

    return loop.run(story())


def damaged(flips: int, seed: int = 0) -> list[str]:
    """Write a whole run's journal as FolderState does; cut it at every byte and flip bits: what is read must be a
    beginning of what was written. Says what was not.
    """
    random = Random(seed)  # noqa: S311 - reproducible, no secret
    written = [json.loads(text) for text in entries(SHARES[-1])]
    with TemporaryDirectory() as folder:
        whole = asyncio.run(_write(Path(folder), written))
        path = Path(folder) / "journal.jsonl"
        wrong = [f"cut at byte {size}" for size in range(len(whole)) if not _true(path, whole[:size], written)]
        for _ in range(flips):
            bit = random.randrange(len(whole) * 8)
            broken = bytearray(whole)
            broken[bit // 8] ^= 1 << bit % 8
            wrong += [] if _true(path, bytes(broken), written) else [f"bit {bit}"]
        for _ in range(flips // 10):
            at, size = random.randrange(len(whole)), random.randint(2, 64)
            broken = bytearray(whole)
            broken[at : at + size] = random.randbytes(size)
            wrong += [] if _true(path, bytes(broken), written) else [f"{size} bytes at {at}"]
        # and for real, once: what opens the file for writing reads the same
        path.write_bytes(whole[: len(whole) // 2])
        lines = Lines(path)
        lines.close()
        wrong += [] if list(lines.entries) == written[: len(lines.entries)] else ["opened for writing"]
    return wrong


async def _write(folder: Path, written: Sequence[Any]) -> bytes:
    journal = await FolderState(folder).begin(UID, "sha256:0")
    for entry in written:
        await journal.append(entry)
    await journal.close()
    return (journal.folder / "journal.jsonl").read_bytes()


def _true(path: Path, content: bytes, written: Sequence[Any]) -> bool:
    path.write_bytes(content)
    found = list(read_entries(path))
    return found == written[: len(found)]


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.journal")
    parser.add_argument("--flips", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=1, help="only every Nth length")
    given = parser.parse_args(words)
    cases = [(share, n) for share in SHARES for n in range(0, len(entries(share)) + 1, given.every)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(prefix_case, cases, chunksize=4))
    wrong = [
        f"killed at {case[0]}, {case[1]} entries left: {said}"
        for case, said in zip(cases, answers, strict=True)
        if said
    ]
    misread = damaged(given.flips)
    for line in (*wrong, *misread):
        complain(line)
    figure("journal-wrong-resumes", len(wrong), "lengths", "== 0")
    figure("journal-misread", len(misread), "damages", "== 0")
    figure("journal-lengths", len(cases), "lengths", ">= 100")
    figure("journal-flips", given.flips, "bits", ">= 10000")
    return 1 if wrong or misread else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
