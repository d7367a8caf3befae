"""`status`: what a run is doing, who does it, and what to type next."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kubectl_upgrade.cli.connection import Connection, connected
from kubectl_upgrade.cli.plan_file import load_plan
from kubectl_upgrade.cli.running import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.engine.status import NodeStatus, Status
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.world import World

_SECONDS = 5.0
_LINES = 5


class Output(Enum):
    """How it is printed."""

    TEXT = "text"
    JSON = "json"


@connected
def status(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="PLAN", help="The run's plan: names the nodes when the API does not answer."),
    ] = None,
    *,
    connection: Connection,
    output: Annotated[Output, typer.Option("--output", "-o", help="text, or json: one object a line.")] = Output.TEXT,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Again whenever it changes, until the run ends.")
    ] = False,
) -> None:
    """Say what a run is doing on which node, since when, and what to type next; changes nothing.

    Asks the nodes alone when the API is away.
    """
    plan = load_plan(file) if file is not None else None
    world = connection.world()
    run(world, _show(world, plan, output, watch=watch))


async def _show(world: World, plan: Plan | None, output: Output, *, watch: bool) -> None:
    from kubectl_upgrade.engine.status import status_of

    shown = ""
    while True:
        found = await status_of(world, plan)
        text = json.dumps(asdict(found)) if output is Output.JSON else "\n".join(_lines(found))
        if text != shown:
            separator = "\n" if shown and output is Output.TEXT else ""
            sys.stdout.write(f"{separator}{text}\n")
            sys.stdout.flush()
        shown = text
        if not watch or not found.run:
            return
        await world.clock.sleep(_SECONDS)


def _lines(found: Status) -> Iterator[str]:
    yield f"API    {found.api}"
    if found.run:
        whose = f" of {found.who} since {found.since}, epoch {found.epoch}" if found.who else " (as the nodes say)"
        yield f"run    {found.run[:8]}{whose}"
        if found.step:
            yield f"at     {found.step}"
        if found.ending:
            yield f"ending {found.ending}"
    for node in found.nodes:
        yield from _node_lines(node)
    yield f"next   {found.next}"


def _node_lines(node: NodeStatus) -> Iterator[str]:
    ready = {True: "Ready", False: "NotReady", None: ""}[node.ready]
    marks = [ready, "in process" if node.working else "", "cordoned by the run" if node.cordoned_by_run else ""]
    action = f"{node.action}: {node.state}, started {node.since}" if node.action else ""
    yield f"node   {node.name:<10} " + "; ".join(word for word in (*marks, action, node.said) if word)
    if node.state and node.state != "exited 0":
        yield from (f"       | {line}" for line in node.output[-_LINES:])
