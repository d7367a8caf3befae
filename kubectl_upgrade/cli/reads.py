"""Which facts a check reads: it judges modelled clusters whose facts note who looks at them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, TypeVar, cast

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.about import about
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.facts import Facts, HostFacts
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.rules import known_minors
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reads:
    """By the names that they have in model/facts.py and node/facts/."""

    cluster: tuple[str, ...]
    """of the API: fields of Facts"""
    nodes: tuple[str, ...]
    """of a node: names of facts"""


def reads(name: str) -> Reads:
    """What a check looked at on any of the clusters, and what its code would look at elsewhere."""
    # the names that checks give to what they are handed
    names = {"facts": "Facts", "host": "HostFacts"}
    asked = (attribute.partition(".") for attribute in about(name).attributes)
    seen = {f"{names[owner]}.{field}" for owner, _, field in asked if owner in names}
    for facts in _clusters():
        watched = _watched(facts, seen)
        for aim in _aims():
            list(CHECKS[name].run(watched, aim))
    on_nodes = [
        field.name for field in fields(HostFacts) if f"HostFacts.{field.name}" in seen and field.name != "asked"
    ]
    of_cluster = [field.name for field in fields(Facts) if f"Facts.{field.name}" in seen]
    return Reads(
        cluster=tuple(field for field in of_cluster if field != "hosts" or not on_nodes),
        nodes=tuple(field.replace("_", "-") for field in on_nodes),
    )


@cache
def _clusters() -> tuple[Facts, ...]:
    """A healthy one, the same with an etcd of its own, and one where nothing of any node is known."""
    facts = loop.run(gather(simulated_world(sample(workers=1))))
    external = replace(facts, kubeadm_config=replace(facts.kubeadm_config, etcd="external"))
    return facts, external, replace(facts, hosts={name: HostFacts() for name in facts.hosts})


def _aims() -> list[Aim]:
    return [Aim(Version.parse(f"v{minor}.9")) for minor in known_minors()]


def _watched(facts: Facts, seen: set[str]) -> Facts:
    hosts = {
        name: _recording(HostFacts, host, seen) if isinstance(host, HostFacts) else host
        for name, host in facts.hosts.items()
    }
    return _recording(Facts, replace(facts, hosts=hosts), seen)


def _recording(cls: type[T], original: T, seen: set[str]) -> T:
    """A copy that is the same to everybody, and notes which of its fields somebody looks at."""
    values = {field.name: getattr(original, field.name) for field in fields(cast("Any", cls))}

    def look_up(self: object, name: str) -> object:
        if name in values:
            seen.add(f"{cls.__name__}.{name}")
        return cls.__getattribute__(self, name)

    return cast("T", type(cls.__name__, (cls,), {"__getattribute__": look_up})(**values))
