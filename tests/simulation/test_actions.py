"""What each action does to a node's facts, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.sample import sample

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.world import UnitStatus
    from tests.simulation.conftest import Operate, Operator

KUBEADM = ("apt-install-kubeadm", "1.35.4", "v1.35")
KUBELET = ("apt-install-kubelet", "1.35.4")
APPLY = ("kubeadm-apply", "v1.35.4", "none", "none")
NODE = ("kubeadm-node", "none", "none")
RESTART = ("restart-kubelet", "v1.35.4", "apt")


def _run(operate: Operate, story: Callable[[Operator], Awaitable[None]], model: ModelCluster | None = None) -> None:
    async def main() -> None:
        operator = operate(model)
        await operator.hold()
        await story(operator)

    run(main())


async def _good(operator: Operator, node: str, *actions: tuple[str, ...]) -> None:
    for action in actions:
        status = await operator.act(node, *action)
        assert status.exit_code == 0, status.output


def _refused(status: UnitStatus, text: str, exit_code: int = 1) -> None:
    assert (status.state, status.exit_code) == ("exited", exit_code), status
    assert text in status.output


def test_install_kubeadm_switches_the_repository_and_keeps_holds(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        await _good(operator, "w1", KUBEADM, KUBEADM)
        assert await operator.fact("w1", "packages") == [
            "family apt",
            "repository v1.35",
            "held kubeadm",
            "held kubectl",
            "held kubelet",
            "installed kubeadm 1.35.4-1.1",
            "installed kubectl 1.34.4-1.1",
            "installed kubelet 1.34.4-1.1",
        ]

    _run(operate, story)


def test_a_version_of_another_minor_is_not_in_the_repository(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        _refused(await operator.act("w1", "apt-install-kubeadm", "1.35.4", "v1.36"), "not in the repository v1.36")
        _refused(await operator.act("w2", *KUBELET[:1], "1.35.4"), "unknown flag")

    _run(operate, story)


def test_kubeadm_apply_moves_static_pods_and_configuration(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        before = await operator.fact("cp1", "manifests")
        await _good(operator, "cp1", KUBEADM, APPLY)
        after = await operator.fact("cp1", "manifests")
        assert [line.split()[3] for line in after] == [
            "registry.k8s.io/etcd:3.6.6-0",
            "registry.k8s.io/kube-apiserver:v1.35.4",
            "registry.k8s.io/kube-controller-manager:v1.35.4",
            "registry.k8s.io/kube-scheduler:v1.35.4",
        ]
        assert not {line.split()[2] for line in before} & {line.split()[2] for line in after}
        assert await operator.fact("cp1", "apiserver") == ["readyz 200 ok", "version v1.35.4"]
        config = await operator.get("/api/v1/namespaces/kube-system/configmaps/kubeadm-config")
        assert "kubernetesVersion: v1.35.4" in config["data"]["ClusterConfiguration"]
        assert "kubelet v1.34.4" in await operator.fact("cp1", "kubeadm")

    _run(operate, story)


def test_kubeadm_takes_as_long_as_in_the_lab(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        await _good(operator, "cp1", KUBEADM, APPLY)
        await _good(operator, "w1", KUBEADM, NODE)
        seconds = {(record.node, record.action): record.duration for record in operator.model.trace}
        assert 150 < seconds["cp1", "kubeadm-apply"] < 220
        assert 0.5 < seconds["w1", "kubeadm-node"] < 2
        assert 2 <= seconds["w1", "apt-install-kubeadm"] < 6

    _run(operate, story)


def test_kubeadm_is_idempotent(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        await _good(operator, "cp1", KUBEADM, APPLY)
        before = await operator.fact("cp1", "manifests")
        begun = operator.world.clock.monotonic()
        status = await operator.act("cp1", *APPLY)
        assert status.exit_code == 0
        assert status.output.count("skipping upgrade") == 4
        assert operator.world.clock.monotonic() - begun < 30
        assert await operator.fact("cp1", "manifests") == before

    _run(operate, story)


def test_add_ons_follow_the_last_api_server(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        apps = "/apis/apps/v1/namespaces/kube-system"

        async def images() -> list[str]:
            paths = (f"{apps}/daemonsets/kube-proxy", f"{apps}/deployments/coredns")
            specs = [(await operator.get(path))["spec"]["template"]["spec"] for path in paths]
            return [spec["containers"][0]["image"].rpartition(":")[2] for spec in specs]

        await _good(operator, "cp1", KUBEADM, APPLY)
        await _good(operator, "cp2", KUBEADM, NODE)
        assert await images() == ["v1.34.4", "v1.12.1"]
        await _good(operator, "cp3", KUBEADM, NODE)
        assert await images() == ["v1.35.4", "v1.13.1"]
        await operator.world.clock.sleep(120)
        for path in ("daemonsets/kube-proxy", "deployments/coredns"):
            found = await operator.get(f"{apps}/{path}")
            assert found["status"]["observedGeneration"] == found["metadata"]["generation"] == 2
        proxy = (await operator.get(f"{apps}/daemonsets/kube-proxy"))["status"]
        assert proxy["updatedNumberScheduled"] == proxy["numberAvailable"] == proxy["desiredNumberScheduled"] == 6
        dns = (await operator.get(f"{apps}/deployments/coredns"))["status"]
        assert (dns["replicas"], dns["updatedReplicas"], dns["availableReplicas"]) == (2, 2, 2)

    _run(operate, story)


def test_the_kubelet_changes_only_when_it_is_restarted(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        async def reported() -> str:
            return str((await operator.get("/api/v1/nodes/w1"))["status"]["nodeInfo"]["kubeletVersion"])

        await _good(operator, "cp1", KUBEADM, APPLY)
        await _good(operator, "w1", KUBEADM, NODE, KUBELET)
        assert "kubelet v1.35.4" in await operator.fact("w1", "kubeadm")
        assert await reported() == "v1.34.4"
        await _good(operator, "w1", RESTART)
        await operator.world.clock.sleep(5)
        assert await reported() == "v1.35.4"
        assert await operator.fact("w1", "kubelet") == ["active yes", "restarts 0", "healthz ok"]

    _run(operate, story)


def test_a_flag_that_the_new_kubelet_does_not_know_changes_nothing(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        operator.model.nodes["w2"].kubelet.extra_flags = ["--v=2", "--pod-infra-container-image=pause"]
        await _good(operator, "w1", KUBEADM)
        _refused(
            await operator.act("w1", *KUBELET), "--pod-infra-container-image (in /var/lib/kubelet/kubeadm-flags.env)"
        )
        await _good(operator, "cp1", KUBEADM, APPLY)
        await _good(operator, "w1", NODE, KUBELET)
        await _good(operator, "w2", KUBEADM, NODE)
        _refused(await operator.act("w2", *KUBELET), "--pod-infra-container-image (in /etc/default/kubelet)")
        assert "kubelet v1.34.4" in await operator.fact("w2", "kubeadm")

    _run(operate, story)


def test_a_kubelet_that_cannot_start(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        node = operator.model.nodes["w1"]
        node.packages["kubelet"] = node.packages["kubelet"].parse("v1.35.4")
        _refused(await operator.act("w1", *RESTART), "unknown flag: --pod-infra-container-image")
        fact = await operator.fact("w1", "kubelet")
        assert fact[0] == "active no"
        assert any(line.startswith("log ") for line in fact)
        await operator.world.clock.sleep(60)
        conditions = (await operator.get("/api/v1/nodes/w1"))["status"]["conditions"]
        assert conditions[-1] == {"type": "Ready", "status": "Unknown"}

    _run(operate, story)


def test_restart_demands_the_version_on_disk(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        _refused(await operator.act("w1", *RESTART), "the kubelet on disk is v1.34.4")

    _run(operate, story)


def test_cgroup_v1_is_refused_unless_ignored(operate: Operate) -> None:
    model = sample()
    for node in model.nodes.values():
        node.cgroup = "v1"

    async def story(operator: Operator) -> None:
        await _good(operator, "cp1", KUBEADM)
        _refused(await operator.act("cp1", *APPLY), "SystemVerification", exit_code=2)
        await _good(operator, "cp1", ("kubeadm-apply", "v1.35.4", "none", "SystemVerification,Swap"))
        await _good(operator, "w1", KUBEADM)
        _refused(await operator.act("w1", *NODE), "SystemVerification", exit_code=2)
        await _good(operator, "w1", ("kubeadm-node", "none", "SystemVerification"), KUBELET)
        _refused(await operator.act("w1", *RESTART), "failCgroupV1")

    _run(operate, story, model)


def test_what_kubeadm_apply_refuses(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        _refused(await operator.act("cp1", *APPLY), "kubeadm is v1.34.4, not v1.35.4")
        await _good(operator, "cp1", ("apt-install-kubeadm", "1.36.3", "v1.36"))
        _refused(await operator.act("cp1", "kubeadm-apply", "v1.36.3", "none", "none"), "too high")
        await _good(operator, "cp1", KUBEADM)
        _refused(await operator.act("cp1", "kubeadm-apply", "v1.35.4", "standard", "none"), "/etc/kubernetes/patches")
        operator.model.nodes["cp1"].admin_conf = False
        _refused(await operator.act("cp1", *APPLY), "admin.conf")

    _run(operate, story)


def test_kubeadm_node_follows_the_clusters_configuration(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        before = await operator.fact("cp2", "manifests")
        await _good(operator, "cp2", NODE)
        assert await operator.fact("cp2", "manifests") == before
        await _good(operator, "cp1", KUBEADM, APPLY)
        _refused(await operator.act("cp2", *NODE), "kubeadm v1.34.4 cannot upgrade a node to v1.35.4")

    _run(operate, story)


def test_a_patch_leaves_etcd_alone(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        before = await operator.fact("cp1", "manifests")
        await _good(
            operator, "cp1", ("apt-install-kubeadm", "1.34.9", "v1.34"), ("kubeadm-apply", "v1.34.9", "none", "none")
        )
        after = await operator.fact("cp1", "manifests")
        assert before[0] == after[0]
        assert all(old != new for old, new in zip(before[1:], after[1:], strict=True))

    _run(operate, story)


def test_a_pinned_etcd_tag_stays(operate: Operate) -> None:
    model = sample()
    model.configuration.etcd_tag = "3.6.5-0"

    async def story(operator: Operator) -> None:
        await _good(operator, "cp1", KUBEADM, APPLY)
        assert (await operator.fact("cp1", "manifests"))[0].endswith("etcd:3.6.5-0")

    _run(operate, story, model)


def test_every_action_is_traced(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        await _good(operator, "w1", KUBEADM)
        (record,) = operator.model.trace
        assert (record.node, record.action, record.args, record.exit_code) == ("w1", KUBEADM[0], KUBEADM[1:], 0)
        assert "repository v1.34" in record.before["packages"].text
        assert "repository v1.35" in record.after["packages"].text
        assert record.before["etcd"].exit_code == 1
        assert record.output.splitlines()[-1] == "installed: kubeadm 1.35.4"

    _run(operate, story)


@pytest.mark.parametrize("version", ["v1.34.4", "v1.35.4", "v1.36.3"])
def test_flags_that_kubeadm_wrote_itself_are_known_to_its_kubelet(version: str) -> None:
    node = sample(version=version).nodes["w1"]
    assert node.why_kubelet_refuses(node.kubelet.version) is None
