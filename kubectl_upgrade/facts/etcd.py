"""The etcd member on a node, from etcdctl's JSON, where ids are decimal numbers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.facts import Etcd, EtcdMember, Unknown

if TYPE_CHECKING:
    from kubectl_upgrade.world import FactOutput, Json

NAME = "etcd"
# etcdserverpb.AlarmType
_ALARMS = {1: "NOSPACE", 2: "CORRUPT"}


def parse(output: FactOutput) -> Etcd | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _etcd)


def _etcd(lines: Lines) -> Etcd:
    (endpoint,) = json.loads(lines.one("status"))
    status = endpoint["Status"]
    alarms = json.loads(lines.one("alarms")).get("alarms", [])
    # what is false, zero or empty is left out
    return Etcd(
        member=_id(status["header"]["member_id"]),
        version=str(status["version"]),
        leader=_id(status.get("leader", 0)),
        raft_index=_number(status, "raftIndex"),
        raft_applied_index=_number(status, "raftAppliedIndex"),
        learner=bool(status.get("isLearner")),
        db_size=_number(status, "dbSize"),
        alarms=tuple(f"{_ALARMS.get(a.get('alarm'), a.get('alarm'))} on {_id(a['memberID'])}" for a in alarms),
        errors=tuple(map(str, status.get("errors", []))),
        members=tuple(_member(raw) for raw in json.loads(lines.one("members"))["members"]),
        # as Go reads a flag, which may be hexadecimal
        quota=int(lines.one("quota"), 0) if lines.all("quota") else 0,
    )


def _member(raw: Json) -> EtcdMember:
    # a member that was added and has not joined yet has no name
    name = str(raw.get("name", ""))
    return EtcdMember(id=_id(raw["ID"]), name=name, started=name != "", learner=bool(raw.get("isLearner")))


def _number(status: Json, key: str) -> int:
    if not isinstance(status[key], int):
        raise TypeError(f"{key} is {status[key]!r}, not a number")
    return int(status[key])


def _id(number: int) -> str:
    return format(number, "x")
