"""When the certificates on a node end, in seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One file's first certificate."""

    name: str
    """kubeadm's name of the file: apiserver, etcd/server, admin.conf, …; `kubelet` for the kubelet's own"""
    authority: str
    """whose key signs it anew: ca, front-proxy-ca or etcd/ca; empty for the kubelet's, which it renews itself"""
    begins: int
    ends: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority of kubeadm's."""

    name: str
    key: bool
    """its key lies beside it: without one, kubeadm takes it for managed elsewhere and renews nothing of it"""
    ends: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """What a node has (certificates.sh); a worker has none but its kubelet's."""

    now: int
    """the node's own clock, which its programs judge by"""
    certificates: tuple[Certificate, ...]
    authorities: tuple[Authority, ...]
