"""What the run has done so far, from its journal: history and speed, never the only proof of an effect."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import StepId
    from kubectl_upgrade.world import Clock, Journal, Json


@dataclass(slots=True)
class Past:
    """What a journal's entries say, replayed."""

    steps_done: set[str] = field(default_factory=set)
    targets_done: set[str] = field(default_factory=set)
    targets_begun: set[str] = field(default_factory=set)
    pauses: set[str] = field(default_factory=set)
    adopted: set[str] = field(default_factory=set)
    """names of nodes that bore signs of this run's work when its journal did not know of it"""
    prepared: set[str] = field(default_factory=set)
    """the same, but all that it did there was to prepare"""
    epoch: int = 1
    """the newest that this journal's owner has claimed"""
    taken_over: set[str] = field(default_factory=set)
    """epochs whose take-over is complete"""
    ending: str = ""
    """how the run is being ended: `done` or `aborted`"""
    seconds: dict[str, float] = field(default_factory=dict)
    """time of each finished step by its id, waiting included; of several applies, the last"""
    between: dict[str, float] = field(default_factory=dict)
    """time of each finished target outside its steps: gates, fences, lock"""
    done_in: Counter[str] = field(default_factory=Counter)
    """`hop/stage` → how many of its targets are done"""
    slowest: dict[str, float] = field(default_factory=dict)
    """`hop/stage` → what its slowest finished target took"""
    skipped: dict[str, str] = field(default_factory=dict)
    """targets that could not be drained and were left as they were, and why"""
    crash_loops: dict[str, frozenset[str]] = field(default_factory=dict)
    """hop → workloads that were in a crash loop before its first worker was begun"""
    availability: list[Json] = field(default_factory=list)
    """figures of each apply"""
    digest: str = ""
    """of the plan that the run began with"""
    plan: str = ""
    """that plan's text: the file may be gone when the run has to be ended"""
    _in_steps: Counter[str] = field(default_factory=Counter)
    """target in flight → seconds in its steps"""

    def take(self, entry: Json) -> None:
        """Take an entry in; its subject is a step's id, or `hop/stage/target`, or `hop/stage`."""
        kinds = {
            "step-done": self.steps_done,
            "target-done": self.targets_done,
            "target-begins": self.targets_begun,
            "pause": self.pauses,
            "adopted": self.adopted,
            "prepared": self.prepared,
            "taken-over": self.taken_over,
        }
        if entry["event"] == "run-begins":
            self.digest, self.plan = entry["subject"], entry["plan"]
        if entry["event"] == "takes-over":
            self.epoch = max(self.epoch, int(entry["subject"]))
        if entry["event"] == "run-ending":
            self.ending = entry["subject"]
        if entry["event"] == "step-done":
            self.seconds[entry["subject"]] = entry["seconds"]
            self._in_steps[entry["subject"].rpartition("/")[0]] += entry["seconds"]
        if entry["event"] == "availability":
            self.availability.append(entry)
        if entry["event"] == "target-done":
            self._target_done(entry["subject"], entry["between"])
        if entry["event"] == "target-skipped":
            self.skipped[entry["subject"]] = entry["message"]
        if entry["event"] == "crash-loops":
            self.crash_loops[entry["subject"]] = frozenset(entry["workloads"])
        kind = kinds.get(entry["event"])
        if kind is not None:
            kind.add(entry["subject"])

    def _target_done(self, subject: str, between: float) -> None:
        """One that somebody else has done, or that has left, took no time of ours."""
        self.between[subject] = between
        self.skipped.pop(subject, None)
        stage = subject.rpartition("/")[0]
        self.done_in[stage] += subject not in self.targets_done
        seconds = self._in_steps.pop(subject, 0.0)
        if seconds and between:  # what it waited for others says nothing of the next one
            self.slowest[stage] = max(self.slowest.get(stage, 0.0), seconds)

    def nodes_begun(self) -> frozenset[str]:
        """Names of targets that any stage has begun to work on."""
        return frozenset(subject.rpartition("/")[2] for subject in self.targets_begun) | self.adopted | self.prepared


@dataclass(slots=True, kw_only=True)
class History(Past):
    """Intent before an act, record after it; each is on disk when the call returns."""

    journal: Journal
    clock: Clock

    @classmethod
    async def load(cls, journal: Journal, clock: Clock) -> History:
        """Replay the journal."""
        history = cls(journal=journal, clock=clock)
        for entry in await journal.entries():
            history.take(entry)
        return history

    async def record(self, event: str, subject: StepId | str, **details: object) -> None:
        """Append one entry and take it in."""
        at = self.clock.now().isoformat(timespec="milliseconds")
        entry = {"at": at, "event": event, "subject": str(subject), **details}
        await self.journal.append(entry)
        self.take(entry)
