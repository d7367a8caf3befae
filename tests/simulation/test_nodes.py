"""Nodes as the seam promises them: fences, units, offsets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.errors import LockedError, NodeUnreachableError, StepError
from kubectl_upgrade.simulation.faults import UnplannedError
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.power import reboot
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.world import Fence, Machine

if TYPE_CHECKING:
    from tests.simulation.conftest import Operate

UNIT = "upgrade-cp-01234567-00000000abcd-1"
INSTALL = ("apt-install-kubeadm", "1.35.4", "v1.35")


def test_a_fence_only_rises_and_only_for_its_run(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        nodes, machine = operator.world.nodes, operator.machine("cp1")
        await nodes.install(machine)
        await nodes.raise_fence(machine, Fence("a" * 32, 2, "0" * 16))
        await nodes.raise_fence(machine, Fence("a" * 32, 2, "0" * 16))
        await nodes.raise_fence(machine, Fence("a" * 32, 3, "0" * 16))
        for refused in (Fence("a" * 32, 2, "0" * 16), Fence("a" * 32, 3, "1" * 16), Fence("b" * 32, 9, "0" * 16)):
            with pytest.raises(LockedError, match="epoch 3"):
                await nodes.raise_fence(machine, refused)
        assert await operator.fact("cp1", "run") == [f"fence {'a' * 32} 3 {'0' * 16}"]

    run(main())


def test_start_demands_the_very_fence(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        with pytest.raises(LockedError, match="no run"):
            await operator.start("w1", *INSTALL)
        await operator.hold("w1")
        operator.fence = Fence(operator.fence.run, 2, "0" * 16)
        with pytest.raises(LockedError, match="epoch 1"):
            await operator.start("w1", *INSTALL)
        assert await operator.fact("w1", "run") == [f"fence {operator.fence.run} 1 {operator.fence.owner}"]

    run(main())


def test_start_attaches_to_a_unit_that_exists(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await operator.hold("w1")
        for _ in range(2):
            await operator.start("w1", *INSTALL, unit=UNIT)
        assert (await operator.ended("w1", UNIT)).exit_code == 0
        await operator.start("w1", *INSTALL, unit=UNIT)
        assert (await operator.world.nodes.wait(operator.machine("w1"), UNIT, 0)).state == "exited"
        assert len(operator.model.trace) == 1
        with pytest.raises(UnplannedError, match="is apt-install-kubeadm"):
            await operator.start("w1", "restart-kubelet", "v1.34.4", "apt", unit=UNIT)

    run(main())


def test_wait_answers_at_the_end_or_after_its_time(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        clock, nodes, machine = operator.world.clock, operator.world.nodes, operator.machine("cp1")
        await operator.hold("cp1")
        unit = await operator.start("cp1", *INSTALL)
        begun = clock.monotonic()
        assert (await nodes.wait(machine, unit, 0)).state == "running"
        assert clock.monotonic() - begun < 1
        assert (await nodes.wait(machine, unit, 30)).state == "exited"
        assert clock.monotonic() - begun < 10
        unit = await operator.start("cp1", "kubeadm-apply", "v1.35.4", "none", "none")
        begun = clock.monotonic()
        status = await nodes.wait(machine, unit, 20)
        assert (status.state, status.exit_code) == ("running", None)
        assert 20 <= clock.monotonic() - begun < 21
        with pytest.raises(UnplannedError, match="0 to 30"):
            await nodes.wait(machine, unit, 31)

    run(main())


def test_output_comes_once(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        nodes, machine = operator.world.nodes, operator.machine("cp1")
        await operator.hold("cp1")
        assert (await operator.act("cp1", *INSTALL)).exit_code == 0
        unit = await operator.start("cp1", "kubeadm-apply", "v1.35.4", "none", "none")
        pieces: list[str] = []
        offset, state = 0, "running"
        while state == "running":
            status = await nodes.wait(machine, unit, 30, offset)
            pieces, offset, state = [*pieces, status.output], status.offset, status.state
        whole = await nodes.wait(machine, unit, 0)
        assert "".join(pieces) == whole.output
        assert whole.offset == len(whole.output.encode())
        assert len([piece for piece in pieces if piece]) > 2

    run(main())


def test_an_unknown_unit_is_absent(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        status = await operator.world.nodes.wait(operator.machine("w1"), UNIT, 30, 5)
        assert (status.state, status.exit_code, status.output, status.offset) == ("absent", None, "", 5)

    run(main())


def test_a_reboot_interrupts(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        nodes, machine, node = operator.world.nodes, operator.machine("w1"), operator.model.nodes["w1"]
        await operator.hold("w1")
        unit, boot = await operator.start("w1", *INSTALL), node.boot_id
        await operator.world.clock.sleep(0.5)
        reboot(operator.model, node)
        with pytest.raises(NodeUnreachableError):
            await nodes.wait(machine, unit, 30)
        await operator.world.clock.sleep(60)
        assert node.boot_id != boot
        status = await nodes.wait(machine, unit, 30)
        assert (status.state, status.exit_code) == ("interrupted", None)
        assert any(f"unit {unit} interrupted - " in line for line in await operator.fact("w1", "run"))
        assert operator.model.trace[0].exit_code is None
        second = unit.removesuffix("-1") + "-2"
        await operator.start("w1", *INSTALL, unit=second)
        assert (await operator.ended("w1", second)).exit_code == 0

    run(main())


def test_a_reboot_breaks_a_wait_under_way(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await operator.hold("cp1")
        await operator.act("cp1", *INSTALL)
        unit = await operator.start("cp1", "kubeadm-apply", "v1.35.4", "none", "none")
        operator.model.later(5, lambda: reboot(operator.model, operator.model.nodes["cp1"]))
        with pytest.raises(NodeUnreachableError, match="connection closed"):
            await operator.world.nodes.wait(operator.machine("cp1"), unit, 30)

    run(main())


def test_one_action_at_a_time_on_a_node(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await operator.hold("w1")
        unit = await operator.start("w1", *INSTALL)
        with pytest.raises(StepError, match="still runs"):
            await operator.start("w1", *INSTALL)
        with pytest.raises(StepError, match="still runs"):
            await operator.world.nodes.release(operator.machine("w1"), operator.fence)
        await operator.ended("w1", unit)
        await operator.start("w1", *INSTALL)

    run(main())


def test_release_leaves_nothing_and_spares_others(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        nodes, machine = operator.world.nodes, operator.machine("w1")
        await operator.hold("w1")
        await operator.act("w1", *INSTALL)
        await nodes.release(machine, Fence("f" * 32, 1, "0" * 16))
        await nodes.raise_fence(machine, replace(operator.fence, epoch=2))
        with pytest.raises(LockedError, match="epoch 2"):
            await nodes.release(machine, operator.fence)
        assert len(await operator.fact("w1", "run")) == 2
        await nodes.release(machine, replace(operator.fence, epoch=3))
        assert await operator.fact("w1", "run") == []
        with pytest.raises(LockedError):
            await operator.start("w1", *INSTALL)
        with pytest.raises(UnplannedError, match=r"before nodes\.install"):
            await nodes.raise_fence(machine, operator.fence)

    run(main())


def test_a_client_that_goes_away_ends_no_action(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await operator.hold("w1")
        unit = await operator.start("w1", *INSTALL)
        operator.model.clients[0].kill()
        second = simulated_world(operator.model)
        assert (await second.nodes.wait(operator.machine("w1"), unit, 30)).exit_code == 0

    run(main())


@pytest.mark.parametrize(
    ("action", "args"),
    [
        ("rm", ()),
        ("apt-install-kubeadm", ("1.35.4",)),
        ("apt-install-kubeadm", ("v1.35.4", "v1.35")),
        ("apt-install-kubeadm", ("1.99.0", "v1.99")),
        ("kubeadm-apply", ("v1.35.4", "/etc/patches", "none")),
        ("kubeadm-node", ("none", "all;reboot")),
        ("restart-kubelet", ("$(reboot)",)),
    ],
)
def test_what_no_action_takes_is_no_upgrade_error(operate: Operate, action: str, args: tuple[str, ...]) -> None:
    async def main() -> None:
        operator = operate()
        await operator.hold("w1")
        with pytest.raises(UnplannedError):
            await operator.start("w1", action, *args)

    run(main())


def test_unknown_facts_units_and_machines(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        nodes = operator.world.nodes
        with pytest.raises(UnplannedError, match="no such fact"):
            await nodes.probe(operator.machine("w1"), ["weather"])
        await operator.hold("w1")
        with pytest.raises(UnplannedError, match="no name of a unit"):
            await operator.start("w1", *INSTALL, unit="upgrade-cp-x")
        with pytest.raises(NodeUnreachableError, match="No route"):
            await nodes.probe(Machine("w9", "10.99.9.9"), ["host"])

    run(main())
