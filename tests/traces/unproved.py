"""What the simulation claims of actions and no trace has shown yet. `python -m tests.traces.unproved` prints it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kubectl_upgrade import node
from tests.traces.trace import FOLDER, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.traces.trace import Trace

CONTROL_PLANES_ONLY = frozenset(
    {"backup-etcd", "kubeadm-apply", "kubelet-via-endpoint", "kubelet-via-own-apiserver", "move-etcd"}
)
WORKERS_ONLY = frozenset({"clean-kubelet-flags"})
ENDS = ("ends well", "fails", "is interrupted by a reboot")


def unproved(traces: Sequence[Trace]) -> list[str]:
    """Lines `ACTION on PLACE: END`, sorted."""
    actions = sorted(path[8:-3] for path in node.bundle() if path.startswith("actions/"))
    places = ("a control plane", "a worker")
    elsewhere = {places[0]: WORKERS_ONLY, places[1]: CONTROL_PLANES_ONLY}
    claimed = {
        (action, place, end) for action in actions for place in places for end in ENDS if action not in elsewhere[place]
    }
    shown = {(trace.action, places[0] if trace.control_plane else places[1], _end(trace)) for trace in traces}
    return [f"{action} on {place}: {end}" for action, place, end in sorted(claimed - shown)]


def _end(trace: Trace) -> str:
    if trace.exit_code is None:
        return ENDS[2]
    return ENDS[1] if trace.exit_code else ENDS[0]


if __name__ == "__main__":
    found = [trace for path in sorted(FOLDER.glob("*.jsonl")) for trace in load(path)]
    sys.stdout.write("".join(f"{line}\n" for line in unproved(found)))
