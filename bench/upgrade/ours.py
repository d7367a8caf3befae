"""Our own way: a plan, and the plan applied."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.upgrade.program import follow
from bench.upgrade.results import Measured
from kubectl_upgrade.engine.history import Past
from kubectl_upgrade.report.times import times_of
from kubectl_upgrade.world.journal import read_entries
from tests.e2e.operator import TO, WAIVER
from tests.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.upgrade.run import Run


def ours(run: Run) -> Measured:
    """Upgrade by `plan` and `apply --yes`; making the plan counts, reading it does not."""
    lab, plan = run.lab, run.folder / "plan.yaml"
    program = Path(sys.executable).with_name("kubectl-upgrade_cp")
    flags = ("--kubeconfig", lab.kubeconfig, "--ssh-config", lab.ssh_config)
    environment = {**run.environment, "XDG_STATE_HOME": str(run.folder / "state"), "COLUMNS": "200"}
    options = ("--to", TO, *WAIVER, "--max-unavailable", str(run.at_once))
    began = time.monotonic()
    follow((program, "plan", *options, *flags), run.folder / "plan.log", environment, out=plan)
    follow((program, "apply", plan, "--yes", *flags), run.folder / "apply.log", environment)
    seconds = time.monotonic() - began
    past = _past(run)
    times = times_of(past)
    missing = sorted(set(run.names) - set(times))
    if missing:
        raise LabError(f"the journal knows nothing of {', '.join(missing)}")
    return Measured(
        seconds=seconds,
        kubeadm={name: times[name].kubeadm for name in run.names},
        rest={name: times[name].rest for name in run.names},
        steps=by_step(past),
    )


def by_step(past: Past) -> Mapping[str, float]:
    """Seconds over all nodes, and those between the steps."""
    found: dict[str, float] = {}
    for subject, seconds in past.seconds.items():
        step = subject.rpartition("/")[2]
        found[step] = found.get(step, 0.0) + seconds
    return {**found, "between": sum(past.between.values())}


def _past(run: Run) -> Past:
    """The journal of the only run, which has ended."""
    (journal,) = (run.folder / "state").glob("upgrade-cp/*/*/journal.jsonl")
    past = Past()
    for entry in read_entries(journal):
        past.take(entry)
    return past
