"""A control plane of bare processes on loopback: etcd, an API server and kwok, which plays the kubelets."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.lab import minors
from tests.lab.errors import LabError
from tests.lab.host import run
from tests.lab.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.lab.cache import Cache
    from tests.lab.versions import Version

_TOKEN = "bench"  # noqa: S105 - of a server that lives for minutes on loopback
_KWOK = Path(__file__).parent / "kwok"
_MODULE = "sigs.k8s.io/kwok"
_STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat/node-heartbeat.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-delete.yaml",
)
# a partial configuration gets no defaults
_OPTIONS = """\
apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokConfiguration
options:
  manageAllNodes: true
  nodePlayStageParallelism: 8
  podPlayStageParallelism: 8
  nodeLeaseParallelism: 4
"""


@dataclass(frozen=True)
class Programs:
    """Where they are, and what their versions are."""

    kubernetes: Path
    etcd: Path
    kwok: Path
    versions: Mapping[str, str]


@dataclass(frozen=True)
class ControlPlane:
    """One that runs."""

    kubeconfig: Path
    url: str
    certificate: Path
    kubectl: Path

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {_TOKEN}"}

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))


def build(cache: Cache, version: Version) -> Programs:
    """Build what is not there yet: ten minutes from nothing."""
    release = minors.build(cache, version)
    module = minors.source_version_in(_KWOK / "go.mod", _MODULE)
    return Programs(
        kubernetes=release.kubernetes,
        etcd=release.etcd,
        kwok=minors.tools(cache, f"kwok-{module}", _KWOK, minors.STRIPPED) / "kwok",
        versions={"kubernetes": str(version), "etcd": release.etcd.name.split("-")[1], "kwok": module},
    )


@contextmanager
def running(programs: Programs, folder: Path) -> Iterator[ControlPlane]:
    """All three, until the end of the block; logs lie in `folder`."""
    etcd, peer, port = _ports(3)
    made = ControlPlane(
        kubeconfig=folder / "kubeconfig",
        url=f"https://127.0.0.1:{port}",
        certificate=folder / "certificates/apiserver.crt",
        kubectl=programs.kubernetes / "kubectl",
    )
    with ExitStack() as stack:
        stack.enter_context(_program(folder / "etcd.log", [programs.etcd / "etcd", *_etcd_flags(folder, etcd, peer)]))
        flags = _api_flags(folder, etcd, port)
        stack.enter_context(_program(folder / "apiserver.log", [programs.kubernetes / "kube-apiserver", *flags]))
        until("the API server is ready", 120, lambda: _unready(made))
        _write_kubeconfig(made)
        kwok: list[str | Path] = [
            programs.kwok,
            "--kubeconfig",
            made.kubeconfig,
            "--config",
            _kwok_config(folder),
            "--server-address",
            "",
        ]
        stack.enter_context(_program(folder / "kwok.log", kwok))
        yield made


def _etcd_flags(folder: Path, client: int, peer: int) -> list[str]:
    """No disk is waited for: what is measured is the API."""
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
        "--unsafe-no-fsync",
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
    ]


def _api_flags(folder: Path, etcd: int, port: int) -> list[str]:
    key, tokens = folder / "service-account.key", folder / "tokens.csv"
    run(["openssl", "genrsa", "-out", key, "2048"])
    tokens.write_text(f'{_TOKEN},bench,1,"system:masters"\n')
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certificates'}",
        f"--token-auth-file={tokens}",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=Node,RBAC",
        "--endpoint-reconciler-type=none",
        "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
        # for the threads that fill the cluster; a list is one request
        "--max-requests-inflight=2000",
        "--max-mutating-requests-inflight=1000",
    ]


def _kwok_config(folder: Path) -> Path:
    """Its stages lie in its own module."""
    argv = ["go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", _MODULE]
    stages = Path(run(argv, cwd=_KWOK).out.strip()) / "kustomize/stage"
    config = folder / "kwok.yaml"
    config.write_text("\n---\n".join([_OPTIONS, *((stages / name).read_text() for name in _STAGES)]))
    return config


def _write_kubeconfig(made: ControlPlane) -> None:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "clusters": [
            {"name": "bench", "cluster": {"server": made.url, "certificate-authority": str(made.certificate)}}
        ],
        "users": [{"name": "bench", "user": {"token": _TOKEN}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
    }
    made.kubeconfig.write_text(json.dumps(content))


def _unready(made: ControlPlane) -> str:
    try:
        with urlopen(Request(f"{made.url}/readyz", headers=made.headers), context=made.tls, timeout=5) as answer:  # noqa: S310
            return "" if answer.status == 200 else str(answer.status)  # noqa: PLR2004 - HTTP's OK
    except (URLError, OSError) as error:
        return str(error)


@contextmanager
def _program(log: Path, argv: Sequence[str | Path]) -> Iterator[None]:
    """Run it beside us and end it with the block; LabError when it has ended by itself."""
    with log.open("wb") as written, subprocess.Popen(argv, stdout=written, stderr=written) as program:
        try:
            yield
        finally:
            ended = program.poll()
            program.terminate()
        if ended is not None:
            raise LabError(f"{argv[0]} has ended with {ended}; see {log}")


def _ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in sockets]
