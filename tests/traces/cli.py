"""The plugin's own command line, over nodes that record: `TRACES=FILE python -m tests.traces.cli apply …`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kubectl_upgrade.cli import connection
from kubectl_upgrade.cli.main import main
from tests.traces.trace import Trace, load, save
from tests.traces.tracing import TracingNodes

if TYPE_CHECKING:
    from kubectl_upgrade.world import World


class RecordingConnection(connection.Connection):
    """Wraps the nodes of the world that the flags describe."""

    def world(self) -> World:
        real = super().world()
        return replace(real, nodes=TracingNodes(real.nodes, real.cluster, real.clock, _keep))


def _keep(trace: Trace) -> None:
    """At once: the process may be killed."""
    path = Path(os.environ["TRACES"])
    save(path, [*(load(path) if path.exists() else []), trace])


if __name__ == "__main__":
    connection.Connection = RecordingConnection  # type: ignore[misc]  # the one place where commands get their world
    main()
