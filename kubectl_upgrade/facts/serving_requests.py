"""Requests of kubelets for serving certificates that nobody has answered."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Request:
    node: str
    made: str
    answered: bool


async def read_unsigned_kubelets(cluster: Cluster) -> Maybe[tuple[str, ...]]:
    """Nodes whose newest request has neither been approved nor denied; Unknown when requests may not be listed."""
    asked = cluster.reduced(PATH, _request, fields=f"spec.signerName={_SIGNER}")
    found = await if_there(asked, "list certificatesigningrequests")
    return found if isinstance(found, Unknown) else _unsigned(found or ())


def unsigned(requests: Sequence[Json]) -> tuple[str, ...]:
    """A kubelet asks again after a while, and an old request stays until it is collected: the newest one counts."""
    return _unsigned([made for made in map(_request, requests) if made])


def _unsigned(requests: Sequence[_Request]) -> tuple[str, ...]:
    newest = {request.node: request for request in sorted(requests, key=lambda request: request.made)}
    return tuple(sorted(node for node, request in newest.items() if not request.answered))


def _request(raw: Json) -> _Request | None:
    """With its certificate each would be kilobytes."""
    user = str(raw["spec"].get("username", ""))
    if raw["spec"].get("signerName") != _SIGNER or not user.startswith(_USER):
        return None
    status = raw.get("status") or {}
    return _Request(
        node=user.removeprefix(_USER),
        made=str(raw["metadata"].get("creationTimestamp", "")),
        answered=bool(status.get("certificate")) or bool(status.get("conditions")),
    )
