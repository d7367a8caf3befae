"""No component is given a flag that the target has removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.removed import places, unread
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.checks.removed import Place
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.rules import Rules


class RemovedFlags:
    """1.35's kubelet does not start with --pod-infra-container-image, which kubeadm takes out of its own
    kubeadm-flags.env and of no other file (https://github.com/kubernetes/kubernetes/pull/133779); a node that has it in
    /etc/default/kubelet crash-loops after the upgrade. What stands in kubeadm-config goes into every new manifest.
    """

    NAME: ClassVar[str] = "removed-flags"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        for node, reason in unread(facts, aim):
            message = (
                f"what its kubelet is given could not be read, so it is not known whether kubelet {aim.target.line}"
            )
            fix = "mend what it names, or look on the node and waive this"
            yield Finding(Level.BLOCKER, f"{message} would start with it: {reason}", node.name, fix)
        for place in places(facts, aim):
            yield from _removed(place)


def _removed(place: Place) -> Iterator[Finding]:
    for flag in place.given.flags:
        found = next((hit for rules in place.rules for hit in _hits(place, flag, rules)), None)
        if found is not None:
            yield found


def _hits(place: Place, flag: str, rules: Rules) -> Iterator[Finding]:
    for removed in rules.removed_flags:
        ours = removed.component == place.given.component and removed.matches(flag)
        if ours and removed.cleaned_by not in place.cleaners:
            yield place.finding(f"flag --{flag}", rules.minor, removed.source, removed.fix)
