"""Finding a run that somebody else began, so that this client can go on with it or end it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.waiting import LOOK_SECONDS, patiently, unanswered
from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.model.errors import AccessError, ApiError, LockedError, UsageError
from kubectl_upgrade.model.facts import HostFacts, Unknown
from kubectl_upgrade.model.run_record import RunRecord
from kubectl_upgrade.planfile.digest import digest
from kubectl_upgrade.planfile.targets import node_targets
from kubectl_upgrade.steps.base import Worker, machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.world import Fence, World

_RUN = re.compile(r"[0-9a-f]{8}|[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Found:
    """A run on the cluster that is to be taken over."""

    run: str
    """32 hexadecimal digits"""
    epoch: int
    """the one to claim: above all that were seen"""
    holder: lock.Holder | None
    """what the lock said; None when there is none, or no API"""
    offline: bool
    """the API does not answer: only the fences named the run"""
    everywhere: bool
    """every control plane that was asked bears its fence"""


async def find_run(world: World, plan: Plan, wanted: str, without: frozenset[str] = frozenset()) -> Found:
    """Look for the run on the lock, on every control plane, and on the workers when neither names it; nothing is
    changed.

    UsageError when no such run is there, LockedError when it is another one, PlanError when it was begun with another
    plan, AccessError while a control plane does not answer (but those `without`): its fence could not be raised.
    """
    if not _RUN.fullmatch(wanted):
        raise UsageError(f"{wanted!r} is no run id", fix="give 8 or 32 hexadecimal digits, as `status` shows them")
    records = await run_records(world, plan, without)
    offline = False
    held: lock.Holder | None = None
    try:
        held = await patiently(world.clock, lambda: lock.holder(world.cluster), LOOK_SECONDS)
    except ApiError as error:
        if not unanswered(error):
            raise
        offline = True
    if held is not None and not held.run.startswith(wanted):
        raise lock.locked(held)
    left = (
        {} if held is not None or offline or _names(records, wanted) else await _left_on_workers(world, plan, without)
    )
    run = held.run if held is not None else _named({**records, **left}, wanted)
    for name, record in records.items():
        if record.run not in {"", run}:
            raise LockedError(
                f"{name} is held by another run, {record.run[:8]}",
                fix=f"end that one where it was begun, or with `abort --run {record.run[:8]} PLAN`; should that be all "
                f"that is left of it, this one can be ended by `abort --run {wanted[:8]} PLAN --without {name}`",
            )
    if held is not None:
        demand_plan(held, plan)
    seen = [record.epoch for record in {**records, **left}.values() if record.run == run]
    everywhere = all(record.run == run for record in records.values())
    return Found(run, 1 + max([*seen, held.epoch if held is not None else 0]), held, offline, everywhere)


def demand_plan(held: lock.Holder, plan: Plan) -> None:
    """PlanError unless it is the plan that the holder of the lock has begun."""
    if held.plan != digest(plan):
        raise lock.another_plan(held.run, held.plan, digest(plan))


async def run_records(world: World, plan: Plan, without: frozenset[str] = frozenset()) -> Mapping[str, RunRecord]:
    """What the run left on each control plane, by name; AccessError when one does not say."""
    asked = [machine(node) for node in plan.control_planes if node.name not in without]
    hosts = await probe_hosts(world.nodes, asked, ("run",))
    records: dict[str, RunRecord] = {}
    for name, host in hosts.items():
        record = host if isinstance(host, Unknown) else host.run
        if isinstance(record, Unknown):
            raise AccessError(
                f"{name} does not say which run holds it: {record.reason}",
                fix="every control plane has to answer before anybody may go on with a run: mend that, then try again",
            )
        records[name] = record
    return records


def all_fenced(records: Mapping[str, RunRecord], fence: Fence) -> bool:
    """Does this very fence stand on every control plane?"""
    mine = (fence.run, fence.epoch, fence.owner)
    return all((record.run, record.epoch, record.owner) == mine for record in records.values())


async def _left_on_workers(world: World, plan: Plan, without: frozenset[str]) -> Mapping[str, RunRecord]:
    """A run that was ended without a worker may be left there alone. Who does not answer says nothing."""
    asked = [machine(t) for t in node_targets(plan) if isinstance(t, Worker) and t.name not in without]
    hosts = await probe_hosts(world.nodes, asked, ("run",))
    records = {name: host.run for name, host in hosts.items() if isinstance(host, HostFacts)}
    return {name: record for name, record in records.items() if isinstance(record, RunRecord)}


def _names(records: Mapping[str, RunRecord], wanted: str) -> set[str]:
    return {record.run for record in records.values() if record.run.startswith(wanted)}


def _named(records: Mapping[str, RunRecord], wanted: str) -> str:
    found = _names(records, wanted)
    if len(found) != 1:
        raise UsageError(
            f"there is no run {wanted[:8]} on this cluster: neither its lock nor a fence names it",
            fix="see `status`; without --take-over, apply begins a new run",
        )
    return found.pop()
