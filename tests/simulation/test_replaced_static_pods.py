"""A kubelet of another minor replaces its node's static pods, and two members of etcd that go at once are noticed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.power import STATIC_PODS_REPLACED, start_kubelet
from kubectl_upgrade.simulation.sample import sample

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster


def _start(model: ModelCluster, name: str, version: str) -> None:
    node = model.nodes[name]
    node.packages["kubelet"] = Version.parse(version)
    node.kubelet.fail_cgroup_v1 = False
    node.kubelet.kubeadm_flags.clear()
    assert start_kubelet(model, node) is None


@pytest.mark.parametrize(("version", "replaced"), [("v1.34.5", False), ("v1.35.4", True)])
def test_another_minor_replaces_all_of_them(version: str, *, replaced: bool) -> None:
    model = sample(3, 1)
    node = model.nodes["cp1"]

    async def story() -> None:
        _start(model, "cp1", version)
        await asyncio.sleep(2)
        assert {name: node.running(name) for name in node.static_pods} == dict.fromkeys(node.static_pods, not replaced)
        await asyncio.sleep(STATIC_PODS_REPLACED)
        assert all(map(node.running, node.static_pods))

    loop.run(story())
    assert model.stopped_together == []


@pytest.mark.parametrize(("pause", "together"), [(1, True), (STATIC_PODS_REPLACED + 2, False)])
def test_two_at_once_are_noticed(pause: float, *, together: bool) -> None:
    model = sample(3, 1)

    async def story() -> None:
        for name in ("cp1", "cp2"):
            _start(model, name, "v1.35.4")
            await asyncio.sleep(pause)
        await asyncio.sleep(60)

    loop.run(story())
    assert bool(model.stopped_together) is together
