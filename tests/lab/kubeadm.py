"""What kubeadm is told at init and join; pure. JSON is YAML, so no template is needed."""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from tests.lab import hardened
from tests.lab.errors import LabError
from tests.lab.spec import API_PORT, POD_SUBNET, SERVICE_SUBNET, Node, Role, Spec

API = "kubeadm.k8s.io/v1beta4"
SOCKET = "unix:///run/containerd/containerd.sock"
# The machine under the lab: cgroup v1, its swap, its cores and memory are all that the nodes can have.
IGNORED = ["SystemVerification", "Swap", "NumCPU", "Mem", "FileContent--proc-sys-net-bridge-bridge-nf-call-iptables"]
CA_HASH = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Secrets:
    """What lets nodes join."""

    token: str
    certificate_key: str

    @classmethod
    def new(cls) -> "Secrets":
        """Draw fresh ones."""
        return cls(f"{secrets.token_hex(3)}.{secrets.token_hex(8)}", secrets.token_hex(32))


def init_config(spec: Spec, known: Secrets) -> str:
    """Write the configuration of `kubeadm init` on the first control plane."""
    init = {
        "apiVersion": API,
        "kind": "InitConfiguration",
        "localAPIEndpoint": _endpoint(spec.control_plane_nodes[0]),
        "nodeRegistration": _registration(spec, spec.control_plane_nodes[0]),
        "certificateKey": known.certificate_key,
        "bootstrapTokens": [{"token": known.token}],
        **_patches(spec),
    }
    cluster = {
        "apiVersion": API,
        "kind": "ClusterConfiguration",
        "kubernetesVersion": str(spec.version),
        "clusterName": "lab",
        "controlPlaneEndpoint": spec.endpoint,
        "networking": {"podSubnet": POD_SUBNET, "serviceSubnet": SERVICE_SUBNET},
        **(hardened.CLUSTER if spec.hardened else {}),
    }
    kubelet = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs",
        "failSwapOn": False,
        "failCgroupV1": False,
        **(hardened.KUBELET if spec.hardened else {}),
    }
    proxy = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "conntrack": {"maxPerCore": 0, "min": 0},  # the limits belong to the machine, not to a network namespace
    }
    return _documents(init, cluster, kubelet, proxy)


def join_config(spec: Spec, node: Node, known: Secrets, ca_hash: str) -> str:
    """Write the configuration of `kubeadm join` on a further node."""
    token = {"token": known.token, "apiServerEndpoint": spec.endpoint, "caCertHashes": [ca_hash]}
    file = {"kubeConfigPath": hardened.DISCOVERY}
    join: dict[str, object] = {
        "apiVersion": API,
        "kind": "JoinConfiguration",
        "discovery": {"file": file} if spec.hardened else {"bootstrapToken": token},
        "nodeRegistration": _registration(spec, node),
    }
    if node.role is Role.CONTROL_PLANE:
        join["controlPlane"] = {"localAPIEndpoint": _endpoint(node), "certificateKey": known.certificate_key}
        join.update(_patches(spec))
    return _documents(join)


def discovery(spec: Spec, known: Secrets, authority: str) -> str:
    """Write what a node joins by where cluster-info is nobody's without credentials: a kubeconfig with the token."""
    server = {"server": f"https://{spec.endpoint}", "certificate-authority-data": authority}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": server}],
        "users": [{"name": "joining", "user": {"token": known.token}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "joining"}}],
        "current-context": "lab",
    }
    return _documents(config)


def ca_hash(output: str) -> str:
    """Find in `kubeadm init`'s words the hash that joining nodes check."""
    found = CA_HASH.search(output)
    if not found:
        raise LabError(f"kubeadm init printed no CA hash:\n{output[-2000:]}")
    return found.group()


def _endpoint(node: Node) -> dict[str, object]:
    return {"advertiseAddress": node.address, "bindPort": API_PORT}


def _registration(spec: Spec, node: Node) -> dict[str, object]:
    own = hardened.registration(node) if spec.hardened else {}
    return {"criSocket": SOCKET, "ignorePreflightErrors": IGNORED, **own}


def _patches(spec: Spec) -> dict[str, object]:
    return {"patches": {"directory": hardened.PATCHES}} if spec.hardened else {}


def _documents(*documents: Mapping[str, object]) -> str:
    return "\n---\n".join(json.dumps(document, indent=1) for document in documents) + "\n"
