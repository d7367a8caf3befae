"""Gathering and judging, as `plan` and `check` both do it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from kubectl_upgrade.cli.target import target_of
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from collections.abc import Collection

    from kubectl_upgrade.checks.judge import Judgement
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.planner.choose_target import Wish
    from kubectl_upgrade.planner.selection import Selection
    from kubectl_upgrade.world import World

ProbeWorkersName: TypeAlias = Literal["auto", "all", "sample", "none"]


class ProbeWorkers(Enum):
    """Which workers are asked over ssh."""

    AUTO = "auto"
    ALL = "all"
    SAMPLE = "sample"
    NONE = "none"


ProbeWorkersFlag: TypeAlias = Annotated[
    ProbeWorkers, typer.Option("--probe-workers", help="auto asks all up to 200, else some of each pool.")
]


async def look(  # noqa: PLR0917 - what is looked at, for what, and as which flags say
    world: World,
    wish: Wish,
    waived: Collection[str],
    probe_workers: ProbeWorkersName,
    via: tuple[Version, ...] = (),
    selection: Selection | None = None,
) -> tuple[Facts, Version, tuple[Judgement, ...]]:
    """What the cluster is like, where it shall go, and what the checks say of that."""
    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.checks.etcd_minimum import EtcdMinimum
    from kubectl_upgrade.checks.etcd_way import question
    from kubectl_upgrade.checks.judge import judge
    from kubectl_upgrade.facts import rendered
    from kubectl_upgrade.facts.gather import ask_control_planes, gather

    named = wish if isinstance(wish, Version) else None
    facts = await gather(world, probe_workers=probe_workers, target=named, also=(rendered.NAME,))
    target = await target_of(world, facts, wish)
    further = question(facts, target)
    facts = await ask_control_planes(world, facts, further) if further else facts
    # what a person accepts, no plan mends
    tags: dict[str, str] | None = {} if EtcdMinimum.NAME in waived else None
    left_out = selection.left_out(facts) if selection else frozenset[str]()
    aim = Aim(target, stops=via, etcd_tags=tags, left_out=left_out)
    return facts, target, judge(facts, aim, waived)
