"""The version to go to: as named by a flag, or chosen among what the nodes are offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from kubectl_upgrade.cli.running import tell
from kubectl_upgrade.model.errors import UsageError
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Facts, Maybe
    from kubectl_upgrade.model.offers import Offers
    from kubectl_upgrade.planner.choose_target import Wish
    from kubectl_upgrade.world import World

To: TypeAlias = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="VERSION",
        help="v1.35.4, v1.35 (its newest patch) or latest-patch (of this minor). Default: the newest patch of the next "
        "minor. The control planes are asked what their own repositories offer.",
        show_default=False,
    ),
]


def wish_of(text: str) -> Wish:
    """What --to says; UsageError when that is nothing."""
    from kubectl_upgrade.planner.choose_target import read_wish

    try:
        return read_wish(text)
    except ValueError as error:
        raise UsageError(f"--to: {error}", fix="such as --to v1.35.4, --to v1.35 or --to latest-patch") from error


async def target_of(world: World, facts: Facts, wish: Wish) -> Version:
    """The version; what was chosen and why is told. PreflightError when nothing can be chosen."""
    from kubectl_upgrade.planner.choose_target import choose_target

    if isinstance(wish, Version):
        return wish
    choice = choose_target(facts, await _offers(world, facts), wish)
    for line in choice.why:
        tell(line)
    return choice.target


async def stops_of(world: World, facts: Facts, target: Version, via: tuple[Version, ...]) -> tuple[Version, ...]:
    """`via`, and of every other minor on the way the newest patch that all control planes are offered; it is told."""
    from kubectl_upgrade.planner.choose_target import newest_patch
    from kubectl_upgrade.planner.make_plan import minors_to_choose

    lines = minors_to_choose(facts, target, via)
    if not lines:
        return via
    offers = await _offers(world, facts)
    chosen = tuple(newest_patch(offers, line, f"on the way to {target}") for line in lines)
    for version in chosen:
        tell(f"on the way {version}: the newest {version.line} that every control plane is offered; --via chooses")
    return tuple(sorted({*via, *chosen}))


async def _offers(world: World, facts: Facts) -> dict[str, Maybe[Offers]]:
    """Of each control plane, what it is offered now."""
    from kubectl_upgrade.facts.gather import probe_hosts
    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import Machine

    machines = [Machine(node.name, node.internal_ip) for node in facts.control_planes if node.internal_ip]
    found = await probe_hosts(world.nodes, machines, ("offers",))
    lost = Unknown("its Node has no InternalIP")
    answers = {node.name: found.get(node.name, lost) for node in facts.control_planes}
    return {name: host if isinstance(host, Unknown) else host.offers for name, host in answers.items()}
