"""Everything that was observed, once; `Unknown` is a value and never counts as good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar

from kubectl_upgrade.model.add_ons import AddOns
from kubectl_upgrade.model.admission import Admission
from kubectl_upgrade.model.certificates import Certificates
from kubectl_upgrade.model.deprecated_api import DeprecatedApi
from kubectl_upgrade.model.drains import Budget, MovingPod
from kubectl_upgrade.model.endpoint import EndpointSeen, EtcdEndpoint
from kubectl_upgrade.model.etcd import EtcdImages
from kubectl_upgrade.model.given import Given
from kubectl_upgrade.model.kubeadm_config import KubeadmConfig
from kubectl_upgrade.model.machines import Machines
from kubectl_upgrade.model.node_health import System
from kubectl_upgrade.model.offers import Offers
from kubectl_upgrade.model.rendered import Rendered
from kubectl_upgrade.model.run_record import LastOutput, RunRecord
from kubectl_upgrade.model.version import Version

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unknown:
    """It could not be observed, and why."""

    reason: str


Maybe: TypeAlias = "T | Unknown"
NOT_ASKED = Unknown("not asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeObject:
    """A Node as the API has it."""

    name: str
    uid: str
    internal_ip: str
    """first InternalIP, empty when there is none"""
    external_ip: str = ""
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    control_plane: bool
    """has the label node-role.kubernetes.io/control-plane"""
    ready: bool
    cordoned: bool
    kubelet: Version
    boot_id: str = ""
    runtime: str = ""
    """of the containers, `containerd://2.1.5`"""
    kernel: str = ""
    """`6.1.0-28-amd64`"""
    provider_id: str = ""
    """spec.providerID, as the cloud that made it says"""

    @property
    def windows(self) -> bool:
        return self.labels.get("kubernetes.io/os") == "windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticPod:
    """A component's pod on a control-plane node, as the API's mirror of it or the kubelet itself has it."""

    component: str
    """label `component`: etcd, kube-apiserver, kube-controller-manager, kube-scheduler"""
    node: str
    image: str
    """of the running container, from the status; falls back to the spec's"""
    ready: bool
    running: bool = True
    """every container of it runs"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What a node says of itself (host.sh)."""

    hostname: str
    boot_id: str
    os_id: str
    os_version: str
    cgroup: Literal["v1", "v2"]
    host_key: str
    """SHA256 fingerprint of the ed25519 host key, else of the first one there is"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """Packages of Kubernetes on a node (packages.sh)."""

    family: str
    """a name in packages/, or `unknown`"""
    repository: str
    """minor line of the repository in use (`v1.34`), `none` when not split by minor or none is set up"""
    held: tuple[str, ...]
    installed: Mapping[str, str]
    """package → version as the package manager writes it"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubeadm:
    """What kubeadm left on a node (kubeadm.sh)."""

    initialised: bool
    """/etc/kubernetes/kubelet.conf exists"""
    control_plane: bool
    """/etc/kubernetes/manifests/kube-apiserver.yaml exists"""
    kubeadm: Version | None
    """of the binary"""
    kubelet: Version | None
    """of the binary on disk; the running one is what the Node reports"""
    patches: Literal["none", "standard"]
    admin_conf: bool
    """/etc/kubernetes/admin.conf exists, which `kubeadm upgrade apply` needs"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFiles:
    """Static pod manifests of kubeadm's components on a node (manifests.sh)."""

    hashes: Mapping[str, str]
    """component, or `patches` for the folder of patches → sha256:…"""
    images: Mapping[str, str]
    """component → image in the manifest"""
    others: Mapping[str, str] = field(default_factory=dict)
    """each further file that the kubelet reads there → name of the pod in it, empty when it says none"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdMember:
    """A line of `etcdctl member list`."""

    id: str
    name: str
    started: bool
    learner: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Etcd:
    """The member on this node, asked with its own binary (etcd.sh)."""

    member: str
    """its id, hexadecimal"""
    version: str
    """as the server says: 3.6.5"""
    leader: str
    """id of the leader it knows, `0` for none"""
    raft_index: int
    raft_applied_index: int
    learner: bool
    db_size: int
    """bytes"""
    alarms: tuple[str, ...]
    errors: tuple[str, ...]
    """errors in its own status"""
    members: tuple[EtcdMember, ...]
    """as this member lists them"""
    quota: int = 0
    """bytes, from its command line or environment; 0 for etcd's default, below 0 for none"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apiserver:
    """The API server on this node, asked there with the node's credentials (apiserver.sh)."""

    ready: bool
    """/readyz answered 200"""
    version: Version | None
    """of /version"""
    said: str
    """body or curl's error, when not ready"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """What the parts of the control plane on this node say there (components.sh)."""

    health: Mapping[str, str]
    """of kube-controller-manager and kube-scheduler: ok, or what came instead"""
    pods: Maybe[tuple[StaticPod, ...]]
    """static pods of this kubelet, whatever the API has of earlier ones"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubelet:
    """The kubelet's unit (kubelet.sh)."""

    active: bool
    restarts: int
    """systemd's NRestarts"""
    healthy: bool
    """its healthz endpoint answered ok, or the configuration turns it off"""
    last_lines: tuple[str, ...]
    """end of its journal, when not active or not healthy"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What was asked on one node over ssh; a part that was not asked, or not answered, is Unknown."""

    host: Maybe[Host] = NOT_ASKED
    packages: Maybe[Packages] = NOT_ASKED
    kubeadm: Maybe[Kubeadm] = NOT_ASKED
    manifests: Maybe[ManifestFiles] = NOT_ASKED
    etcd: Maybe[Etcd] = NOT_ASKED
    apiserver: Maybe[Apiserver] = NOT_ASKED
    deprecated_apis: Maybe[tuple[DeprecatedApi, ...]] = NOT_ASKED
    """requested of this node's API server since it started"""
    components: Maybe[Components] = NOT_ASKED
    kubelet: Maybe[Kubelet] = NOT_ASKED
    endpoint: Maybe[EndpointSeen] = NOT_ASKED
    run: Maybe[RunRecord] = NOT_ASKED
    external_etcd: Maybe[tuple[EtcdEndpoint, ...]] = NOT_ASKED
    last_output: Maybe[LastOutput] = NOT_ASKED
    certificates: Maybe[Certificates] = NOT_ASKED
    evidence: Maybe[str] = NOT_ASKED
    """logs, containers and disks, for a person"""
    flags: Maybe[tuple[Given, ...]] = NOT_ASKED
    """what the kubelet is given, and the static pods of kubeadm, and by which patches of it"""
    kubelet_config_access: Maybe[bool] = NOT_ASKED
    """the kubelet's credentials may read the ConfigMap kube-system/kubelet-config"""
    system: Maybe[System] = NOT_ASKED
    asked: Maybe[tuple[float, float]] = NOT_ASKED
    """before and after the round trip, seconds since 1970 by the clock of the machine that asked"""
    offers: Maybe[Offers] = NOT_ASKED
    rendered: Maybe[Rendered] = NOT_ASKED
    etcd_images: Maybe[EtcdImages] = NOT_ASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A cluster as seen at one time."""

    uid: str
    ca_hash: str
    kubeadm_config: KubeadmConfig
    fail_cgroup_v1: bool
    """kubelet-config's failCgroupV1; Kubernetes' default is true since 1.35"""
    fail_swap_on: bool = True
    """kubelet-config's failSwapOn"""
    kube_proxy: Maybe[Version]
    """the DaemonSet's image; Unknown when kube-proxy is not kubeadm's"""
    nodes: tuple[NodeObject, ...]
    static_pods: tuple[StaticPod, ...]
    hosts: Mapping[str, Maybe[HostFacts]]
    """by node name; a node that was not probed is absent"""
    add_ons: Maybe[AddOns] = NOT_ASKED
    unsigned_kubelets: Maybe[tuple[str, ...]] = ()
    """nodes whose kubelets wait for a serving certificate, when kubelet-config has serverTLSBootstrap"""
    configured: Mapping[str, Maybe[Given]] = field(default_factory=dict)
    """by ConfigMap: feature gates in kubelet-config, and in kube-proxy where that is kubeadm's"""
    pods: Maybe[tuple[MovingPod, ...]] = NOT_ASKED
    """those that a drain of their node would have to move"""
    budgets: Maybe[tuple[Budget, ...]] = NOT_ASKED
    admission: Maybe[Admission] = NOT_ASKED
    machines: Machines = field(default_factory=Machines)

    @property
    def control_planes(self) -> tuple[NodeObject, ...]:
        return tuple(node for node in self.nodes if node.control_plane)

    @property
    def workers(self) -> tuple[NodeObject, ...]:
        return tuple(node for node in self.linux if not node.control_plane)

    @property
    def linux(self) -> tuple[NodeObject, ...]:
        """Nodes that an upgrade has to do with: Windows is left alone."""
        return tuple(node for node in self.nodes if not node.windows)
