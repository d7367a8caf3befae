"""Static pod manifests of kubeadm's components on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.facts import ManifestFiles, Unknown

if TYPE_CHECKING:
    from kubectl_upgrade.world import FactOutput

NAME = "manifests"


def parse(output: FactOutput) -> ManifestFiles | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _manifests)


def _manifests(lines: Lines) -> ManifestFiles:
    hashes, images = {}, {}
    for line in lines.all("manifest"):
        component, hashes_to, image = line.split(" ")
        hashes[component] = hashes_to
        images[component] = image
    for hashes_to in lines.all("patches"):
        hashes["patches"] = hashes_to
    others = {}
    for line in lines.all("other"):
        pod, _, file = line.partition(" ")
        others[file] = "" if pod == "-" else pod
    return ManifestFiles(hashes=hashes, images=images, others=others)
