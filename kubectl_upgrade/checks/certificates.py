"""No certificate ends before the upgrade does, or soon after it because nobody renews it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.certificates import Certificates as Found
from kubectl_upgrade.model.facts import NOT_ASKED, HostFacts
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.certificates import Certificate
    from kubectl_upgrade.model.facts import Facts

_DAY = 86_400
_SOON = 30 * _DAY
# a kubelet renews its own when 70 to 90 % of its life are over (client-go, util/certificate, jitteryDuration)
_OVERDUE = 0.1
_RENEWS = "`kubeadm certs renew all` on each of them, then restart its static pods"


class Certificates:
    """kubeadm renews what it signs with every upgrade, so that whoever upgrades often never meets this: until the CA's
    key lies elsewhere, and the front proxy's certificate ends the week after; or until an upgrade begins on the day on
    which admin.conf ends, and kubeadm is refused between two nodes.

    Days are dates, and only what ends soon is told, so that planning again says the same.
    """

    NAME: ClassVar[str] = "certificates"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        known: dict[str, Found] = {}
        for name, host in facts.hosts.items():
            answer = host.certificates if isinstance(host, HostFacts) else NOT_ASKED
            if isinstance(answer, Found):
                known[name] = answer
            elif answer != NOT_ASKED:
                yield Finding(Level.WARN, f"nobody knows when its certificates end: {answer.reason}", node=name)
        outside = {"etcd/ca"} if facts.kubeadm_config.etcd == "external" else set()
        yield from _authorities(known)
        for name, found in known.items():
            yield from _kubelet(name, found)
            yield from _not_renewed(name, found, outside)
        yield from _ending(known, outside)
        yield from _renewed(known, outside)


def _authorities(known: Mapping[str, Found]) -> Iterator[Finding]:
    """One line for what all control planes have alike."""
    ends: dict[tuple[str, int], list[str]] = {}
    now = max((found.now for found in known.values()), default=0)
    for node, found in known.items():
        for authority in found.authorities:
            ends.setdefault((authority.name, authority.ends), []).append(node)
    for (name, end), nodes in sorted(ends.items()):
        if end - now < _SOON:
            yield Finding(
                Level.BLOCKER if end - now < _DAY else Level.WARN,
                f"the certificate authority {name} of {', '.join(nodes)} ends {_date(end)}, and no upgrade renews it",
                fix="replace it: https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/",
            )


def _kubelet(node: str, found: Found) -> Iterator[Finding]:
    for certificate in found.certificates:
        left = certificate.ends - found.now
        if certificate.authority or left > _OVERDUE * (certificate.ends - certificate.begins):
            continue
        yield Finding(
            Level.BLOCKER if left < _DAY else Level.WARN,
            f"its kubelet should have renewed its client certificate by now: it ends {_date(certificate.ends)}",
            node=node,
            fix="`kubectl get csr` and the logs of the kubelet and of kube-controller-manager say what hinders it",
        )


def _not_renewed(node: str, found: Found, outside: Iterable[str]) -> Iterator[Finding]:
    """Of an authority whose key is elsewhere."""
    ending = [c for c in _signed(found) if not _by_kubeadm(c, found, outside) and _DAY <= c.ends - found.now < _SOON]
    if ending:
        yield Finding(
            Level.WARN,
            f"{_listed(ending)}, and kubeadm cannot renew them: the key of their authority is not on the node",
            node=node,
            fix="renew them where that authority is kept",
        )


def _ending(known: Mapping[str, Found], outside: Iterable[str]) -> Iterator[Finding]:
    """Within a day, or ended: what kubeadm renews may be what it needs to begin with."""
    for node, found in known.items():
        ending = [certificate for certificate in _signed(found) if certificate.ends - found.now < _DAY]
        if ending:
            own = all(_by_kubeadm(certificate, found, outside) for certificate in ending)
            yield Finding(
                Level.BLOCKER,
                f"{_listed(ending)}: before an upgrade could",
                node=node,
                fix=_RENEWS if own else "renew them where their authority is kept",
            )


def _renewed(known: Mapping[str, Found], outside: Iterable[str]) -> Iterator[Finding]:
    """One line for all nodes."""
    ending = {
        node: [c.ends for c in _signed(found) if _by_kubeadm(c, found, outside) and _DAY <= c.ends - found.now < _SOON]
        for node, found in known.items()
    }
    nodes = [node for node, ends in ending.items() if ends]
    if nodes:
        first = min(min(ends) for ends in ending.values() if ends)
        message = f"certificates of {', '.join(nodes)} end from {_date(first)} on: this upgrade renews them"
        yield Finding(Level.INFO, message)


def _signed(found: Found) -> list[Certificate]:
    return [certificate for certificate in found.certificates if certificate.authority]


def _by_kubeadm(certificate: Certificate, found: Found, outside: Iterable[str]) -> bool:
    """What kubeadm can sign it renews, but for what an etcd of somebody else's gave it."""
    keys = {authority.name for authority in found.authorities if authority.key}
    return certificate.authority in keys and certificate.authority not in outside


def _listed(certificates: list[Certificate]) -> str:
    return ", ".join(f"{certificate.name} ends {_date(certificate.ends)}" for certificate in certificates)


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
