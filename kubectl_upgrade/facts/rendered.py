"""A node's static pod manifests, compared with what its kubeadm would write in their place."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.facts.manifest_parts import manifest_parts
from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.rendered import Difference, Rendered
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.facts.manifest_parts import Parts
    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "rendered"

# what kubeadm writes depends on which members there were when a node joined; etcd reads it when it has no data yet
_OF_A_BEGINNING = frozenset({"--initial-cluster", "--initial-cluster-state"})
# kubeadm mounts those folders that a machine has (caCertsExtraVolumePaths in phases/controlplane/volumes.go)
_AUTHORITIES = re.compile(r"(volume|mount) [/a-z-]*(ca-certificates|ca-certs|etc[/-]pki[/a-z-]*|ssl/certs)")
# a value is told of these alone: an environment, an annotation or a flag of a patch may hold anything
_TOLD = re.compile(r"--|(volume|mount|port) |(image|imagePullPolicy|resources|[a-z]+Probe|hostNetwork|command)$")
_SECRET = re.compile(r"secret|token|passw|credential|encrypt|private|header", re.IGNORECASE)
_USER = re.compile(r"//[^/@\s]*@")
_LONGEST = 100


def parse(output: FactOutput) -> Rendered | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _rendered)


def _rendered(lines: Lines) -> Rendered:
    manifests, rendered = _texts(lines, "manifest"), _texts(lines, "rendered")
    if "kube-apiserver" not in manifests:
        raise ValueError("no manifest of kube-apiserver")
    images = manifest_parts(manifests["kube-apiserver"], "kube-apiserver").get("image", ("",))
    return Rendered(
        kubeadm=Version.parse(lines.one("kubeadm")),
        cluster=Version.parse(lines.one("cluster")),
        manifests=image_version(images[0]),
        differences={
            component: tuple(
                _differences(manifest_parts(manifests[component], component), manifest_parts(text, component))
            )
            for component, text in rendered.items()
            if component in manifests
        },
    )


def _texts(lines: Lines, key: str) -> dict[str, str]:
    found = (line.split(" ") for line in lines.all(key))
    return {component: base64.b64decode(text, validate=True).decode() for component, text in found}


def _differences(manifest: Parts, rendered: Parts) -> Iterator[Difference]:
    for what in sorted(manifest.keys() | rendered.keys()):
        here, there = manifest.get(what), rendered.get(what)
        if here == there or what in _OF_A_BEGINNING or (here is None and _AUTHORITIES.fullmatch(what)):
            continue
        yield Difference(what=what, manifest=_told(what, here), rendered=_told(what, there))


def _told(what: str, values: tuple[str, ...] | None) -> str | None:
    """As much of it as a person may see."""
    if values is None:
        return None
    if _SECRET.search(what) or not _TOLD.match(what):
        return ""
    text = _USER.sub("//", " and ".join(values))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
