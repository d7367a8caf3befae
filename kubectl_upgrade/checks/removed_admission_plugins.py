"""No API server is told to enable or disable an admission plugin that the target has removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.removed import places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.checks.removed import Place
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.finding import Finding


class RemovedAdmissionPlugins:
    """1.30 removed SecurityContextDeny and 1.31 PersistentVolumeLabel
    (https://github.com/kubernetes/kubernetes/pull/124505): an API server that is told of a plugin it does not know, be
    it to disable it, does not start, and kubeadm puts the old manifest back after five minutes without it.
    """

    NAME: ClassVar[str] = "removed-admission-plugins"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        for place in places(facts, aim):
            yield from _removed(place)


def _removed(place: Place) -> Iterator[Finding]:
    for plugin in place.given.plugins:
        for rules in place.rules:
            for removed in rules.removed_admission_plugins:
                if removed.plugin == plugin:
                    yield place.finding(f"admission plugin {plugin}", rules.minor, removed.source)
