"""Health and version of an etcd that is not kubeadm's, as a control-plane node reaches it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.endpoint import EtcdEndpoint

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "external-etcd"


def parse(output: FactOutput) -> tuple[EtcdEndpoint, ...] | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _endpoints)


def _endpoints(lines: Lines) -> tuple[EtcdEndpoint, ...]:
    asked = zip(lines.all("endpoint"), lines.all("health"), lines.all("version"), strict=True)
    return tuple(
        # etcd's /health says {"health":"true","reason":""}, its /version {"etcdserver":"3.6.5",…}
        EtcdEndpoint(
            url=url, healthy=_field(health, "health") == "true", version=_field(version, "etcdserver"), said=health
        )
        for url, health, version in asked
    )


def _field(answer: str, name: str) -> str:
    """Empty when the answer is none of etcd's."""
    try:
        return str(json.loads(answer)[name])
    except (ValueError, KeyError, TypeError):
        return ""
