"""The documented procedure, node by node."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.upgrade.program import follow, kubeadm_times
from bench.upgrade.results import Measured
from tests.e2e.operator import TO

if TYPE_CHECKING:
    from bench.upgrade.run import Run

SCRIPT = Path(__file__).with_suffix(".sh")


def documented(run: Run) -> Measured:
    """Upgrade by a plain script, one node after the other."""
    nodes = (" ".join(run.control_planes), " ".join(run.workers))
    argv = ("sh", SCRIPT, run.lab.ssh_config, TO, *nodes)
    began = time.monotonic()
    said = follow(argv, run.folder / "documented.log", run.environment)
    return Measured(seconds=time.monotonic() - began, kubeadm=kubeadm_times(said, run.names))
