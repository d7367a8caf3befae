"""Requests of kubelets for serving certificates that nobody has answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.forbidden import if_there
from kubectl_upgrade.model.facts import Unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.model.facts import Maybe
    from kubectl_upgrade.world import Cluster, Json

PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
_SIGNER = "kubernetes.io/kubelet-serving"
_USER = "system:node:"


async def read_unsigned_kubelets(cluster: Cluster) -> Maybe[tuple[str, ...]]:
    """Nodes whose newest request has neither been approved nor denied; Unknown when requests may not be listed."""
    asked = cluster.list(PATH, fields=f"spec.signerName={_SIGNER}")
    found = await if_there(asked, "list certificatesigningrequests")
    return found if isinstance(found, Unknown) else unsigned(found or ())


def unsigned(requests: Sequence[Json]) -> tuple[str, ...]:
    """A kubelet asks again after a while, and an old request stays until it is collected: the newest one counts."""
    newest: dict[str, Json] = {}
    for request in sorted(requests, key=lambda request: str(request["metadata"].get("creationTimestamp", ""))):
        user = str(request["spec"].get("username", ""))
        if request["spec"].get("signerName") == _SIGNER and user.startswith(_USER):
            newest[user.removeprefix(_USER)] = request
    return tuple(sorted(node for node, request in newest.items() if not _answered(request)))


def _answered(request: Json) -> bool:
    status = request.get("status") or {}
    return bool(status.get("certificate")) or bool(status.get("conditions"))
