"""MachineDeployments, their Clusters and Machines, in whichever of their APIs this cluster has."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar, cast

from kubectl_upgrade.facts.forbidden import if_there
from kubectl_upgrade.facts.rollout import rollout
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.machines import ClusterObject, DeploymentObject, MachineObject
from kubectl_upgrade.model.names import ROLLOUT_ANNOTATION
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_upgrade.model.machines import ClusterApi, MachineApi
    from kubectl_upgrade.world import Cluster, Json

T = TypeVar("T")

# group → its versions that this tool speaks, the newest first
_KNOWN = {"cluster.x-k8s.io": ("v1beta2", "v1beta1"), "cluster.k8s.io": ("v1alpha1",)}
# Cluster API pauses whatever bears it (api/core/v1beta2/common_types.go, PausedAnnotation)
_PAUSED = "cluster.x-k8s.io/paused"
_BY_TOPOLOGY = "topology.cluster.x-k8s.io/owned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All there is, of this cluster or of others."""

    deployments: tuple[DeploymentObject, ...] = ()
    clusters: tuple[ClusterObject, ...] = ()
    machines: tuple[MachineObject, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    """One API's objects, and what of them may not be seen."""

    cluster: Cluster
    api: str
    unread: list[str] = field(default_factory=list)

    async def all(self, resource: str, read: Callable[[Json], T]) -> tuple[T, ...]:
        group = self.api.partition("/")[0]
        asked = self.cluster.reduced(f"/apis/{self.api}/{resource}", read)
        found = await if_there(asked, f"list {resource}.{group} in all namespaces")
        if isinstance(found, Unknown):
            self.unread.append(f"{resource}.{group}: {found.reason}")
            return ()
        return found or ()


async def read_machines(cluster: Cluster) -> Found:
    """Asks for more than the list of API groups only where one of these is served."""
    answer = await if_there(cluster.get("/apis"), "get /apis")
    if answer is None or isinstance(answer, Unknown):
        reason = answer.reason if answer else "the API server has no /apis"
        return Found(unread=(f"the API groups: {reason}",))
    apis, unread = _served(answer)
    parts = await asyncio.gather(*(_read(cluster, api) for api in apis))
    return Found(
        deployments=tuple(one for part in parts for one in part.deployments),
        clusters=tuple(one for part in parts for one in part.clusters),
        machines=tuple(one for part in parts for one in part.machines),
        unread=(*unread, *(line for part in parts for line in part.unread)),
    )


def _served(groups: Json) -> tuple[list[MachineApi], list[str]]:
    """The newest version of each group that both sides speak; groups that serve none of them."""
    apis: list[MachineApi] = []
    unread: list[str] = []
    for group in groups.get("groups") or ():
        known = _KNOWN.get(group["name"])
        if known is None:
            continue
        served = [version["version"] for version in group["versions"]]
        chosen = next((version for version in known if version in served), None)
        if chosen is None:
            unread.append(
                f"{group['name']} is served as {', '.join(served)}; this version of upgrade-cp knows {', '.join(known)}"
            )
        else:
            apis.append(cast("MachineApi", f"{group['name']}/{chosen}"))
    return apis, unread


async def _read(cluster: Cluster, api: MachineApi) -> Found:
    reading = _Reading(cluster, api)
    deployments, sets, machines, clusters = await asyncio.gather(
        reading.all("machinedeployments", lambda raw: deployment_object(api, raw)),
        reading.all("machinesets", lambda raw: (str(raw["metadata"]["uid"]), controller(raw))),
        reading.all("machines", lambda raw: machine_object(api, raw)),
        _clusters(reading),
    )
    paused = {(one.namespace, one.name): f"its Cluster {one}" for one in clusters if one.paused}
    behind = {uid: owner for uid, owner in sets if owner}
    return Found(
        deployments=tuple(_paused(one, paused.get((one.namespace, one.cluster), "")) for one in deployments),
        clusters=clusters,
        machines=tuple(_owned(machine, owner, behind) for machine, owner in machines),
        unread=tuple(reading.unread),
    )


async def _clusters(reading: _Reading) -> tuple[ClusterObject, ...]:
    if not reading.api.startswith("cluster.x-k8s.io/"):
        return ()
    api = cast("ClusterApi", reading.api)
    return await reading.all("clusters", lambda raw: cluster_object(api, raw))


def deployment_object(api: MachineApi, raw: Json) -> DeploymentObject:
    """Never raises over what its owner wrote into it."""
    metadata, spec = raw["metadata"], raw.get("spec") or {}
    strategy = strategy_of(spec)
    rolling = strategy.get("rollingUpdate") or {}
    owner = controller(raw) or next(iter(_owners(raw)), None)
    return DeploymentObject(
        api=api,
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=_version(written_version(api, raw)),
        strategy=strategy.get("type") or "RollingUpdate",
        max_surge=str(rolling.get("maxSurge", 1)),
        max_unavailable=str(rolling.get("maxUnavailable", 0)),
        paused="it" if is_paused(raw) else "",
        cluster=spec.get("clusterName", ""),
        owner=_text(owner),
        topology=_BY_TOPOLOGY in (metadata.get("labels") or {}),
        rolled_out_by=rolled_out_by(raw),
        rollout=rollout(raw),
    )


def cluster_object(api: ClusterApi, raw: Json) -> ClusterObject:
    """A Cluster."""
    metadata, spec = raw["metadata"], raw.get("spec") or {}
    return ClusterObject(
        api=api,
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        paused=is_paused(raw),
        topology=_version((spec.get("topology") or {}).get("version", "")),
        rolled_out_by=rolled_out_by(raw),
    )


def machine_object(api: MachineApi, raw: Json) -> tuple[MachineObject, Json | None]:
    """A Machine, and the reference to what controls it."""
    metadata, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    node = status.get("nodeRef") or {}
    machine = MachineObject(
        api=api,
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        cluster=spec.get("clusterName", ""),
        node=node.get("name", ""),
        node_uid=node.get("uid", ""),
        provider_id=spec.get("providerID") or "",
    )
    return machine, controller(raw)


def written_version(api: str, raw: Json) -> str:
    """As its owner wrote it: Cluster API demands a `v`, machine-controller's users leave it out."""
    return version_in(api, raw["spec"]["template"].get("spec") or {})


def version_in(api: str, spec: Json) -> str:
    """Of a Machine's specification, or of a template of it; empty when it says none."""
    if api.startswith("cluster.x-k8s.io/"):
        return str(spec.get("version") or "")
    return str((spec.get("versions") or {}).get("kubelet") or "")


def strategy_of(spec: Json) -> Json:
    """v1beta2 has it in `rollout`; empty in both is the default, RollingUpdate."""
    found: Json = (spec.get("rollout") or spec).get("strategy") or {}
    return found


def is_paused(raw: Json) -> bool:
    """By its field or by Cluster API's annotation."""
    return bool((raw.get("spec") or {}).get("paused")) or _PAUSED in (raw["metadata"].get("annotations") or {})


def rolled_out_by(raw: Json) -> str:
    """First 8 digits of the run that gave it its version and has not finished with it."""
    said = str((raw["metadata"].get("annotations") or {}).get(ROLLOUT_ANNOTATION, ""))
    return said.partition(" ")[0]


def controller(raw: Json) -> Json | None:
    """The reference to the owner that manages it."""
    return next((owner for owner in _owners(raw) if owner.get("controller")), None)


def _owners(raw: Json) -> Sequence[Json]:
    return raw["metadata"].get("ownerReferences") or ()


def _paused(deployment: DeploymentObject, by_cluster: str) -> DeploymentObject:
    return replace(deployment, paused=deployment.paused or by_cluster)


def _owned(machine: MachineObject, owner: Json | None, behind: Mapping[str, Json]) -> MachineObject:
    """Through its MachineSet to the MachineDeployment."""
    if owner and owner["kind"] == "MachineSet":
        owner = behind.get(owner["uid"], owner)
    by_deployment = owner is not None and owner["kind"] == "MachineDeployment"
    return replace(machine, owner=_text(owner), deployment=str(owner["uid"]) if owner and by_deployment else "")


def _text(owner: Json | None) -> str:
    return f"{owner['kind']}/{owner['name']}" if owner else "none"


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except ValueError:
        return None
