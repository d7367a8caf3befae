"""What kubeadm left on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.facts import Kubeadm, Unknown
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from kubectl_upgrade.world import FactOutput

NAME = "kubeadm"


def parse(output: FactOutput) -> Kubeadm | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _kubeadm)


def _kubeadm(lines: Lines) -> Kubeadm:
    return Kubeadm(
        initialised=lines.yes("initialised"),
        control_plane=lines.yes("control-plane"),
        kubeadm=_binary(lines.one("kubeadm")),
        kubelet=_binary(lines.one("kubelet")),
        patches=_patches(lines.one("patches")),
        admin_conf=lines.yes("admin-conf"),
    )


def _binary(text: str) -> Version | None:
    return None if text == "none" else Version.parse(text)


def _patches(text: str) -> Literal["none", "standard"]:
    if text == "none":
        return "none"
    if text == "standard":
        return "standard"
    raise ValueError(f"patches {text!r}")
