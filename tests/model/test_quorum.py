"""Whatever is not surely healthy counts as ailing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.model.endpoint import EtcdEndpoint
from kubectl_upgrade.model.facts import Etcd, EtcdMember, HostFacts, Maybe, Unknown
from kubectl_upgrade.model.quorum import ailing, ailing_outside, survives_one_stop

if TYPE_CHECKING:
    from tests.conftest import Shape


def _hosts(shape: type[Shape]) -> dict[str, Maybe[HostFacts]]:
    facts = shape(workers=0).facts()
    return dict(facts.hosts)


def _with_etcd(hosts: dict[str, Maybe[HostFacts]], name: str, **changes: Any) -> dict[str, Maybe[HostFacts]]:
    host = hosts[name]
    assert isinstance(host, HostFacts)
    assert isinstance(host.etcd, Etcd)
    return {**hosts, name: replace(host, etcd=replace(host.etcd, **changes))}


def test_three_healthy_members_are_whole(shape: type[Shape]) -> None:
    assert ailing(_hosts(shape), 3) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"errors": ("NOSPACE",)}, "cp2: etcd reports NOSPACE"),
        ({"alarms": ("NOSPACE",)}, "cp2: etcd has the alarm NOSPACE"),
        ({"learner": True}, "does not vote"),
        ({"leader": "0"}, "knows no leader"),
        ({"leader": "2"}, "different leaders: 1, 2"),
        ({"member": "1"}, "2 members answered, not 3"),
        ({"raft_applied_index": -6000}, "cp2: etcd is 6100 entries behind"),
        ({"members": ()}, "lists 0 members, not 3"),
        (
            {
                "members": (
                    EtcdMember(id="1", name="cp1", started=True, learner=False),
                    EtcdMember(id="2", name="", started=False, learner=False),
                    EtcdMember(id="3", name="cp3", started=True, learner=True),
                )
            },
            "not started or not voting: etcd member 2, cp3",
        ),
    ],
)
def test_one_bad_member_is_told(shape: type[Shape], changes: dict[str, Any], told: str) -> None:
    assert told in (ailing(_with_etcd(_hosts(shape), "cp2", **changes), 3) or "")


def test_no_answer_is_no_health(shape: type[Shape]) -> None:
    hosts = {**_hosts(shape), "cp3": Unknown("timed out")}
    assert ailing(hosts, 3) == "cp3: etcd did not answer: timed out"


@pytest.mark.parametrize(("voting", "survives"), [(1, False), (2, False), (3, True), (4, True), (5, True)])
def test_quorum_when_one_stops(voting: int, survives: bool) -> None:  # noqa: FBT001 - a table's column
    assert survives_one_stop(voting, voting) is survives


def _outside(*said: str) -> HostFacts:
    ends = (
        EtcdEndpoint(url=f"https://e{n}", healthy=answer == "true", version="3.6.5", said=answer)
        for n, answer in enumerate(said)
    )
    return HostFacts(external_etcd=tuple(ends))


def test_an_etcd_outside_is_whole_when_every_api_server_finds_all_of_it_healthy() -> None:
    whole, broken = _outside("true", "true"), _outside("true", "refused")
    assert ailing_outside({"cp1": whole, "cp2": whole}) is None
    assert ailing_outside({"cp1": whole, "cp2": broken}) == "cp2: etcd at https://e1 is not healthy: refused"
    unknown: dict[str, Maybe[HostFacts]] = {"cp1": Unknown("no answer")}
    assert ailing_outside(unknown) == "cp1: its external etcd could not be asked: no answer"
    assert "not asked" in (ailing_outside({"cp1": HostFacts()}) or "")
