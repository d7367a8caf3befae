"""The real world on real nodes: systemd's units, sudo, reboots, cut networks, and a real API server."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.model.endpoint import EtcdEndpoint
from kubectl_upgrade.model.errors import AccessError, ApiError, ConflictError, NotFoundError, StepError
from kubectl_upgrade.world import Fence, Machine, UnitStatus
from kubectl_upgrade.world.bundle import Bundle
from kubectl_upgrade.world.kubeconfig import KubernetesOptions
from kubectl_upgrade.world.kubernetes import KubernetesCluster
from kubectl_upgrade.world.nodes import SshNodes
from kubectl_upgrade.world.ssh import Ssh, SshOptions
from tests.lab import faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

FENCE = Fence("0123456789abcdef" * 2, 1, "0123456789abcdef")
UNIT = "upgrade-cp-01234567-0123456789ab-1"
NEXT = "upgrade-cp-01234567-0123456789ab-2"
GO = f"/var/lib/upgrade-cp/keep-{FENCE.run}/go"
BUNDLE = Bundle(
    {
        "helper.sh": Bundle.ours().files["helper.sh"],
        "lib/unit-state.sh": Bundle.ours().files["lib/unit-state.sh"],
        "actions/slow.sh": b'echo begun; while [ ! -e "$UPGRADE_CP_KEEP/go" ]; do sleep 0.2; done; echo over\n',
        "actions/place.sh": b'cat /proc/self/cgroup; id -u; umask; pwd; echo "$HOME" "$PATH"; exit 3\n',
    }
)
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def worker(lab: Lab) -> Iterator[Machine]:
    """The last worker, with nothing of ours on it, before and after."""
    node = lab.spec.worker_nodes[-1]
    lab.run(node.name, "rm -rf /var/lib/upgrade-cp")
    yield Machine(node.name, node.address)
    lab.run(
        node.name, f"mkdir -p {Path(GO).parent}; touch {GO}; systemctl stop 'upgrade-cp-*'; rm -rf /var/lib/upgrade-cp"
    )


@asynccontextmanager
async def connected(lab: Lab, bundle: Bundle = BUNDLE) -> AsyncIterator[SshNodes]:
    """As the user ops, who becomes root by sudo."""
    nodes = SshNodes(Ssh(SshOptions(config=lab.ssh_config)), bundle)
    try:
        yield nodes
    finally:
        await nodes.close()


async def begin(nodes: SshNodes, worker: Machine) -> None:
    await nodes.install(worker)
    await nodes.raise_fence(worker, FENCE)
    await nodes.start(worker, FENCE, UNIT, "slow", [])


def test_every_fact_of_every_node_is_observed(lab: Lab) -> None:
    common = ["host", "packages", "kubeadm", "kubelet", "run", "kubelet-config-access"]
    of_control_planes = ["manifests", "etcd", "apiserver"]

    async def run() -> None:
        async with connected(lab) as nodes:
            for node in lab.nodes:
                names = common + (of_control_planes if node in lab.spec.control_plane_nodes else [])
                facts = await nodes.probe(Machine(node.name, node.address), names)
                assert {name: fact.exit_code for name, fact in facts.items()} == dict.fromkeys(names, 0), facts

    asyncio.run(run())


def test_an_action_is_a_unit_of_its_own(lab: Lab, worker: Machine) -> None:
    async def run() -> None:
        async with connected(lab) as nodes:
            await nodes.install(worker)
            await nodes.raise_fence(worker, FENCE)
            await nodes.start(worker, FENCE, UNIT, "place", [])
            status = await nodes.wait(worker, UNIT, 30)
            assert (status.state, status.exit_code) == ("exited", 3)
            assert f"{UNIT}.service" in status.output
            path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            assert status.output.splitlines()[-4:] == ["0", "0022", "/", f"/root {path}"]
            await nodes.release(worker, FENCE)

    asyncio.run(run())
    assert lab.run(worker.name, "ls -d /var/lib/upgrade-cp", check=False).code != 0
    assert lab.run(worker.name, "systemctl list-units --all --no-legend 'upgrade-cp-*'").out == ""


def test_a_client_that_is_killed_ends_nothing(lab: Lab, worker: Machine) -> None:
    async def first() -> None:
        async with connected(lab) as nodes:
            await begin(nodes, worker)

    asyncio.run(first())
    program = f"""
import asyncio
from pathlib import Path
from kubectl_upgrade.world import Machine
from kubectl_upgrade.world.bundle import Bundle
from kubectl_upgrade.world.nodes import SshNodes
from kubectl_upgrade.world.ssh import Ssh, SshOptions
nodes = SshNodes(Ssh(SshOptions(config=Path("{lab.ssh_config}"))), Bundle({BUNDLE.files!r}))
machine = Machine("{worker.name}", "{worker.address}")
async def run():
    print((await nodes.wait(machine, "{UNIT}", 0)).state, flush=True)
    await nodes.wait(machine, "{UNIT}", 30)
asyncio.run(run())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "running\n"
        client.send_signal(signal.SIGKILL)

    async def second() -> UnitStatus:
        async with connected(lab) as nodes:
            assert (await nodes.wait(worker, UNIT, 1)).state == "running"
            await nodes.start(worker, FENCE, UNIT, "slow", [])
            with pytest.raises(StepError, match=f"{UNIT} still runs"):
                await nodes.start(worker, FENCE, NEXT, "place", [])
            lab.run(worker.name, f"touch {GO}")
            return await nodes.wait(worker, UNIT, 30)

    status = asyncio.run(second())
    assert (status.state, status.exit_code) == ("exited", 0)
    assert status.output.startswith("begun\n")
    assert status.output.endswith("over\n")


def test_a_reboot_interrupts_and_the_next_attempt_runs(lab: Lab, worker: Machine) -> None:
    async def run() -> None:
        async with connected(lab) as nodes:
            await begin(nodes, worker)
            assert (await nodes.wait(worker, UNIT, 1)).state == "running"
        await asyncio.to_thread(faults.reboot, lab, worker.name)
        async with connected(lab) as nodes:
            assert (await nodes.wait(worker, UNIT, 30)).state == "interrupted"
            found = await nodes.probe(worker, ["run"])
            fence, unit = found["run"].text.splitlines()
            assert fence == f"fence {FENCE.run} 1 {FENCE.owner}"
            assert re.fullmatch(rf"unit {UNIT} interrupted - [1-9][0-9]+ slow", unit)
            await nodes.start(worker, FENCE, NEXT, "slow", [])
            lab.run(worker.name, f"touch {GO}")
            assert (await nodes.wait(worker, NEXT, 30)).exit_code == 0

    asyncio.run(run())
    lab.wait_ready()


def test_a_unit_that_somebody_stops_is_interrupted_at_once(lab: Lab, worker: Machine) -> None:
    async def run() -> None:
        async with connected(lab) as nodes:
            await begin(nodes, worker)
            waiting = asyncio.create_task(nodes.wait(worker, UNIT, 30))
            await asyncio.to_thread(lab.run, worker.name, f"systemctl stop {UNIT}")
            async with asyncio.timeout(10):
                assert (await waiting).state == "interrupted"

    asyncio.run(run())


def test_a_full_disk_starts_nothing(lab: Lab, worker: Machine) -> None:
    async def run() -> None:
        async with connected(lab) as nodes:
            await nodes.install(worker)
            await nodes.raise_fence(worker, FENCE)
            with faults.full_disk(lab, worker.name, "/var/lib/upgrade-cp"):
                with pytest.raises(AccessError, match=r"cannot write .*: nothing was started"):
                    await nodes.start(worker, FENCE, UNIT, "place", [])
                assert (await nodes.wait(worker, UNIT, 0)).state == "absent"
                with pytest.raises(AccessError, match="cannot write"):
                    await nodes.raise_fence(worker, Fence(FENCE.run, 2, FENCE.owner))
                async with connected(lab, Bundle.ours()) as others:
                    with pytest.raises(AccessError, match=r"cannot (make|write)|disk full"):
                        await others.install(worker)
            await nodes.start(worker, FENCE, UNIT, "place", [])
            assert (await nodes.wait(worker, UNIT, 30)).exit_code == 3

    asyncio.run(run())


def test_a_network_that_comes_back_loses_nothing(lab: Lab, worker: Machine) -> None:
    async def run() -> None:
        async with connected(lab) as nodes:
            await begin(nodes, worker)
            waiting = asyncio.create_task(nodes.wait(worker, UNIT, 2))
            with faults.network_cut(lab, worker.name):
                await asyncio.wait([waiting], timeout=4)
                assert not waiting.done()
            assert (await waiting).state == "running"

    asyncio.run(run())


def ask(question: Callable[[KubernetesCluster], Awaitable[Any]], **flags: Any) -> Any:
    async def run() -> Any:
        cluster = KubernetesCluster(KubernetesOptions(**flags))
        try:
            return await question(cluster)
        finally:
            await cluster.close()

    return asyncio.run(run())


def test_the_api_server_as_it_is(lab: Lab) -> None:
    async def story(cluster: KubernetesCluster) -> None:
        assert (await cluster.get("/version"))["gitVersion"].startswith("v1.")
        nodes = await cluster.list("/api/v1/nodes")
        assert {node["metadata"]["name"] for node in nodes} == {node.name for node in lab.nodes}
        planes = await cluster.list("/api/v1/nodes", labels="node-role.kubernetes.io/control-plane")
        assert len(planes) == len(lab.spec.control_plane_nodes)
        with pytest.raises(NotFoundError, match='nodes "nobody" not found'):
            await cluster.get("/api/v1/nodes/nobody")

    ask(story, kubeconfig=str(lab.kubeconfig))


def test_preconditions_are_the_servers(lab: Lab) -> None:
    name = "world-test"
    path = f"{CONFIGMAPS}/{name}"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1", "b": "2"}}

    async def story(cluster: KubernetesCluster) -> None:
        made = await cluster.create(CONFIGMAPS, body)
        uid, version = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
        with pytest.raises(ConflictError, match="AlreadyExists"):
            await cluster.create(CONFIGMAPS, body)
        fresh = {"metadata": {"uid": uid, "resourceVersion": version}, "data": {"b": None}}
        assert (await cluster.patch(path, fresh))["data"] == {"a": "1"}
        with pytest.raises(ConflictError, match="the object has been modified"):
            await cluster.patch(path, fresh)
        other = "00000000-0000-4000-8000-000000000000"
        with pytest.raises(ConflictError, match=r"metadata\.uid"):
            await cluster.patch(path, {"metadata": {"uid": other}, "data": {"c": "3"}})
        with pytest.raises(ConflictError, match="UID"):
            await cluster.delete(path, uid=other)
        await cluster.delete(path, uid=uid)
        with pytest.raises(NotFoundError):
            await cluster.get(path)

    ask(story, kubeconfig=str(lab.kubeconfig))


def test_more_than_a_page_is_listed(lab: Lab) -> None:
    names = [f"page-{number}" for number in range(510)]

    async def story(cluster: KubernetesCluster) -> None:
        labels = {"page": "x"}
        bodies = [{"metadata": {"name": name, "labels": labels}} for name in names]
        made = await asyncio.gather(*(cluster.create(CONFIGMAPS, body) for body in bodies))
        found = await cluster.list(CONFIGMAPS, labels="page=x")
        assert {item["metadata"]["name"] for item in found} == set(names)
        assert len(found) == len(names)
        uids = {item["metadata"]["name"]: item["metadata"]["uid"] for item in made}
        await asyncio.gather(*(cluster.delete(f"{CONFIGMAPS}/{name}", uid=uid) for name, uid in uids.items()))

    ask(story, kubeconfig=str(lab.kubeconfig))


def test_impersonation_is_the_servers(lab: Lab) -> None:
    who = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    reviews = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    flags = {"kubeconfig": str(lab.kubeconfig), "as_user": "jane", "as_groups": ("dev", "ops")}
    info = ask(lambda cluster: cluster.create(reviews, who), **flags)["status"]["userInfo"]
    assert (info["username"], set(info["groups"])) == ("jane", {"dev", "ops", "system:authenticated"})
    with pytest.raises(ApiError) as caught:
        ask(lambda cluster: cluster.list("/api/v1/nodes"), **flags)
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")


def test_tls_is_verified(lab: Lab) -> None:
    server = f"https://{lab.spec.worker_nodes[-1].address}:10250"
    with pytest.raises(ApiError, match="certificate verify failed") as caught:
        ask(lambda cluster: cluster.get("/version"), kubeconfig=str(lab.kubeconfig), server=server)
    assert caught.value.status == 0


def test_an_etcd_is_asked_as_one_that_is_not_kubeadms(lab: Lab) -> None:
    """Each API server is told to use the member beside it: as good as an external one for whoever asks."""

    async def run() -> None:
        async with connected(lab) as nodes:
            for node in lab.spec.control_plane_nodes:
                found = await nodes.probe(Machine(node.name, node.address), ["external-etcd"])
                endpoints = FACTS["external-etcd"](found["external-etcd"])
                assert isinstance(endpoints, tuple)
                (endpoint,) = endpoints
                assert isinstance(endpoint, EtcdEndpoint)
                assert endpoint.healthy, endpoint.said
                assert endpoint.version.startswith("3.6.")

    asyncio.run(run())


def test_evidence_of_a_real_node(lab: Lab) -> None:
    async def run() -> None:
        async with connected(lab) as nodes:
            node = lab.spec.control_plane_nodes[0]
            found = await nodes.probe(Machine(node.name, node.address), ["evidence", "last-output"])
            evidence = FACTS["evidence"](found["evidence"])
            assert isinstance(evidence, str)
            for component in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
                assert re.search(rf"## last lines of {component}: /var/log/pods/\S+\n.+", evidence)
            assert "ActiveState=active" in evidence
            assert "PRIVATE KEY" not in evidence
            assert len(evidence) < 200_000

    asyncio.run(run())
