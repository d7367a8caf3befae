"""Every check by its name in the plan file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.checks.certificates import Certificates
from kubectl_upgrade.checks.cgroup_v1 import CgroupV1
from kubectl_upgrade.checks.clock_skew import ClockSkew
from kubectl_upgrade.checks.container_runtime import ContainerRuntime
from kubectl_upgrade.checks.cordoned_nodes import CordonedNodes
from kubectl_upgrade.checks.coredns_migratable import CorednsMigratable
from kubectl_upgrade.checks.disk_room import DiskRoom
from kubectl_upgrade.checks.disruption_budgets import DisruptionBudgets
from kubectl_upgrade.checks.empty_dir import EmptyDir
from kubectl_upgrade.checks.etcd_healthy import EtcdHealthy
from kubectl_upgrade.checks.etcd_minimum import EtcdMinimum
from kubectl_upgrade.checks.etcd_quota import EtcdQuota
from kubectl_upgrade.checks.etcd_versions import EtcdVersions
from kubectl_upgrade.checks.failed_units import FailedUnits
from kubectl_upgrade.checks.hostnames import Hostnames
from kubectl_upgrade.checks.kernel import Kernel
from kubectl_upgrade.checks.known_bad_patch import KnownBadPatch
from kubectl_upgrade.checks.known_minor import KnownMinor
from kubectl_upgrade.checks.kubeadm_config_maps import KubeadmConfigMaps
from kubectl_upgrade.checks.kubelet_steady import KubeletSteady
from kubectl_upgrade.checks.kubelets_via_endpoint import KubeletsViaEndpoint
from kubectl_upgrade.checks.left_out_workers import LeftOutWorkers
from kubectl_upgrade.checks.leftovers import Leftovers
from kubectl_upgrade.checks.machine_deployments import MachineDeployments
from kubectl_upgrade.checks.managed_control_plane import ManagedControlPlane
from kubectl_upgrade.checks.manifests_as_rendered import ManifestsAsRendered
from kubectl_upgrade.checks.no_upgrade_in_process import NoUpgradeInProcess
from kubectl_upgrade.checks.node_addresses import NodeAddresses
from kubectl_upgrade.checks.node_answers import NodeAnswers
from kubectl_upgrade.checks.nodes_initialised import NodesInitialised
from kubectl_upgrade.checks.nodes_reachable import NodesReachable
from kubectl_upgrade.checks.nodes_ready import NodesReady
from kubectl_upgrade.checks.os_supported import OsSupported
from kubectl_upgrade.checks.package_holds import PackageHolds
from kubectl_upgrade.checks.package_lock import PackageLock
from kubectl_upgrade.checks.packages_sound import PackagesSound
from kubectl_upgrade.checks.quorum import Quorum
from kubectl_upgrade.checks.removed_admission_plugins import RemovedAdmissionPlugins
from kubectl_upgrade.checks.removed_apis import RemovedApis
from kubectl_upgrade.checks.removed_feature_gates import RemovedFeatureGates
from kubectl_upgrade.checks.removed_flags import RemovedFlags
from kubectl_upgrade.checks.serving_certificates import ServingCertificates
from kubectl_upgrade.checks.stray_manifests import StrayManifests
from kubectl_upgrade.checks.swap import Swap
from kubectl_upgrade.checks.unmanaged_pods import UnmanagedPods
from kubectl_upgrade.checks.upgrade_path import UpgradePath
from kubectl_upgrade.checks.version_skew import VersionSkew
from kubectl_upgrade.checks.versions_at_most_target import VersionsAtMostTarget
from kubectl_upgrade.checks.webhooks import Webhooks
from kubectl_upgrade.checks.windows_workers import WindowsWorkers

if TYPE_CHECKING:
    from kubectl_upgrade.checks.base import Check

# in the order in which a person wants to read them
CHECKS: dict[str, Check] = {
    "known-minor": KnownMinor(),
    "known-bad-patch": KnownBadPatch(),
    "upgrade-path": UpgradePath(),
    "managed-control-plane": ManagedControlPlane(),
    "nodes-reachable": NodesReachable(),
    "os-supported": OsSupported(),
    "node-addresses": NodeAddresses(),
    "nodes-initialised": NodesInitialised(),
    "node-answers": NodeAnswers(),
    "nodes-ready": NodesReady(),
    "kubelet-steady": KubeletSteady(),
    "hostnames": Hostnames(),
    "swap": Swap(),
    "clock-skew": ClockSkew(),
    "disk-room": DiskRoom(),
    "packages-sound": PackagesSound(),
    "package-lock": PackageLock(),
    "package-holds": PackageHolds(),
    "failed-units": FailedUnits(),
    "leftovers": Leftovers(),
    "quorum": Quorum(),
    "etcd-healthy": EtcdHealthy(),
    "etcd-versions": EtcdVersions(),
    "etcd-quota": EtcdQuota(),
    "certificates": Certificates(),
    "stray-manifests": StrayManifests(),
    "manifests-as-rendered": ManifestsAsRendered(),
    "versions-at-most-target": VersionsAtMostTarget(),
    "version-skew": VersionSkew(),
    "no-upgrade-in-process": NoUpgradeInProcess(),
    "kubeadm-config-maps": KubeadmConfigMaps(),
    "coredns-migratable": CorednsMigratable(),
    "cgroup-v1": CgroupV1(),
    "serving-certificates": ServingCertificates(),
    "cordoned-nodes": CordonedNodes(),
    "windows-workers": WindowsWorkers(),
    "etcd-minimum": EtcdMinimum(),
    "removed-apis": RemovedApis(),
    "removed-flags": RemovedFlags(),
    "removed-feature-gates": RemovedFeatureGates(),
    "removed-admission-plugins": RemovedAdmissionPlugins(),
    "kernel": Kernel(),
    "container-runtime": ContainerRuntime(),
    "webhooks": Webhooks(),
    "left-out-workers": LeftOutWorkers(),
    "disruption-budgets": DisruptionBudgets(),
    "unmanaged-pods": UnmanagedPods(),
    "empty-dir": EmptyDir(),
    "machine-deployments": MachineDeployments(),
    "kubelets-via-endpoint": KubeletsViaEndpoint(),
}
