"""What admission refuses in a dry run is told, with who refuses it and what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.model.admission import Admission, Rehearsal
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from tests.conftest import Shape

JOB = Rehearsal(act="create a Job in kube-system", right="create jobs.batch", kubeadm_error="CreateJob")
POD = Rehearsal(act="create a Pod in kube-system", right="create pods", kubeadm_error="CreateJob")
PROXY = Rehearsal(act="change DaemonSet kube-system/kube-proxy", right="patch daemonsets.apps")
NODE = Rehearsal(act="label, annotate and cordon Node cp1", right="patch nodes", namespaced=False)
POLICY = 'webhook "policy.example.org"'


def found(shape: type[Shape], *rehearsals: Rehearsal, configurations: tuple[str, ...] = ()) -> list[Finding]:
    admission = Admission(rehearsals=rehearsals, configurations=configurations)
    facts = replace(shape().facts(), admission=admission)
    return list(CHECKS["webhooks"].run(facts, Aim(Version.parse("v1.35.4"))))


def said(*rehearsals: Rehearsal, **how: Any) -> list[Rehearsal]:
    return [replace(rehearsal, **how) for rehearsal in rehearsals]


def test_what_passes_is_no_finding(shape: type[Shape]) -> None:
    assert found(shape, JOB, POD, PROXY, NODE, configurations=("MutatingWebhookConfiguration mesh",)) == []


def test_who_refuses_is_named_once_with_all_that_it_refuses(shape: type[Shape]) -> None:
    refused = said(JOB, POD, outcome="denied", by=POLICY, said="needs an owner")
    (finding,) = found(shape, *refused, PROXY, NODE)
    assert finding.level is Level.BLOCKER
    assert finding.waivable
    assert finding.message == (
        f"{POLICY} does not allow to create a Job in kube-system, create a Pod in kube-system "
        "(kubeadm's CreateJob fails then): needs an owner"
    )
    assert finding.fix == "leave out kube-system in its namespaceSelector, or mend its rules"


def test_what_only_fails_later_names_no_preflight_error(shape: type[Shape]) -> None:
    (finding,) = found(shape, *said(PROXY, outcome="denied", by=POLICY))
    assert "CreateJob" not in finding.message


def test_a_namespace_selector_spares_no_node(shape: type[Shape]) -> None:
    (finding,) = found(shape, *said(PROXY, NODE, outcome="broken", by=POLICY, said="connection refused"))
    assert finding.level is Level.BLOCKER
    assert "does not answer" in finding.message
    assert finding.fix == "leave this out in its rules, or repair its service, or set its failurePolicy to Ignore"


@pytest.mark.parametrize(
    ("by", "outcome", "fix"),
    [
        ("PodSecurity", "denied", "pod-security.kubernetes.io/enforce=privileged"),
        ("ValidatingAdmissionPolicy 'p' with binding 'b'", "denied", "change the policy"),
        ("", "silent", "keeps the API server waiting"),
    ],
)
def test_other_refusals_block_too(shape: type[Shape], by: str, outcome: str, fix: str) -> None:
    (finding,) = found(shape, *said(POD, outcome=outcome, by=by, said="what came back"))
    assert finding.level is Level.BLOCKER
    assert fix in finding.fix
    assert "what came back" in finding.message


def test_what_no_dry_run_reaches_is_told(shape: type[Shape]) -> None:
    (finding,) = found(shape, *said(JOB, NODE, outcome="untried", by=POLICY))
    assert finding.level is Level.INFO
    assert finding.message.startswith(f"{POLICY} takes part in no dry run")


def test_a_missing_right_is_named(shape: type[Shape]) -> None:
    lacking = said(JOB, POD, PROXY, outcome="forbidden", said="cannot create resource")
    (finding,) = found(shape, *lacking, NODE, configurations=("MutatingWebhookConfiguration mesh",))
    assert finding.level is Level.INFO
    assert "(MutatingWebhookConfiguration mesh)" in finding.message
    assert finding.message.endswith("this identity may not create jobs.batch, create pods, patch daemonsets.apps")


def test_what_nobody_understands_warns(shape: type[Shape]) -> None:
    (finding,) = found(shape, *said(JOB, outcome="unclear", said="422 Invalid"))
    assert finding.level is Level.WARN
    assert "422 Invalid" in finding.message


def test_unknown_is_told(shape: type[Shape]) -> None:
    facts = replace(shape().facts(), admission=Unknown("not asked"))
    (finding,) = CHECKS["webhooks"].run(facts, Aim(Version.parse("v1.35.4")))
    assert finding.level is Level.WARN
