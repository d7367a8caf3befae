"""An etcd and an API server, bare processes on loopback: real, and ready in seconds."""

import re
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Self

from tests.lab.errors import CommandError, LabError
from tests.lab.until import until

PORT = 6443
TOKEN = "t0ken"  # noqa: S105 - of an API server that lives in a network namespace of its own
_KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: bare
clusters:
- {name: bare, cluster: {server: "https://127.0.0.1:PORT", certificate-authority-data: AUTHORITY}}
users:
- {name: admin, user: {token: TOKEN}}
contexts:
- {name: bare, context: {cluster: bare, user: admin}}
"""


class ControlPlane:
    """Runs for the length of a `with`; everything it writes is in `folder`."""

    def __init__(self, folder: Path, etcd: Path, kubernetes: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self._etcd = etcd
        self._kubernetes = kubernetes
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate("apiserver")
        authority = b64encode((self.folder / "apiserver.crt").read_bytes()).decode()
        values = {"PORT": str(PORT), "AUTHORITY": authority, "TOKEN": TOKEN}
        self.kubeconfig.write_text(re.sub("PORT|AUTHORITY|TOKEN", lambda found: values[found[0]], _KUBECONFIG))
        (self.folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        self.certificate("service-account")
        self.start(
            "etcd", [str(self._etcd / "etcd"), "--unsafe-no-fsync", "--data-dir", str(self.folder / "etcd-data")]
        )
        self.start("kube-apiserver", [str(self._kubernetes / "kube-apiserver"), *self._flags()])
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            process.kill()
        for process in self._running:
            process.wait(60)

    def start(self, name: str, command: list[str]) -> None:
        """A program that ends with the control plane; its output goes to NAME.log."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self._running.append(subprocess.Popen(command, stdout=log, stderr=log))

    def certificate(self, name: str) -> None:
        """A key and a certificate that it signs itself: NAME.key, NAME.crt."""
        where = ["-keyout", str(self.folder / f"{name}.key"), "-out", str(self.folder / f"{name}.crt")]
        new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        subprocess.run(
            [*new, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", *where], check=True, capture_output=True
        )

    def kubectl(self, *words: str, given: str = "") -> str:
        """What it printed; CommandError when it failed."""
        command = [str(self._kubernetes / "kubectl"), "--kubeconfig", str(self.kubeconfig), *words]
        done = subprocess.run(command, input=given.encode(), capture_output=True, check=False)
        if done.returncode:
            raise CommandError(f"kubectl {' '.join(words)}: {done.stderr.decode()}")
        return done.stdout.decode()

    def _flags(self) -> list[str]:
        key = self.folder / "service-account.key"
        return [
            "--etcd-servers=http://127.0.0.1:2379",
            "--bind-address=127.0.0.1",
            "--advertise-address=192.0.2.1",  # to nobody: a network namespace of its own has no route to guess it from
            f"--secure-port={PORT}",
            f"--tls-cert-file={self.folder / 'apiserver.crt'}",
            f"--tls-private-key-file={self.folder / 'apiserver.key'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--endpoint-reconciler-type=none",
            "--disable-admission-plugins=ServiceAccount",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.96.0.0/16",
        ]

    def _wait(self) -> None:
        try:
            until("the API server is ready", 180, self._missing)
        except LabError as error:
            logs = [(self.folder / f"{name}.log").read_text()[-2000:] for name in ("etcd", "kube-apiserver")]
            raise LabError("\n".join([str(error), *logs])) from error

    def _missing(self) -> str:
        ended = [process.args for process in self._running if process.poll() is not None]
        if ended:
            raise RuntimeError(f"ended at once: {ended}")
        said = self.kubectl("get", "--raw", "/readyz")
        return "" if said == "ok" else said
