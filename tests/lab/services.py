"""The lab's own services: registry, package repository and load balancer, each in its control group."""

import socket
import sys
from pathlib import Path

from tests.lab import authority, cgroups, guard, hardened, packages, registry
from tests.lab.host import run
from tests.lab.place import Place
from tests.lab.spec import API_PORT, GATEWAY, Spec
from tests.lab.until import until

REGISTRY = "registry"
REPOSITORY = "repository"
LOAD_BALANCER = "load-balancer"
GUARD = "guard"
START_LIMIT = 15
# Enter the groups first, then start the service: no moment in which `down` could miss it.
ENTER = """
log=$1; shift
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done
shift
setsid "$@" >> "$log" 2>&1 < /dev/null &
"""
BALANCER_TOP = """\
global
  log stdout format raw local0 notice
defaults
  mode tcp
  log global
  timeout connect 2s
  timeout client 1h
  timeout server 1h
frontend api
  bind {gateway}:{port}
  default_backend control-planes
backend control-planes
  option httpchk GET /readyz
  http-check expect status 200
  default-server check check-ssl verify none{shown} inter 500ms fall 2 rise 2 on-marked-down shutdown-sessions
  balance roundrobin
"""


def start_all(place: Place, spec: Spec) -> None:
    """Start every service that the spec asks for."""
    start(place, spec, REGISTRY)
    start(place, spec, REPOSITORY)
    if spec.load_balancer:
        start(place, spec, LOAD_BALANCER)
    if spec.hardened:
        start(place, spec, GUARD)


def start(place: Place, spec: Spec, name: str) -> None:
    """Start one service and wait until it listens."""
    known = {REGISTRY: _registry, REPOSITORY: _repository, LOAD_BALANCER: _load_balancer, GUARD: _guard}
    argv, port = known[name](place, spec)
    groups = [str(folder) for folder in cgroups.create(cgroups.service(name))]
    run(["/bin/sh", "-c", ENTER, "sh", log(place, name), *groups, "--", *argv])
    until(f"{name} on port {port}", START_LIMIT, lambda: _closed(port))


def stop(name: str) -> None:
    """Kill one service."""
    cgroups.remove(cgroups.service(name))


def _registry(place: Place, _: Spec) -> tuple[list[str], int]:
    config = place.run / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {level: info}\n"
        f"storage: {{filesystem: {{rootdirectory: {place.registry}}}}}\n"
        f'http: {{addr: "{registry.ADDRESS}"}}\n'
    )
    return ["docker-registry", "serve", str(config)], registry.PORT


def _repository(place: Place, _: Spec) -> tuple[list[str], int]:
    place.www.mkdir(exist_ok=True)
    server = [sys.executable, "-u", "-m", "http.server", str(packages.PORT)]
    return [*server, "--bind", GATEWAY, "--directory", str(place.www)], packages.PORT


def _load_balancer(place: Place, spec: Spec) -> tuple[list[str], int]:
    config = place.run / "haproxy.cfg"
    config.write_text(balancer_config(spec, authority.pair(place, LOAD_BALANCER) if spec.hardened else None))
    return ["haproxy", "-db", "-f", str(config)], API_PORT


def _guard(place: Place, _: Spec) -> tuple[list[str], int]:
    server = [sys.executable, "-u", guard.__file__, GATEWAY]
    return [*server, str(authority.pair(place, f"{hardened.NAME}.{hardened.NAME}.svc"))], guard.PORT


def balancer_config(spec: Spec, pair: Path | None = None) -> str:
    """Write haproxy's configuration for the control planes of a spec; it asks them with this certificate, if any."""
    servers = [f"  server {node.name} {node.address}:{API_PORT}\n" for node in spec.control_plane_nodes]
    shown = f" crt {pair}" if pair else ""
    return BALANCER_TOP.format(gateway=GATEWAY, port=API_PORT, shown=shown) + "".join(servers)


def log(place: Place, name: str) -> Path:
    """Say where a service writes."""
    return place.run / f"{name}.log"


def _closed(port: int) -> str:
    with socket.create_connection((GATEWAY, port), timeout=1):
        return ""
