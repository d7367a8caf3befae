"""One target of one stage: its gate, then its steps in order."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.actions import ActionRunner, newest_attempt, unit_stem
from kubectl_upgrade.engine.changed_workers import why_not_ours
from kubectl_upgrade.engine.context import step_context
from kubectl_upgrade.engine.events import Note, StepBegins, StepEnds, StepSays
from kubectl_upgrade.engine.evidence import enrich
from kubectl_upgrade.engine.gate import control_plane_may_stop
from kubectl_upgrade.engine.give_back import give_back_skipped
from kubectl_upgrade.engine.waiting import API_PATIENCE_SECONDS, patiently, reach, unanswered
from kubectl_upgrade.engine.worker_gate import may_be_drained_now, worker_may_begin
from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.model.errors import (
    ApiError,
    LockedError,
    NodeSkippedError,
    NodeUnreachableError,
    StepError,
    StoppedError,
    UpgradeError,
)
from kubectl_upgrade.model.facts import HostFacts, Unknown
from kubectl_upgrade.model.plan import ControlPlane, StepId
from kubectl_upgrade.planfile.build_step import build_step, is_harmless
from kubectl_upgrade.steps.base import WholeCluster, Worker, machine
from kubectl_upgrade.steps.drain_node import DrainNode
from kubectl_upgrade.steps.unmark_node import UnmarkNode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kubectl_upgrade.engine.actions import Attempt
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.facts import Maybe
    from kubectl_upgrade.model.plan import Hop, PlannedStep, Stage
    from kubectl_upgrade.steps.base import Action, NodeTarget, Step, Target

# what proves, or disproves, that the actions of a target are done
PROOFS = ("run", "kubeadm", "manifests")


@dataclass(slots=True)
class TargetRun:
    """The steps of one target; each is skipped when its effect is proved to be there already."""

    run: Run
    hop: Hop
    stage: Stage
    target: Target
    found: Maybe[HostFacts] = field(default_factory=lambda: Unknown("not asked"))
    """what earlier applies of this run left on the node"""
    in_steps: float = 0.0
    """seconds spent in steps so far"""

    @property
    def subject(self) -> str:
        """As the journal names it: `v1.35.4/workers/w1`."""
        return f"{self.hop.to}/{self.stage.stage}/{self.target.name}"

    @property
    def begun(self) -> bool:
        """Has the run worked on it before, as the journal or the node says?"""
        return self.subject in self.run.history.targets_begun or self.target.name in self.run.history.adopted

    async def perform(self) -> None:
        """All steps; StoppedError between two when a stop was asked for; a worker that leaves meanwhile is skipped."""
        if self.subject in self.run.history.targets_done:
            return
        try:
            self.heed_stop()
            await self._run_steps()
        except (LockedError, StoppedError):
            raise
        except NodeSkippedError as skipped:
            self._refuse_to_leave_half_done(skipped)
            await self._skip(skipped)
        except UpgradeError:
            if not (gone := await why_not_ours(self.run, self.target)):
                raise
            self.run.watch(Note(f"{self.target.name} {gone}: skipped"))
            await give_back_skipped(self.run, self.target)
            await self.run.history.record("target-done", self.subject, between=0)
        finally:
            self.run.working_on.discard(self.target.name)

    async def _run_steps(self) -> None:
        began = self.run.world.clock.monotonic()
        await self._gate()
        self.heed_stop()
        await self.run.history.record("target-begins", self.subject)
        await self._claim()
        for planned in self.stage.steps:
            self.heed_stop()
            await self.step(planned)
        between = self.run.world.clock.monotonic() - began - self.in_steps
        await self.run.history.record("target-done", self.subject, between=round(between, 3))

    def _refuse_to_leave_half_done(self, skipped: NodeSkippedError) -> None:
        """StepError: somebody let pods come back to a node that is upgraded in part, and now they cannot be moved."""
        acted = [p.name for p in self.stage.steps if self.acts(p) and self.has_acted(build_step(p), self.id_of(p))]
        if acted:
            message = f"{skipped.message}. It is upgraded in part already ({', '.join(acted)} done): it is not skipped"
            raise StepError(message, fix=skipped.fix) from skipped

    async def _skip(self, skipped: NodeSkippedError) -> None:
        """Nothing of ours is left on it, and the next apply tries it again."""
        context = step_context(self.run, self.target, StepId(str(self.hop.to), self.stage.stage, self.target.name, ""))
        await patiently(self.run.world.clock, lambda: UnmarkNode().run(context))
        await self.run.history.record("target-skipped", self.subject, message=skipped.message)
        self.run.watch(Note(f"{self.target.name} is skipped: {skipped.message}"))

    def heed_stop(self) -> None:
        """StoppedError when a stop was asked for."""
        if self.run.stop.reason:
            raise StoppedError(f"{self.subject}: {self.run.stop.reason}", fix="run apply again to go on")

    async def _gate(self) -> None:
        """Refuse before anything is touched; a stage whose steps touch nothing has nothing to refuse."""
        if is_harmless(self.stage):
            return
        run, target, begun = self.run, self.target, self.begun
        if isinstance(target, ControlPlane):
            await control_plane_may_stop(run.world, run.plan, target.name, run8=run.fence.run[:8], begun=begun)
        elif isinstance(target, Worker):
            await worker_may_begin(run, self.hop, self.stage, target, begun=begun)

    async def _claim(self) -> None:
        """Fence, a look at what is there, and a word in the lock for whoever meets it."""
        run, target = self.run, self.target
        if not isinstance(target, WholeCluster):
            await run.fence_node(target)
            self.found = await self._look(target)
        try:
            await patiently(run.world.clock, lambda: lock.note_step(run.world.cluster, run.fence, self.subject))
        except LockedError:
            if isinstance(target, Worker):
                await run.take_fence_back(target)
            raise

    async def _look(self, target: NodeTarget) -> Maybe[HostFacts]:
        """What earlier applies left on the node, patiently: it may boot just now."""

        async def ask() -> HostFacts:
            found = (await probe_hosts(self.run.world.nodes, [machine(target)], PROOFS))[target.name]
            if isinstance(found, Unknown):
                raise NodeUnreachableError(found.reason)
            return found

        try:
            return await reach(self.run.world.clock, ask)
        except NodeUnreachableError as error:
            return Unknown(error.message)

    async def step(self, planned: PlannedStep) -> None:
        """Do it, unless its effect is proved; intent and end are in the journal."""
        step = build_step(planned)
        step_id = self.id_of(planned)
        if self._proved(step, planned, step_id):
            return
        async with self._turn(step):
            await self._do(step, step_id)

    @asynccontextmanager
    async def _turn(self, step: Step) -> AsyncIterator[None]:
        """A drain waits for those that would take from the same tight budget, and its time is counted."""
        run = self.run
        if not isinstance(step, DrainNode):
            yield
            return
        name = self.target.name
        async with run.drains.turn(run.world, name, lambda why: run.watch(Note(f"{name}: {why}"))):
            self.heed_stop()
            if isinstance(self.target, Worker):
                await may_be_drained_now(run, self.hop, self.stage, self.target)
            began = run.world.clock.monotonic()
            try:
                yield
            finally:
                run.drain_seconds[f"{self.hop.to}/{self.stage.stage}"] += run.world.clock.monotonic() - began

    async def _do(self, step: Step, step_id: StepId) -> None:
        run, clock = self.run, self.run.world.clock
        run.watch(StepBegins(step_id, step.TITLE))
        began = clock.monotonic()
        await run.history.record("step-begins", step_id)
        try:
            already = await self._perform(step, step_id)
        except UpgradeError as error:
            seconds = clock.monotonic() - began
            if isinstance(error, StepError) and not isinstance(self.target, WholeCluster):
                await enrich(run, self.target, step, step_id, error)
            run.watch(StepEnds(step_id, "failed", seconds))
            await run.history.record("step-failed", step_id, seconds=round(seconds, 3), message=error.message)
            raise
        seconds = clock.monotonic() - began
        self.in_steps += seconds
        run.watch(StepEnds(step_id, "already" if already else "done", seconds))
        await run.history.record("step-done", step_id, seconds=round(seconds, 3), already=already)

    def _proved(self, step: Step, planned: PlannedStep, step_id: StepId) -> bool:
        """Is the record enough? Waits run again, and so does what goes through the API: a person may have changed it
        since. But a node whose actions are all done is neither marked nor drained once more.
        """
        if self.acts(planned):
            return self.has_acted(step, step_id)
        return step.BEFORE_ACTIONS and self._all_acted()

    def _all_acted(self) -> bool:
        """Have all actions of this target succeeded?"""
        acting = [planned for planned in self.stage.steps if self.acts(planned)]
        return bool(acting) and all(self.has_acted(build_step(p), self.id_of(p)) for p in acting)

    def has_acted(self, step: Step, step_id: StepId) -> bool:
        """Has the step's action succeeded, as the journal or the node itself says?

        StepError when that is so and the node shows that its effect is not there.
        """
        last = self._newest(step_id)
        exited = last is not None and (last.state, last.exit_code) == ("exited", 0)
        if not exited and str(step_id) not in self.run.history.steps_done:
            return False
        if isinstance(self.found, HostFacts):
            if step.taken_back(self.found):
                return False
            wrong = step.contradiction(self.found)
            if wrong:
                who = "its node's record" if exited else "the journal"
                raise StepError(
                    f"{step_id}: {who} says that it is done, but on {self.target.name} {wrong}",
                    fix="somebody changed it since: put it right by hand, or end the run with `kubectl upgrade-cp "
                    "abort` and make a new plan",
                )
        return True

    def acts(self, planned: PlannedStep) -> bool:
        """Is it an action on a node?"""
        return self.action(planned) is not None

    def action(self, planned: PlannedStep) -> Action | None:
        """What the step runs on its node, if it does."""
        target = self.target
        if isinstance(target, WholeCluster):
            return None
        return build_step(planned).action(target, self.run.plan.cluster_configuration)

    def attempt(self, planned: PlannedStep) -> Attempt | None:
        """What the node knows of the step's action."""
        return self._newest(self.id_of(planned))

    def _newest(self, step_id: StepId) -> Attempt | None:
        return newest_attempt(self.found, unit_stem(self.run.fence.run, step_id))

    def id_of(self, planned: PlannedStep) -> StepId:
        """The step's id on this target."""
        return StepId(str(self.hop.to), self.stage.stage, self.target.name, planned.name)

    async def _perform(self, step: Step, step_id: StepId) -> bool:
        """Do the step; was there nothing left to do?"""
        clock, target = self.run.world.clock, self.target
        if not isinstance(target, WholeCluster):
            action = step.action(target, self.run.plan.cluster_configuration)
            if action is not None:
                return await self._act(step, step_id, target)
        context = step_context(self.run, target, step_id)
        if not step.WAITS and await patiently(clock, lambda: step.done(context)):
            return True
        await patiently(clock, lambda: step.run(context))
        return False

    async def _act(self, step: Step, step_id: StepId, target: NodeTarget) -> bool:
        """A step with an action, which has not succeeded yet.

        The fence keeps an old client off once it is raised; until then only the lock says that the run was taken over.
        While the API is away, a control plane's fence has to do.
        """
        patience = API_PATIENCE_SECONDS if isinstance(target, Worker) else 0
        try:
            await patiently(self.run.world.clock, lambda: lock.demand(self.run.world.cluster, self.run.fence), patience)
        except ApiError as error:
            if isinstance(target, Worker) or not unanswered(error):
                raise
        act = ActionRunner(
            nodes=self.run.world.nodes,
            clock=self.run.world.clock,
            machine=machine(target),
            fence=self.run.fence,
            id=step_id,
            last=self._newest(step_id),
            say=lambda line: self.run.watch(StepSays(step_id, line)),
        )
        await step.run(step_context(self.run, target, step_id, act))
        return False
