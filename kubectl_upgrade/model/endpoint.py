"""Endpoints: the cluster's, `host:port`, as control planes see it, and those of an etcd that is not kubeadm's."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# kubeadm's bindPort where controlPlaneEndpoint names none
_PORT = 6443
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSeen:
    """The cluster's endpoint as a control plane sees it (endpoint.sh); `host:port` as in an URL."""

    kubelet: str
    """the server in kubelet.conf"""
    endpoint: str
    """the server in admin.conf, which kubeadm takes from controlPlaneEndpoint"""
    own: bool
    """the endpoint is an address of this very node, now"""
    ready: bool
    """/readyz answered 200 through it"""
    said: str
    """what came instead, when not ready"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdEndpoint:
    """An etcd that is not kubeadm's, as an API server reaches it (external-etcd.sh)."""

    url: str
    healthy: bool
    version: str
    """of the server, `3.6.5`; empty when it did not say"""
    said: str
    """its answer, or curl's error"""


def host_and_port(endpoint: str) -> tuple[str, int] | None:
    """Of `k8s.example:6443`, `10.0.0.1`, `[fd00::1]:6443`; None when it is none of these."""
    host, colon, port = endpoint.rpartition(":")
    if not colon or endpoint.endswith("]"):
        host, port = endpoint, str(_PORT)
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    number = int(port) if port.isdecimal() and port.isascii() and not port.startswith("0") else 0
    name = host.replace("-", "").replace(".", "")
    fits = ":" in host and _address(host) is not None if bracketed else name.isalnum() and name.isascii()
    # an argument of an action begins with a letter or a digit
    return (host, number) if fits and host[0].isalnum() and 0 < number <= _HIGHEST_PORT else None


def joined(host: str, port: int) -> str:
    """As an URL has it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_one_of(host: str, names: Iterable[str]) -> bool:
    """Is it one of these names and addresses, however they are written, or this very machine?"""
    address = _address(host)
    if address is None:
        return host.lower() in {"localhost", *(name.lower() for name in names)}
    if address.is_loopback or address.is_link_local or address.is_unspecified:
        return True
    return address in set(map(_address, names))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
