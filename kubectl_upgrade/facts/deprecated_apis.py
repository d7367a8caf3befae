"""Deprecated APIs that were requested of the API server on a node."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.deprecated_api import DeprecatedApi

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "deprecated-apis"
# of a series in Prometheus' text format; none of these values has a quote in it
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def parse(output: FactOutput) -> tuple[DeprecatedApi, ...] | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _requested)


def _requested(lines: Lines) -> tuple[DeprecatedApi, ...]:
    if lines.one("code") != "200":
        raise ValueError(f"HTTP {lines.one('code')}")
    return tuple(sorted(map(_api, lines.all("api"))))


def _api(series: str) -> DeprecatedApi:
    labels = dict(_LABEL.findall(series))
    return DeprecatedApi(
        group=labels["group"],
        version=labels["version"],
        resource=labels["resource"],
        subresource=labels["subresource"],
        removed_release=labels["removed_release"],
    )
