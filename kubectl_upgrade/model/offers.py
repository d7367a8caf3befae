"""What a node could install."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubectl_upgrade.model.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """Versions of kubeadm that a node's repositories offer (offers.sh)."""

    versions: tuple[Version, ...]
    """lowest first; of the minor that the repository serves as the node's package lists know it"""
    refused: Mapping[str, str]
    """minor line (`v1.37`) → why its index could not be read"""
