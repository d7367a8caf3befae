"""Fill a real API server with a modelled cluster, its objects as large as real ones."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPSConnection
from threading import local
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kubectl_upgrade.simulation.paths import (
    BUDGETS,
    CONFIG_MAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    NAMESPACES,
    NODES,
    PODS,
    RESOURCES,
)
from kubectl_upgrade.simulation.status import present
from tests.lab.errors import LabError

if TYPE_CHECKING:
    from bench.scale.control_plane import ControlPlane
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.world import Json

_THREADS = 12
_EXISTS = 409
_OWN = ("uid", "resourceVersion", "creationTimestamp", "generation")
# a kubelet reports up to 50 images (nodeStatusMaxImages), some by tag and digest
_IMAGES = 40
_VARIABLES = 24


class Api:
    """Plain requests, one connection to a thread."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._host = urlsplit(control_plane.url).netloc
        self._tls = control_plane.tls
        self._headers = {**control_plane.headers, "Content-Type": "application/json"}
        self._mine = local()

    def send(self, method: str, path: str, body: Json, content_type: str = "application/json") -> None:
        """LabError unless it is done, or was there already."""
        connection = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = HTTPSConnection(self._host, context=self._tls, timeout=60)
        connection.request(method, path, json.dumps(body), {**self._headers, "Content-Type": content_type})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status >= 300 and answer.status != _EXISTS:  # noqa: PLR2004 - HTTP's classes
            raise LabError(f"{method} {path}: {answer.status} {said[:500]!r}")


def fill(control_plane: ControlPlane, model: ModelCluster) -> None:
    """Create everything that the model holds; kwok makes Nodes Ready and pods run."""
    api = Api(control_plane)
    with ThreadPoolExecutor(_THREADS) as pool:
        for collection in (NAMESPACES, CONFIG_MAPS, DAEMON_SETS, DEPLOYMENTS, BUDGETS, NODES, PODS):
            for _ in pool.map(lambda obj, at=collection: _create(api, model, at, obj), model.store.within(collection)):
                pass


def _create(api: Api, model: ModelCluster, collection: str, stored: Json) -> None:
    obj = present(model, collection, stored)
    for field in _OWN:
        obj["metadata"].pop(field, None)
    if collection == NODES:
        furnish_node(obj)
    if collection == PODS:
        furnish_pod(obj)
    api.send("POST", collection_path(collection, obj), obj)
    if collection == BUDGETS:  # there is no disruption controller
        path = f"{collection_path(collection, obj)}/{obj['metadata']['name']}/status"
        status = {**obj["status"], "observedGeneration": 1}
        api.send("PATCH", path, {"status": status}, "application/merge-patch+json")


def collection_path(collection: str, obj: Json) -> str:
    """Where an object is created."""
    if not RESOURCES[collection][1]:
        return collection
    group, _, plural = collection.rpartition("/")
    return f"{group}/namespaces/{obj['metadata']['namespace']}/{plural}"


def furnish_node(obj: Json) -> None:
    """Images, labels and annotations as on a node in use: 8 KB."""
    name = obj["metadata"]["name"]
    obj["metadata"]["annotations"] = {
        "csi.volume.kubernetes.io/nodeid": json.dumps({"ebs.csi.example.org": f"i-{name}"}),
        "node.alpha.kubernetes.io/ttl": "300",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
    }
    zone = {"topology.kubernetes.io/zone": "zone-a", "topology.kubernetes.io/region": "region-1"}
    obj["metadata"]["labels"] |= {**zone, "node.kubernetes.io/instance-type": "m.large"}
    capacity = {"cpu": "8", "memory": "32780116Ki", "pods": "110", "ephemeral-storage": "103059464Ki"}
    obj["status"] |= {"capacity": capacity, "allocatable": capacity, "images": [_image(i) for i in range(_IMAGES)]}


def _image(number: int) -> dict[str, Any]:
    repository = f"registry.example.org/team-{number % 7}/service-{number}"
    return {"names": [f"{repository}@sha256:{number:064x}", f"{repository}:v1.{number}.0"], "sizeBytes": 10**8 + number}


def furnish_pod(obj: Json) -> None:
    """Variables, probes, volumes as people write them: 4 KB with its status."""
    obj.pop("status")
    for owner in obj["metadata"].get("ownerReferences", ()):
        owner["uid"] = owner["uid"] or "00000000-0000-4000-8000-000000000000"
    obj["metadata"]["labels"] |= {"app.kubernetes.io/part-of": "shop", "app.kubernetes.io/version": "1.42.0"}
    container = obj["spec"]["containers"][0]
    container |= {
        "env": [{"name": f"SETTING_{i}", "value": f"https://service-{i}.shop.svc:8443/"} for i in range(_VARIABLES)],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 5},
        "livenessProbe": {"httpGet": {"path": "/livez", "port": 8080}, "periodSeconds": 10},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/service"}, {"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
    }
    obj["spec"]["volumes"] = [
        {"name": "config", "configMap": {"name": "service"}},
        {"name": "tmp", "emptyDir": {}}
        if "web" not in container["name"]
        else {"name": "tmp", "hostPath": {"path": "/"}},
    ]
