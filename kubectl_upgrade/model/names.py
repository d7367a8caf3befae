"""Names that this tool leaves on a cluster, and those of others that it honours."""

from __future__ import annotations

# a kubelet may not set labels under node-restriction.kubernetes.io on itself (NodeRestriction admission), so that only
# an operator's credentials can claim a node
RUN_LABEL = "upgrade-cp.node-restriction.kubernetes.io/run"
# value: run id. Written in the patch that cordons, so that whose cordon it is can never be in doubt
CORDON_ANNOTATION = "upgrade-cp.node-restriction.kubernetes.io/cordoned-by"
# value: run id and epoch. Written when a run is taken over, so that a patch which the old client prepared meets a
# Node that has changed
EPOCH_ANNOTATION = "upgrade-cp.node-restriction.kubernetes.io/taken-over"
# on the ConfigMap kubeadm-config; value: run id, the tag of etcd's image that the run has set there, and the one that
# was there before. Written in the patch that sets the tag
ETCD_TAG_ANNOTATION = "upgrade-cp/etcd-image-tag"
# value: run id, and the version before. Written in the patch that gives a MachineDeployment or a topology its version
ROLLOUT_ANNOTATION = "upgrade-cp.node-restriction.kubernetes.io/rolled-out-by"
# KubeOne's labels for a node in upgrade: its proposal's and its code's
KUBEONE_LABELS = ("kubeone.io/upgrade-in-process", "kubeone.io/upgrade-in-progress")

LOCK_NAME = "upgrade-cp"
LOCK_COLLECTION = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
LOCK_PATH = f"{LOCK_COLLECTION}/{LOCK_NAME}"

# what is written all the time while a plan runs, to see whether it can be
PROBE_NAME = "upgrade-cp-probe"
PROBE_PATH = f"{LOCK_COLLECTION}/{PROBE_NAME}"

CONTROL_PLANE_COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
