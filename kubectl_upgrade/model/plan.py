"""The plan as data; the plan file (kind UpgradePlan) is this in camelCase.

Field names turn into YAML keys by camelCase; a trailing underscore is dropped (`from_` is `from`). A field with a
default may be left out of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from kubectl_upgrade.model.machines import ClusterTopology, MachineDeployment
from kubectl_upgrade.model.types import (
    Address,
    Date,
    Endpoint,
    EtcdMemberId,
    EtcdVersion,
    HostKey,
    ImageRepository,
    ImageTag,
    KubeadmError,
    MinorLine,
    NodeName,
    OneOf,
    PackageName,
    Pattern,
    Range,
    Seconds,
    Sha256,
    Share,
    Size,
    Slug,
    Text,
    Uid,
)
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.model.window import Window

API_VERSION = "upgrade-cp/v1"
KIND = "UpgradePlan"
# targets side by side in a parallel stage that does not say: as much as one repository and one client bear
PARALLEL = 20

# a step's arguments as they stand in the file; steps/ knows each step's fields and their types
Argument: TypeAlias = "str | int | bool | tuple[str, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCluster:
    """Which cluster this plan is for, and the way that it goes."""

    name: Text
    """kubeadm's clusterName"""
    uid: Uid
    """uid of the namespace kube-system"""
    ca_hash: Sha256
    """of the cluster's CA certificate (DER)"""
    from_: Version
    """kubeadm-config's kubernetesVersion when the plan was made"""
    to: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfiguration:
    """Fields of kubeadm's ClusterConfiguration that decide what kubeadm does."""

    control_plane_endpoint: Endpoint
    image_repository: ImageRepository
    etcd: Literal["stacked", "external"]
    etcd_image_tag: ImageTag
    """`none` unless etcd.local.imageTag pins one"""
    etcd_image_repository: ImageRepository = "none"
    """`none` unless etcd.local.imageRepository names another one, as for the next two"""
    dns_image_repository: ImageRepository = "none"
    dns_image_tag: ImageTag = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentVersions:
    """What runs on one control-plane node."""

    kubelet: Version
    kube_proxy: Version | None = None
    """of the DaemonSet; absent when kube-proxy is not kubeadm's"""
    apiserver: Version
    controller_manager: Version
    scheduler: Version
    etcd: EtcdVersion
    """as etcd itself says, `3.6.5`; `external` when etcd is not kubeadm's"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifests:
    """Hash of each static pod manifest that kubeadm owns, and of its patches."""

    patches: Sha256 | None = None
    """of all files in /etc/kubernetes/patches; absent when there are none"""
    etcd: Sha256 | None = None
    kube_apiserver: Sha256
    kube_controller_manager: Sha256
    kube_scheduler: Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """A control-plane node as it was when the plan was made; every field is pinned."""

    name: NodeName
    uid: Uid
    address: Address
    """the Node's InternalIP; ssh goes there"""
    host_key: HostKey
    versions: ComponentVersions
    etcd_member: EtcdMemberId
    packages: Annotated[str, OneOf(("apt",))]
    """package family, a name in packages/"""
    repository: MinorLine
    """minor line that the node's package repository serves, `none` when it is not split by minor"""
    held: tuple[PackageName, ...] = ()
    cordoned: bool = False
    ready: bool = True
    patches: Literal["none", "standard"] = "none"
    """`standard`: kubeadm patches lie in /etc/kubernetes/patches"""
    manifests: Manifests


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolNode:
    """A worker."""

    name: NodeName
    uid: Uid
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Workers that are alike: same kubelet version, same package family, same patches; in upgrade order."""

    name: Slug
    kubelet: Version
    packages: Annotated[str, OneOf(("apt",))]
    patches: Literal["none", "standard"] = "none"
    nodes: Annotated[tuple[PoolNode, ...], Size(1, 10_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightEntry:
    """A finding, for the reader; apply judges afresh."""

    check: Slug
    result: Literal["pass", "info", "warn", "waived", "blocker"]
    node: NodeName | None = None
    message: Text = ""
    fix: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A finding accepted by a person, with its reason and its end."""

    check: Slug
    kubeadm_errors: tuple[KubeadmError, ...] = ()
    """kubeadm's named preflight errors that this waiver lets steps ignore"""
    reason: Text
    until: Date
    """last day on which it counts"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """While the plan runs, the API is read and written all the time, to tell how available it was."""

    write: Annotated[str, OneOf(("lease/upgrade-cp-probe",))]
    """in kube-system; it is made for that and deleted at the end"""
    every_seconds: Annotated[int, Range(1, 60)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTargets:
    """Nodes of one pool that no earlier stage of the hop on that pool took."""

    pool: Slug
    count: Annotated[int, Range(1, 10_000)] | None = None
    """only the first so many"""


Targets: TypeAlias = (
    "tuple[NodeName, ...] | Literal['all', 'cluster', 'machineDeployments', 'clusterTopologies'] | PoolTargets"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One step of a stage as the file has it: `{do, with, as}`."""

    do: Slug
    """name of a step, a key of steps.STEPS"""
    with_: dict[str, Argument] = field(default_factory=dict)
    """the step's fields, keys in camelCase as in the file"""
    as_: Slug | None = None
    """name of this step in its stage when `do` stands there more than once"""

    @property
    def name(self) -> str:
        """How the step is called in its stage."""
        return self.as_ or self.do


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What follows a stage before the next one starts."""

    soak_seconds: Seconds | None = None
    pause: bool = False
    """stop here; `apply` again goes on"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Targets and steps: every target runs all steps in order."""

    stage: Slug
    targets: Targets
    parallel: bool = False
    at_once: Annotated[int, Range(1, 100)] | None = None
    """of a parallel stage: how many targets side by side, beside one control plane; 20 when left out"""
    max_unavailable: Share | None = None
    """of a pool: how many targets at once; a share is rounded down, at least 1"""
    max_failures: Annotated[int, Range(0, 10_000)] = 0
    """how many targets may fail before no new one starts; those that stay away count against max_unavailable"""
    drain_limit_seconds: Seconds | None = None
    """how long the drains of one apply may take together; then no further node is begun"""
    window: Window | None = None
    """of a pool: when its nodes may be worked on"""
    after: After | None = None
    steps: Annotated[tuple[PlannedStep, ...], Size(1, 100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One minor, or a patch."""

    from_: Version
    to: Version
    stages: Annotated[tuple[Stage, ...], Size(1, 200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole file."""

    api_version: Annotated[str, OneOf((API_VERSION,))] = API_VERSION
    kind: Annotated[str, OneOf((KIND,))] = KIND
    made_by: Annotated[str, Pattern(r"[0-9]{1,4}\.[0-9]{1,4}")]
    """major.minor of the tool; only the same one applies it"""
    cluster: PlanCluster
    cluster_configuration: ClusterConfiguration
    control_planes: Annotated[tuple[ControlPlane, ...], Size(1, 99)]
    pools: tuple[Pool, ...] = ()
    machine_deployments: tuple[MachineDeployment, ...] = ()
    """of this cluster, in upgrade order; their nodes stand in no pool: they are replaced"""
    cluster_topologies: tuple[ClusterTopology, ...] = ()
    preflight: tuple[PreflightEntry, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    availability: Availability | None = None
    hops: Annotated[tuple[Hop, ...], Size(0, 20)]

    @property
    def managed(self) -> tuple[MachineDeployment | ClusterTopology, ...]:
        """What controllers of the cluster roll out."""
        return (*self.machine_deployments, *self.cluster_topologies)


@dataclass(frozen=True, slots=True)
class StepId:
    """Where a step stands: `v1.35.4/first-control-plane/cp1/kubeadm-apply`."""

    hop: str
    stage: str
    target: str
    step: str

    def __str__(self) -> str:
        return f"{self.hop}/{self.stage}/{self.target}/{self.step}"
