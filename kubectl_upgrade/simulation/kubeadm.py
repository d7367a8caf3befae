"""kubeadm upgrade, phase by phase; the seconds are the lab's for v1.34 to v1.36."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import ApiError
from kubectl_upgrade.model.skew import KUBELET_MAY_LAG
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation.objects import KUBE_SYSTEM
from kubectl_upgrade.simulation.paths import JOBS, PODS, Location
from kubectl_upgrade.simulation.releases import (
    CGROUP_V1_REFUSED_SINCE,
    COMPONENTS,
    REMOVED_KUBELET_FLAGS,
    etcd_version,
)
from kubectl_upgrade.simulation.running import ActionFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_upgrade.simulation.node import Node
    from kubectl_upgrade.simulation.running import Running

# kubeadm's exit codes (cmd/kubeadm/app/util/error.go)
FAILED = 1
PREFLIGHT = 2

# seconds from a new manifest to the new pod, lowest and highest; of that, the pod is down all but the rest
_SWAPS = {
    "etcd": (70, 76),
    "kube-apiserver": (52, 108),
    "kube-controller-manager": (12, 14),
    "kube-scheduler": (12, 14),
}
# the same while the kubelet does not depend on what is being replaced
_SWAPS_VIA_ENDPOINT = _SWAPS | {"etcd": (12, 14), "kube-apiserver": (42, 46)}
_UP_WHILE_SWAPPING = 6
# of the API server's time
_GRACE = 30
# what a kubelet that looks at once saves of them
_NUDGED = {"etcd": 4, "kube-apiserver": 8, "kube-controller-manager": 7, "kube-scheduler": 7}
# etcd is asked 10 times, 15 s apart, whether all members are healthy
_ETCD_GIVES_UP_AFTER = 150


async def apply(running: Running, version: str, patches: str, ignored: str, *pins: str) -> None:
    """`kubeadm upgrade apply VERSION`: the cluster's configuration, this node's static pods, the add-ons."""
    node, cluster, target = running.node, running.cluster, Version.parse(version)
    if node.packages["kubeadm"] != target:
        raise ActionFailedError(FAILED, f"kubeadm is {node.packages['kubeadm']}, not {target}")
    async with running.phase("preflight"):
        await _preflight(running, target, ignored)
        _apply_preflight(running, target)
        if "CreateJob" not in ignored.split(","):
            _create_job(running)
        await running.takes(5)
    await _static_pods(running, target, patches, _sooner(pins))
    async with running.phase("upload-config"):
        await _api(running)
        cluster.configuration.version = target
        cluster.publish_configuration()
    await _kubelet_config(running, target)
    await _add_ons(running, target)
    _end(running)
    running.say(f'[upgrade] SUCCESS! A control plane node of your cluster was upgraded to "{target}".')


async def node(running: Running, patches: str, ignored: str, *pins: str) -> None:
    """`kubeadm upgrade node`: this node follows the cluster's configuration."""
    target = running.cluster.configuration.version
    async with running.phase("preflight"):
        await _preflight(running, target, ignored)
        await running.takes(0.5)
    if running.node.control_plane:
        await _static_pods(running, target, patches, _sooner(pins))
    await _kubelet_config(running, target)
    if running.node.control_plane:
        await _add_ons(running, target)
    _end(running)
    running.say("[upgrade] The configuration for this node was successfully updated!")


async def move_etcd(running: Running, version: str, tag: str, patches: str) -> None:
    """`kubeadm upgrade node phase control-plane` of the version that runs: what is not as it renders goes with etcd."""
    node, target = running.node, Version.parse(version)
    if node.packages["kubeadm"] != target:
        raise ActionFailedError(FAILED, f"kubeadm on this node is {node.packages['kubeadm']}, not {target}")
    for component in COMPONENTS[1:]:
        if not node.static_pods[component].manifest_image.endswith(f":{target}"):
            raise ActionFailedError(FAILED, f"the manifest of {component} is not at {target}")
    await _api(running)
    await _static_pods(running, target, patches, _sooner(()))
    _keep_manifests(node)
    image = node.static_pods["etcd"].manifest_image
    if etcd_version(image) < etcd_version(f"etcd:{tag}"):
        raise ActionFailedError(FAILED, f"kubeadm has left etcd at {image}")
    running.say(f"etcd is at {image.rpartition(':')[2]}")


def _end(running: Running) -> None:
    """Certificates are signed anew, and lib/kubeadm.sh records what kubeadm left."""
    node = running.node
    node.certificates_made = running.cluster.now
    _keep_manifests(node)


def _keep_manifests(node: Node) -> None:
    node.kept_manifests = {component: static.manifest_hash for component, static in node.static_pods.items()}


async def _preflight(running: Running, target: Version, ignored: str) -> None:
    node = running.node
    await _api(running)
    if node.packages["kubeadm"].line != target.line:
        raise ActionFailedError(FAILED, f"kubeadm {node.packages['kubeadm']} cannot upgrade a node to {target}")
    if (
        node.cgroup == "v1"
        and target.minor >= CGROUP_V1_REFUSED_SINCE
        and "SystemVerification" not in ignored.split(",")
    ):
        raise ActionFailedError(
            PREFLIGHT,
            "[ERROR SystemVerification]: kubelet version 1.35 or newer refuses cgroups v1 by default\n"
            "error: error execution phase preflight: [preflight] Some fatal errors occurred",
        )


def _apply_preflight(running: Running, target: Version) -> None:
    """Its version policy (phases/upgrade/policy.go) and its health checks (phases/upgrade/health.go)."""
    cluster = running.cluster
    if not running.node.admin_conf:
        raise ActionFailedError(FAILED, "/etc/kubernetes/admin.conf is not there")
    current = cluster.configuration.version
    if target.minors_above(current) > 1:
        raise ActionFailedError(
            FAILED,
            f'Specified version to upgrade to "{target}" is too high; kubeadm can upgrade only 1 minor at a time',
        )
    if target < current and target.line != current.line:
        raise ActionFailedError(FAILED, f'Specified version to downgrade to "{target}" is too low')
    too_old = {str(other.kubelet.version) for other in cluster.nodes.values() if _too_old(other, target)}
    if too_old:
        said = f"There are kubelets in this cluster that are too old that have these versions {sorted(too_old)}"
        raise ActionFailedError(FAILED, said)
    unready = [other.name for other in cluster.control_planes if not cluster.ready(other)]
    if unready:
        raise ActionFailedError(
            PREFLIGHT, f"[ERROR ControlPlaneNodesReady]: there are NotReady control-planes in the cluster: {unready}"
        )


def _too_old(other: Node, target: Version) -> bool:
    return target.minors_above(other.kubelet.version) > KUBELET_MAY_LAG


def _create_job(running: Running) -> None:
    """Its health check: a Job in kube-system, and the pod that the Job's controller makes of it."""
    for collection in (JOBS, PODS):
        try:
            running.cluster.admission.review(Location(collection, KUBE_SYSTEM), dry_run=False)
        except ApiError as error:
            raise ActionFailedError(
                PREFLIGHT,
                f"[ERROR CreateJob]: Job in the namespace {KUBE_SYSTEM} did not complete in 1m0s: {error.message}\n"
                "error: error execution phase preflight: [preflight] Some fatal errors occurred",
            ) from error


async def _api(running: Running) -> None:
    """Ask the API, for as long as kubeadm does (kubernetesAPICall: 1 min)."""
    for _ in range(60):
        if running.cluster.api_server() is not None:
            return
        await asyncio.sleep(1)
    raise ActionFailedError(FAILED, "the API server does not answer: context deadline exceeded")


def _sooner(pins: tuple[str, ...]) -> Mapping[str, int]:
    """By how many seconds each component is replaced sooner; the old API server takes all of its grace otherwise."""
    given = dict(pin.split("=") for pin in pins)
    sooner = dict(_NUDGED) if "nudge-kubelet" in given else dict.fromkeys(_NUDGED, 0)
    sooner["kube-apiserver"] += _GRACE - int(given.get("apiserver-grace", _GRACE))
    return sooner


async def _static_pods(running: Running, target: Version, patches: str, sooner: Mapping[str, int]) -> None:
    if patches == "standard" and running.node.patches != "standard":
        raise ActionFailedError(FAILED, "could not list patch files in /etc/kubernetes/patches: no such directory")
    for component in COMPONENTS:
        if component in running.node.static_pods:
            async with running.phase(component):
                await _replace(running, component, target, sooner[component])


async def _replace(running: Running, component: str, target: Version, sooner: int) -> None:
    node, cluster = running.node, running.cluster
    static = node.static_pods[component]
    image, manifest_hash = cluster.manifest(node, component, target)
    equal = static.manifest_image == image
    if equal or (component == "etcd" and etcd_version(image) <= etcd_version(static.manifest_image)):
        running.say(f'[upgrade/staticpods] Current and new manifests of "{component}" are equal, skipping upgrade')
        return
    if component == "etcd":
        await _etcd_healthy(running)
    running.say(f'[upgrade/staticpods] Moving new manifest to "/etc/kubernetes/manifests/{component}.yaml"')
    static.manifest_image, static.manifest_hash = image, manifest_hash
    low, high = (_SWAPS_VIA_ENDPOINT if node.kubelet.via_endpoint else _SWAPS)[component]
    # the kubelet does this, and goes on when kubeadm is killed
    swap = cluster.spawn(
        cluster.replace_static_pod(node, component, down=running.between(low, high) - sooner - _UP_WHILE_SWAPPING)
    )
    node.work.append(swap)
    await asyncio.shield(swap)
    await running.takes(_UP_WHILE_SWAPPING - 1)
    running.say(f'[upgrade/staticpods] Component "{component}" upgraded successfully!')


async def _etcd_healthy(running: Running) -> None:
    cluster = running.cluster
    members = [other.name for other in cluster.control_planes if other.etcd_member]
    if set(cluster.etcd_members_up()) != set(members):
        await running.takes(_ETCD_GIVES_UP_AFTER)
        raise ActionFailedError(FAILED, "[upgrade/etcd] etcd cluster is not healthy: failed to dial endpoint")


async def _kubelet_config(running: Running, target: Version) -> None:
    async with running.phase("kubelet-config"):
        await _api(running)
        await running.takes(0.5)
        kubelet = running.node.kubelet
        if running.node.control_plane:  # ControlPlaneKubeletLocalMode
            kubelet.conf_via_endpoint = False
        kubelet.fail_cgroup_v1 = running.cluster.configuration.fail_cgroup_v1
        kubelet.gates = list(running.cluster.configuration.kubelet_gates)
        # 1.35's kubeadm alone cleans the file up; 1.36's no longer does (kubernetes/kubernetes#133779)
        kubelet.kubeadm_flags = [
            flag for flag in kubelet.kubeadm_flags if REMOVED_KUBELET_FLAGS.get(flag.partition("=")[0]) != target.minor
        ]


async def _add_ons(running: Running, target: Version) -> None:
    """Only when every API server is new (kubeadm 1.28 and later)."""
    async with running.phase("addon"):
        await _api(running)
        await running.takes(1)
        behind = [other.name for other in running.cluster.control_planes if not _at(other, target)]
        if behind:
            running.say(f"[upgrade/addons] skip upgrade addons because control plane instances {behind} are old")
            return
        configuration = running.cluster.configuration
        running.cluster.workloads.roll_out_deployment("coredns", configuration.coredns_image(target))
        proxy = configuration.component_image("kube-proxy", target)
        running.cluster.workloads.roll_out_daemon_set("kube-proxy", proxy)


def _at(other: Node, target: Version) -> bool:
    return other.static_pods["kube-apiserver"].image.endswith(f":{target}")
