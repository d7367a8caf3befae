"""Backups: brought off the nodes, left on them, told; and what a node that only has one is held to."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.apply import Applying, execute, look
from kubectl_upgrade.engine.backups import kept_backups
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.engine.schedule import Limits
from kubectl_upgrade.model.errors import PlanError, StepError, StoppedError, UsageError
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.world.backup_folder import BackupFolder
from tests.engine.conftest import taken_apart

if TYPE_CHECKING:
    from pathlib import Path

    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.engine.history import History
    from kubectl_upgrade.model.plan import Plan
    from tests.engine.conftest import Operator

NODES = ("cp1", "cp2", "cp3")


async def _apply(operator: Operator, plan: Plan, folder: Path, told: list[Event] | None = None) -> History:
    world = simulated_world(operator.model)
    watch = (told if told is not None else []).append
    applying = Applying(
        who="ops@test", watch=watch, stop=Stop(), limits=operator.limits, backup_to=BackupFolder.at(folder)
    )
    return await execute(world, await look(world, plan), applying)


def _brought(operator: Operator, folder: Path) -> None:
    """Every file is there, whole, and closed to others."""
    (of_run,) = folder.iterdir()
    (name,) = operator.model.nodes["cp1"].backups
    assert of_run.name == f"sample-{name}"
    assert sorted(node.name for node in of_run.iterdir()) == list(NODES)
    for node in NODES:
        files = {file.name: file.read_bytes() for file in (of_run / node).iterdir()}
        assert files == operator.model.nodes[node].backups[name]
        for line in files["SHA256SUMS"].decode().splitlines():
            value, part = line.split()
            assert sha256(files[part]).hexdigest() == value
        assert {file.stat().st_mode & 0o777 for file in (of_run / node).iterdir()} == {0o600}
        assert (of_run / node).stat().st_mode & 0o777 == 0o700


def test_backups_stay_on_every_control_plane_and_are_told(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        history = await operator.apply(plan)
        name = f"{history.journal.run[:8]}-v1.35.4"
        assert {node.name for node in operator.model.nodes.values() if name in node.backups} == set(NODES)
        (line,) = kept_backups(plan, history)
        assert line == (
            f"backups of etcd and /etc/kubernetes stay on cp1, cp2, cp3: /var/backups/upgrade-cp/{name} on each; "
            "they hold every Secret of the cluster"
        )
        prepared = {"apt-fetch-packages", "pull-images"}
        first = [record.action for record in operator.model.trace if record.action not in prepared][:4]
        assert first == ["backup-etcd"] * 3 + ["apt-install-kubeadm"]

    loop.run(story())


def test_backups_are_brought_before_any_kubeadm(operator: Operator, tmp_path: Path) -> None:
    operator.limits = Limits(pause_after="backup")
    told: list[Event] = []

    async def story() -> None:
        with pytest.raises(StoppedError):
            await _apply(operator, await operator.plan(), tmp_path / "new" / "backups", told)

    loop.run(story())
    _brought(operator, tmp_path / "new" / "backups")
    said = [event.line for event in told if isinstance(event, Note)]
    assert sum("holds every Secret of the cluster" in line for line in said) == len(NODES)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="client-kill", call="nodes.fetch", node="cp2", nth=2, moment=""),
        Fault(kind="client-kill", node="cp3", action="backup-etcd", moment=""),
        Fault(kind="ssh-cut", call="nodes.fetch", node="cp1", nth=3, seconds=30, moment=""),
    ],
    ids=["killed while it fetches", "killed while the last is saved", "cut while it fetches"],
)
def test_a_fetch_that_is_cut_short_is_finished_by_the_next(operator: Operator, tmp_path: Path, fault: Fault) -> None:
    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(fault)
        if fault.kind == "client-kill":
            with pytest.raises(ClientKilled):
                await _apply(operator, plan, tmp_path)
        await _apply(operator, plan, tmp_path)
        assert operator.model.faults.struck

    loop.run(story())
    _brought(operator, tmp_path)


def test_a_file_that_is_not_as_it_was_written_is_refused(operator: Operator, tmp_path: Path) -> None:
    async def story() -> None:
        plan = await operator.plan()
        operator.limits = Limits(pause_after="backup")
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        ((name, files),) = operator.model.nodes["cp2"].backups.items()
        files["etcd.db"] += b"more"
        with pytest.raises(StepError, match=r"cp2: etcd\.db came as sha256 \w{64}, on the node it was written as"):
            await _apply(operator, plan, tmp_path)
        assert not (tmp_path / f"sample-{name}" / "cp2" / "SHA256SUMS").exists()
        del files["etcd.db"]
        with pytest.raises(StepError, match=r"cp2 has no backup for v1\.35\.4"):
            await _apply(operator, plan, tmp_path)

    loop.run(story())


def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match="backups cannot be written to"):
            BackupFolder.at(path)


@pytest.mark.parametrize(("cluster", "folder"), [("lab", "lab"), ("../a/b c", "--a-b-c"), ("", ""), ("ä", "-")])
def test_a_cluster_may_be_called_anything(tmp_path: Path, cluster: str, folder: str) -> None:
    place = BackupFolder.at(tmp_path).of(cluster, "01234567", "v1.35.4", "cp1")
    assert place.folder == tmp_path / f"{folder}-01234567-v1.35.4" / "cp1"


def test_a_backup_that_fails_stops_the_run_before_anything_is_changed(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(Fault(kind="action-fails", node="cp2", action="backup-etcd", text="no room"))
        with pytest.raises(StepError, match="no room"):
            await operator.apply(plan)
        assert taken_apart(operator.model) == set()
        await operator.apply(plan)

    loop.run(story())


@pytest.mark.parametrize("journal_lost", [False, True])
def test_a_node_that_only_has_its_backup_is_still_as_planned(operator: Operator, journal_lost: bool) -> None:  # noqa: FBT001 - a parameter
    """Whatever moves there before its own turn is somebody else's work, though this run has been there."""

    async def story() -> None:
        plan = await operator.plan()
        operator.limits = Limits(pause_after="first-control-plane")
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        fence = operator.model.nodes["cp1"].fence
        assert fence is not None
        taken = fence.run if journal_lost else ""
        operator.model.nodes["cp2"].repository = "v1.35"
        with pytest.raises(PlanError, match=r"controlPlanes\[cp2\]\.repository: was v1\.34, is v1\.35"):
            await operator.apply(plan, taken)
        operator.model.nodes["cp2"].repository = "v1.34"
        operator.limits = Limits()
        await operator.apply(plan, taken)

    loop.run(story())
