"""What the API server's admission says of what an upgrade will do, tried without doing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal[
    "passed",
    "denied",  # a webhook, a policy or the API server itself refuses it
    "broken",  # a webhook that must be asked cannot be
    "silent",  # no answer came in time
    "untried",  # a webhook with side effects takes part in no dry run
    "forbidden",  # we lack the right to try
    "unclear",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One thing that kubeadm or we will do, as a dry run."""

    act: str
    """such as `patch Deployment kube-system/coredns`"""
    right: str
    """what RBAC has to allow for the dry run, such as `patch deployments.apps`"""
    kubeadm_error: str = ""
    """kubeadm's preflight error that comes when it is refused; empty when it would fail later"""
    namespaced: bool = True
    outcome: Outcome = "passed"
    by: str = ""
    """the webhook or policy that decided, as the API server names it"""
    said: str = ""
    """what came back"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The rehearsals, none when nothing in the cluster can refuse them."""

    rehearsals: tuple[Rehearsal, ...] = ()
    configurations: tuple[str, ...] = ()
    """what is set up, as far as it may be listed: `ValidatingWebhookConfiguration NAME`"""
