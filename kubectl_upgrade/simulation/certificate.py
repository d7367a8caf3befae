"""Certificates without keys, names and signatures: all that anybody reads of them is when they end."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from functools import cache

# what kubeadm signs and renews → by which authority (cmd/kubeadm/app/phases/certs/certlist.go, kubeconfig files)
SIGNED = {
    "apiserver": "ca",
    "apiserver-kubelet-client": "ca",
    "front-proxy-client": "front-proxy-ca",
    "apiserver-etcd-client": "etcd/ca",
    "etcd/server": "etcd/ca",
    "etcd/peer": "etcd/ca",
    "etcd/healthcheck-client": "etcd/ca",
    "admin.conf": "ca",
    "controller-manager.conf": "ca",
    "scheduler.conf": "ca",
}
_SEQUENCE, _VERSION, _INTEGER, _UTC_TIME = 0x30, 0xA0, 0x02, 0x17
_SHORT = 0x80


@cache
def certificate(begins: int, ends: int) -> str:
    """Base64 of the DER form, from seconds since 1970; to 2049, as UTCTime reaches no further."""
    validity = _element(_SEQUENCE, _time(begins) + _time(ends))
    version, serial, nothing = (
        _element(_VERSION, b"\x02\x01\x02"),
        _element(_INTEGER, b"\x01"),
        _element(_SEQUENCE, b""),
    )
    # issuer and subject, the key, extensions and the signature are left empty, or out
    to_be_signed = _element(_SEQUENCE, version + serial + nothing + nothing + validity + nothing + nothing)
    return b64encode(_element(_SEQUENCE, to_be_signed + nothing)).decode()


def _element(tag: int, content: bytes) -> bytes:
    if len(content) >= _SHORT:
        raise ValueError(f"{len(content)} bytes need a longer form of length")
    return bytes((tag, len(content))) + content


def _time(seconds: int) -> bytes:
    return _element(_UTC_TIME, datetime.fromtimestamp(seconds, UTC).strftime("%y%m%d%H%M%SZ").encode())
