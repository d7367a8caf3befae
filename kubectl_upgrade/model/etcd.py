"""etcd's versions and images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubectl_upgrade.model.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdPin:
    """What a run has written beside etcd.local.imageTag in kubeadm-config; all empty when none has."""

    run8: str = ""
    set_to: str = ""
    before: str = ""
    """`none` when there was none"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdImages:
    """Which tags of etcd's image a node can get, of those that it was asked for (etcd-images.sh); nothing is pulled."""

    here: tuple[str, ...]
    """in the runtime's store"""
    offered: tuple[str, ...]
    """the registry has them"""
    refused: Mapping[str, str]
    """tag → why it is not known to be there"""


def etcd_version(text: str) -> Version | None:
    """Of `3.5.24` or an image's tag `3.5.24-0`; None for anything else."""
    try:
        version = Version.parse(text)
    except ValueError:
        return None
    # what follows the dash of a tag counts builds of the image
    return Version(version.major, version.minor, version.patch)
