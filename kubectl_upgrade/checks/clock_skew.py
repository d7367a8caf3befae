"""Clocks of nodes agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from kubectl_upgrade.checks.systems import systems
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts

# etcd warns of a peer's clock from there on (server/etcdserver/api/rafthttp/probing_status.go)
_ETCD_SECONDS = 1
# a ServiceAccount token that one API server signs is not valid yet for one that is further behind (go-jose's
# DefaultLeeway, with which pkg/serviceaccount of Kubernetes judges tokens)
_TOKEN_SECONDS = 60
# kubeadm and kube-controller-manager date certificates back by so much (kubeadm's CertificateBackdate)
_CERTIFICATE_SECONDS = 300


class Ahead(NamedTuple):
    """How far a clock is ahead of this machine's: somewhere between, in seconds. It was read in a round trip."""

    least: float
    most: float


class ClockSkew:
    """A node that lost its time server drifts until API servers refuse each other's tokens and a certificate that
    kubeadm has just renewed is not valid yet on the next node. Only what a round trip proves is told.
    """

    NAME: ClassVar[str] = "clock-skew"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        clocks = {
            node.name: (Ahead(system.clock - host.asked[1], system.clock - host.asked[0]), node.control_plane)
            for node, host, system in systems(facts)
            if not isinstance(host.asked, Unknown)
        }
        judges = [clock for clock, control_plane in clocks.values() if control_plane]
        if not judges:
            return
        common = most_agree(judges)
        for name, (clock, control_plane) in clocks.items():
            yield from _node(name, skew(clock, common), control_plane=control_plane)
        here = skew(common, Ahead(0, 0))
        if abs(here) >= _TOKEN_SECONDS:
            message = f"this machine's clock is {abs(here):.0f} s {_word(-here)} those of the control planes"
            yield Finding(Level.INFO, f"{message}: times in its records are wrong by that")


def most_agree(clocks: Sequence[Ahead]) -> Ahead:
    """Where most of these ranges meet (Marzullo's algorithm, by which NTP finds which clocks tell the truth)."""
    edges = sorted([(clock.least, 0) for clock in clocks] + [(clock.most, 1) for clock in clocks])
    best = count = 0
    found = clocks[0]
    for i, (edge, closes) in enumerate(edges):
        count += -1 if closes else 1
        if count > best:
            best, found = count, Ahead(edge, edges[i + 1][0])
    return found


def skew(clock: Ahead, other: Ahead) -> float:
    """By how many seconds it is ahead at least, negative for behind; 0 when nothing is proved."""
    if clock.least > other.most:
        return clock.least - other.most
    return min(clock.most - other.least, 0)


def _node(name: str, seconds: float, *, control_plane: bool) -> Iterator[Finding]:
    # on workers there is no etcd and no API server, only certificates
    warn, block = (_ETCD_SECONDS, _TOKEN_SECONDS) if control_plane else (_TOKEN_SECONDS, _CERTIFICATE_SECONDS)
    if abs(seconds) >= warn:
        yield Finding(
            Level.BLOCKER if abs(seconds) >= block else Level.WARN,
            f"its clock is {abs(seconds):.1f} s or more {_word(seconds)} most control planes'",
            name,
            "synchronise it (timedatectl; chrony or systemd-timesyncd)",
        )


def _word(seconds: float) -> str:
    return "ahead of" if seconds > 0 else "behind"
