"""The lab: real kubeadm clusters on one machine, for tests and for the command line."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from tests.lab import (
    authority,
    cluster,
    disk,
    hardened,
    hardening,
    host,
    host_packages,
    keys,
    leftovers,
    logs,
    machine,
    network,
    node_files,
    packages,
    readiness,
    registry,
    services,
    snapshots,
)
from tests.lab.api import Api
from tests.lab.cache import Cache
from tests.lab.errors import LabError
from tests.lab.hold import hold, refuse_if_held
from tests.lab.host import Done
from tests.lab.parts import Parts, everything
from tests.lab.place import Place
from tests.lab.probe import Probe
from tests.lab.spec import Node, Spec
from tests.lab.ssh import Ssh
from tests.lab.timings import Timings
from tests.lab.until import until
from tests.lab.versions import Version

READY_LIMIT = 180
NODES = "/api/v1/nodes"
SYSTEM_PODS = "/api/v1/namespaces/kube-system/pods"
T = TypeVar("T")


class Lab:
    """One cluster; what changes it holds the lab's lock, so that two commands never meet."""

    def __init__(self, spec: Spec, place: Place | None = None) -> None:
        self.spec = spec
        self.place = place or Place.default()
        self.place.cache.mkdir(parents=True, exist_ok=True)
        self.timings = Timings(self.place.timings)
        self.cache = Cache(self.place.cache, self.timings)
        self.ssh = Ssh(self.place)

    @classmethod
    def current(cls, place: Place | None = None) -> "Lab":
        """Return the lab that is up."""
        where = place or Place.default()
        if not where.spec.is_file():
            raise LabError("no lab is up; start one with: python -m tests.lab up")
        return cls(Spec.from_json(where.spec.read_text()), where)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node."""
        return self.spec.nodes

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.place.kubeconfig

    @property
    def ssh_config(self) -> Path:
        """What `ssh -F` needs to reach each node by its name, as the sudo user ops."""
        return self.place.ssh_config

    @property
    def api(self) -> Api:
        """A client of the cluster."""
        return Api(self.kubeconfig)

    def hold(self, who: str) -> AbstractContextManager[None]:
        """Keep everybody else's commands from changing the lab while the context lasts."""
        return hold(self.place.hold, who, os.environ)

    def build(self) -> None:
        """Build what the spec needs, into the cache."""
        with self._alone():
            host_packages.install()
            self.cache.sweep()
            everything(self.cache, self.spec.versions)

    def up(self) -> None:
        """Bring the cluster up, over whatever an earlier lab left behind."""
        with self._alone(), self.timings.part("up"):
            host_packages.install()
            leftovers.clear(self.place)
            self.cache.sweep()
            parts = everything(self.cache, self.spec.versions)
            with self.timings.part("disk, keys, network, services"):
                self._lay_out()
                self.place.kubectl.symlink_to(parts.releases[self.spec.version].kubernetes / "kubectl")
                self.place.rootfs.symlink_to(parts.rootfs)
            with self.timings.part("publish images and packages"):
                for version in self.spec.versions:
                    self._offer(version, parts)
            with self.timings.part("boot"):
                self._each(lambda node: self._first_boot(node, parts))
            cluster.make(self.place, self.spec, self.timings)
            self.wait_ready()
            if self.spec.hardened:
                hardening.finish(self.place, self.spec, self.api)
            self.wait_settled()

    def down(self, *, all_of_it: bool = False) -> None:
        """Remove the cluster, and with `all_of_it` the cache."""
        with self._alone(), self.timings.part("down"):
            leftovers.clear(self.place)
        if all_of_it:
            leftovers.clear_all(self.place)

    def run(self, node: str, script: str, *, user: str = "root", limit: float = 120, check: bool = True) -> Done:
        """Run a bash script on a node."""
        return self.ssh.run(node, script, user=user, limit=limit, check=check)

    def publish(self, version: Version) -> None:
        """Offer another version, as packages and images, to the nodes."""
        with self._alone():
            parts = everything(self.cache, (version,))
            with self.timings.part(f"publish {version}"):
                self._offer(version, parts)

    def snapshot(self, name: str, extra: Sequence[Path] = ()) -> None:
        """Keep every node's disk, and the folders `extra`, under a name; the nodes are power-cut and booted again."""
        with self._alone(), self.timings.part(f"snapshot {name}"):
            self._power_off()
            snapshots.save(self.place, name, extra)
            self._power_on()

    def restore(self, name: str) -> None:
        """Bring a snapshot back and boot the nodes."""
        with self._alone(), self.timings.part(f"restore {name}"):
            snapshots.check(self.place, name)
            self._power_off()
            snapshots.bring_back(self.place, name)
            self._power_on()

    def stop(self, node: str) -> None:
        """Cut a node's power."""
        refuse_if_held(self.place.hold, os.environ)
        machine.stop(self.place, self.spec.node(node))

    def start(self, node: str) -> None:
        """Boot a node whose power was cut."""
        machine.start(self.place, self.spec, self.spec.node(node))
        machine.wait_ssh(self.spec.node(node))

    def wait_ready(self, limit: float = READY_LIMIT) -> None:
        """Wait until every node has been heard of since its boot and is Ready, and every API server answers."""
        with self.timings.part("all nodes Ready"):
            until("every node Ready", limit, self._missing)
        with self.timings.part("all API servers ready"):
            for node in self.spec.control_plane_nodes:
                until(
                    f"API server on {node.name}", limit, partial(self._unready, Api(self.kubeconfig, host=node.address))
                )

    def wait_settled(self, limit: float = READY_LIMIT) -> None:
        """Wait until every pod of the control plane, and the add-ons, is Ready; after a boot that takes longer."""
        with self.timings.part("all system pods Ready"):
            until("every system pod Ready", limit, lambda: readiness.pods(self.api.get(SYSTEM_PODS)))

    def probe(self) -> Probe:
        """Measure the API's availability while the context lasts."""
        return Probe(self.kubeconfig)

    def logs(self, target: Path) -> None:
        """Collect what explains a failure."""
        logs.collect(self.place, self.spec, target)

    def status(self) -> dict[str, object]:
        """Say what is up."""
        return {
            "spec": json.loads(self.spec.to_json()),
            "missing": self._missing(),
            "snapshots": snapshots.names(self.place),
            "packages": packages.published(self.place),
        }

    def leftovers(self) -> dict[str, list[str]]:
        """List everything of the lab that is on this machine."""
        return leftovers.listed(self.place)

    def _missing(self) -> str:
        boot_ids = {node.name: machine.boot_id(self.place, node) for node in self.nodes}
        return readiness.nodes(self.api.get(NODES), boot_ids)

    @staticmethod
    def _unready(server: Api) -> str:
        return readiness.api_server(server.ask("GET", "/readyz"))

    def _lay_out(self) -> None:
        host.allow_many_watchers()
        for folder in (self.place.lab, self.place.run, self.place.registry):
            folder.mkdir(exist_ok=True)
        self.place.spec.write_text(self.spec.to_json())
        keys.make(self.place)
        keys.write_ssh_files(self.place, self.spec)
        if self.spec.hardened:
            authority.make(self.place)
        disk.make(self.place)
        network.make_bridge()
        services.start_all(self.place, self.spec)

    def _offer(self, version: Version, parts: Parts) -> None:
        for image in parts.images[version]:
            registry.push(image)
            if self.spec.hardened:
                registry.push(hardened.own(image))
        packages.publish(self.place, version, parts.debs[version])

    def _first_boot(self, node: Node, parts: Parts) -> None:
        machine.make_folders(self.place, node)
        machine.mount(self.place, node)
        pause = next(image for image in parts.releases[self.spec.version].images if "/pause:" in image)
        node_files.write(self.place, self.spec, node, machine.root(self.place, node), pause)
        machine.start(self.place, self.spec, node)
        machine.wait_ssh(node)

    def _power_off(self) -> None:
        with self.timings.part("power off"):
            self._each(lambda node: machine.stop(self.place, node))
            self._each(lambda node: machine.unmount(self.place, node))

    def _power_on(self) -> None:
        with self.timings.part("power on"):
            self._each(lambda node: machine.mount(self.place, node))
            self._each(lambda node: machine.start(self.place, self.spec, node))
        self.wait_ready()

    def _each(self, do: Callable[[Node], T]) -> list[T]:
        with ThreadPoolExecutor(max_workers=len(self.nodes)) as pool:
            return list(pool.map(do, self.nodes))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        refuse_if_held(self.place.hold, os.environ)
        with self.place.lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as busy:
                raise LabError(f"another command is changing the lab (it holds {self.place.lock})") from busy
            yield
