"""The API server on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.facts import Apiserver, Unknown
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from kubectl_upgrade.world import FactOutput

NAME = "apiserver"


def parse(output: FactOutput) -> Apiserver | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _apiserver)


def _apiserver(lines: Lines) -> Apiserver:
    code, _, said = lines.one("readyz").partition(" ")
    versions = lines.all("version")
    ready = int(code) == 200  # noqa: PLR2004 - HTTP
    return Apiserver(
        ready=ready,
        version=Version.parse(versions[0]) if versions else None,
        said="" if ready else said or f"HTTP {code}",
    )
