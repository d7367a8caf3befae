"""Make one cluster of booted machines, the documented way: packages, kubeadm init, kubeadm join."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab import authority, hardened, kubeadm, machine
from tests.lab.place import Place
from tests.lab.spec import Node, Role, Spec
from tests.lab.ssh import Ssh
from tests.lab.timings import Timings

FILES = Path(__file__).parent / "files"
CONFIG = "/root/kubeadm.yaml"
LOG = "/var/log/kubeadm.log"
LIMIT = 600


def make(place: Place, spec: Spec, timings: Timings) -> None:
    """Join every machine to a new cluster; control planes one at a time, workers beside them."""
    ssh = Ssh(place)
    known = kubeadm.Secrets.new()
    first, *others = spec.control_plane_nodes
    with ThreadPoolExecutor(max_workers=len(spec.nodes)) as pool:
        with timings.part("install packages"):
            list(pool.map(lambda node: _install(ssh, node), spec.nodes))
        prefetched = {node: pool.submit(_pull, ssh, spec, node) for node in others}
        with timings.part(f"kubeadm init {first.name}"):
            output = _kubeadm(ssh, first, "init --upload-certs", kubeadm.init_config(spec, known))
        ca_hash = kubeadm.ca_hash(output)
        admin = (machine.root(place, first) / "etc/kubernetes/admin.conf").read_text()
        place.kubeconfig.touch(0o600)
        place.kubeconfig.write_text(admin.replace(spec.endpoint, spec.reachable_endpoint))
        if spec.hardened:
            found = kubeadm.discovery(spec, known, authority.bundle(place))
            list(pool.map(lambda node: _write(ssh, node, hardened.DISCOVERY, found), (*others, *spec.worker_nodes)))
        join = _joiner(ssh, spec, known, ca_hash, timings)
        workers = [pool.submit(join, node) for node in spec.worker_nodes]
        for node in others:
            prefetched[node].result()
            join(node)
        for worker in workers:
            worker.result()


def _joiner(ssh: Ssh, spec: Spec, known: kubeadm.Secrets, ca_hash: str, timings: Timings) -> Callable[[Node], None]:
    def join(node: Node) -> None:
        with timings.part(f"kubeadm join {node.name}"):
            _kubeadm(ssh, node, "join", kubeadm.join_config(spec, node, known, ca_hash))

    return join


def _install(ssh: Ssh, node: Node) -> None:
    ssh.run(node.name, (FILES / "install.sh").read_text(), limit=LIMIT)


def _pull(ssh: Ssh, spec: Spec, node: Node) -> None:
    if node.role is Role.CONTROL_PLANE:
        own = f" --image-repository {hardened.CLUSTER['imageRepository']}" if spec.hardened else ""
        ssh.run(node.name, f"kubeadm config images pull --kubernetes-version {spec.version}{own}", limit=LIMIT)


def _kubeadm(ssh: Ssh, node: Node, verb: str, config: str) -> str:
    _write(ssh, node, CONFIG, config)
    command = f"kubeadm {verb} --config {CONFIG} -v1"
    return ssh.run(node.name, f"{command} 2>&1 | tee {LOG}; exit $PIPESTATUS", limit=LIMIT).out


def _write(ssh: Ssh, node: Node, path: str, text: str) -> None:
    ssh.run(node.name, f"umask 077; cat > {path} <<'END'\n{text}END\n")
