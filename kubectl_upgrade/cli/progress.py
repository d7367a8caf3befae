"""Progress of a run, line by line, and its summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.cli.running import tell
from kubectl_upgrade.engine.events import Note, StageBegins, StepBegins, StepEnds, StepSays
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.report.times import NodeTimes
    from kubectl_upgrade.world import Clock


@dataclass(frozen=True, slots=True)
class Progress:
    """Tells each event with the time of day (UTC)."""

    clock: Clock
    verbose: bool
    """also what actions print"""

    def __call__(self, event: Event) -> None:
        line = self._line(event)
        if line:
            tell(f"{self.clock.now():%H:%M:%S}  {line}")

    def _line(self, event: Event) -> str:
        match event:
            case StageBegins(hop, stage, targets):
                return f"{hop}/{stage}: {some_of(targets)}"
            case StepBegins(step_id, title):
                return f"  {step_id.target:<10} {title} ..."
            case StepEnds(step_id, "already", _):
                return f"  {step_id.target:<10} {step_id.step}: was done already"
            case StepEnds(step_id, how, seconds):
                return f"  {step_id.target:<10} {step_id.step}: {how} in {seconds:.1f} s"
            case StepSays(step_id, said):
                return f"  {step_id.target:<10} | {said}" if self.verbose else ""
            case Note(said):
                return said


def tell_times(times: dict[str, NodeTimes]) -> None:
    """Where the time went, one line for each target."""
    tell(f"\n{'':<12}{'total':>8}{'prepare':>9}{'kubeadm':>9}{'drain':>8}{'waits':>8}{'rest':>8}   (seconds)")
    for name, node in times.items():
        parts = (node.drain, node.waits, node.rest)
        tell(
            f"{name:<12}{node.total:>8.1f}{node.prepare:>9.1f}{node.kubeadm:>9.1f}"
            + "".join(f"{seconds:>8.1f}" for seconds in parts)
        )
