"""Look at a cluster: the API and the nodes, nothing is changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from kubectl_upgrade.facts import FACTS, ON_DEMAND, cluster_ca, kube_proxy, kubeadm_config, kubelet_config
from kubectl_upgrade.facts.add_ons import read_add_ons
from kubectl_upgrade.facts.admission import read_admission
from kubectl_upgrade.facts.budgets import read_guards
from kubectl_upgrade.facts.drained_pods import read_moving_pods
from kubectl_upgrade.facts.forbidden import if_there
from kubectl_upgrade.facts.machines import read_machines
from kubectl_upgrade.facts.node_owners import belonging
from kubectl_upgrade.facts.nodes import read_nodes
from kubectl_upgrade.facts.serving_requests import read_unsigned_kubelets
from kubectl_upgrade.facts.static_pods import read_advertised_endpoint, read_static_pods
from kubectl_upgrade.model.drains import drained
from kubectl_upgrade.model.errors import AccessError, NotFoundError, PreflightError
from kubectl_upgrade.model.facts import Facts, HostFacts, Unknown
from kubectl_upgrade.world import Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_upgrade.facts.budgets import Guard
    from kubectl_upgrade.model.drains import Budget, MovingPod
    from kubectl_upgrade.model.facts import Maybe, NodeObject
    from kubectl_upgrade.model.given import Given
    from kubectl_upgrade.model.machines import Machines
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.world import Clock, Cluster, FactOutput, Json, Nodes, World

ProbeWorkers: TypeAlias = Literal["auto", "all", "sample", "none"]

NAMESPACE = "/api/v1/namespaces/kube-system"
ON_CONTROL_PLANES = tuple(name for name in FACTS if name not in ON_DEMAND)
_OF_CONTROL_PLANES = frozenset({"manifests", "etcd", "apiserver", "deprecated-apis", "endpoint"})
ON_WORKERS = tuple(name for name in ON_CONTROL_PLANES if name not in _OF_CONTROL_PLANES)
# `auto` asks every worker up to so many, else a sample
MANY_WORKERS = 200
SAMPLE = 10
# nodes asked at the same time; world/ has its own bound on connections
AT_ONCE = 32
_FOR_EXTERNAL_ETCD = ("external-etcd",)
_NOTHING_DRAINED = Unknown("not asked: nothing is drained")


async def gather(
    world: World,
    *,
    probe_workers: ProbeWorkers = "auto",
    target: Version | None = None,
    also: tuple[str, ...] = (),
) -> Facts:
    """Everything that checks and the planner judge.

    `target`: of the upgrade, if it is known: what drains would meet is not asked when nothing will be drained.
    `also`: facts on demand, of control planes.

    A node that does not answer is Unknown in `hosts`. ApiError when the API does not answer, PreflightError when the
    cluster is not kubeadm's.
    """
    api = world.cluster
    (namespace, ca, configuration, kubelets), (proxy, proxies, nodes, pods, add_ons), found = await asyncio.gather(
        asyncio.gather(
            api.get(NAMESPACE),
            api.get(cluster_ca.PATH),
            _kubeadms(api, kubeadm_config.PATH),
            _kubeadms(api, kubelet_config.PATH),
        ),
        asyncio.gather(_kube_proxy(api), _kube_proxies(api), read_nodes(api), read_static_pods(api), read_add_ons(api)),
        read_machines(api),
    )
    machines = belonging(found, nodes)
    config = kubeadm_config.kubeadm_config(configuration)
    if not config.control_plane_endpoint:
        config = replace(config, control_plane_endpoint=await read_advertised_endpoint(api))
    first = next((node.name for node in nodes if node.control_plane), "")
    hosts, (moving, budgets), admission = await asyncio.gather(
        _hosts(
            world,
            in_place(nodes, machines),
            probe_workers,
            (*also, *_FOR_EXTERNAL_ETCD) if config.etcd == "external" else also,
        ),
        _drains(api, nodes, target),
        read_admission(api, namespace, config.image_repository, first),
    )
    return Facts(
        uid=namespace["metadata"]["uid"],
        ca_hash=cluster_ca.ca_hash(ca),
        kubeadm_config=config,
        fail_cgroup_v1=kubelet_config.fail_cgroup_v1(kubelets),
        fail_swap_on=kubelet_config.fail_swap_on(kubelets),
        kube_proxy=proxy,
        nodes=nodes,
        static_pods=pods,
        hosts=hosts,
        add_ons=add_ons,
        unsigned_kubelets=await read_unsigned_kubelets(api) if kubelet_config.server_tls_bootstrap(kubelets) else (),
        configured={"kubelet-config": kubelet_config.feature_gates(kubelets), **proxies},
        pods=moving,
        budgets=budgets,
        admission=admission,
        machines=machines,
    )


async def ask_control_planes(world: World, facts: Facts, fact: str) -> Facts:
    """The facts with one more of each control plane, which nobody asked for before it was known what to ask."""
    machines = [Machine(node.name, node.internal_ip) for node in facts.control_planes if node.internal_ip]
    field = fact.partition(" ")[0].replace("-", "_")
    hosts = dict(facts.hosts)
    for name, found in (await probe_hosts(world.nodes, machines, (fact,))).items():
        host = hosts[name]
        if not isinstance(host, Unknown):
            answer = found if isinstance(found, Unknown) else getattr(found, field)
            hosts[name] = replace(host, **{field: answer})
    return replace(facts, hosts=hosts)


def in_place(nodes: Sequence[NodeObject], machines: Machines) -> list[NodeObject]:
    """Control planes, and the workers that are upgraded where they are: a Machine's node is replaced, and its machine
    may know no operator.
    """
    return [node for node in nodes if node.control_plane or node.name not in machines.owners]


async def probe_hosts(
    nodes: Nodes, machines: Sequence[Machine], facts: Sequence[str], clock: Clock | None = None
) -> dict[str, Maybe[HostFacts]]:
    """Ask machines for these facts, one round trip each; by name. Who does not answer is Unknown.

    `clock`: remember when each was asked.
    """
    gate = asyncio.Semaphore(AT_ONCE)
    read = _steady(clock) if clock else None

    async def one(machine: Machine) -> Maybe[HostFacts]:
        async with gate:
            try:
                before = read() if read else 0
                found = host_facts(await nodes.probe(machine, facts), facts)
                return replace(found, asked=(before, read())) if read else found
            except AccessError as error:
                return Unknown(error.message)

    answers = await asyncio.gather(*map(one, machines))
    return {machine.name: answer for machine, answer in zip(machines, answers, strict=True)}


def _steady(clock: Clock) -> Callable[[], float]:
    """Seconds since 1970 by this machine's clock as it stands now: what sets it meanwhile does not show."""
    offset = clock.now().timestamp() - clock.monotonic()
    return lambda: offset + clock.monotonic()


def host_facts(outputs: Mapping[str, FactOutput], facts: Sequence[str]) -> HostFacts:
    """What the scripts printed, as facts; one that was asked and did not answer is Unknown."""
    names = [fact.partition(" ")[0] for fact in facts]
    fields: dict[str, Any] = {
        name.replace("-", "_"): FACTS[name](outputs[name]) if name in outputs else Unknown("no answer")
        for name in names
    }
    return HostFacts(**fields)


def sample(workers: Sequence[NodeObject]) -> list[NodeObject]:
    """Of the workers of each kubelet version, up to SAMPLE, spread over their names; always the same ones."""
    chosen: list[NodeObject] = []
    for _, group in groupby(sorted(workers, key=lambda node: (node.kubelet, node.name)), lambda node: node.kubelet):
        members = list(group)
        stride = -(-len(members) // SAMPLE)
        chosen += members[::stride]
    return chosen


async def _hosts(
    world: World, objects: Sequence[NodeObject], workers: ProbeWorkers, also: tuple[str, ...]
) -> dict[str, Maybe[HostFacts]]:
    chosen = _chosen([node for node in objects if not node.control_plane and not node.windows], workers)
    on_control_planes, on_workers = await asyncio.gather(
        _probe(world, [node for node in objects if node.control_plane], (*ON_CONTROL_PLANES, *also)),
        _probe(world, chosen, ON_WORKERS),
    )
    return on_control_planes | on_workers


def _chosen(workers: Sequence[NodeObject], how: ProbeWorkers) -> Sequence[NodeObject]:
    if how == "none":
        return ()
    if how == "sample" or (how == "auto" and len(workers) > MANY_WORKERS):
        return sample(workers)
    return workers


async def _probe(world: World, objects: Sequence[NodeObject], facts: Sequence[str]) -> dict[str, Maybe[HostFacts]]:
    lost = {node.name: Unknown("the Node has no InternalIP") for node in objects if not node.internal_ip}
    machines = [Machine(node.name, node.internal_ip) for node in objects if node.internal_ip]
    return lost | await probe_hosts(world.nodes, machines, facts, world.clock)


async def _drains(
    api: Cluster, nodes: Sequence[NodeObject], target: Version | None
) -> tuple[Maybe[tuple[MovingPod, ...]], Maybe[tuple[Budget, ...]]]:
    """What drains will meet. The pods are all read, a page at a time: of one node each, it would be 5,000 requests."""
    if target is not None and not drained(nodes, target):
        return _NOTHING_DRAINED, _NOTHING_DRAINED
    guards = await read_guards(api)
    if isinstance(guards, Unknown):
        return await read_moving_pods(api, {}), guards
    by_namespace: dict[str, list[Guard]] = {}
    for guard in guards:
        by_namespace.setdefault(guard.budget.namespace, []).append(guard)
    return await read_moving_pods(api, by_namespace), tuple(guard.budget for guard in guards)


async def _kubeadms(api: Cluster, path: str) -> Json:
    try:
        return await api.get(path)
    except NotFoundError as error:
        raise PreflightError(
            f"this cluster has no {path.rpartition('/')[2]} in kube-system: kubeadm did not make it, or it was removed",
            "kubeadm upgrades no cluster without it: restore it (kubeadm init phase upload-config)",
        ) from error


async def _kube_proxy(api: Cluster) -> Maybe[Version]:
    try:
        return kube_proxy.kube_proxy_version(await api.get(kube_proxy.PATH))
    except NotFoundError:
        return Unknown("no DaemonSet kube-system/kube-proxy")


async def _kube_proxies(api: Cluster) -> dict[str, Maybe[Given]]:
    """Its ConfigMap; kubeadm leaves a kube-proxy without one alone."""
    config_map = await if_there(api.get(kube_proxy.CONFIG_PATH), "get the ConfigMap kube-proxy")
    if config_map is None:
        return {}
    return {"kube-proxy": config_map if isinstance(config_map, Unknown) else kube_proxy.feature_gates(config_map)}
