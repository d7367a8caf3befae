"""Dry runs: when there are any, what is tried, and what the answers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from kubectl_upgrade.facts.admission import outcome_of, read_admission
from kubectl_upgrade.model.admission import Admission
from kubectl_upgrade.model.errors import ApiError, ConflictError, NotFoundError
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.admission import Webhook
from kubectl_upgrade.simulation.paths import (
    MUTATING_BINDINGS,
    MUTATING_BINDINGS_BETA,
    QUOTAS,
    VALIDATING_WEBHOOKS,
)
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.world import Cluster, Json

KUBE_SYSTEM: Json = {"metadata": {"name": "kube-system"}}
EVERYTHING = frozenset({"Job", "Pod", "Deployment", "DaemonSet", "ConfigMap", "Node"})


def rehearsed(model: ModelCluster, kube_system: Json = KUBE_SYSTEM) -> Admission:
    return loop.run(read_admission(simulated_world(model).cluster, kube_system, "registry.k8s.io", "cp1"))


def everything(model: ModelCluster) -> str:
    """All that the API keeps."""
    return str(model.store.__dict__)


def test_without_webhooks_nothing_is_tried() -> None:
    model = sample()
    model.faults.crossed = []
    assert rehearsed(model) == Admission()
    assert {point.call for point in model.faults.crossed} == {"cluster.list"}


@pytest.mark.parametrize(
    ("collection", "kind"),
    [
        (QUOTAS, "ResourceQuota"),
        (MUTATING_BINDINGS, "MutatingAdmissionPolicyBinding"),
        (MUTATING_BINDINGS_BETA, "MutatingAdmissionPolicyBinding"),
    ],
)
def test_a_quota_or_a_policy_that_mutates_may_refuse_as_well(collection: str, kind: str) -> None:
    model = sample()
    namespaced = {"namespace": "kube-system"} if collection == QUOTAS else {}
    model.store.add(collection, {"kind": kind, "metadata": {"name": "few", **namespaced}})
    admission = rehearsed(model)
    assert admission.configurations == (f"{kind} few",)
    assert len(admission.rehearsals) == 7


def test_all_that_the_upgrade_takes_is_tried_and_nothing_is_kept() -> None:
    model = sample()
    model.admission.add(Webhook(name="mesh", kinds=frozenset()))
    before = everything(model)
    admission = rehearsed(model)
    assert admission.configurations == ("ValidatingWebhookConfiguration mesh",)
    assert {rehearsal.outcome for rehearsal in admission.rehearsals} == {"passed"}
    assert [rehearsal.act for rehearsal in admission.rehearsals] == [
        "create a Job in kube-system",
        "create a Pod in kube-system",
        "change Deployment kube-system/coredns",
        "change DaemonSet kube-system/kube-proxy",
        "change ConfigMap kube-system/kubeadm-config",
        "change ConfigMap kube-system/kubelet-config",
        "label, annotate and cordon Node cp1",
    ]
    assert everything(model) == before
    assert model.landed == []


@pytest.mark.parametrize(("does", "outcome"), [("deny", "denied"), ("fail", "broken"), ("refuse-dry-runs", "untried")])
def test_a_webhook_in_the_way(does: Any, outcome: str) -> None:
    model = sample()
    model.admission.add(Webhook(name="policy.example.org", kinds=EVERYTHING - {"Node"}, does=does))
    found = {rehearsal.act: rehearsal for rehearsal in rehearsed(model).rehearsals}
    assert found.pop("label, annotate and cordon Node cp1").outcome == "passed"
    assert {(one.outcome, one.by) for one in found.values()} == {(outcome, 'webhook "policy.example.org"')}


def test_one_that_spares_kube_system() -> None:
    model = sample()
    model.admission.add(Webhook(name="policy", kinds=EVERYTHING - {"Node"}, spares=frozenset({"kube-system"})))
    assert {rehearsal.outcome for rehearsal in rehearsed(model).rehearsals} == {"passed"}


@pytest.mark.parametrize(("level", "tried"), [("restricted", 7), ("baseline", 7), ("privileged", 0)])
def test_pod_security_on_kube_system_is_tried_too(level: str, tried: int) -> None:
    labels = {"pod-security.kubernetes.io/enforce": level}
    admission = rehearsed(sample(), {"metadata": {"name": "kube-system", "labels": labels}})
    assert len(admission.rehearsals) == tried


def test_what_is_not_there_is_not_tried() -> None:
    model = sample()
    model.admission.add(Webhook(name="mesh", kinds=frozenset()))
    proxy = model.store.find("/apis/apps/v1/daemonsets", "kube-proxy", "kube-system")
    assert proxy is not None
    del model.store._objects["/apis/apps/v1/daemonsets"]["kube-system"]["kube-proxy"]  # noqa: SLF001
    acts = [rehearsal.act for rehearsal in rehearsed(model).rehearsals]
    assert len(acts) == 6
    assert not any("kube-proxy" in act for act in acts)


class Refusing:
    """Lists are as given; every dry run ends alike."""

    def __init__(self, listing: ApiError | None, answer: ApiError) -> None:
        self.listing, self.answer = listing, answer

    async def reduced(self, path: str, keep: Callable[[Json], str], **_: str) -> tuple[str, ...]:
        if self.listing is not None:
            raise self.listing
        return (keep({"metadata": {"name": "mesh"}}),) if path == VALIDATING_WEBHOOKS else ()

    async def rehearse_create(self, *_: object) -> Json:
        raise self.answer

    rehearse_patch = rehearse_create


def refused(listing: ApiError | None, answer: ApiError) -> Admission:
    cluster = cast("Cluster", Refusing(listing, answer))
    return loop.run(read_admission(cluster, KUBE_SYSTEM, "registry.k8s.io", "cp1"))


FORBIDDEN = ApiError('jobs.batch is forbidden: User "u" cannot create resource "jobs" in API group "batch"', status=403)


def test_whoever_may_not_list_webhooks_tries() -> None:
    hidden = refused(ApiError("cannot list resource", status=403), FORBIDDEN)
    assert hidden.configurations == ()
    assert {rehearsal.outcome for rehearsal in hidden.rehearsals} == {"forbidden"}
    assert len(hidden.rehearsals) == 7


def test_an_api_server_that_only_starts_is_no_verdict() -> None:
    starting = ApiError("cannot create resource", status=403, starting=True)
    with pytest.raises(ApiError):
        refused(None, starting)
    with pytest.raises(ApiError):
        refused(starting, FORBIDDEN)


def test_an_older_server_that_knows_no_policies_has_none() -> None:
    assert refused(NotFoundError("no such resource", status=404), FORBIDDEN) == Admission()


@pytest.mark.parametrize(
    ("error", "outcome", "by"),
    [
        (
            ApiError('POST /x: 403 Forbidden: admission webhook "a.b" denied the request: no', status=403),
            "denied",
            "a.b",
        ),
        (NotFoundError('admission webhook "a.b" denied the request: no', status=404), "denied", "a.b"),
        (ConflictError('admission webhook "a.b" denied the request: no', status=409), "denied", "a.b"),
        (
            ApiError(
                'Internal error occurred: failed calling webhook "a.b": failed to call webhook: Post "https://x": '
                "context deadline exceeded",
                status=500,
            ),
            "broken",
            "a.b",
        ),
        (ApiError('admission webhook "a.b" does not support dry run', status=400), "untried", "a.b"),
        (
            ApiError('pods "x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=9', status=403),
            "denied",
            "quota: few",
        ),
        (ApiError("policy 'p' with binding 'b' denied request: no such key", status=422), "denied", "policy 'p'"),
        (
            ApiError(
                "deployments.apps \"coredns\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied "
                "request: failed expression: false",
                status=422,
            ),
            "denied",
            "ValidatingAdmissionPolicy 'p' with binding 'b'",
        ),
        (
            ApiError('pods "x" is forbidden: violates PodSecurity "restricted:latest": a', status=403),
            "denied",
            "PodSec",
        ),
        (ApiError('pods "x" is forbidden: no', status=403), "denied", "the API server"),
        (FORBIDDEN, "forbidden", ""),
        (ApiError("no answer from https://x: timed out"), "silent", ""),
        (ApiError("Timeout: request did not complete", status=504), "silent", ""),
        (ApiError("422 Invalid: spec", status=422), "unclear", ""),
    ],
)
def test_what_a_refusal_means(error: ApiError, outcome: str, by: str) -> None:
    found = outcome_of(error)
    assert found[0] == outcome
    assert by in found[1]
    assert bool(by) == bool(found[1])
