"""Certificates of kubeadm and of the kubelet on a node."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.facts.validity import validity
from kubectl_upgrade.model.certificates import Authority, Certificate, Certificates

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "certificates"


def parse(output: FactOutput) -> Certificates | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _certificates)


def _certificates(lines: Lines) -> Certificates:
    return Certificates(
        now=int(lines.one("now")),
        certificates=tuple(map(_certificate, lines.all("certificate"))),
        authorities=tuple(map(_authority, lines.all("authority"))),
    )


def _certificate(line: str) -> Certificate:
    name, authority, text = line.split(" ")
    begins, ends = validity(b64decode(text, validate=True))
    return Certificate(name=name, authority="" if authority == "-" else authority, begins=begins, ends=ends)


def _authority(line: str) -> Authority:
    name, key, text = line.split(" ")
    if key not in {"yes", "no"}:
        raise ValueError(f"the key of {name} is {key!r}, neither yes nor no")
    return Authority(name=name, key=key == "yes", ends=validity(b64decode(text, validate=True))[1])
