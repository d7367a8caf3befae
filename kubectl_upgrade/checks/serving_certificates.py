"""Kubelets that ask the cluster to sign their serving certificates have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts

# more names than this make no line
_NAMED = 10


class ServingCertificates:
    """With serverTLSBootstrap nobody signs a kubelet's serving certificate until somebody approves it
    (https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#kubelet-serving-certs), and a kubelet
    without one refuses logs, exec and metrics: just what is needed when its node does not come back from an upgrade.
    """

    NAME: ClassVar[str] = "serving-certificates"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        waiting = facts.unsigned_kubelets
        if isinstance(waiting, Unknown):
            yield Finding(Level.WARN, f"nobody knows whether kubelets wait for serving certificates: {waiting.reason}")
        elif waiting:
            more = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
            yield Finding(
                Level.WARN,
                f"requests for serving certificates wait for an approval: {', '.join(waiting[:_NAMED])}{more}",
                fix="`kubectl get csr`, then `kubectl certificate approve` those that are the kubelets' own",
            )
