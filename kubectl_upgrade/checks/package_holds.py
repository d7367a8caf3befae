"""Which packages are on hold, for people who put them there."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.systems import answering
from kubectl_upgrade.model.facts import Packages
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class PackageHolds:
    """Kubernetes' own guide holds its packages, and an installation by hand with a hold forgotten, or not put back,
    lets the next `apt upgrade` replace the kubelet. Steps install in spite of holds and put them back; who has to
    know of that reads it here.
    """

    NAME: ClassVar[str] = "package-holds"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        where = defaultdict[str, list[str]](list)
        asked = 0
        for node, host in answering(facts):
            if not isinstance(host.packages, Packages):
                continue  # os-supported says so
            asked += 1
            for package in host.packages.held:
                where[package].append(node.name)
        alike = defaultdict[str, list[str]](list)
        for package, names in sorted(where.items()):
            alike[_places(names, asked)].append(package)
        if alike:
            parts = (f"on {places}: {', '.join(packages)}" for places, packages in alike.items())
            yield Finding(Level.INFO, f"on hold {'; '.join(parts)}; installed all the same, and held again afterwards")


def _places(names: list[str], asked: int) -> str:
    if len(names) == asked:
        return "every node"
    return names[0] if len(names) == 1 else f"{len(names)} of {asked} nodes"
