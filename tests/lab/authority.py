"""A CA that is older than its cluster: kubeadm takes it over, and it signs what the lab's own services show."""

import base64
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.lab.host import run
from tests.lab.place import Place

DAYS = "3650"
# nothing of this machine's openssl.cnf, which makes every certificate a CA's
EMPTY = "[req]\ndistinguished_name = none\n[none]\n"
CA = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign,cRLSign")


def make(place: Place) -> None:
    """Make it."""
    place.authority.mkdir(mode=0o700)
    _issue("lab", _key(place), certificate_of(place), CA)


def certificate_of(place: Place) -> Path:
    """Say where its certificate is."""
    return place.authority / "ca.crt"


def bundle(place: Place) -> str:
    """Its certificate as Kubernetes' objects have it."""
    return base64.b64encode(certificate_of(place).read_bytes()).decode()


def install(place: Place, root: Path) -> None:
    """Put it where kubeadm looks for a CA before it makes one."""
    pki = root / "etc/kubernetes/pki"
    pki.mkdir(parents=True)
    shutil.copy(certificate_of(place), pki)
    shutil.copy(_key(place), pki)


def pair(place: Place, name: str) -> Path:
    """A key and a certificate in one file, for a server or a client of this name."""
    file = place.authority / f"{name}.pem"
    key, certificate = file.with_suffix(".key"), file.with_suffix(".crt")
    extensions = (f"subjectAltName=DNS:{name}", "extendedKeyUsage=serverAuth,clientAuth")
    _issue(name, key, certificate, extensions, "-CA", certificate_of(place), "-CAkey", _key(place))
    file.write_text(key.read_text() + certificate.read_text())
    return file


def _issue(name: str, key: Path, certificate: Path, extensions: Sequence[str], *signer: str | Path) -> None:
    argv = ["openssl", "req", "-x509", "-config", "/dev/stdin", "-newkey", "rsa:2048", "-nodes", "-days", DAYS]
    added = [word for extension in extensions for word in ("-addext", extension)]
    run([*argv, "-subj", f"/CN={name}", *added, *signer, "-keyout", key, "-out", certificate], stdin=EMPTY)


def _key(place: Place) -> Path:
    return place.authority / "ca.key"
