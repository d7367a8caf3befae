"""The simulation does to a modelled node what the action did to the real one, as far as there are traces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.world import Machine
from tests.traces.replay import FENCE, UNIT, differences, replay
from tests.traces.trace import FOLDER, Trace, load, save
from tests.traces.tracing import TracingNodes
from tests.traces.unproved import unproved

RECORDINGS = [(path, trace) for path in sorted(FOLDER.glob("*.jsonl")) for trace in load(path)]
DOCUMENT = Path(__file__).parents[2] / "docs/simulation.md"
# a real machine that builds nothing else is faster or slower than the lab's by so much
_FACTOR, _SHORT = 3.0, 5.0

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    "trace", [trace for _, trace in RECORDINGS], ids=[f"{t.node}-{t.action}" for _, t in RECORDINGS]
)
def test_the_simulation_does_what_the_node_did(trace: Trace) -> None:
    replayed = replay(trace)
    assert differences(trace, replayed) == []
    if trace.exit_code == 0 and trace.seconds > _SHORT:
        assert trace.seconds / _FACTOR <= replayed.seconds <= trace.seconds * _FACTOR


def _recorded(action: str, args: Sequence[str], node: str) -> Trace:
    """A trace of a simulated run: what is tested is the recorder."""
    kept: list[Trace] = []

    async def story() -> None:
        model = sample(3, 3)
        world = simulated_world(model)
        nodes = TracingNodes(world.nodes, world.cluster, world.clock, kept.append)
        machine = Machine(node, model.nodes[node].address)
        await nodes.install(machine)
        await nodes.raise_fence(machine, FENCE)
        await nodes.start(machine, FENCE, UNIT, action, args)
        while (await nodes.wait(machine, UNIT, 30)).state == "running":
            await world.clock.sleep(0)

    loop.run(story())
    (trace,) = kept
    return trace


def test_what_is_recorded_replays_and_what_is_false_does_not(tmp_path: Path) -> None:
    trace = _recorded("apt-install-kubeadm", ("1.35.4", "v1.35"), "w1")
    save(tmp_path / "t.jsonl", [trace])
    (read,) = load(tmp_path / "t.jsonl")
    assert read == trace
    assert differences(read, replay(read)) == []
    false = replace(trace, after={**trace.after, "packages": trace.after["packages"].replace("v1.35", "v1.36")})
    assert differences(false, replay(false)) != []
    assert differences(replace(trace, exit_code=1), replay(trace)) == ["exit 0, not 1"]


def test_what_is_unproved_is_listed() -> None:
    """The list in the documentation is the computed one, so that it cannot grow unnoticed."""
    _, _, rest = DOCUMENT.read_text().partition("```unproved\n")
    listed = rest.partition("```")[0].split("\n")[:-1]
    assert listed == unproved([trace for _, trace in RECORDINGS])
