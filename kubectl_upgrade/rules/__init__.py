"""What is known of each Kubernetes minor, as data: one file per minor, `1.35.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from kubectl_upgrade.model.version import Version


@dataclass(frozen=True, slots=True)
class Rules:
    """What matters when a cluster goes to this minor."""

    minor: str
    refuses_cgroup_v1: bool


def known_minors() -> tuple[str, ...]:
    """Minors that have a file, lowest first: `("1.34", "1.35")`."""
    names = (entry.name for entry in resources.files(__name__).iterdir())
    minors = (name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))
    return tuple(sorted(minors, key=lambda minor: tuple(map(int, minor.split(".")))))


@cache
def rules_for(version: Version) -> Rules | None:
    """The rules of this version's minor; None when it is unknown."""
    minor = version.line.removeprefix("v")
    if minor not in known_minors():
        return None
    data = yaml.safe_load(resources.files(__name__).joinpath(f"{minor}.yaml").read_bytes())
    return Rules(minor=data["minor"], refuses_cgroup_v1=data["cgroupV1"] == "refused")
