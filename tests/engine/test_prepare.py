"""What is slow or can fail is done first, and changes nothing; a kubelet that does not stay up goes back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.abort import abort
from kubectl_upgrade.engine.apply import Applying
from kubectl_upgrade.engine.events import StepBegins, StepEnds
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.model.errors import PreflightError, StepError
from kubectl_upgrade.model.plan import PARALLEL
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator, once_begun, taken_apart
from tests.engine.test_apply import traces, upgraded
from tests.resilience.world import state_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.simulation.cluster import ModelCluster

OLD = Version.parse("v1.34.4")


async def _abort(operator: Operator) -> None:
    world = simulated_world(operator.model, operator.folder)
    await abort(world, Applying(who="ops@test", watch=operator.events.append, stop=Stop()))


def _withdraw(model: ModelCluster) -> None:
    model.withdrawn.add("1.35.4")


def _close(model: ModelCluster) -> None:
    model.registry_up = False


def _odd_flag(model: ModelCluster) -> None:
    model.nodes["w2"].kubelet.extra_flags = ["--pod-infra-container-image=pause"]


@pytest.mark.parametrize("broken", [_withdraw, _close, _odd_flag], ids=["no such version", "no registry", "a flag"])
def test_what_fails_in_prepare_has_changed_nothing(operator: Operator, broken: Callable[[ModelCluster], None]) -> None:
    def heed(event: Event) -> None:
        if isinstance(event, StepBegins):  # what breaks sooner may be found sooner, by a check
            broken(operator.model)

    operator.heed = heed

    async def story() -> None:
        plan = await operator.plan()
        before = await state_of(operator.model)
        with pytest.raises(StepError, match="prepare"):
            await operator.apply(plan)
        assert taken_apart(operator.model) == set()
        await _abort(operator)
        after = await state_of(operator.model)
        for node in after["nodes"].values():
            node["kubelet"][3] = []
        for node in before["nodes"].values():
            node["kubelet"][3] = []
        assert after == before

    loop.run(story())


def test_a_flag_that_is_known_to_be_removed_stops_before_anything_is_done(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        _odd_flag(operator.model)
        with pytest.raises(
            PreflightError, match=r"removed-flags: w2: /etc/default/kubelet gives kubelet the flag --pod-"
        ):
            await operator.apply(plan)
        assert not operator.model.trace
        operator.model.nodes["w2"].kubelet.extra_flags = []
        await operator.apply(plan)

    loop.run(story())
    upgraded(operator.model)


def test_mended_the_same_run_goes_on(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(Fault(kind="action-fails", node="w1", action="apt-fetch-packages", moment=""))
        with pytest.raises(StepError, match=r"v1\.35\.4/prepare/w1/fetch-packages"):
            await operator.apply(plan)
        await operator.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)
    fetched = [r.node for r in operator.model.trace if r.action == "apt-fetch-packages"]
    assert sorted(fetched) == ["cp1", "cp2", "cp3", "w1", "w1", "w2", "w3"]


def test_installations_after_it_need_no_repository(operator: Operator) -> None:
    def heed(event: Event) -> None:
        if isinstance(event, StepBegins) and event.id.stage != "prepare":
            operator.model.withdrawn.add("all")
            operator.model.registry_up = False

    operator.heed = heed

    async def story() -> None:
        await operator.apply(await operator.plan())

    loop.run(story())
    upgraded(operator.model)


@pytest.mark.parametrize(("at_once", "most"), [(4, 5), (7, 8), (None, PARALLEL + 1)])
def test_so_many_nodes_side_by_side_and_one_control_plane(operator: Operator, at_once: int | None, most: int) -> None:
    """As the plan says, which `plan` fills with a tenth of the nodes."""
    operator.model = sample(workers=40)
    running: set[str] = set()
    seen: list[set[str]] = []

    def heed(event: Event) -> None:
        if isinstance(event, StepBegins) and event.id.stage == "prepare":
            (running.add if event.id.step == "fetch-packages" else running.discard)(event.id.target)
            seen.append(set(running))

    operator.heed = heed

    async def story() -> None:
        plan = await operator.plan()
        first, *others = plan.hops[0].stages
        assert first.at_once == 4
        stages = (replace(first, at_once=at_once), *others)
        await operator.apply(replace(plan, hops=(replace(plan.hops[0], stages=stages),)))

    loop.run(story())
    assert max(map(len, seen)) == most
    assert all(sum(name.startswith("cp") for name in together) <= 1 for together in seen)


def test_gates_are_asked_when_something_is_taken_apart(operator: Operator) -> None:
    """An etcd alarm keeps nobody from preparing, and everybody from the first control plane."""

    async def story() -> None:
        plan = await operator.plan()
        alarms = operator.model.nodes["cp2"].etcd_alarms
        once_begun(operator, "prepare", lambda: alarms.append("NOSPACE"))
        with pytest.raises(StepError, match=r"healthy control plane before cp. is touched"):
            await operator.apply(plan)
        prepare = plan.hops[0].stages[0]
        (first,) = (stage for stage in plan.hops[0].stages if stage.stage == "first-control-plane")
        (mark,) = (step for step in first.steps if step.do == "mark-node")
        mixed = replace(prepare, steps=(*prepare.steps, mark))
        await _abort(operator)
        changed = replace(plan, hops=(replace(plan.hops[0], stages=(mixed, *plan.hops[0].stages[1:])),))
        alarms.clear()
        once_begun(operator, "prepare", lambda: alarms.append("NOSPACE"))
        with pytest.raises(StepError, match=r"healthy control plane before cp. is touched"):
            await operator.apply(changed)

    loop.run(story())


def test_a_run_that_has_only_prepared_is_stopped_by_every_blocker(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        _close(operator.model)
        with pytest.raises(StepError):
            await operator.apply(plan)
        operator.model.registry_up = True
        worker = operator.model.nodes["w3"]
        worker.kubelet.active, worker.heartbeat_lost = False, float("-inf")
        with pytest.raises(PreflightError, match="w3"):
            await operator.apply(plan)
        worker.kubelet.active, worker.heartbeat_lost = True, None
        await operator.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)


@pytest.mark.parametrize("end", ["apply", "abort"])
def test_whoever_takes_over_cleans_workers_that_were_only_prepared(operator: Operator, end: str) -> None:
    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(Fault(kind="client-kill", action="kubeadm-apply", phase="etcd", moment=""))
        with pytest.raises(ClientKilled):
            await operator.apply(plan)
        heir = Operator(operator.model, Folder(7, "heir"))
        run = next(iter(operator.model.folder.runs.values()))[-1].run
        if end == "apply":
            await heir.apply(plan, take_over=run)
        else:
            operator.model.faults.add(Fault(kind="action-fails", node="cp2", action="kubeadm-node", moment=""))
            with pytest.raises(StepError):
                await heir.apply(plan, take_over=run)
            await _abort(heir)
        assert await traces(operator.model) == []

    loop.run(story())
    fetched = [r.node for r in operator.model.trace if r.action == "apt-fetch-packages"]
    assert len(fetched) == len(set(fetched)), "nothing is fetched twice"


def test_a_kubelet_that_does_not_stay_up_goes_back_and_is_tried_again(operator: Operator) -> None:
    """The new kubelet refuses w1's cgroups; mended, the next apply installs it anew and goes on."""

    def heed(event: Event) -> None:
        if isinstance(event, StepBegins) and (event.id.target, event.id.step) == ("w1", "restart-kubelet"):
            operator.model.nodes["w1"].cgroup = "v1"
            operator.heed = None

    async def story() -> None:
        plan = await operator.plan()
        operator.heed = heed
        node = operator.model.nodes["w1"]
        with pytest.raises(StepError, match=r"w1/restart-kubelet(.|\n)*kubelet v1\.34\.4 is back, and is healthy"):
            await operator.apply(plan)
        assert node.packages["kubelet"] == node.kubelet.version == OLD
        assert node.kubelet.active
        node.cgroup = "v2"
        await operator.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)
    runs = [r.action for r in operator.model.trace if r.node == "w1"]
    assert runs[-4:] == ["apt-install-kubelet", "restart-kubelet", "apt-install-kubelet", "restart-kubelet"]
    assert runs.count("kubeadm-node") == 1


def test_control_planes_prepare_one_at_a_time_beside_workers(operator: Operator) -> None:
    """Images are unpacked to the disks that etcd writes to."""
    running: set[str] = set()
    together: set[frozenset[str]] = set()

    def heed(event: Event) -> None:
        if isinstance(event, StepBegins) and event.id.stage == "prepare":
            running.add(event.id.target)
            together.add(frozenset(running))
        if isinstance(event, StepEnds) and event.id.stage == "prepare" and event.id.step == "pull-images":
            running.discard(event.id.target)

    operator.heed = heed

    async def story() -> None:
        await operator.apply(await operator.plan())

    loop.run(story())
    assert {frozenset(names & {"cp1", "cp2", "cp3"}) for names in together} >= {frozenset({"cp2"})}
    assert max(len(names & {"cp1", "cp2", "cp3"}) for names in together) == 1
    assert max(map(len, together)) == 1 + 2
