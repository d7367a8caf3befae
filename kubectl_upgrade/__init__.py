"""Upgrade kubeadm clusters from a reviewed plan file."""

__version__ = "0.1.0"
