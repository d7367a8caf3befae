"""Which images of etcd a node can get, asked of a registry that is a real HTTP server; nothing is pulled or written."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade import node
from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.model.etcd import EtcdImages
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.world import FactOutput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.node.conftest import Machine

CTR = """\
#!/bin/sh
for last; do true; done
case "$*" in
    *" images ls -q name=="*) grep -x "${last#name==}" /images; true ;;
    *) echo "$*" >>/pulled ;;
esac
"""
REPOSITORY = "registry.example.com/k8s/etcd"


class Registry(BaseHTTPRequestHandler):
    """Has 3.5.32-0; asks for credentials for 3.5.26-0; sends those who ask for 3.5.40-0 elsewhere."""

    asked: list[tuple[str, str, str]]

    def do_HEAD(self) -> None:
        tag = self.path.partition("?")[0].rpartition("/")[2]
        self.asked.append((self.command, self.path, self.headers["Accept"]))
        self.send_response({"3.5.32-0": 200, "3.5.26-0": 401, "3.5.40-0": 307}.get(tag, 404))
        self.send_header("Location", self.path.replace("3.5.40-0", "3.5.32-0"))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[str]:
    Registry.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def here(bare: Machine) -> Machine:
    """A containerd with ctr, whose socket the kubelet is told."""
    bare.must("mkdir -p /var/lib/kubelet && touch /images")
    bare.file("/usr/local/bin/ctr").write_text(CTR)
    bare.must("chmod 755 /usr/local/bin/ctr")
    flags = 'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/containerd/containerd.sock"\n'
    bare.file("/var/lib/kubelet/kubeadm-flags.env").write_text(flags)
    return bare


def mirrored(machine: Machine, text: str, folder: str = "registry.example.com") -> None:
    machine.must(f"mkdir -p /etc/containerd/certs.d/{folder}")
    machine.file(f"/etc/containerd/certs.d/{folder}/hosts.toml").write_text(text)


def asked(machine: Machine, *arguments: str) -> object:
    machine.file("/fact").write_text(node.fact("etcd-images"))
    done = machine.run(f"exec sh /fact {' '.join(arguments)}")
    return FACTS["etcd-images"](FactOutput(done.code, done.text))


def test_a_registry_is_asked_as_containerd_would_ask_it(here: Machine, registry: str) -> None:
    mirrored(here, f'server = "{registry}"\n\n[host."http://127.0.0.1:1"]\n  capabilities = ["pull", "resolve"]\n')
    here.file("/images").write_text(f"{REPOSITORY}:3.5.27-0\n")
    found = asked(here, REPOSITORY, "3.5.40-0", "3.5.32-0", "3.5.27-0", "3.5.26-0", "3.5.99-0")
    assert isinstance(found, EtcdImages)
    assert (found.here, found.offered) == (("3.5.27-0",), ("3.5.40-0", "3.5.32-0"))
    assert set(found.refused) == {"3.5.26-0", "3.5.99-0"}
    assert found.refused["3.5.26-0"] == f"http://127.0.0.1:1 answered 000; {registry} answered 401"
    assert {command for command, _, _ in Registry.asked} == {"HEAD"}
    assert Registry.asked[0][1] == "/v2/k8s/etcd/manifests/3.5.40-0?ns=registry.example.com"
    assert "application/vnd.oci.image.index.v1+json" in Registry.asked[0][2]
    assert not here.file("/pulled").exists()


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ("", "/v2/"),
        ("  override_path = false\n", "/v2/"),
        ('  capabilities = ["pull"]\n  override_path = true\n', "/"),
        ('[host."http://127.0.0.1:2"]\n  override_path = true\n', "/v2/"),
    ],
)
def test_a_mirror_is_told_the_registry_and_asked_below_its_own_path(
    here: Machine, registry: str, block: str, path: str
) -> None:
    """Without `ns` a mirror of many registries does not know which one is meant."""
    mirrored(here, f'[host."{registry}/cache/"]\n{block}')
    asked(here, REPOSITORY, "3.5.32-0")
    assert Registry.asked[0][1] == f"/cache{path}k8s/etcd/manifests/3.5.32-0?ns=registry.example.com"


def test_an_address_that_is_an_api_already_is_taken_as_it_is(here: Machine, registry: str) -> None:
    mirrored(here, f'server = "{registry}/v2"\n')
    asked(here, REPOSITORY, "3.5.32-0")
    assert Registry.asked[0][1].startswith("/v2/k8s/etcd/")


def test_the_registry_itself_needs_no_telling(here: Machine, registry: str) -> None:
    host = registry.removeprefix("http://")
    mirrored(here, f'server = "{registry}"\n', f"{host.replace(':', '_')}_")
    asked(here, f"{host}/etcd", "3.5.32-0")
    assert Registry.asked[0][1] == "/v2/etcd/manifests/3.5.32-0"


def test_credentials_of_an_address_are_not_told(here: Machine, registry: str) -> None:
    mirrored(here, f'server = "{registry.replace("//", "//me:hunter2@")}"\n')
    found = asked(here, REPOSITORY, "3.5.99-0")
    assert isinstance(found, EtcdImages)
    assert found.refused["3.5.99-0"] == f"{registry} answered 404"


@pytest.mark.parametrize("folder", ["registry.example.com_5000_", "registry.example.com:5000", "_default"])
def test_mirrors_of_a_port_and_of_all(here: Machine, registry: str, folder: str) -> None:
    mirrored(here, f'[host."{registry}"]\n', folder)
    found = asked(here, "registry.example.com:5000/etcd", "3.5.32-0")
    assert isinstance(found, EtcdImages)
    assert found.offered == ("3.5.32-0",)


def test_the_proxy_of_the_runtime_is_taken(here: Machine, registry: str) -> None:
    """As containerd itself does; a proxy of the login's is not asked."""
    here.must("cp /bin/sleep /usr/local/bin/containerd")
    mirrored(here, 'server = "http://registry.invalid"\n')
    assert isinstance(asked(here, REPOSITORY, "3.5.32-0"), EtcdImages)
    assert Registry.asked == []
    started = here.start(f"HTTP_PROXY={registry} exec containerd 60")
    here.must("until pgrep -x containerd; do sleep 0.05; done")
    found = asked(here, REPOSITORY, "3.5.32-0")
    here.power_off(started)
    assert isinstance(found, EtcdImages)
    assert found.offered == ("3.5.32-0",)
    assert Registry.asked[0][1].startswith("http://registry.invalid/v2/")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (REPOSITORY,),
        (REPOSITORY, "latest"),
        (REPOSITORY, "3.5.32-0\\;reboot"),
        ("'$(reboot)'", "3.5.32-0"),
        ("-o/etc/passwd", "3.5.32-0"),
        ("http://registry.example.com/etcd", "3.5.32-0"),
        ("registry.example.com/../etcd", "3.5.32"),
    ],
)
def test_it_takes_nothing_else(here: Machine, arguments: tuple[str, ...]) -> None:
    assert isinstance(asked(here, *arguments), Unknown)


def test_it_leaves_nothing(here: Machine, registry: str) -> None:
    mirrored(here, f'server = "{registry}"\n')
    asked(here, REPOSITORY, "3.5.32-0")
    before = {str(path) for path in here.upper.rglob("*")}
    asked(here, REPOSITORY, "3.5.32-0", "3.5.26-0")
    assert {str(path) for path in here.upper.rglob("*")} == before
