"""MachineDeployments in their APIs, and whose Machines they are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from kubectl_upgrade.facts.machine_trouble import trouble
from kubectl_upgrade.facts.machines import Found, cluster_object, deployment_object, machine_object, read_machines
from kubectl_upgrade.facts.node_owners import belonging
from kubectl_upgrade.facts.rollout import rollout
from kubectl_upgrade.facts.rollout_trouble import rollout_trouble
from kubectl_upgrade.model.errors import ApiError, NotFoundError
from kubectl_upgrade.model.machines import MachineObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.world import Cluster, Json
    from tests.conftest import Shape

V1BETA2, V1BETA1, V1ALPHA1 = "cluster.x-k8s.io/v1beta2", "cluster.x-k8s.io/v1beta1", "cluster.k8s.io/v1alpha1"


def groups(*apis: str) -> Json:
    listed = [{"name": "apps", "versions": [{"version": "v1"}]}]
    for api in apis:
        name, _, versions = api.partition("/")
        listed.append({"name": name, "versions": [{"version": version} for version in versions.split(",")]})
    return {"groups": listed}


def made(name: str, *, uid: str = "", owner: tuple[str, str] | None = None, **parts: Any) -> Json:
    owners = [{"kind": owner[0], "name": owner[1], "uid": f"uid-{owner[1]}", "controller": True}] if owner else []
    metadata = {"name": name, "namespace": "prod", "uid": uid or f"uid-{name}", "ownerReferences": owners}
    return {"metadata": metadata | parts.pop("metadata", {}), "spec": {}, **parts}


def capi_deployment(**spec: Any) -> Json:
    template = {"spec": {"version": "v1.34.4", "clusterName": "prod"}}
    return made("md-0", spec={"clusterName": "prod", "replicas": 3, "template": template, **spec})


@dataclass
class Api:
    """Answers what it has, and fails on the unplanned."""

    answers: dict[str, Any]
    asked: list[str] = field(default_factory=list)

    async def get(self, path: str) -> Any:
        return self._answer(path)

    async def list(self, path: str, **_: str) -> Any:
        return self._answer(path)

    async def reduced(self, path: str, keep: Callable[[Json], Any], **_: str) -> Any:
        return tuple(one for raw in self._answer(path) if (one := keep(raw)) is not None)

    def _answer(self, path: str) -> Any:
        self.asked.append(path)
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer


def read(api: Api) -> Found:
    return asyncio.run(read_machines(cast("Cluster", api)))


def test_one_request_where_nothing_manages_machines() -> None:
    api = Api({"/apis": groups()})
    assert read(api) == Found()
    assert api.asked == ["/apis"]


def test_the_newest_version_that_both_sides_speak() -> None:
    at = f"/apis/{V1BETA2}"
    api = Api(
        {
            "/apis": groups("cluster.x-k8s.io/v1beta1,v1beta2"),
            f"{at}/machinedeployments": [capi_deployment()],
            f"{at}/machinesets": [made("md-0-abc", owner=("MachineDeployment", "md-0"))],
            f"{at}/machines": [
                made("m1", owner=("MachineSet", "md-0-abc")),
                made("cp", owner=("KubeadmControlPlane", "prod")),
            ],
            f"{at}/clusters": [made("prod", spec={"paused": True, "topology": {"version": "v1.34.4"}})],
        }
    )
    found = read(api)
    assert [(d.name, d.paused, str(d.version)) for d in found.deployments] == [
        ("md-0", "its Cluster prod/prod", "v1.34.4")
    ]
    assert [(m.owner, m.deployment) for m in found.machines] == [
        ("MachineDeployment/md-0", "uid-md-0"),
        ("KubeadmControlPlane/prod", ""),
    ]
    assert found.unread == ()


def test_what_may_not_be_seen_and_what_is_not_known() -> None:
    at = f"/apis/{V1ALPHA1}"
    refused = ApiError("no", status=403)
    api = Api(
        {
            "/apis": groups("cluster.x-k8s.io/v1alpha4", V1ALPHA1),
            f"{at}/machinedeployments": refused,
            f"{at}/machinesets": NotFoundError("none", status=404),
            f"{at}/machines": [],
        }
    )
    assert [line.partition(":")[0] for line in read(api).unread] == [
        "cluster.x-k8s.io is served as v1alpha4; this version of upgrade-cp knows v1beta2, v1beta1",
        "machinedeployments.cluster.k8s.io",
    ]
    away = read(Api({"/apis": ApiError("boom", status=500)}))
    assert away.unread == ("the API groups: boom",)


def test_what_a_machine_deployment_says() -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}
    new = deployment_object(V1BETA2, capi_deployment(rollout={"strategy": rolling}))  # type: ignore[arg-type]
    assert (new.strategy, new.max_surge, new.max_unavailable) == ("RollingUpdate", "25%", "0")
    old = deployment_object(V1BETA1, capi_deployment(strategy={"type": "OnDelete"}))  # type: ignore[arg-type]
    assert old.strategy == "OnDelete"
    paused = {"metadata": {"annotations": {"cluster.x-k8s.io/paused": "true"}}}
    assert deployment_object(V1BETA1, made("x", spec={"template": {}}, **paused)).paused == "it"  # type: ignore[arg-type]
    kubelet = {"template": {"spec": {"versions": {"kubelet": "1.34.4"}}}}
    assert str(deployment_object(V1ALPHA1, made("p", spec=kubelet)).version) == "v1.34.4"  # type: ignore[arg-type]
    assert deployment_object(V1ALPHA1, made("p", spec={"template": {}})).version is None  # type: ignore[arg-type]


def test_how_far_a_rollout_is() -> None:
    counts = {"replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "observedGeneration": 2}
    raw = {"metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": counts | {"upToDateReplicas": 3}}
    assert rollout(raw).done
    assert not rollout(raw | {"status": counts | {"updatedReplicas": 2}}).done
    assert not rollout(raw | {"metadata": {"generation": 3}}).done
    assert not rollout(raw | {"status": counts | {"updatedReplicas": 3, "replicas": 4}}).done
    assert str(rollout({"metadata": {}, "spec": {}})) == "0 updated, 0 ready, 0 available of 1, 0 in all"


def machine(**changes: Any) -> MachineObject:
    standard: dict[str, Any] = {
        "api": V1BETA2,
        "namespace": "prod",
        "name": "m1",
        "uid": "uid-m1",
        "cluster": "prod",
        "owner": "MachineDeployment/md-0",
        "deployment": "uid-md-0",
    }
    return MachineObject(**(standard | changes))


@pytest.mark.parametrize(
    ("proof", "node"),
    [
        ({"node": "w1", "node_uid": "{uid}"}, {}),
        ({"node": "w1", "provider_id": "aws:///i-1"}, {"provider_id": "aws:///i-1"}),
        (
            {"node": "w1"},
            {"annotations": {"cluster.x-k8s.io/machine": "m1", "cluster.x-k8s.io/cluster-namespace": "prod"}},
        ),
        ({}, {"labels": {"machine-controller/owned-by": "uid-m1"}}),
    ],
)
def test_a_machine_is_ours_by_proof(shape: type[Shape], proof: dict[str, str], node: dict[str, Any]) -> None:
    nodes = shape(nodes={"w1": node}).facts().nodes
    uid = next(n.uid for n in nodes if n.name == "w1")
    found = machine(**{key: value.replace("{uid}", uid) for key, value in proof.items()})
    deployment = deployment_object(V1BETA2, capi_deployment())  # type: ignore[arg-type]
    machines = belonging(Found(deployments=(deployment,), machines=(found,)), nodes)
    assert machines.deployments == (deployment,)
    assert machines.owners["w1"].deployment == "uid-md-0"
    assert machines.elsewhere == {}


@pytest.mark.parametrize(
    ("proof", "why"),
    [
        ({"node": "w1"}, "its Machine m1 has another node called w1"),
        ({"node": "w1", "node_uid": "another"}, "its Machine m1 has another node called w1"),
        (
            {"node": "w1", "node_uid": "another", "provider_id": "aws:///i-1"},
            "its Machine m1 has another node called w1",
        ),
        ({"node": "w9", "provider_id": "aws:///i-1"}, "no Machine of the Cluster prod is a node here"),
        ({}, "no Machine of the Cluster prod is a node here"),
    ],
)
def test_a_name_alone_proves_nothing(shape: type[Shape], proof: dict[str, str], why: str) -> None:
    """A management cluster: what it keeps of others is never touched."""
    nodes = shape(nodes={"w1": {"provider_id": "aws:///i-1" if "node_uid" in proof else ""}}).facts().nodes
    deployment = deployment_object(V1BETA2, capi_deployment())  # type: ignore[arg-type]
    topology = cluster_object(V1BETA2, made("prod", spec={"topology": {"version": "v1.34.4"}}))  # type: ignore[arg-type]
    found = Found(deployments=(deployment,), clusters=(topology,), machines=(machine(**proof),))
    machines = belonging(found, nodes)
    assert (machines.deployments, machines.topologies, machines.owners) == ((), (), {})
    assert machines.elsewhere == {"MachineDeployment prod/md-0": why}


def test_one_machine_proves_its_whole_cluster_and_one_refutes_it(shape: type[Shape]) -> None:
    """A MachineDeployment of no replicas has no Machine of its own to prove it."""
    nodes = shape(nodes={"w1": {"provider_id": "aws:///i-1"}}).facts().nodes
    empty = replace(deployment_object(V1BETA2, capi_deployment()), name="empty", uid="uid-empty")  # type: ignore[arg-type]
    ours = machine(node="w1", provider_id="aws:///i-1")
    assert belonging(Found(deployments=(empty,), machines=(ours,)), nodes).deployments == (empty,)
    theirs = machine(name="m2", uid="uid-m2", node="w2", provider_id="aws:///i-2")
    assert belonging(Found(deployments=(empty,), machines=(ours, theirs)), nodes).deployments == ()


def test_a_node_says_itself_that_another_cluster_manages_it(shape: type[Shape]) -> None:
    marks = {
        "cluster.x-k8s.io/machine": "prod-cp-1",
        "cluster.x-k8s.io/cluster-namespace": "fleet",
        "cluster.x-k8s.io/owner-kind": "KubeadmControlPlane",
        "cluster.x-k8s.io/owner-name": "prod-cp",
    }
    nodes = shape(nodes={"cp1": {"annotations": marks}, "w1": {"labels": {"machine-controller/owned-by": "u"}}}).facts()
    owners = belonging(Found(), nodes.nodes).owners
    assert (owners["cp1"].owner, owners["cp1"].machine, owners["cp1"].here) == (
        "KubeadmControlPlane/prod-cp",
        "fleet/prod-cp-1",
        False,
    )
    assert not owners["w1"].here


def test_a_node_of_a_machine_pool_has_an_owner_and_no_machine(shape: type[Shape]) -> None:
    marks = {"cluster.x-k8s.io/owner-kind": "MachinePool", "cluster.x-k8s.io/owner-name": "pool"}
    nodes = shape(nodes={"w1": {"annotations": marks}}).facts().nodes
    owner = belonging(Found(), nodes).owners["w1"]
    assert (owner.owner, owner.here) == ("MachinePool/pool", False)


def test_a_machine_of_two_apis_is_read() -> None:
    raw = made("m1", owner=("MachineSet", "s"), spec={"clusterName": "prod", "providerID": "p"})
    found, owner = machine_object(V1BETA2, raw | {"status": {"nodeRef": {"name": "w1"}}})  # type: ignore[arg-type]
    assert (found.node, found.node_uid, found.provider_id, found.cluster) == ("w1", "", "p", "prod")
    assert owner is not None
    assert owner["name"] == "s"


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Json:
    return {"type": kind, "status": status, "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("status", "metadata", "said"),
    [
        ({"nodeRef": {"name": "w1"}, "conditions": [condition("Ready", "True")]}, {}, ""),
        (
            {
                "conditions": [
                    condition("Ready", "False", "NotReady", "* all"),
                    condition("BootstrapConfigReady", "False", "NotReady", "no token"),
                ]
            },
            {},
            "BootstrapConfigReady False (NotReady): no token",
        ),
        (
            {"conditions": [condition("Ready", "False", "NotReady", "* NodeHealthy:\n  * waits")]},
            {},
            "Ready False (NotReady): * NodeHealthy: * waits",
        ),
        (
            {"errorReason": "InvalidConfiguration", "errorMessage": "no flavor m9"},
            {},
            "errorReason InvalidConfiguration: no flavor m9; no Node has joined for it",
        ),
        (
            {"failureReason": "CreateError", "failureMessage": "quota", "nodeRef": {"name": "w"}},
            {},
            "failureReason CreateError: quota",
        ),
        (
            {"deprecated": {"v1beta1": {"failureMessage": "quota"}}, "nodeRef": {"name": "w"}},
            {},
            "failureReason none: quota",
        ),
        ({"phase": "Pending"}, {}, "no Node has joined for it, its phase is Pending"),
        (
            {"conditions": [condition("Deleting", "True", "DrainingNode", "* Pod shop/db-0: cannot evict")]},
            {"deletionTimestamp": "2026-01-01T00:00:00Z"},
            "is being deleted since 2026-01-01T00:00:00Z; Deleting True (DrainingNode): * Pod shop/db-0: cannot evict",
        ),
        (
            {
                "conditions": [
                    condition("DrainingSucceeded", "False", "DrainingFailed", "pdb"),
                    condition("Ready", "False"),
                ]
            },
            {"deletionTimestamp": "2026-01-01T00:00:00Z"},
            "is being deleted since 2026-01-01T00:00:00Z; DrainingSucceeded False (DrainingFailed): pdb",
        ),
    ],
)
def test_what_holds_a_machine(status: Json, metadata: Json, said: str) -> None:
    assert trouble({"metadata": metadata, "status": status}) == said


def test_what_holds_a_rollout() -> None:
    """Its own Machines alone, with the last warning about each; MachineSets say what no Machine can."""
    at = f"/apis/{V1ALPHA1}/namespaces/prod"
    mine, other = {"labels": {"set": "a"}}, {"labels": {"set": "b"}}
    api = Api(
        {
            f"{at}/machines": [made("m1", metadata=mine, status={}), made("m2", metadata=other, status={})],
            f"{at}/machinesets": [made("s", metadata=mine, status={"errorMessage": "selector", "errorReason": "Bad"})],
            "/api/v1/namespaces/prod/events": [
                {"reason": "Old", "message": "x", "lastTimestamp": "2026-01-01T00:00:00Z"},
                {"reason": "FailedCreate", "message": "quota\n exceeded", "lastTimestamp": "2026-01-02T00:00:00Z"},
            ],
        }
    )
    raw = made("pool", spec={"selector": {"matchLabels": {"set": "a"}}}, status={})
    assert asyncio.run(rollout_trouble(cast("Cluster", api), V1ALPHA1, raw)).splitlines() == [
        "  Machine prod/m1: no Node has joined for it; last event FailedCreate: quota exceeded",
        "  MachineSet prod/s: errorReason Bad: selector",
    ]


def test_a_rollout_that_nobody_works_on() -> None:
    at = f"/apis/{V1BETA2}/namespaces/prod"
    api = Api({f"{at}/machines": [], f"{at}/machinesets": ApiError("no", status=403)})
    raw = made("md-0", metadata={"generation": 2}, spec={"selector": {}}, status={"observedGeneration": 1})
    said = asyncio.run(rollout_trouble(cast("Cluster", api), V1BETA2, raw))
    assert said == "  nobody has seen the new specification: do Cluster API's controllers (capi-system) run?"
