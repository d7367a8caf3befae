"""What of machines would break an upgrade is found, and a healthy one yields nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.clock_skew import Ahead, most_agree, skew
from kubectl_upgrade.checks.judge import blockers, judge
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.facts import Etcd, Facts, Host, HostFacts, Kubelet, Packages, Unknown
from kubectl_upgrade.model.finding import Level
from kubectl_upgrade.model.node_health import KeptFolder, PackageLock, Room, System
from kubectl_upgrade.model.run_record import RunRecord, UnitRecord
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from tests.conftest import Shape

TARGET = Version.parse("v1.35.4")
OTHER = "0123456789abcdef" * 2


def host_of(facts: Facts, name: str) -> HostFacts:
    host = facts.hosts[name]
    assert isinstance(host, HostFacts)
    return host


def with_host(facts: Facts, name: str, **changes: Any) -> Facts:
    return replace(facts, hosts={**facts.hosts, name: replace(host_of(facts, name), **changes)})


def with_system(facts: Facts, name: str, **changes: Any) -> Facts:
    system = host_of(facts, name).system
    assert isinstance(system, System)
    return with_host(facts, name, system=replace(system, **changes))


def found(facts: Facts, check: str, run8: str = "") -> list[tuple[str, str]]:
    """Level and `node: message` of each finding."""
    return [
        (finding.level.value, f"{finding.node}: {finding.message}" if finding.node else finding.message)
        for finding in CHECKS[check].run(facts, Aim(TARGET, run8))
    ]


def rooms(**mib: int) -> tuple[Room, ...]:
    """Free space by folder, each a file system of its own."""
    folders = {"keep": "/var/lib/upgrade-cp", "usr": "/usr", "images": "/var/lib/containerd"}
    folders |= {"kubeadm": "/etc/kubernetes", "backups": "/var/backups"}
    return tuple(Room(folder=folder, mount=folder, mib=mib.get(key, 9999)) for key, folder in folders.items())


def test_a_simulated_cluster_is_healthy() -> None:
    async def look() -> Facts:
        return await gather(simulated_world(sample()))

    judgements = judge(loop.run(look()), Aim(TARGET))
    assert {(j.check, j.result) for j in judgements if j.result != "pass"} == {("package-holds", "info")}


@pytest.mark.parametrize(
    ("check", "changes", "says"),
    [
        ("packages-sound", {"broken": ("a half-configured",)}, ("blocker", "broke off there: a half-configured")),
        ("packages-sound", {"broken": tuple("abcdefg")}, ("blocker", "broke off there: a, b, c, d, e and 2 more")),
        ("disk-room", {"rooms": ()}, ("warn", "is not known: df did not answer")),
        ("failed-units", {"failed_units": ("containerd.service",)}, ("warn", "containerd.service has failed")),
        ("failed-units", {"failed_units": ("apt-daily.service",)}, ("info", "apt-daily.service has failed")),
        ("swap", {"swaps": ("/dev/sda2", "/swapfile")}, ("blocker", "swap is on (/dev/sda2, /swapfile): its kubelet")),
    ],
)
@pytest.mark.parametrize("node", ["cp2", "w1"])
def test_a_sick_machine(
    shape: type[Shape], node: str, check: str, changes: dict[str, Any], says: tuple[str, str]
) -> None:
    ((level, message),) = found(with_system(shape().facts(), node, **changes), check)
    assert level == says[0]
    assert message.startswith(f"{node}: ")
    assert says[1] in message


def test_every_blocker_of_a_machine_may_be_waived_or_stops_only_the_beginning(shape: type[Shape]) -> None:
    sick = {"broken": ("a half-configured",), "swaps": ("/swapfile",), "rooms": rooms(usr=1)}
    facts = with_system(shape().facts(), "w1", **sick)
    names = {j.check for j in blockers(judge(facts, Aim(TARGET)))}
    assert names == {"packages-sound", "swap", "disk-room"}
    assert not blockers(judge(facts, Aim(TARGET), names))
    assert all(CHECKS[name].ONLY_BEFORE for name in names)


def test_a_machine_that_says_nothing_is_told_once(shape: type[Shape]) -> None:
    facts = with_host(shape().facts(), "w1", system=Unknown("date: not found"))
    told = [j for j in judge(facts, Aim(TARGET)) if j.result not in {"pass", "info"}]
    assert [(j.check, j.result) for j in told] == [("node-answers", "warn")]
    assert "date: not found" in str(told[0])


def test_a_node_that_does_not_answer_is_told_by_nobody_else(shape: type[Shape]) -> None:
    facts = shape().facts()
    facts = replace(facts, hosts={**facts.hosts, "w1": Unknown("refused"), "cp2": HostFacts()})
    told = {j.check for j in judge(facts, Aim(TARGET)) if j.result not in {"pass", "info"}}
    assert told <= {"nodes-reachable", "node-answers", "nodes-initialised"}


# --- packages ---


def test_a_lock_for_a_moment_and_one_for_an_hour(shape: type[Shape]) -> None:
    lock = PackageLock(file="/var/lib/dpkg/lock", pid=7, seconds=40, program="apt-get")
    facts = with_system(shape().facts(), "w1", locks=(lock,))
    assert found(facts, "package-lock") == [
        ("info", "w1: apt-get (pid 7) holds /var/lib/dpkg/lock now: steps wait for it, 5 min at most")
    ]
    facts = with_system(facts, "w1", locks=(lock, replace(lock, pid=8, seconds=3600, program="unattended-upgr")))
    ((level, message),) = found(facts, "package-lock")
    assert level == "warn"
    assert "unattended-upgr (pid 8) holds /var/lib/dpkg/lock and has run for 60 min" in message


def test_what_is_broken_while_somebody_works_there_may_only_look_so(shape: type[Shape]) -> None:
    lock = PackageLock(file="/var/lib/dpkg/lock", pid=7, seconds=40, program="dpkg")
    facts = with_system(shape().facts(), "w1", locks=(lock,), broken=("a unpacked",))
    assert [level for level, _ in found(facts, "packages-sound")] == ["warn"]


def test_holds_are_one_line_for_all_nodes(shape: type[Shape]) -> None:
    facts = shape().facts()
    packages = host_of(facts, "w1").packages
    assert isinstance(packages, Packages)
    facts = with_host(facts, "w1", packages=replace(packages, held=("kubeadm", "kubectl", "cri-tools")))
    where = "on w1: cri-tools, kubectl; on every node: kubeadm; on 4 of 5 nodes: kubelet"
    assert found(facts, "package-holds") == [
        ("info", f"on hold {where}; installed all the same, and held again afterwards")
    ]
    for name in facts.hosts:
        facts = with_host(facts, name, packages=replace(packages, held=()))
    assert found(facts, "package-holds") == []


@pytest.mark.parametrize(
    ("dpkg", "says"),
    [
        (False, "w1: its OS is fedora 43, whose package manager is not supported"),
        (True, "w1: neither kubeadm nor kubelet is installed as a package there (its OS is fedora 43)"),
    ],
)
def test_an_os_that_is_not_supported_is_named(shape: type[Shape], *, dpkg: bool, says: str) -> None:
    facts = with_system(shape().facts(), "w1", dpkg=dpkg)
    host = host_of(facts, "w1").host
    assert isinstance(host, Host)
    unknown = Packages(family="unknown", repository="none", held=(), installed={})
    facts = with_host(facts, "w1", host=replace(host, os_id="fedora", os_version="43"), packages=unknown)
    assert found(facts, "os-supported") == [("blocker", says)]
    assert [j.check for j in blockers(judge(facts, Aim(TARGET), {"os-supported"}))] == ["os-supported"]


def test_packages_that_cannot_be_read_block(shape: type[Shape]) -> None:
    facts = with_host(shape().facts(), "w1", packages=Unknown("several apt sources"))
    assert found(facts, "os-supported") == [("blocker", "w1: its packages could not be read: several apt sources")]


# --- disks ---


def test_needs_of_one_file_system_add_up(shape: type[Shape]) -> None:
    one = tuple(replace(room, mount="/", mib=993) for room in rooms())
    facts = shape().facts()
    etcd = host_of(facts, "cp1").etcd
    assert isinstance(etcd, Etcd)
    etcd = replace(etcd, db_size=100 << 20)
    facts = with_system(with_host(facts, "cp1", etcd=etcd), "cp1", rooms=one)
    needs = "packages 280, images 450, copies of etcd 264"
    assert found(facts, "disk-room") == [
        ("blocker", f"cp1: the file system / has 993 MiB free, the upgrade needs 994 ({needs})")
    ]
    just = tuple(replace(room, mib=994) for room in one)
    assert found(with_system(facts, "cp1", rooms=just), "disk-room") == []


@pytest.mark.parametrize(
    ("node", "folder", "least"),
    [("w1", "keep", 200), ("w1", "usr", 80), ("w1", "images", 80), ("cp1", "images", 450), ("cp1", "backups", 65)],
)
def test_each_file_system_by_itself(shape: type[Shape], node: str, folder: str, least: int) -> None:
    facts = shape().facts()
    assert found(with_system(facts, node, rooms=rooms(**{folder: least})), "disk-room") == []
    ((level, message),) = found(with_system(facts, node, rooms=rooms(**{folder: least - 1})), "disk-room")
    assert level == "blocker"
    assert f"has {least - 1} MiB free, the upgrade needs {least} " in message


def test_what_several_hops_leave_adds_up(shape: type[Shape]) -> None:
    facts = with_system(shape().facts(), "cp1", rooms=rooms(images=899))
    findings = [str(f.message) for f in CHECKS["disk-room"].run(facts, Aim(Version.parse("v1.36.3")))]
    assert len(findings) == 1
    assert "899 MiB free, the upgrade needs 900 (images 900)" in findings[0]


def test_a_worker_needs_no_room_for_etcd(shape: type[Shape]) -> None:
    facts = with_system(shape().facts(), "w1", rooms=rooms(kubeadm=0, backups=0))
    assert found(facts, "disk-room") == []


# --- swap ---


@pytest.mark.parametrize(
    ("changes", "fails", "says"),
    [
        ({"swaps": ()}, True, ""),
        ({}, False, ""),
        ({"kubelet_flags": {"fail-swap-on": "false"}}, True, ""),
        ({"kubelet_flags": {"fail-swap-on": "true"}}, True, "does not start"),
        ({"swap_allowed": ("patch",)}, True, ""),
        ({"swap_allowed": ("config",)}, True, "which kubeadm writes anew"),
        ({}, True, "does not start"),
    ],
)
def test_swap_that_the_kubelet_will_refuse(
    shape: type[Shape], changes: dict[str, Any], *, fails: bool, says: str
) -> None:
    facts = replace(shape().facts(), fail_swap_on=fails)
    told = found(with_system(facts, "w1", **{"swaps": ("/swapfile",), **changes}), "swap")
    assert bool(told) == bool(says)
    assert says in "".join(message for _, message in told)


# --- clocks ---


def _gather(ahead: dict[str, float], here: float = 0) -> Facts:
    cluster = sample()
    for name, node in cluster.nodes.items():
        node.health.clock_ahead = ahead.get(name, 0) + here

    async def look(cluster: ModelCluster) -> Facts:
        return await gather(simulated_world(cluster))

    return loop.run(look(cluster))


@pytest.mark.parametrize(
    ("node", "ahead", "level", "word"),
    [
        ("cp2", 1.0, "", ""),
        ("cp2", 2.1, "warn", "ahead of"),
        ("cp2", -2.1, "warn", "behind"),
        ("cp2", 61, "blocker", "ahead of"),
        ("cp1", -61, "blocker", "behind"),
        ("w1", 30, "", ""),
        ("w1", -100, "warn", "behind"),
        ("w1", 400, "blocker", "ahead of"),
    ],
)
def test_one_clock_that_is_off(node: str, ahead: float, level: str, word: str) -> None:
    told = found(_gather({node: ahead}), "clock-skew")
    assert [(found_level, message.partition(":")[0]) for found_level, message in told] == (
        [(level, node)] if level else []
    )
    assert f"s or more {word} most control planes'" in "".join(message for _, message in told) or not level


def test_the_clock_of_this_machine_is_no_judge() -> None:
    assert found(_gather({}, here=30), "clock-skew") == []
    ((level, message),) = found(_gather({}, here=600), "clock-skew")
    assert level == "info"
    assert message.startswith(("this machine's clock is 599 s behind", "this machine's clock is 600 s behind"))
    ((level, message),) = found(_gather({}, here=-600), "clock-skew")
    assert "s ahead of those of the control planes" in message


def test_a_slow_round_trip_proves_nothing(shape: type[Shape]) -> None:
    facts = with_host(shape().facts(), "cp2", asked=(1_699_999_900, 1_700_000_100))
    assert found(facts, "clock-skew") == []


@given(
    real=st.lists(st.floats(-50, 50), min_size=1, max_size=7),
    trips=st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5)), min_size=7, max_size=7),
)
def test_never_more_than_the_truth_is_told(real: list[float], trips: list[tuple[float, float]]) -> None:
    clocks = [Ahead(one - before, one + after) for one, (before, after) in zip(real, trips, strict=False)]
    common = most_agree(clocks)
    assert common.least <= common.most
    # what most_agree names is within at least one real clock's range, and nobody is accused of more than the widest gap
    widest = max(real) - min(real)
    assert all(abs(skew(clock, common)) <= widest + 1e-9 for clock in clocks)


def test_most_agree_leaves_the_liar_out() -> None:
    assert most_agree([Ahead(0, 1), Ahead(0.5, 2), Ahead(60, 61)]) == Ahead(0.5, 1)


# --- kubelets, names, leftovers ---


@pytest.mark.parametrize(
    ("kubelet", "since", "level", "says"),
    [
        ({"restarts": 9}, 86_400, "", ""),
        ({"restarts": 0}, 3, "", ""),
        ({"restarts": 2}, 3, "info", "restarted by systemd within the last minute; restarts: 2"),
        ({"restarts": 3}, 59, "warn", "restarted by systemd within the last minute; restarts: 3"),
        ({"restarts": 3, "healthy": False}, 59, "blocker", "restarted by systemd within the last minute; restarts: 3"),
        ({"restarts": 3}, 60, "", ""),
        ({"active": False, "last_lines": ("a", "unknown flag: --x")}, None, "blocker", "last words: unknown flag: --x"),
        ({"healthy": False}, 86_400, "warn", "does not say that it is healthy"),
    ],
)
@pytest.mark.parametrize("node", ["cp1", "w2"])
def test_kubelets(  # noqa: PLR0913, PLR0917 - a table's columns
    shape: type[Shape], node: str, kubelet: dict[str, Any], since: int | None, level: str, says: str
) -> None:
    steady = Kubelet(active=True, restarts=0, healthy=True, last_lines=())
    facts = with_host(shape().facts(), node, kubelet=replace(steady, **kubelet))
    told = found(with_system(facts, node, kubelet_seconds=since), "kubelet-steady")
    assert [(seen, says in message) for seen, message in told] == ([(level, True)] if level else [])


def test_a_kubelet_that_others_tell_of(shape: type[Shape]) -> None:
    facts = shape(nodes={"w1": {"ready": False}}).facts()
    for name in ("w1", "w2", "cp1"):
        facts = with_host(facts, name, kubelet=Unknown("no systemd"))
    assert found(facts, "kubelet-steady") == [("blocker", "w2: its kubelet could not be asked: no systemd")]


@pytest.mark.parametrize(
    ("hostname", "flags", "since", "says"),
    [
        ("W1", {}, 60, ""),
        ("elsewhere", {"hostname-override": "w1"}, 60, ""),
        ("elsewhere", {}, None, ""),
        ("elsewhere", {}, 60, "w1: its hostname is elsewhere, its Node is w1"),
        ("w1.example.org", {}, 60, "asks for a Node w1.example.org"),
        ("w1", {"hostname-override": "w9"}, 60, "w1: --hostname-override of its kubelet is w9"),
    ],
)
def test_hostnames(shape: type[Shape], hostname: str, flags: dict[str, str], since: int | None, says: str) -> None:
    facts = with_system(shape().facts(), "w1", kubelet_flags=flags, kubelet_seconds=since)
    host = host_of(facts, "w1").host
    assert isinstance(host, Host)
    told = found(with_host(facts, "w1", host=replace(host, hostname=hostname)), "hostnames")
    assert [(level, says in message) for level, message in told] == ([("blocker", True)] if says else [])


def test_folders_that_a_run_left(shape: type[Shape]) -> None:
    kept = (KeptFolder(run=OTHER, holds=False), KeptFolder(run="f" * 32, holds=True))
    facts = with_system(shape().facts(), "w1", kept=kept)
    assert found(facts, "leftovers") == [
        ("info", f"w1: run 01234567 has left /var/lib/upgrade-cp/keep-{OTHER} there"),
        ("warn", "w1: run ffffffff was cut short there and did not put packages on hold again"),
    ]
    assert [level for level, _ in found(facts, "leftovers", run8="ffffffff")] == ["info"]


def test_an_action_that_nobody_owns(shape: type[Shape]) -> None:
    unit = UnitRecord(
        unit="upgrade-cp-01234567-0123456789ab-1", state="running", exit_code=None, started=0, action=("kubeadm-apply",)
    )
    record = RunRecord(run="", epoch=0, owner="", units=(unit, replace(unit, state="exited", exit_code=0)))
    facts = with_host(shape().facts(), "cp1", run=record)
    (finding,) = CHECKS["leftovers"].run(facts, Aim(TARGET))
    assert finding.level is Level.BLOCKER
    assert not finding.waivable
    assert finding.message == "kubeadm-apply of run 01234567 still runs there, and no fence is left"
    # with a fence it is that run's, of which no-upgrade-in-process tells
    assert found(with_host(facts, "cp1", run=replace(record, run=OTHER)), "leftovers") == []
