"""The API's objects, as etcd keeps them: uids, resource versions, preconditions, merge patches."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from kubectl_upgrade.model.errors import ApiError, ConflictError, NotFoundError
from kubectl_upgrade.simulation import identity
from kubectl_upgrade.simulation.faults import UnplannedError
from kubectl_upgrade.simulation.paths import NAMESPACES, PODS, RESOURCES, Location
from kubectl_upgrade.simulation.selectors import field_terms, has_field, label_tests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kubectl_upgrade.world import Json

_NESTED = (dict, list)
_CREATED = "2026-01-01T00:00:00Z"


def received(body: Json) -> Json:
    """A client's body as it comes over the wire; ValueError or TypeError for what is no JSON."""
    return cast("Json", json.loads(json.dumps(body, allow_nan=False)))


def copied(value: Any) -> Any:
    """A deep copy of JSON: lists of 50,000 pods are copied, which json and copy.deepcopy are too slow for."""
    if isinstance(value, dict):
        return {key: copied(inner) if isinstance(inner, _NESTED) else inner for key, inner in value.items()}
    if isinstance(value, list):
        return [copied(inner) if isinstance(inner, _NESTED) else inner for inner in value]
    return value


class Store:
    """Objects by collection, namespace and name; what it hands out is its own, and not to be given to a client."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._revision = 1000
        self._created = 0
        self._objects: dict[str, dict[str, dict[str, Json]]] = {collection: {} for collection in RESOURCES}
        # a drain of every node lists the pods of each: without an index, 5,000 nodes would cost 250 million looks
        self._pods_on: dict[str, dict[tuple[str, str], Json]] = {}

    def get(self, at: Location) -> Json:
        try:
            return self._objects[at.collection][at.namespace][at.name]
        except KeyError:
            raise NotFoundError(f"{at} not found", status=404, reason="NotFound") from None

    def find(self, collection: str, name: str, namespace: str = "") -> Json | None:
        return self._objects[collection].get(namespace, {}).get(name)

    def within(self, collection: str, namespace: str = "") -> Iterator[Json]:
        """Objects of one namespace, or of all when none is given."""
        spaces = self._objects[collection]
        chosen = [spaces.get(namespace, {})] if namespace else list(spaces.values())
        for space in chosen:
            yield from space.values()

    def pods_on(self, node: str) -> list[Json]:
        return list(self._pods_on.get(node, {}).values())

    def select(self, at: Location, labels: str, fields: str) -> list[Json]:
        """Objects of a collection by selectors, ordered as etcd orders their keys."""
        terms = field_terms(fields, at.kind)
        tests = label_tests(labels)
        found = [
            obj
            for obj in self._candidates(at, terms)
            if all(has_field(obj, field, value) == equal for field, value, equal in terms)
            and all(test(obj["metadata"].get("labels", {})) for test in tests)
        ]
        return sorted(found, key=_key)

    def create(self, at: Location, body: Json) -> Json:
        """Add an object to a collection, as a POST does; ConflictError when its name is taken."""
        return self.add(at.collection, self.rehearse_create(at, body))

    def rehearse_create(self, at: Location, body: Json) -> Json:
        """What create would add."""
        metadata = body.get("metadata", {})
        if "name" not in metadata:
            raise UnplannedError(f"an object without a name was created in {at.collection}")
        where = Location(at.collection, at.namespace, metadata["name"])
        stated = (body.get("apiVersion"), body.get("kind"), metadata.get("namespace", at.namespace))
        if stated != (where.api_version, where.kind, at.namespace):
            raise ApiError(f"{where}: the body is of {stated}", status=400, reason="BadRequest")
        if at.namespace and self.find(NAMESPACES, at.namespace) is None:
            missing = Location(NAMESPACES, "", at.namespace)
            raise NotFoundError(f"{missing} not found", status=404, reason="NotFound")
        if self.find(at.collection, where.name, at.namespace) is not None:
            raise ConflictError(f"{where} already exists", status=409, reason="AlreadyExists")
        return received(body)

    def add(self, collection: str, obj: Json) -> Json:
        """Keep an object of the cluster's own; it gets what it lacks: uid, resourceVersion, creationTimestamp."""
        metadata = obj["metadata"]
        name, namespace = metadata["name"], metadata.get("namespace", "")
        if RESOURCES[collection][1] and not namespace:
            raise UnplannedError(f"{collection}: {name} is in no namespace")
        self._created += 1
        metadata.setdefault("uid", identity.uid(self._seed, collection, namespace, name, self._created))
        metadata.setdefault("creationTimestamp", _CREATED)
        self.touch(obj)
        self._objects[collection].setdefault(namespace, {})[name] = obj
        if collection == PODS:
            self._index(obj)
        return obj

    def patch(self, at: Location, body: Json) -> Json:
        """JSON merge patch (RFC 7386); uid and resourceVersion in it are preconditions, a status in it is ignored."""
        obj = self.get(at)
        change = _change(at, obj, body)
        before = json.dumps(obj, sort_keys=True)
        _merge(obj, change)
        if json.dumps(obj, sort_keys=True) != before:
            if "spec" in change and "generation" in obj["metadata"]:
                obj["metadata"]["generation"] += 1
            self.touch(obj)
        return obj

    def rehearse_patch(self, at: Location, body: Json) -> Json:
        """What patch would make of the object."""
        obj: Json = copied(self.get(at))
        _merge(obj, _change(at, obj, body))
        return obj

    def delete(self, at: Location, uid: str) -> Json:
        """Remove the object with this uid; ConflictError when its name belongs to another."""
        obj = self.own(at, uid)
        del self._objects[at.collection][at.namespace][at.name]
        if at.collection == PODS:
            self._unindex(obj)
        return obj

    def own(self, at: Location, uid: str, version: str = "") -> Json:
        """The object with this uid, and this resourceVersion if given; ConflictError when it has another."""
        obj = self.get(at)
        wanted = {"uid": uid, "resourceVersion": version or obj["metadata"]["resourceVersion"]}
        for field, value in wanted.items():
            if obj["metadata"][field] != value:
                raise ConflictError(
                    f"Operation cannot be fulfilled on {at}: {field} is {obj['metadata'][field]}, not {value}",
                    status=409,
                    reason="Conflict",
                )
        return obj

    def holds(self, collection: str, obj: Json) -> bool:
        """Is this very object still there?"""
        metadata = obj["metadata"]
        return self.find(collection, metadata["name"], metadata.get("namespace", "")) is obj

    def touch(self, obj: Json) -> None:
        """The object changed: it gets a new resourceVersion."""
        self._revision += 1
        obj["metadata"]["resourceVersion"] = str(self._revision)

    def bind(self, pod: Json, node: str) -> None:
        """Give a pod its node."""
        self._unindex(pod)
        pod["spec"]["nodeName"] = node
        self._index(pod)
        self.touch(pod)

    @property
    def revision(self) -> int:
        return self._revision

    def _candidates(self, at: Location, terms: list[tuple[str, str, bool]]) -> Iterable[Json]:
        node = next((value for field, value, equal in terms if field == "spec.nodeName" and equal), "")
        if at.collection == PODS and node:
            pods = self.pods_on(node)
            return [pod for pod in pods if at.namespace in {"", pod["metadata"]["namespace"]}]
        return self.within(at.collection, at.namespace)

    def _index(self, pod: Json) -> None:
        node = pod["spec"].get("nodeName")
        if node:
            self._pods_on.setdefault(node, {})[_key(pod)] = pod

    def _unindex(self, pod: Json) -> None:
        self._pods_on.get(pod["spec"].get("nodeName", ""), {}).pop(_key(pod), None)


_PRECONDITIONS = ("uid", "resourceVersion")


def _key(obj: Json) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _change(at: Location, obj: Json, body: Json) -> Json:
    """What a merge patch of the object comes to, its preconditions met."""
    metadata = {key: value for key, value in body.get("metadata", {}).items() if key not in _PRECONDITIONS}
    for field in _PRECONDITIONS:
        wanted = body.get("metadata", {}).get(field, obj["metadata"][field])
        if wanted != obj["metadata"][field]:
            raise ConflictError(
                f"Operation cannot be fulfilled on {at}: {field} is {obj['metadata'][field]}, not {wanted}",
                status=409,
                reason="Conflict",
            )
    for field in ("name", "namespace"):
        if metadata.get(field, obj["metadata"].get(field)) != obj["metadata"].get(field):
            raise ApiError(f"{at}: {field} cannot be changed", status=422, reason="Invalid")
    change = received({**body, "metadata": metadata})
    change.pop("status", None)
    return change


def _merge(target: Json, change: Json) -> None:
    for key, value in change.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            inner: Any = target.get(key)
            merged = inner if isinstance(inner, dict) else {}
            _merge(merged, value)
            # taking a key out of a map that is not there leaves no empty map behind
            if merged or not value or inner is merged:
                target[key] = merged
        else:
            target[key] = value
