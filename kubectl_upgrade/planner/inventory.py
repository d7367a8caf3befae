"""Nodes as the plan pins them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.errors import PreflightError
from kubectl_upgrade.model.facts import Etcd, Host, Kubeadm, ManifestFiles, Packages, Unknown
from kubectl_upgrade.model.names import CONTROL_PLANE_COMPONENTS
from kubectl_upgrade.model.placement import by_zone
from kubectl_upgrade.model.plan import ComponentVersions, ControlPlane, Manifests, Pool, PoolNode
from kubectl_upgrade.model.shares import nodes_of
from kubectl_upgrade.model.words import natural
from kubectl_upgrade.planner.apart import apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.model.facts import Facts, NodeObject
    from kubectl_upgrade.model.version import Version

T = TypeVar("T")


def leader_first(facts: Facts) -> tuple[NodeObject, ...]:
    """Control planes in upgrade order: `kubeadm upgrade apply` needs /etc/kubernetes/admin.conf on its node."""
    return tuple(sorted(facts.control_planes, key=lambda node: (not _admin_conf(facts, node), natural(node.name))))


def control_plane_entry(facts: Facts, node: NodeObject) -> ControlPlane:
    """The node with every pin; PreflightError when one of them is not known."""
    host = facts.hosts.get(node.name, Unknown("was not asked"))
    if isinstance(host, Unknown):
        raise _unknown(node, "", host)
    machine = _known(node, "host", host.host, Host)
    packages = _known(node, "packages", host.packages, Packages)
    kubeadm = _known(node, "kubeadm", host.kubeadm, Kubeadm)
    files = _known(node, "static pod manifests", host.manifests, ManifestFiles)
    etcd = _known(node, "etcd", host.etcd, Etcd) if facts.kubeadm_config.etcd == "stacked" else None
    apiserver, controller_manager, scheduler = (component_version(facts, node, c) for c in CONTROL_PLANE_COMPONENTS)
    hashes = {component.replace("-", "_"): value for component, value in files.hashes.items()}
    missing = [c for c in CONTROL_PLANE_COMPONENTS if c not in files.hashes]
    if missing:
        raise _unknown(node, "static pod manifests", Unknown(f"no manifest of {', '.join(missing)}"))
    return ControlPlane(
        name=node.name,
        uid=node.uid,
        address=node.internal_ip,
        host_key=machine.host_key,
        versions=ComponentVersions(
            kubelet=node.kubelet,
            kube_proxy=None if isinstance(facts.kube_proxy, Unknown) else facts.kube_proxy,
            apiserver=apiserver,
            controller_manager=controller_manager,
            scheduler=scheduler,
            etcd=etcd.version if etcd else "external",
        ),
        etcd_member=etcd.member if etcd else "external",
        packages=packages.family,
        repository=packages.repository,
        held=tuple(sorted(packages.held)),
        cordoned=node.cordoned,
        ready=node.ready,
        patches=kubeadm.patches,
        manifests=Manifests(**hashes),
    )


def pools_of(facts: Facts, max_unavailable: str = "1", left_out: frozenset[str] = frozenset()) -> tuple[Pool, ...]:
    """Workers that are alike, together. One that was not asked over ssh is taken to be like those that were. The nodes
    of Machines are replaced, never upgraded in place: they stand in no pool.
    """
    groups: dict[tuple[Version, str, str], list[NodeObject]] = {}
    workers = [node for node in facts.workers if node.name not in facts.machines.owners]
    default = _traits(facts, [node for node in workers if node.name in facts.hosts] or list(facts.control_planes))
    for node in (worker for worker in workers if worker.name not in left_out):
        family, patches = _traits(facts, [node]) or default or ("apt", "none")
        groups.setdefault((node.kubelet, family, patches), []).append(node)
    pools = []
    for index, ((kubelet, family, patches), nodes) in enumerate(sorted(groups.items()), start=1):
        ordered = apart(sorted(nodes, key=by_zone), facts, nodes_of(max_unavailable, len(nodes)))
        pools.append(
            Pool(
                name="workers" if len(groups) == 1 else f"workers-{index}",
                kubelet=kubelet,
                packages=family,
                patches="standard" if patches == "standard" else "none",
                nodes=tuple(PoolNode(name=node.name, uid=node.uid, address=node.internal_ip) for node in ordered),
            )
        )
    return tuple(pools)


def component_version(facts: Facts, node: NodeObject, component: str) -> Version:
    """Of the static pod that runs there; PreflightError when it is not known."""
    for pod in facts.static_pods:
        if (pod.node, pod.component) == (node.name, component):
            version = image_version(pod.image)
            if version is not None:
                return version
            raise _unknown(node, component, Unknown(f"its image {pod.image} has no version for a tag"))
    raise _unknown(node, component, Unknown("the API shows no pod of it"))


def _traits(facts: Facts, nodes: Sequence[NodeObject]) -> tuple[str, str] | None:
    """Package family and patches of the first of the nodes that is known."""
    for node in nodes:
        host = facts.hosts.get(node.name)
        if host is None or isinstance(host, Unknown):
            continue
        if isinstance(host.packages, Packages) and isinstance(host.kubeadm, Kubeadm):
            return host.packages.family, host.kubeadm.patches
    return None


def _admin_conf(facts: Facts, node: NodeObject) -> bool:
    host = facts.hosts.get(node.name)
    return (
        host is not None
        and not isinstance(host, Unknown)
        and isinstance(host.kubeadm, Kubeadm)
        and host.kubeadm.admin_conf
    )


def _known(node: NodeObject, what: str, value: T | Unknown, kind: type[T]) -> T:
    if isinstance(value, kind):
        return value
    raise _unknown(node, what, value if isinstance(value, Unknown) else Unknown("not what was asked for"))


def _unknown(node: NodeObject, what: str, unknown: Unknown) -> PreflightError:
    return PreflightError(
        f"{node.name}: {what or 'the node'} is not known, so that no plan can pin it: {unknown.reason}",
        fix="repair what is named above, then plan again",
    )
