"""Every step by its name in the plan file."""

from __future__ import annotations

from kubectl_upgrade.steps.backup_etcd import BackupEtcd
from kubectl_upgrade.steps.base import Step
from kubectl_upgrade.steps.clean_kubelet_flags import CleanKubeletFlags
from kubectl_upgrade.steps.drain_node import DrainNode
from kubectl_upgrade.steps.fetch_packages import FetchPackages
from kubectl_upgrade.steps.install_kubeadm import InstallKubeadm
from kubectl_upgrade.steps.install_kubelet import InstallKubelet
from kubectl_upgrade.steps.kubeadm_apply import KubeadmApply
from kubectl_upgrade.steps.kubeadm_node import KubeadmNode
from kubectl_upgrade.steps.kubelet_via_endpoint import KubeletViaEndpoint
from kubectl_upgrade.steps.kubelet_via_own_apiserver import KubeletViaOwnApiserver
from kubectl_upgrade.steps.mark_node import MarkNode
from kubectl_upgrade.steps.move_etcd import MoveEtcd
from kubectl_upgrade.steps.pin_etcd import PinEtcd
from kubectl_upgrade.steps.pull_etcd import PullEtcd
from kubectl_upgrade.steps.pull_images import PullImages
from kubectl_upgrade.steps.restart_kubelet import RestartKubelet
from kubectl_upgrade.steps.uncordon_node import UncordonNode
from kubectl_upgrade.steps.unmark_node import UnmarkNode
from kubectl_upgrade.steps.unpin_etcd import UnpinEtcd
from kubectl_upgrade.steps.upgrade_cluster_topology import UpgradeClusterTopology
from kubectl_upgrade.steps.upgrade_machine_deployment import UpgradeMachineDeployment
from kubectl_upgrade.steps.wait_add_ons import WaitAddOns
from kubectl_upgrade.steps.wait_control_plane import WaitControlPlane
from kubectl_upgrade.steps.wait_etcd import WaitEtcd
from kubectl_upgrade.steps.wait_kubelet_config_access import WaitKubeletConfigAccess
from kubectl_upgrade.steps.wait_node import WaitNode

STEPS: dict[str, type[Step]] = {
    "backup-etcd": BackupEtcd,
    "clean-kubelet-flags": CleanKubeletFlags,
    "drain-node": DrainNode,
    "fetch-packages": FetchPackages,
    "install-kubeadm": InstallKubeadm,
    "install-kubelet": InstallKubelet,
    "kubeadm-apply": KubeadmApply,
    "kubeadm-node": KubeadmNode,
    "kubelet-via-endpoint": KubeletViaEndpoint,
    "kubelet-via-own-apiserver": KubeletViaOwnApiserver,
    "mark-node": MarkNode,
    "move-etcd": MoveEtcd,
    "pin-etcd": PinEtcd,
    "pull-etcd": PullEtcd,
    "pull-images": PullImages,
    "restart-kubelet": RestartKubelet,
    "uncordon-node": UncordonNode,
    "unmark-node": UnmarkNode,
    "unpin-etcd": UnpinEtcd,
    "upgrade-cluster-topology": UpgradeClusterTopology,
    "upgrade-machine-deployment": UpgradeMachineDeployment,
    "wait-add-ons": WaitAddOns,
    "wait-control-plane": WaitControlPlane,
    "wait-etcd": WaitEtcd,
    "wait-kubelet-config-access": WaitKubeletConfigAccess,
    "wait-node": WaitNode,
}
