"""Debian, Ubuntu and their kin."""

from __future__ import annotations

from typing import Final

NAME: Final = "apt"
FETCH_PACKAGES: Final = "apt-fetch-packages"
INSTALL_KUBEADM: Final = "apt-install-kubeadm"
INSTALL_KUBELET: Final = "apt-install-kubelet"


def by_hand(package: str, version: str) -> str:
    """Its revision is the repository's, and the package is usually held."""
    return f"sudo apt-get install --allow-change-held-packages '{package}={version}-*'"
