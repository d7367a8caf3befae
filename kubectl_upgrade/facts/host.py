"""What a node says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.facts import Host, Unknown

if TYPE_CHECKING:
    from kubectl_upgrade.world import FactOutput

NAME = "host"


def parse(output: FactOutput) -> Host | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _host)


def _host(lines: Lines) -> Host:
    return Host(
        hostname=lines.one("hostname"),
        boot_id=lines.one("boot-id"),
        os_id=lines.one("os-id"),
        os_version=lines.one("os-version"),
        cgroup=_cgroup(lines.one("cgroup")),
        host_key=lines.one("host-key"),
    )


def _cgroup(text: str) -> Literal["v1", "v2"]:
    if text == "v1":
        return "v1"
    if text == "v2":
        return "v2"
    raise ValueError(f"cgroup {text!r}")
