"""MachineDeployments and their Machines: as the API has them, and as a plan pins them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from kubectl_upgrade.model.types import NodeName, Pattern, Range, Slug, Uid
from kubectl_upgrade.model.version import Version

MACHINE_CONTROLLER = "cluster.k8s.io/v1alpha1"
# Cluster API's, the newest first
ClusterApi: TypeAlias = Literal["cluster.x-k8s.io/v1beta2", "cluster.x-k8s.io/v1beta1"]
MachineApi: TypeAlias = Literal["cluster.x-k8s.io/v1beta2", "cluster.x-k8s.io/v1beta1", "cluster.k8s.io/v1alpha1"]
Owner: TypeAlias = Annotated[
    str,
    Pattern(r"none|[A-Z][A-Za-z]{0,62}/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", "none, or kind and name: Cluster/prod"),
]
# how many Machines more, or fewer, than wanted there may be during a rollout
RolloutShare = Annotated[str, Pattern(r"[0-9]{1,5}%?", "a number of Machines or a share of them, such as 1 or 10%")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineDeployment:
    """A MachineDeployment of this cluster as it was when the plan was made."""

    namespace: Slug
    name: NodeName
    uid: Uid
    api: MachineApi
    replicas: Annotated[int, Range(0, 100_000)]
    version: Version
    """of the kubelets on the Machines that it makes"""
    strategy: Literal["RollingUpdate", "OnDelete"]
    """`OnDelete`: a Machine gets the new version when somebody deletes the old one"""
    max_surge: RolloutShare = "1"
    max_unavailable: RolloutShare = "0"
    owner: Owner = "none"
    topology: bool = False
    """moves with spec.topology.version of the Cluster that owns it, and never by itself"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTopology:
    """A Cluster with a topology whose Machines are nodes of this cluster."""

    namespace: Slug
    name: NodeName
    uid: Uid
    api: ClusterApi
    version: Version
    """spec.topology.version"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How far a MachineDeployment's Machines are, by its own status."""

    observed: bool
    """its controller has seen the specification as it is now"""
    wanted: int
    replicas: int
    """all there are, old ones as well"""
    updated: int
    ready: int
    available: int

    @property
    def done(self) -> bool:
        """As `kubectl rollout status` judges a Deployment."""
        return self.observed and self.updated == self.replicas == self.wanted and self.available >= self.wanted

    def __str__(self) -> str:
        counts = f"{self.updated} updated, {self.ready} ready, {self.available} available of {self.wanted}"
        old = f", {self.replicas} in all" if self.replicas != self.wanted else ""
        return f"{counts}{old}" if self.observed else "its controller has not seen the new specification yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentObject:
    """A MachineDeployment as the API has it."""

    api: MachineApi
    namespace: str
    name: str
    uid: str
    version: Version | None
    """None: it says none, or none that can be read"""
    strategy: str
    max_surge: str = "1"
    max_unavailable: str = "0"
    paused: str = ""
    """what pauses it: `it`, or its Cluster"""
    cluster: str = ""
    """spec.clusterName; machine-controller knows none"""
    owner: str = "none"
    topology: bool = False
    rolled_out_by: str = ""
    """first 8 digits of the run that gave it its version and has not seen it rolled out"""
    rollout: Rollout

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterObject:
    """A Cluster of Cluster API."""

    api: ClusterApi
    namespace: str
    name: str
    uid: str
    paused: bool = False
    topology: Version | None = None
    """spec.topology.version"""
    rolled_out_by: str = ""
    """as of a MachineDeployment"""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineObject:
    """A Machine, as far as it tells whose a Node is."""

    api: MachineApi
    namespace: str
    name: str
    uid: str
    cluster: str = ""
    owner: str = "none"
    """who controls it: `KubeadmControlPlane/prod`; of a MachineSet, the MachineDeployment behind it"""
    deployment: str = ""
    """uid of that MachineDeployment"""
    node: str = ""
    """status.nodeRef.name"""
    node_uid: str = ""
    """v1beta2 has none"""
    provider_id: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOwner:
    """Whose Machine a Node is."""

    machine: str
    """namespace/name, or what the Node itself says of it"""
    owner: str
    """`MachineDeployment/pool1`"""
    deployment: str = ""
    """uid of a MachineDeployment of this cluster; empty when none replaces this Machine"""
    here: bool = True
    """the Machine is an object of this cluster's API; a MachinePool's node has none"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """What manages machines of this cluster; all of it is empty where nothing does."""

    deployments: tuple[DeploymentObject, ...] = ()
    """of this cluster"""
    topologies: tuple[ClusterObject, ...] = ()
    """of this cluster, with a topology"""
    owners: Mapping[str, NodeOwner] = field(default_factory=dict)
    """by the name of the Node"""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """what is left alone, for it is not proved to be this cluster's → why"""
    rolled_out_by: Mapping[str, str] = field(default_factory=dict)
    """uid → first 8 digits of the run that began its rollout and has not seen the end; also of those elsewhere: while
    Machines are replaced, it may be that none of them is a node
    """
    unread: tuple[str, ...] = ()
    """what of it could not be read, and why"""
