"""The maintenance window: may a worker be begun now, and will it be done before the window closes?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import WindowClosedError
from kubectl_upgrade.model.plan import PoolTargets
from kubectl_upgrade.model.window import SECONDS_BESIDE_DRAIN
from kubectl_upgrade.planfile.build_step import build_step, moves_kubelets
from kubectl_upgrade.steps.drain_node import DrainNode

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.plan import Hop, Stage


def must_fit_window(run: Run, hop: Hop, stage: Stage) -> None:
    """WindowClosedError, with the time at which it goes on, unless a node that is begun now can be expected to be done
    before the window of its stage closes.
    """
    window = stage.window
    if window is None:
        return
    now = run.world.clock.now()
    closes = window.closes(now)
    seconds, known = expected_seconds(run, hop, stage)
    if closes is not None and (closes - now).total_seconds() >= seconds:
        return
    opens = window.opens(now)
    when = f"{opens:%a %Y-%m-%d %H:%M} {window.zone}"
    why = "is not open"
    if closes is not None:
        why = f"closes in {(closes - now).total_seconds():.0f} s and a node needs {seconds:.0f} s ({known})"
    message = f"{hop.to}/{stage.stage}: the window {window} {why}; it opens again on {when}"
    raise WindowClosedError(message, f"run apply again then ({when}): it goes on from here", opens)


def expected_seconds(run: Run, hop: Hop, stage: Stage) -> tuple[float, str]:
    """What a node of the stage takes, and how that is known: the slowest that this run has finished in the stage, else
    in one like it in the hop; before there is one, the limit of its drain and some minutes.
    """
    alike = [other for other in hop.stages if moves_kubelets(other) and isinstance(other.targets, PoolTargets)]
    for stages in ([stage], alike):
        times = [run.history.slowest.get(f"{hop.to}/{one.stage}", 0.0) for one in stages]
        if any(times):
            return max(times), "the slowest so far"
    drains = [step for step in map(build_step, stage.steps) if isinstance(step, DrainNode)]
    drain = sum(step.timeout_seconds for step in drains)
    return drain + SECONDS_BESIDE_DRAIN, "none was measured yet: its drain's limit and 5 minutes"
