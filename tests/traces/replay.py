"""A recorded action again, on a modelled node that shows the same facts before it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.model.endpoint import EndpointSeen
from kubectl_upgrade.model.facts import Host, HostFacts, Kubeadm, Kubelet, ManifestFiles, Packages, Unknown
from kubectl_upgrade.model.run_record import RunRecord
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import Fault
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.world import Fence, Machine
from tests.traces.trace import RECORDED, facts

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.node import Node
    from tests.traces.trace import Trace

FENCE = Fence("0123456789abcdef" * 2, 1, "0" * 16)
UNIT = "upgrade-cp-01234567-0123456789ab-1"
# what a replay cannot have equal: hashes and ids of another machine, boot ids, package revisions, records of units
KUBERNETES = ("kubeadm", "kubelet", "kubectl")


@dataclass(frozen=True, slots=True)
class Replayed:
    """How the simulation ended the same action."""

    exit_code: int | None
    seconds: float
    cluster_after: str
    after: HostFacts


def replay(trace: Trace) -> Replayed:
    """Run it in virtual time. One that was interrupted is rebooted in its middle, one that failed fails there; one that
    found no API server finds none again.
    """
    model = sample(3, 3)
    model.configuration.fail_cgroup_v1 = False
    if trace.cluster_before:
        model.configuration.version = Version.parse(trace.cluster_before)
        model.publish_configuration()
    if trace.action == "move-etcd":
        # what pin-etcd has set there, which is no action
        model.configuration.etcd_tag = trace.args[1]
    node = model.nodes[trace.node]
    _furnish(model, node, facts(trace.before))
    if trace.cluster_before:
        _disturb(model, trace)
    else:  # that is disturbance enough
        for other in model.control_planes:
            other.static_pods["kube-apiserver"].running = False

    async def story() -> Replayed:
        world = simulated_world(model)
        machine = Machine(node.name, node.address)
        await world.nodes.install(machine)
        await world.nodes.raise_fence(machine, FENCE)
        await world.nodes.start(machine, FENCE, UNIT, trace.action, trace.args)
        began = world.clock.monotonic()
        while node.units[UNIT].state == "running":
            await world.clock.sleep(0.5)
        seconds = world.clock.monotonic() - began
        status = node.units[UNIT]
        await world.clock.sleep(120)
        found = await world.nodes.probe(machine, RECORDED)
        after = facts({name: output.text for name, output in found.items() if output.exit_code == 0})
        return Replayed(status.exit_code, seconds, str(model.configuration.version), after)

    return loop.run(story())


def _furnish(model: ModelCluster, node: Node, before: HostFacts) -> None:
    """Make the node show what the real one showed."""
    if isinstance(before.packages, Packages):
        node.repository = before.packages.repository
        node.held = list(before.packages.held)
        for name in KUBERNETES:
            if name in before.packages.installed:
                node.packages[name] = _bare(before.packages.installed[name])
    if isinstance(before.host, Host):
        node.cgroup = before.host.cgroup
        node.kubelet.fail_cgroup_v1 = False
    if isinstance(before.kubeadm, Kubeadm):
        node.admin_conf = before.kubeadm.admin_conf
        node.patches = before.kubeadm.patches
    if isinstance(before.endpoint, EndpointSeen):
        via = before.endpoint.kubelet == before.endpoint.endpoint
        node.kubelet.conf_via_endpoint = node.kubelet.via_endpoint = node.kept_server = via
    if isinstance(before.run, RunRecord):
        _remember(node, before.run)
    if isinstance(before.manifests, ManifestFiles):
        for component, image in before.manifests.images.items():
            static = node.static_pods[component]
            static.image = static.manifest_image = image
            model.show_static_pod(node, component)


def _remember(node: Node, record: RunRecord) -> None:
    """What the run's own actions have left on the node and no other fact shows."""
    done = [unit.action for unit in record.units if (unit.state, unit.exit_code) == ("exited", 0)]
    names = Counter(action[0] for action in done)
    node.fetched |= {Version.parse(f"v{action[1]}") for action in done if action[0] == "apt-fetch-packages"}
    node.images |= {Version.parse(action[1]) for action in done if action[0] == "pull-images"}
    # once there and once back in each hop
    node.kept_server = node.kept_server or names["kubelet-via-endpoint"] > names["kubelet-via-own-apiserver"]
    if names["kubeadm-apply"] or names["kubeadm-node"]:
        node.kubelet.kubeadm_flags.clear()


def _bare(version: str) -> Version:
    return Version.parse(f"v{version.partition('-')[0]}")


def _disturb(model: ModelCluster, trace: Trace) -> None:
    middle = {"apt-install-kubeadm": "install", "apt-install-kubelet": "install"}
    middle |= dict.fromkeys(("restart-kubelet", "kubelet-via-endpoint", "kubelet-via-own-apiserver"), "restart")
    middle |= {"backup-etcd": "snapshot", "move-etcd": "etcd"}
    phase = middle.get(trace.action, "kube-apiserver" if trace.control_plane else "kubelet-config")
    if trace.exit_code is None:
        model.faults.add(Fault(kind="node-reboot", node=trace.node, action=trace.action, phase=phase))
    elif trace.exit_code:
        model.faults.add(
            Fault(kind="action-fails", node=trace.node, action=trace.action, phase=phase, exit_code=trace.exit_code)
        )


def differences(trace: Trace, replayed: Replayed) -> list[str]:
    """What is not as it was on the real node."""
    found = [] if replayed.exit_code == trace.exit_code else [f"exit {replayed.exit_code}, not {trace.exit_code}"]
    if trace.exit_code != 0:
        return found  # what a half-done action leaves is not claimed
    real, ours = facts(trace.after), replayed.after
    if trace.cluster_after and replayed.cluster_after != trace.cluster_after:
        found.append(f"the cluster is at {replayed.cluster_after}, not {trace.cluster_after}")
    pairs = {name: (_plain(real, name), _plain(ours, name)) for name in ("packages", "kubeadm", "manifests", "kubelet")}
    return found + [f"{name}: {our}, not {was}" for name, (was, our) in pairs.items() if was != our]


def _plain(host: HostFacts, name: str) -> object:
    """A fact without what another machine cannot have equal."""
    fact = getattr(host, name)
    match fact:
        case Packages():
            installed = {k: str(_bare(v)) for k, v in fact.installed.items() if k in KUBERNETES}
            return fact.family, fact.repository, sorted(fact.held), installed
        case ManifestFiles():
            return dict(sorted(fact.images.items()))
        case Kubelet():
            return fact.active, fact.healthy
        case Unknown():
            return "unknown"
        case _:
            return fact
