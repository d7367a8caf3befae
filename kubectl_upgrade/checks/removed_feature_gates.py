"""No component is given a feature gate that the target has removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.removed import places
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.rules import rules_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.checks.removed import Place
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.rules import Rules

# Kubernetes' gates are not theirs
_OWN_GATES = frozenset({"etcd", "kubeadm"})


class RemovedFeatureGates:
    """A gate is removed some minors after its feature is there for good, and a component that is given one it does not
    know ends with `unrecognized feature gate` (k8s.io/component-base/featuregate): a gate that was set years ago and
    forgotten stops the new API server, or every kubelet and kube-proxy one by one.
    """

    NAME: ClassVar[str] = "removed-feature-gates"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        for name, answer in facts.configured.items():
            if isinstance(answer, Unknown) and rules_between(facts.kubeadm_config.kubernetes_version, aim.target):
                message = f"feature gates in ConfigMap {name} could not be read, so it is not known whether {name}"
                fix = f"put it right: kubectl -n kube-system edit cm {name}"
                yield Finding(Level.BLOCKER, f"{message} {aim.target.line} would start: {answer.reason}", fix=fix)
        # removed-flags says which nodes did not say theirs
        for place in places(facts, aim):
            yield from _removed(place)


def _removed(place: Place) -> Iterator[Finding]:
    for gate in place.given.gates:
        found = next((hit for rules in place.rules for hit in _hits(place, gate, rules)), None)
        if found is not None:
            yield found


def _hits(place: Place, gate: str, rules: Rules) -> Iterator[Finding]:
    component = place.given.component
    for removed in rules.removed_gates:
        reads = component in removed.components or (not removed.components and component not in _OWN_GATES)
        if removed.gate == gate and reads:
            yield place.finding(f"feature gate {gate}", rules.minor, removed.source)
