"""What an administrator does to a hardened cluster once its nodes have joined."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.lab import authority, hardened
from tests.lab.api import Api
from tests.lab.place import Place
from tests.lab.spec import Spec
from tests.lab.until import until

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SERVING = "kubernetes.io/kubelet-serving"
LIMIT = 60
APPROVED = {"type": "Approved", "status": "True", "reason": "Lab", "message": "a node of the lab"}


def finish(place: Place, spec: Spec, api: Api) -> None:
    """Approve the kubelets' serving certificates, then create what guards kube-system."""
    until("a serving certificate for each kubelet", LIMIT, lambda: _approve(spec, api))
    for collection, body in hardened.objects(authority.bundle(place)):
        api.must("POST", collection, body)


def _approve(spec: Spec, api: Api) -> str:
    requests = api.get(REQUESTS)["items"]
    for request in requests:
        if request["spec"]["signerName"] == SERVING and not request["status"]:
            path = f"{REQUESTS}/{request['metadata']['name']}/approval"
            api.must("PUT", path, {**request, "status": {"conditions": [APPROVED]}})
    missing = {f"system:node:{node.name}" for node in spec.nodes} - set(signed(requests))
    return f"none of {', '.join(sorted(missing))}" if missing else ""


def signed(requests: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Who has a serving certificate."""
    for request in requests:
        if request["spec"]["signerName"] == SERVING and request["status"].get("certificate"):
            yield request["spec"]["username"]
