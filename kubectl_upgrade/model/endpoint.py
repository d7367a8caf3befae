"""The cluster's endpoint, `host:port`, and whether a control plane itself stands behind its name."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# kubeadm's bindPort where controlPlaneEndpoint names none
_PORT = 6443
_HIGHEST_PORT = 65535


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
