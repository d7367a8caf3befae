"""Debian, Ubuntu and their kin."""

from __future__ import annotations

from typing import Final

NAME: Final = "apt"
INSTALL_KUBEADM: Final = "apt-install-kubeadm"
INSTALL_KUBELET: Final = "apt-install-kubelet"
