"""The state folder in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.errors import LockedError
from kubectl_upgrade.simulation.faults import ClientKilled, Fault, UnplannedError
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from tests.simulation.conftest import Operate

UID = "00000000-0000-4000-8000-000000000001"


def test_a_run_is_resumed_after_a_kill(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        journal = await operator.world.state.begin(UID, "sha256:1")
        await journal.append({"seq": 1})
        operator.model.faults.add(Fault(kind="client-kill", call="journal.append", moment="after"))
        with pytest.raises(ClientKilled):
            await journal.append({"seq": 2})
        resumed = await simulated_world(operator.model).state.resume(UID)
        assert resumed is not None
        assert (resumed.run, resumed.nonce) == (journal.run, journal.nonce)
        assert await resumed.entries() == [{"seq": 1}, {"seq": 2}]

    run(main())


def test_an_entry_that_was_not_written_is_not_there(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        journal = await operator.world.state.begin(UID, "sha256:1")
        operator.model.faults.add(Fault(kind="client-kill", call="journal.append"))
        with pytest.raises(ClientKilled):
            await journal.append({"seq": 1})
        resumed = await simulated_world(operator.model).state.resume(UID)
        assert resumed is not None
        assert await resumed.entries() == []

    run(main())


def test_one_process_at_a_time(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        other = simulated_world(operator.model)
        journal = await operator.world.state.begin(UID, "sha256:1")
        for call in (other.state.resume(UID), other.state.begin(UID, "sha256:1")):
            with pytest.raises(LockedError):
                await call
        await journal.close()
        with pytest.raises(UnplannedError, match="after close"):
            await journal.append({})
        assert await other.state.resume(UID) is not None

    run(main())


def test_a_finished_run_is_not_resumed(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        journal = await operator.world.state.begin(UID, "sha256:1")
        await journal.finish()
        await journal.close()
        assert await operator.world.state.resume(UID) is None
        again = await operator.world.state.begin(UID, "sha256:1")
        assert again.run != journal.run
        assert len(again.run) == len(again.nonce) == 32

    run(main())


def test_another_operators_folder_knows_nothing() -> None:
    async def main() -> None:
        model = sample()
        mine, theirs = simulated_world(model), simulated_world(model, Folder(0, "someone else"))
        journal = await mine.state.begin(UID, "sha256:1")
        assert await theirs.state.resume(UID) is None
        assert (await theirs.state.begin(UID, "sha256:1")).run != journal.run

    run(main())
