"""Names that look random and are not: uids, keys and hashes drawn from words, so that a seed decides them all."""

from __future__ import annotations

import base64
import hashlib
import textwrap
from uuid import UUID


def digest(*words: object) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256("\0".join(map(str, words)).encode()).hexdigest()


def uid(*words: object) -> str:
    """As Kubernetes writes a uid: a random UUID, version 4."""
    return str(UUID(digest(*words)[:32], version=4))


def host_key(*words: object) -> str:
    """As ssh-keygen -l writes a fingerprint."""
    raw = bytes.fromhex(digest("host key", *words))
    return "SHA256:" + base64.b64encode(raw).decode().rstrip("=")


def certificate(*words: object) -> tuple[str, str]:
    """A PEM block, and the hash (`sha256:…`) of the bytes in it, which are no certificate: nothing here reads one."""
    der = b"".join(bytes.fromhex(digest("certificate", index, *words)) for index in range(24))
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    pem = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    return pem, f"sha256:{hashlib.sha256(der).hexdigest()}"
