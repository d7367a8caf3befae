"""Dry runs of what kubeadm and we will do, where something in the cluster may refuse it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kubectl_upgrade.facts import kubeadm_config, kubelet_config
from kubectl_upgrade.facts.forbidden import FORBIDDEN, unless_forbidden
from kubectl_upgrade.model.admission import Admission, Rehearsal
from kubectl_upgrade.model.errors import ApiError, NotFoundError
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.names import CORDON_ANNOTATION, RUN_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_upgrade.model.admission import Outcome
    from kubectl_upgrade.model.facts import Maybe
    from kubectl_upgrade.world import Cluster, Json

_NAMESPACE = "kube-system"
_CORE, _APPS, _BATCH = (f"/{group}/namespaces/{_NAMESPACE}" for group in ("api/v1", "apis/apps/v1", "apis/batch/v1"))
_GROUP = "admissionregistration.k8s.io"
_REGISTERED = f"/apis/{_GROUP}/v1"
# whatever may refuse: where it is listed
_SETTINGS = (
    ("MutatingWebhookConfiguration", _REGISTERED),
    ("ValidatingWebhookConfiguration", _REGISTERED),
    # since 1.30
    ("ValidatingAdmissionPolicyBinding", _REGISTERED),
    # since 1.36, and before that where the beta is turned on
    ("MutatingAdmissionPolicyBinding", _REGISTERED),
    ("MutatingAdmissionPolicyBinding", f"/apis/{_GROUP}/v1beta1"),
    ("ResourceQuota", _CORE),
)
# as kubeadm's (phases/upgrade/health.go), with a name of our own: nobody looks for it in vain
_HEALTH_CHECK = "upgrade-health-check-rehearsal"
_ENFORCED = "pod-security.kubernetes.io/enforce"
_NO_ANSWER = frozenset({0, 504})

# the API server's words: apiserver/pkg/admission/plugin/webhook/errors, .../policy/validating, .../authorization/rbac
_WORDS: tuple[tuple[Outcome, re.Pattern[str]], ...] = (
    ("untried", re.compile(r'admission (?P<by>webhook "[^"]+") does not support dry run')),
    ("broken", re.compile(r'failed calling (?P<by>webhook "[^"]+")')),
    ("denied", re.compile(r'admission (?P<by>webhook "[^"]+") denied the request')),
    ("denied", re.compile(r"(?P<by>ValidatingAdmissionPolicy '[^']+' with binding '[^']+') denied request")),
    # apiserver/pkg/admission/plugin/policy/generic, of a policy that mutates and cannot
    ("denied", re.compile(r"(?P<by>policy '[^']+' with binding '[^']+') denied request")),
    ("denied", re.compile(r"violates (?P<by>PodSecurity) ")),
    # apiserver/pkg/admission/plugin/resourcequota/controller.go
    ("denied", re.compile(r"(?:exceeded|failed) (?P<by>quota: [^,: ]+)")),
    ("forbidden", re.compile(r"(?P<by>)cannot \w+ resource ")),
)


@dataclass(frozen=True, slots=True)
class _Act:
    """Something to rehearse: a patch of an object, or an object that is created in a collection."""

    shown: Rehearsal
    path: str
    body: Json
    create: bool = False


async def read_admission(cluster: Cluster, kube_system: Json, repository: str, node: str) -> Admission:
    """Rehearse where webhooks, policies, quotas or Pod Security may refuse; seven dry runs at once, nothing is stored.

    `repository`: where the cluster has its images from; `node`: one of its control planes.
    """
    found = await asyncio.gather(*(_configurations(cluster, kind, place) for kind, place in _SETTINGS))
    listed = (name for names in found if not isinstance(names, Unknown) for name in names)
    # one policy may be served as two versions
    names = tuple(dict.fromkeys(listed))
    labels = kube_system["metadata"].get("labels") or {}
    strict = labels.get(_ENFORCED, "privileged") != "privileged"
    if not names and not strict and not any(isinstance(names, Unknown) for names in found):
        return Admission()
    rehearsals = await asyncio.gather(*(_rehearse(cluster, act) for act in _acts(repository, node)))
    return Admission(rehearsals=tuple(filter(None, rehearsals)), configurations=names)


async def _configurations(cluster: Cluster, kind: str, place: str) -> Maybe[tuple[str, ...]]:
    resource = f"{kind.lower()}s"
    try:
        return await unless_forbidden(
            cluster.reduced(f"{place}/{resource}", lambda raw: f"{kind} {raw['metadata']['name']}"),
            f"list {resource} in {place}",
        )
    except NotFoundError:
        return ()


async def _rehearse(cluster: Cluster, act: _Act) -> Rehearsal | None:
    """What the API server said; None when the object is not there."""
    rehearse = cluster.rehearse_create if act.create else cluster.rehearse_patch
    try:
        try:
            await rehearse(act.path, act.body)
        except ApiError as error:
            if error.status:
                raise
            # one lost connection proves nothing, and a rehearsal may be made again
            await rehearse(act.path, act.body)
    except ApiError as error:
        if error.starting:
            raise
        outcome, by = outcome_of(error)
        if outcome == "unclear" and isinstance(error, NotFoundError):
            return None
        return replace(act.shown, outcome=outcome, by=by, said=error.message)
    return act.shown


def outcome_of(error: ApiError) -> tuple[Outcome, str]:
    """What a refused dry run means, and who decided it."""
    for outcome, words in _WORDS:
        found = words.search(error.message)
        if found is not None:
            return outcome, found["by"]
    if error.status in _NO_ANSWER:
        return "silent", ""
    # RBAC has other words: this is admission that is built in, such as a quota
    return ("denied", "the API server") if error.status == FORBIDDEN else ("unclear", "")


def _acts(repository: str, node: str) -> tuple[_Act, ...]:
    """As kubeadm's preflight, its configuration and its add-ons do it, and what we do to each Node."""
    mark: Json = {"metadata": {"annotations": {RUN_LABEL: "rehearsal"}}}
    template: Json = {"spec": {"template": mark}}
    spec = _health_check(repository)
    return (
        _create("Job", "jobs.batch", f"{_BATCH}/jobs", {"backoffLimit": 0, "template": {"spec": spec}}),
        _create("Pod", "pods", f"{_CORE}/pods", spec),
        _patch("Deployment", "coredns", "deployments.apps", f"{_APPS}/deployments/coredns", template),
        _patch("DaemonSet", "kube-proxy", "daemonsets.apps", f"{_APPS}/daemonsets/kube-proxy", template),
        _patch("ConfigMap", "kubeadm-config", "configmaps", kubeadm_config.PATH, mark),
        _patch("ConfigMap", "kubelet-config", "configmaps", kubelet_config.PATH, mark),
        *((_node(node),) if node else ()),
    )


def _node(name: str) -> _Act:
    """As we mark and cordon it; kubeadm only annotates it."""
    metadata = {"labels": {RUN_LABEL: "rehearsal"}, "annotations": {CORDON_ANNOTATION: "rehearsal"}}
    return _Act(
        Rehearsal(act=f"label, annotate and cordon Node {name}", right="patch nodes", namespaced=False),
        f"/api/v1/nodes/{name}",
        {"metadata": metadata, "spec": {"unschedulable": True}},
    )


def _health_check(repository: str) -> Json:
    """The pod of kubeadm's health check. Which pause it is depends on kubeadm; what admission judges is whose it is."""
    return {
        "restartPolicy": "Never",
        "securityContext": {"runAsUser": 999, "runAsGroup": 999, "runAsNonRoot": True},
        "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}],
        "containers": [{"name": "upgrade-health-check", "image": f"{repository}/pause:3.10.1", "args": ["-v"]}],
    }


def _create(kind: str, resource: str, path: str, spec: Mapping[str, object]) -> _Act:
    shown = Rehearsal(act=f"create a {kind} in {_NAMESPACE}", right=f"create {resource}", kubeadm_error="CreateJob")
    body = {
        "apiVersion": "v1" if kind == "Pod" else "batch/v1",
        "kind": kind,
        "metadata": {"name": _HEALTH_CHECK, "namespace": _NAMESPACE},
        "spec": spec,
    }
    return _Act(shown, path, body, create=True)


def _patch(kind: str, name: str, resource: str, path: str, body: Json) -> _Act:
    return _Act(Rehearsal(act=f"change {kind} {_NAMESPACE}/{name}", right=f"patch {resource}"), path, body)
