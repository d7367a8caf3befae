"""`plan`: look at a cluster and write the plan to stdout."""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from kubectl_upgrade.cli.connection import Connection, connected
from kubectl_upgrade.cli.findings import tell_judgements
from kubectl_upgrade.cli.running import run, tell
from kubectl_upgrade.model.errors import PlanError, PreflightError, UsageError
from kubectl_upgrade.model.types import visible
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from kubectl_upgrade.checks.judge import Judgement
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.planner.make_plan import Options
    from kubectl_upgrade.world import World


ProbeWorkersName: TypeAlias = Literal["auto", "all", "sample", "none"]


class ProbeWorkers(Enum):
    """Which workers are asked over ssh."""

    AUTO = "auto"
    ALL = "all"
    SAMPLE = "sample"
    NONE = "none"


@connected
def plan(
    *,
    connection: Connection,
    to: Annotated[str, typer.Option("--to", metavar="VERSION", help="Target version, such as v1.35.4.")],
    via: Annotated[
        list[str] | None,
        typer.Option("--via", metavar="VERSION", help="Release of a minor on the way to the target; one for each."),
    ] = None,
    waive: Annotated[
        list[str] | None,
        typer.Option("--waive", metavar="CHECK=REASON", help="Accept what a check finds; repeat for more."),
    ] = None,
    waive_until: Annotated[
        str,
        typer.Option(
            "--waive-until",
            metavar="DATE",
            help="Last day of the waivers, such as 2027-01-31; --waive and --force need it.",
        ),
    ] = "",
    force: Annotated[
        bool,
        typer.Option("--force", help="Accept nodes that are marked as being upgraded (waives no-upgrade-in-process)."),
    ] = False,
    max_unavailable: Annotated[
        str, typer.Option("--max-unavailable", metavar="N|P%", help="Workers of a pool at once.")
    ] = "10%",
    drain_timeout: Annotated[
        int, typer.Option("--drain-timeout", min=1, max=86400, metavar="SECONDS", help="Per node.")
    ] = 900,
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
    probe_workers: Annotated[
        ProbeWorkers, typer.Option("--probe-workers", help="auto asks all up to 200, else some of each pool.")
    ] = ProbeWorkers.AUTO,
) -> None:
    """Look at the cluster and write the plan of its upgrade to stdout; nothing is changed.

    Exits 4 when a check blocks; the plan is written all the same, for the reader.
    """
    from kubectl_upgrade.checks.judge import blockers
    from kubectl_upgrade.planner.make_plan import Options

    target = _version("--to", to)
    options = Options(
        waivers=_waivers(waive or [], force=force),
        waive_until=_until(waive_until, needed=bool(waive or force)),
        max_unavailable=_share(max_unavailable),
        drain_seconds=drain_timeout,
        kubelet_via_endpoint=not no_kubelet_via_endpoint,
        availability_probe=not no_availability_probe,
        via=tuple(_version("--via", text) for text in via or []),
    )
    world = connection.world()
    made, judgements = run(world, make(world, target, options, probe_workers.value))
    text = write_plan(made)
    stops = [str(judgement) for judgement in blockers(judgements)] or _unsound(made, text)
    if stops:
        raise PreflightError(
            f"{len(stops)} finding(s) block the upgrade (above); the plan was written for reading only",
            fix="mend what they name, or accept what may be accepted with --waive CHECK=REASON, then plan again",
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
    world: World, target: Version, options: Options, probe_workers: ProbeWorkersName
) -> tuple[Plan, tuple[Judgement, ...]]:
    """Gather, judge, plan. What the checks found is told even when no plan can be made."""
    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.checks.judge import judge
    from kubectl_upgrade.facts.gather import gather
    from kubectl_upgrade.planner.make_plan import make_plan

    facts = await gather(world, probe_workers=probe_workers, target=target)
    judgements = judge(facts, Aim(target), options.waivers)
    tell_judgements(judgements)
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


def _waivers(words: list[str], *, force: bool) -> dict[str, str]:
    from kubectl_upgrade.checks import CHECKS

    waivers = {"no-upgrade-in-process": "planned with --force"} if force else {}
    for word in words:
        name, _, reason = word.partition("=")
        check = CHECKS.get(name)
        if check is None or check.MANDATORY or not reason.strip():
            waivable = ", ".join(key for key, value in CHECKS.items() if not value.MANDATORY)
            why = "needs a reason" if check is not None and not check.MANDATORY else "names no check that may be waived"
            raise UsageError(f"--waive {word!r} {why}", fix=f"--waive CHECK=REASON, CHECK one of: {waivable}")
        if visible(reason) != reason:
            raise UsageError(
                f"--waive {word!r}: the reason is too long, or holds what cannot be seen", fix="say it plainly"
            )
        waivers[name] = reason.strip()
    return waivers


def _until(text: str, *, needed: bool) -> str:
    if not needed:
        return ""
    try:
        until = date.fromisoformat(text)
        if until < datetime.now(UTC).date():
            raise UsageError(f"--waive-until {text} is past", fix="name a day to come")
        return until.isoformat()
    except ValueError as error:
        raise UsageError(
            f"--waive-until {text!r} is no date: a waiver must end", fix="add --waive-until YYYY-MM-DD"
        ) from error


def _share(text: str) -> str:
    if re.fullmatch(r"[1-9][0-9]{0,3}|[1-9][0-9]?%|100%", text) is None:
        raise UsageError(f"--max-unavailable {text!r} is neither a number nor a share", fix="such as 2 or 10%")
    return text
