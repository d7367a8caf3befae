"""Is etcd whole, and may one member stop? Judged on fresh facts; unknown counts as unhealthy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.facts import Etcd, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_upgrade.model.facts import HostFacts, Maybe

# members are asked one after the other while writes go on, thousands a second on a big cluster; a member further behind
# than this is still catching up
MAX_LAG = 5000


def ailing(hosts: Mapping[str, Maybe[HostFacts]], members: int, away: int = 0) -> str | None:
    """None when all members are started, voting, without alarm, agreed on a leader and caught up; else what is wrong.

    `hosts` holds the answer of each control-plane node by name, but for those whose member may be away.
    """
    asked: dict[str, Etcd] = {}
    for name, host in sorted(hosts.items()):
        etcd = host if isinstance(host, Unknown) else host.etcd
        if not isinstance(etcd, Etcd):
            return f"{name}: etcd did not answer: {etcd.reason}"
        asked[name] = etcd
    for name, etcd in asked.items():
        wrong = _wrong_with(etcd, members)
        if wrong:
            return f"{name}: {wrong}"
    return _disagreement(asked, members - away)


def _wrong_with(etcd: Etcd, members: int) -> str | None:
    absent = [m for m in etcd.members if not m.started or m.learner]
    wrongs = {
        f"etcd reports {'; '.join(etcd.errors)}": bool(etcd.errors),
        f"etcd has the alarm {', '.join(etcd.alarms)}": bool(etcd.alarms),
        "its etcd member is a learner and does not vote": etcd.learner,
        "its etcd member knows no leader": etcd.leader in {"", "0"},
        f"etcd lists {len(etcd.members)} members, not {members}": len(etcd.members) != members,
        f"not started or not voting: etcd member {', '.join(m.name or m.id for m in absent)}": bool(absent),
    }
    return next((wrong for wrong, applies in wrongs.items() if applies), None)


def _disagreement(asked: Mapping[str, Etcd], members: int) -> str | None:
    answered = len({etcd.member for etcd in asked.values()})
    if answered != members:
        return f"{answered} members answered, not {members}"
    if not asked:
        return None
    leaders = {etcd.leader for etcd in asked.values()}
    if len(leaders) != 1:
        return f"members follow different leaders: {', '.join(sorted(leaders))}"
    newest = max(etcd.raft_applied_index for etcd in asked.values())
    for name, etcd in asked.items():
        if newest - etcd.raft_applied_index > MAX_LAG:
            return f"{name}: etcd is {newest - etcd.raft_applied_index} entries behind"
    return None


def ailing_outside(hosts: Mapping[str, Maybe[HostFacts]]) -> str | None:
    """None when every API server finds each etcd that it is told to use healthy; for an etcd that is not kubeadm's.

    Nothing of it is stopped by an upgrade, so that health and a known version are all there is to judge; unknown counts
    as unhealthy.
    """
    for name, host in sorted(hosts.items()):
        endpoints = host if isinstance(host, Unknown) else host.external_etcd
        if isinstance(endpoints, Unknown):
            return f"{name}: its external etcd could not be asked: {endpoints.reason}"
        for endpoint in endpoints:
            if not endpoint.healthy:
                return f"{name}: etcd at {endpoint.url} is not healthy: {endpoint.said}"
            if not endpoint.version:
                return f"{name}: etcd at {endpoint.url} does not say its version"
    return None


def survives_one_stop(voting: int, healthy: int) -> bool:
    """Do the healthy members still hold quorum (half of the voting ones, rounded down, plus one) when one stops?"""
    return healthy - 1 >= voting // 2 + 1
