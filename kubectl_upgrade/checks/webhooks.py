"""Admission lets kubeadm and us do what the upgrade takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.admission import Admission, Outcome, Rehearsal
    from kubectl_upgrade.model.facts import Facts

_STOPS: tuple[Outcome, ...] = ("denied", "broken", "silent")


class Webhooks:
    """A webhook that refuses kubeadm's health-check Job stops every upgrade with CreateJob; one whose service is down
    and whose failurePolicy is Fail refuses the add-ons or the Nodes when the control plane is half upgraded
    (https://kubernetes.io/docs/concepts/cluster-administration/admission-webhooks-good-practices/). Dry runs find both.
    """

    NAME: ClassVar[str] = "webhooks"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ("CreateJob",)
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        admission = facts.admission
        if isinstance(admission, Unknown):
            yield Finding(Level.WARN, f"whether admission webhooks let kubeadm work is not known: {admission.reason}")
            return
        for same in _alike(admission):
            yield _finding(same, admission)


def _alike(admission: Admission) -> list[list[Rehearsal]]:
    """Rehearsals that came to the same by the same webhook, together."""
    groups: dict[tuple[str, str], list[Rehearsal]] = {}
    for rehearsal in admission.rehearsals:
        if rehearsal.outcome != "passed":
            groups.setdefault((rehearsal.outcome, rehearsal.by), []).append(rehearsal)
    return list(groups.values())


def _finding(same: Sequence[Rehearsal], admission: Admission) -> Finding:
    one = same[0]
    acts = some_of([rehearsal.act for rehearsal in same], len(same))
    if one.outcome in _STOPS:
        errors = sorted({rehearsal.kubeadm_error for rehearsal in same} - {""})
        stops = f" (kubeadm's {', '.join(errors)} fails then)" if errors else ""
        return Finding(Level.BLOCKER, f"{_refusal(one)} to {acts}{stops}: {one.said}", fix=_fix(same))
    if one.outcome == "untried":
        message = f"{one.by} takes part in no dry run: whether it lets the upgrade {acts} is not proved"
        return Finding(Level.INFO, message, fix="declare its sideEffects as None or NoneOnDryRun, if it has none")
    if one.outcome == "forbidden":
        among = some_of(admission.configurations, 4) or "webhooks"
        rights = ", ".join(dict.fromkeys(rehearsal.right for rehearsal in same))
        message = f"whether admission ({among}) lets kubeadm {acts} is not proved: this identity may not {rights}"
        return Finding(Level.INFO, message, fix="plan as cluster-admin, as kubeadm itself is, to have it tried")
    message = f"a dry run to {acts} failed, so that nothing is proved: {one.said}"
    return Finding(Level.WARN, message, fix="try it by hand: kubectl apply --dry-run=server")


def _refusal(one: Rehearsal) -> str:
    if one.outcome == "broken":
        return f"{one.by} must be asked and does not answer when it comes"
    if one.outcome == "silent":
        return "no answer came in time to a dry run"
    return f"{one.by} does not allow"


def _fix(same: Sequence[Rehearsal]) -> str:
    one = same[0]
    if one.by == "PodSecurity":
        return "label the namespace kube-system pod-security.kubernetes.io/enforce=privileged until the upgrade is done"
    if one.outcome == "silent":
        return "find the admission webhook that keeps the API server waiting, and repair its service"
    if one.by.startswith("webhook"):
        namespaced = all(rehearsal.namespaced for rehearsal in same)
        spare = "leave out kube-system in its namespaceSelector" if namespaced else "leave this out in its rules"
        mend = "repair its service, or set its failurePolicy to Ignore" if one.outcome == "broken" else "mend its rules"
        return f"{spare}, or {mend}"
    if one.by.startswith("quota"):
        return (
            "raise what it allows in kube-system until the upgrade is done: kubectl -n kube-system edit resourcequota"
        )
    return "change the policy, or leave out kube-system in what it applies to"
