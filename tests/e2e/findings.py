"""What `check` finds on the lab's cluster, as sets that a test can compare."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.e2e.operator import TO, WAIVER, Operator

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.lab import Lab

Found = set[tuple[str, str, str]]
"""check, result, node or nothing"""

KUBELET_AGE = "ps --no-headers -o etimes -p $(pgrep -xo kubelet)"
# what is true of every cluster of the lab: its packages are on hold, its containerd is Debian's
TRUE_OF_THE_LAB = {"package-holds", "container-runtime"}


def findings(lab: Lab, folder: Path, *, code: int) -> tuple[Found, dict[str, str]]:
    """All that is not a pass or waived, and their texts by check."""
    told = json.loads(Operator(lab, folder / "state").run("check", "--to", TO, *WAIVER, "-o", "json", code=code).stdout)
    lines = [line for line in told["checks"] if line["result"] not in {"pass", "waived"}]
    texts = {line["check"]: f"{line['message']} {line['fix']}" for line in lines}
    return {(line["check"], line["result"], line["node"] or "") for line in lines}, texts


def young_kubelets(lab: Lab) -> str:
    """Before a node joins, systemd starts its kubelet again and again: that is told for a minute."""
    ages = {node.name: float(lab.run(node.name, KUBELET_AGE).out) for node in lab.nodes}
    return ", ".join(name for name, seconds in ages.items() if seconds < 60)
