"""What differs from node to node: names, keys and sources, written before the first boot."""

import json
import shutil
import uuid
from pathlib import Path

from tests.lab import authority, hardened, keys, packages, registry
from tests.lab.place import Place
from tests.lab.spec import GATEWAY, NAMED_ENDPOINT, Node, Role, Spec

OPS = 1000
KEYRING = "etc/apt/keyrings/kubernetes-apt-keyring.gpg"
CONTAINERD = """\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "{pause}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
"""
MIRROR = 'server = "http://{0}"\n[host."http://{0}"]\n  capabilities = ["pull", "resolve"]\n'


def write(place: Place, spec: Spec, node: Node, root: Path, pause: str) -> None:
    """Write a node's own files into its mounted root; `pause` is the sandbox image of its kubeadm."""
    for name, text in _texts(spec, node, pause).items():
        (root / name).write_text(text)
    shutil.copy(keys.keyring(place), root / KEYRING)
    host_key = keys.host_key(place, node.name)
    shutil.copy(host_key, root / "etc/ssh/ssh_host_ed25519_key")
    shutil.copy(host_key.with_suffix(".pub"), root / "etc/ssh/ssh_host_ed25519_key.pub")
    public = keys.identity(place).with_suffix(".pub")
    for home, owner in (("root", 0), ("home/ops", OPS)):
        authorized = root / home / ".ssh/authorized_keys"
        shutil.copy(public, authorized)
        shutil.chown(authorized, owner, owner)
    if spec.hardened:
        _harden(place, spec, node, root)


def _harden(place: Place, spec: Spec, node: Node, root: Path) -> None:
    with (root / "etc/hosts").open("a") as hosts:
        hosts.write(f"{GATEWAY} {NAMED_ENDPOINT}\n")
    mirror = root / "etc/containerd/certs.d" / hardened.REGISTRY
    mirror.mkdir()
    (mirror / "hosts.toml").write_text(MIRROR.format(registry.ADDRESS))
    if node == spec.control_plane_nodes[0]:
        authority.install(place, root)
    if node.role is Role.CONTROL_PLANE:
        patches = root / hardened.PATCHES.lstrip("/")
        patches.mkdir(parents=True)
        for name, patch in hardened.PATCH_FILES.items():
            (patches / name).write_text(json.dumps(patch, indent=1))


def _texts(spec: Spec, node: Node, pause: str) -> dict[str, str]:
    hosts = [f"{other.address} {other.name}" for other in spec.nodes]
    source = f"deb [signed-by=/{KEYRING}] {packages.repository(spec.version)} /"
    return {
        "etc/hostname": f"{node.name}\n",
        "etc/hosts": "\n".join(["127.0.0.1 localhost", *hosts]) + "\n",
        "etc/machine-id": uuid.uuid4().hex + "\n",
        # nothing answers there: a node never asks the name servers of the machine that it runs on
        "etc/resolv.conf": f"nameserver {GATEWAY}\n",
        "etc/apt/sources.list.d/kubernetes.list": f"{source}\n",
        "etc/containerd/config.toml": CONTAINERD.format(pause=pause),
        "etc/containerd/certs.d/registry.k8s.io/hosts.toml": MIRROR.format(registry.ADDRESS),
        "etc/cni/net.d/10-lab.conflist": json.dumps(_pod_network(node), indent=1),
    }


def _pod_network(node: Node) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": node.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/run/cni/networks",  # a reboot frees every address
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "lab", "plugins": [bridge, ports]}
