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
    from collections.abc import Iterator, Mapping

    from kubectl_upgrade.facts.manifest_parts import Parts
    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "rendered"

# what kubeadm writes depends on which members there were when a node joined; etcd reads it when it has no data yet
_OF_A_BEGINNING = frozenset({"--initial-cluster", "--initial-cluster-state"})
# kubeadm mounts those folders that a machine has (caCertsExtraVolumePaths in phases/controlplane/volumes.go)
_AUTHORITIES = re.compile(r"(volume|mount) [/a-z-]*(ca-certificates|ca-certs|etc[/-]pki[/a-z-]*|ssl/certs)")
# a value is told of these alone: an environment, an annotation, a probe's header or a program's words may hold anything
_TOLD = re.compile(r"--|(volume|mount|port) |(image|imagePullPolicy|resources|hostNetwork)$")
_SECRET = re.compile(r"secret|token|passw|credential|encrypt|private|header", re.IGNORECASE)
_SECRET_VALUE = re.compile(rf"{_SECRET.pattern}|authorization|bearer|basic", re.IGNORECASE)
_USER = re.compile(r"//[^/@\s]*@")
_LONGEST = 100


def parse(output: FactOutput) -> Rendered | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _rendered)


def _rendered(lines: Lines) -> Rendered:
    manifests, rendered = _texts(lines, "manifest"), _texts(lines, "rendered")
    if "kube-apiserver" not in manifests:
        raise ValueError("no manifest of kube-apiserver")
    kubeadm, cluster = Version.parse(lines.one("kubeadm")), Version.parse(lines.one("cluster"))
    skipped = " ".join(lines.all("skipped"))
    images = manifest_parts(manifests["kube-apiserver"], "kube-apiserver").get("image", ("",))
    if kubeadm == cluster and not skipped and rendered.keys() != manifests.keys():
        raise ValueError(f"kubeadm renders {_names(rendered)}, there are {_names(manifests)}")
    # proxies of the environment that the script could not read
    unread = {f"env {name}" for name in lines.all("unread")}
    return Rendered(
        kubeadm=kubeadm,
        cluster=cluster,
        manifests=image_version(images[0]),
        differences={
            component: tuple(
                difference
                for difference in _differences(
                    manifest_parts(manifests[component], component), manifest_parts(text, component), component
                )
                if difference.what not in unread
            )
            for component, text in rendered.items()
            if component in manifests
        },
        skipped=skipped,
    )


def _names(texts: Mapping[str, str]) -> str:
    return ", ".join(sorted(texts)) or "none"


def _texts(lines: Lines, key: str) -> dict[str, str]:
    found = (line.split(" ") for line in lines.all(key))
    return {component: base64.b64decode(text, validate=True).decode() for component, text in found}


def _differences(manifest: Parts, rendered: Parts, component: str) -> Iterator[Difference]:
    may_tell = _is_plain(manifest) and _is_plain(rendered) and manifest.get("command") == rendered.get("command")
    for what in sorted(manifest.keys() | rendered.keys()):
        here, there = manifest.get(what), rendered.get(what)
        if here == there or what in _OF_A_BEGINNING or (here is None and _AUTHORITIES.fullmatch(what)):
            continue
        if (component, what) == ("etcd", "image") and here and there and _stays(here[0], there[0]):
            continue
        tell = bool(_TOLD.match(what)) and (may_tell or not what.startswith("--"))
        yield Difference(what=what, manifest=_told(what, here, tell=tell), rendered=_told(what, there, tell=tell))


def _stays(here: str, there: str) -> bool:
    """No kubeadm brings etcd to an earlier image than its manifest's (performEtcdStaticPodUpgrade)."""
    found, wanted = image_version(here), image_version(there)
    same = here.partition("@")[0].rpartition(":")[0] == there.partition("@")[0].rpartition(":")[0]
    return same and found is not None and wanted is not None and found >= wanted


def _is_plain(parts: Parts) -> bool:
    """Are its words flags of the component, and no text of a shell's that only looks like them?"""
    return not any(what == "words" or (what[0] == "-" and what[:2] != "--") for what in parts)


def _told(what: str, values: tuple[str, ...] | None, *, tell: bool) -> str | None:
    """As much of it as a person may see."""
    if values is None:
        return None
    text = " and ".join(values)
    if not tell or _SECRET.search(what) or _SECRET_VALUE.search(text):
        return ""
    text = _USER.sub("//", text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
