"""Admission webhooks that stand in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kubectl_upgrade.model.errors import ApiError
from kubectl_upgrade.simulation.paths import VALIDATING_WEBHOOKS

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.paths import Location
    from kubectl_upgrade.simulation.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook that is asked about every change of these kinds, and what it does then."""

    name: str
    kinds: frozenset[str]
    does: Literal["deny", "fail", "refuse-dry-runs"] = "deny"
    text: str = "not allowed here"
    spares: frozenset[str] = frozenset()
    """namespaces that its namespaceSelector leaves out"""


class Admission:
    """All webhooks of a cluster, asked in the order in which they were set up."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._webhooks: list[Webhook] = []

    def add(self, webhook: Webhook) -> None:
        """Set one up, with the configuration that the API shows of it."""
        self._webhooks.append(webhook)
        self._store.add(
            VALIDATING_WEBHOOKS,
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": webhook.name},
                "webhooks": [{"name": webhook.name, "failurePolicy": "Fail"}],
            },
        )

    def review(self, at: Location, *, dry_run: bool) -> None:
        """ApiError, in the API server's words, when a webhook lets the change not pass."""
        for webhook in self._webhooks:
            if at.kind not in webhook.kinds or at.namespace in webhook.spares:
                continue
            if webhook.does == "deny":
                text = f'admission webhook "{webhook.name}" denied the request: {webhook.text}'
                raise ApiError(text, status=403, reason="Forbidden")
            if webhook.does == "fail":
                text = f'failed calling webhook "{webhook.name}": failed to call webhook: {webhook.text}'
                raise ApiError(f"Internal error occurred: {text}", status=500, reason="InternalError")
            if dry_run:
                text = f'admission webhook "{webhook.name}" does not support dry run'
                raise ApiError(text, status=400, reason="BadRequest")
