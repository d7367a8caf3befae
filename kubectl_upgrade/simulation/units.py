"""Detached actions on a modelled node: they outlive every client, and a reboot ends them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kubectl_upgrade.simulation.facts import RECORDED, observe
from kubectl_upgrade.simulation.running import ActionFailedError, Running
from kubectl_upgrade.simulation.trace import ActionRecord

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.actions import Model
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.node import Node, Unit


async def run_unit(cluster: ModelCluster, node: Node, unit: Unit, model: Model) -> None:
    """Run the action to its end and record what it did."""
    before, started = observe(cluster, node, RECORDED), cluster.now
    running = Running(cluster, node, unit)
    code: int | None = None
    try:
        await model(running, *unit.args)
        code = 0
    except ActionFailedError as error:
        code = error.exit_code
        running.say(error.text)
    except asyncio.CancelledError:
        running.say("Connection to the machine was lost")
    finally:
        unit.exit_code = code
        unit.ended.set()
    cluster.trace.append(
        ActionRecord(
            node=node.name,
            unit=unit.name,
            action=unit.action,
            args=unit.args,
            started=started,
            duration=cluster.now - started,
            exit_code=code,
            output=unit.output.decode(),
            before=before,
            after=observe(cluster, node, RECORDED),
        )
    )
