"""One action on a real node: the facts before and after it, its arguments, its end, its time."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.model.facts import HostFacts
from kubectl_upgrade.world import FactOutput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOLDER = Path(__file__).parents[1] / "data" / "traces"
# what a replay compares; the rest is asked by nobody who replays
RECORDED = ("host", "packages", "kubeadm", "manifests", "kubelet", "endpoint", "run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """As a line of JSON in tests/data/traces."""

    node: str
    control_plane: bool
    action: str
    args: tuple[str, ...]
    exit_code: int | None
    """None when the node went down under it"""
    seconds: float
    cluster_before: str
    """kubernetesVersion in kubeadm-config"""
    cluster_after: str
    before: Mapping[str, str]
    """fact → what its script printed"""
    after: Mapping[str, str]


def facts(outputs: Mapping[str, str]) -> HostFacts:
    """What the scripts printed, parsed."""
    return HostFacts(**{name.replace("-", "_"): FACTS[name](FactOutput(0, text)) for name, text in outputs.items()})  # type: ignore[arg-type]


def load(path: Path) -> list[Trace]:
    """All traces of a file."""
    found = (json.loads(line) for line in path.read_text().splitlines())
    return [Trace(**{**entry, "args": tuple(entry["args"])}) for entry in found]


def keep(recorded: Path, name: str) -> None:
    """With UPDATE_TRACES in the environment, what was recorded becomes what tests/traces replays."""
    if "UPDATE_TRACES" in os.environ:
        shutil.copyfile(recorded, FOLDER / f"{name}.jsonl")


def save(path: Path, traces: Iterable[Trace]) -> None:
    """One action a line, in the order in which they ended."""
    path.write_text("".join(json.dumps(asdict(trace), sort_keys=True) + "\n" for trace in traces))
