"""`plan`: look at a cluster and write the plan to stdout."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from kubectl_upgrade.cli.connection import Connection, connected, grouped
from kubectl_upgrade.cli.findings import tell_judgements
from kubectl_upgrade.cli.looking import ProbeWorkers, ProbeWorkersFlag, look
from kubectl_upgrade.cli.rollout import RolloutFlags
from kubectl_upgrade.cli.running import run, tell
from kubectl_upgrade.cli.target import To, stops_of, wish_of
from kubectl_upgrade.cli.waivers import Force, Waive, WaiveUntil, waivers_of
from kubectl_upgrade.model.errors import PlanError, PreflightError, UsageError
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from kubectl_upgrade.checks.judge import Judgement
    from kubectl_upgrade.cli.looking import ProbeWorkersName
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.planner.choose_target import Wish
    from kubectl_upgrade.planner.make_plan import Options
    from kubectl_upgrade.world import World


@connected
@grouped("workers", RolloutFlags)
def plan(
    *,
    connection: Connection,
    workers: RolloutFlags,
    to: To = "",
    via: Annotated[
        list[str] | None,
        typer.Option(
            "--via",
            metavar="VERSION",
            help="Release of a minor on the way; by default the newest that is offered to all.",
        ),
    ] = None,
    waive: Waive = None,
    waive_until: WaiveUntil = "",
    force: Force = False,
    no_kubelet_via_endpoint: Annotated[
        bool,
        typer.Option(
            "--no-kubelet-via-endpoint",
            help="Leave the kubelets of control planes with their own API server while kubeadm replaces it: slower.",
        ),
    ] = False,
    no_availability_probe: Annotated[
        bool,
        typer.Option("--no-availability-probe", help="Do not measure how available the API is while the plan runs."),
    ] = False,
    probe_workers: ProbeWorkersFlag = ProbeWorkers.AUTO,
) -> None:
    """Look at the cluster and write the plan of its upgrade to stdout; nothing is changed.

    Exits 4 when a check blocks; the plan is written all the same, for the reader.
    """
    from kubectl_upgrade.checks.judge import blockers
    from kubectl_upgrade.planner.make_plan import Options

    wish = wish_of(to)
    waivers, ends = waivers_of(waive, waive_until, force=force)
    options = Options(
        waivers=waivers,
        waive_until="",
        waivers_end=ends,
        max_unavailable=workers.share(),
        drain_seconds=workers.drain_timeout,
        rollout=workers.rollout(),
        selection=workers.selection(),
        kubelet_via_endpoint=not no_kubelet_via_endpoint,
        availability_probe=not no_availability_probe,
        via=tuple(_version("--via", text) for text in via or []),
    )
    world = connection.world()
    made, judgements = run(world, make(world, wish, options, probe_workers.value))
    text = write_plan(made)
    stops = [str(judgement) for judgement in blockers(judgements)] or _unsound(made, text)
    if stops:
        raise PreflightError(
            f"{len(stops)} finding(s) block the upgrade (above); the plan was written for reading only",
            fix="mend what they name, or accept what may be accepted with --waive CHECK=REASON@until=DATE, then plan "
            "again; `kubectl upgrade-cp explain CHECK` says more",
        )


def _unsound(made: Plan, text: str) -> list[str]:
    """What apply would refuse of this plan, told."""
    from kubectl_upgrade.planfile.read import load

    if not made.hops:
        return []
    try:
        load(text.encode(), "the plan")
    except PlanError as error:
        tell(f"BLOCKS  {error.message}")
        return [error.message]
    return []


async def make(
    world: World, wish: Wish, options: Options, probe_workers: ProbeWorkersName
) -> tuple[Plan, tuple[Judgement, ...]]:
    """Gather, judge, plan. What the checks found is told even when no plan can be made."""
    from kubectl_upgrade.planner.make_plan import has_a_way, make_plan

    facts, target, judgements = await look(world, wish, options.waivers, probe_workers, options.via, options.selection)
    tell_judgements(judgements)
    if has_a_way(judgements):
        options = replace(options, via=await stops_of(world, facts, target, options.via))
    return make_plan(facts, target, judgements, options), judgements


def write_plan(made: Plan) -> str:
    """The plan to stdout; its digest and what to do with it to stderr. Returns the plan's text."""
    from kubectl_upgrade.planfile.digest import digest
    from kubectl_upgrade.planfile.write import write

    text = write(made)
    sys.stdout.write(text)
    sys.stdout.flush()
    if not made.hops:
        tell(f"nothing to do on the way from {made.cluster.from_} to {made.cluster.to}")
    tell(f"plan for {made.cluster.name}: {made.cluster.from_} -> {made.cluster.to}, digest {digest(made)}")
    if sys.stdout.isatty():
        tell("write it to a file to keep it: kubectl upgrade-cp plan ... > p.yaml")
    else:
        tell("review the file, then: kubectl upgrade-cp apply FILE")
    return text


def _version(flag: str, text: str) -> Version:
    try:
        return Version.parse(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}", fix=f"give a full version: {flag} v1.35.4") from error
