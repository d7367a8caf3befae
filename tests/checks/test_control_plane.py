"""What the control plane's own checks find, and that they are silent where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import blockers, judge
from kubectl_upgrade.facts.corefile import corefile
from kubectl_upgrade.model.add_ons import AddOns, Broken
from kubectl_upgrade.model.certificates import Authority, Certificates
from kubectl_upgrade.model.facts import Apiserver, Etcd, Facts, HostFacts, ManifestFiles, Unknown
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from tests.conftest import Shape

TARGET = Version.parse("v1.35.4")
DAY = 86_400


def _found(facts: Facts, check: str, target: str = "v1.35.4", run8: str = "") -> list[str]:
    findings = CHECKS[check].run(facts, Aim(Version.parse(target), run8))
    return [f"{f.level.value} {f'{f.node}: ' if f.node else ''}{f.message}" for f in findings]


def _host(facts: Facts, name: str, **changes: Any) -> Facts:
    host = facts.hosts[name]
    assert isinstance(host, HostFacts)
    return replace(facts, hosts={**facts.hosts, name: replace(host, **changes)})


def _etcd(facts: Facts, name: str, **changes: Any) -> Facts:
    host = facts.hosts[name]
    assert isinstance(host, HostFacts)
    assert isinstance(host.etcd, Etcd)
    return _host(facts, name, etcd=replace(host.etcd, **changes))


def _ending(facts: Facts, name: str, days: float, *certificates: str, key: bool = True) -> Facts:
    """These of the node's certificates end in so many days; `key`: of their authorities is on the node."""
    host = facts.hosts[name]
    assert isinstance(host, HostFacts)
    found = host.certificates
    assert isinstance(found, Certificates)
    changed = tuple(
        replace(c, ends=found.now + int(days * DAY)) if c.name in certificates else c for c in found.certificates
    )
    authorities = tuple(replace(authority, key=key) for authority in found.authorities)
    return _host(facts, name, certificates=replace(found, certificates=changed, authorities=authorities))


def test_an_etcd_that_is_not_whole_blocks_and_cannot_be_waived(shape: type[Shape]) -> None:
    facts = _etcd(shape().facts(), "cp2", alarms=("NOSPACE on 2",))
    assert _found(facts, "etcd-healthy") == ["blocker etcd is not whole: cp2: etcd has the alarm NOSPACE on 2"]
    assert [j.check for j in blockers(judge(facts, Aim(TARGET), {"etcd-healthy"}))] == ["etcd-healthy"]
    behind = _etcd(shape().facts(), "cp3", raft_applied_index=-9000)
    assert "cp3: etcd is 9100 entries behind" in _found(behind, "etcd-healthy")[0]


def test_members_that_did_not_answer_are_told_elsewhere_and_hide_no_others(shape: type[Shape]) -> None:
    silent = _host(shape().facts(), "cp1", etcd=Unknown("not running"))
    assert _found(silent, "etcd-healthy") == []
    assert "cp2" in _found(_etcd(silent, "cp2", learner=True), "etcd-healthy")[0]
    gone = replace(shape().facts(), hosts={name: Unknown("refused") for name in shape().names})
    assert _found(gone, "etcd-healthy") == []
    config = replace(shape().facts().kubeadm_config, etcd="external")
    assert _found(replace(silent, kubeadm_config=config), "etcd-healthy") == []


@pytest.mark.parametrize(
    ("version", "apiserver", "told"),
    [
        ("3.6.4", "v1.34.4", "warn etcd members run different versions: 3.6.4 on cp2; 3.6.5 on cp1, cp3, beside"),
        ("3.5.24", "v1.33.9", "info etcd members run different versions: 3.5.24 on cp2; 3.6.5 on cp1, cp3: a hop is"),
        ("3.4.30", "v1.33.9", "blocker etcd members run different versions"),
        ("unknown", "v1.34.4", "blocker etcd members run different versions"),
        ("3.6.5", "v1.33.9", ""),
    ],
)
def test_etcd_versions(shape: type[Shape], version: str, apiserver: str, told: str) -> None:
    facts = _etcd(shape().facts(), "cp2", version=version)
    facts = _host(facts, "cp2", apiserver=Apiserver(ready=True, version=Version.parse(apiserver), said="ok"))
    found = _found(facts, "etcd-versions")
    assert [line.startswith(told) for line in found] == ([True] if told else [])


@pytest.mark.parametrize(
    ("size", "quota", "level"),
    [
        (1.5, 0, ""),
        (1.6, 0, "warn"),
        (1.89, 0, "warn"),
        (1.9, 0, "blocker"),
        (1.9, 8, ""),
        (7.9, 8, "blocker"),
        (99, -1, ""),
    ],
)
def test_etcd_quota(shape: type[Shape], size: float, quota: int, level: str) -> None:
    facts = _etcd(shape().facts(), "cp3", db_size=int(size * 1024**3) + 1, quota=quota * 1024**3)
    found = _found(facts, "etcd-quota")
    assert [line.split(" ")[0] for line in found] == ([level] if level else [])
    assert all(line.endswith(f"quota of {quota or 2} GiB on cp3") for line in found)
    assert not blockers(judge(facts, Aim(TARGET), {"etcd-quota", "disk-room"}))


@pytest.mark.parametrize(
    ("days", "key", "told"),
    [
        (31, True, []),
        (29, True, ["info certificates of cp1 end from 2026-10-20 on: this upgrade renews them"]),
        (31, False, []),
        (
            29,
            False,
            ["warn cp1: admin.conf ends 2026-10-20, and kubeadm cannot renew them: the key of their authority"],
        ),
        (0.9, True, ["blocker cp1: admin.conf ends 2026-09-22: before an upgrade could"]),
        (-3, False, ["blocker cp1: admin.conf ends 2026-09-18: before an upgrade could"]),
    ],
)
def test_certificates_of_kubeadm(shape: type[Shape], days: float, key: bool, told: list[str]) -> None:  # noqa: FBT001 - a table's column
    found = _found(_ending(shape().facts(), "cp1", days, "admin.conf", key=key), "certificates")
    assert len(found) == len(told)
    assert all(line.startswith(start) for line, start in zip(found, told, strict=True))


def test_one_line_tells_what_the_upgrade_renews(shape: type[Shape]) -> None:
    facts = shape().facts()
    for name in ("cp1", "cp2", "cp3"):
        facts = _ending(facts, name, 20, "admin.conf", "apiserver", "etcd/server")
    assert len(_found(facts, "certificates")) == 1


def test_an_etcd_of_somebody_elses_is_not_renewed_even_with_a_key(shape: type[Shape]) -> None:
    facts = _ending(shape().facts(), "cp1", 20, "etcd/server")
    facts = replace(facts, kubeadm_config=replace(facts.kubeadm_config, etcd="external"))
    assert _found(facts, "certificates")[0].startswith("warn cp1: etcd/server ends 2026-10-11, and kubeadm cannot")


@pytest.mark.parametrize(("days", "level"), [(40, ""), (15, "warn"), (0.5, "blocker"), (-1, "blocker")])
def test_a_kubelet_that_does_not_renew_its_own(shape: type[Shape], days: float, level: str) -> None:
    found = _found(_ending(shape().facts(), "w1", days, "kubelet"), "certificates")
    assert [line.split(":")[0] for line in found] == ([f"{level} w1"] if level else [])


def test_a_certificate_that_lives_a_day_is_judged_by_its_life(shape: type[Shape]) -> None:
    facts = shape().facts()
    host = facts.hosts["w1"]
    assert isinstance(host, HostFacts)
    assert isinstance(host.certificates, Certificates)
    now = host.certificates.now
    (own,) = host.certificates.certificates
    short = replace(own, begins=now - DAY // 2, ends=now + DAY // 2)
    facts = _host(facts, "w1", certificates=replace(host.certificates, certificates=(short,)))
    assert _found(facts, "certificates") == []


@pytest.mark.parametrize(("days", "level"), [(31, ""), (29, "warn"), (0, "blocker")])
def test_an_authority_is_told_once(shape: type[Shape], days: int, level: str) -> None:
    facts = shape().facts()
    for name in ("cp1", "cp2", "cp3"):
        host = facts.hosts[name]
        assert isinstance(host, HostFacts)
        assert isinstance(host.certificates, Certificates)
        ca = Authority(name="ca", key=True, ends=host.certificates.now + days * DAY)
        facts = _host(facts, name, certificates=replace(host.certificates, authorities=(ca,), certificates=()))
    found = _found(facts, "certificates")
    assert [line.partition(" ends ")[0] for line in found] == (
        [f"{level} the certificate authority ca of cp1, cp2, cp3"] if level else []
    )


def test_certificates_that_cannot_be_read_are_told_and_those_not_asked_for_are_not(shape: type[Shape]) -> None:
    facts = _host(shape().facts(), "cp1", certificates=Unknown("no awk"))
    assert _found(facts, "certificates") == ["warn cp1: nobody knows when its certificates end: no awk"]
    assert _found(_host(shape().facts(), "w1", certificates=HostFacts().certificates), "certificates") == []


@pytest.mark.parametrize(
    ("others", "told"),
    [
        (
            {"kube-apiserver.yaml.bak": "kube-apiserver"},
            ["blocker cp1: /etc/kubernetes/manifests/kube-apiserver.yaml.bak"],
        ),
        (
            {"old.json": "etcd"},
            ["blocker cp1: /etc/kubernetes/manifests/old.json is a second manifest of the static pod"],
        ),
        ({"etcd.json": ""}, ["blocker cp1: /etc/kubernetes/manifests/etcd.json"]),
        (
            {"etcd-backup.yaml": "etcd-backup"},
            ["info static pods that are not kubeadm's stay as they are: etcd-backup"],
        ),
        ({"notes.txt": ""}, ["warn cp1: /etc/kubernetes/manifests/notes.txt names no pod"]),
        (
            {"kube-vip.yaml": "kube-vip", "kube-vip.yaml~": "kube-vip"},
            [
                "warn cp1: /etc/kubernetes/manifests/kube-vip.yaml is",
                "warn cp1: /etc/kubernetes/manifests/kube-vip.yaml~",
            ],
        ),
    ],
)
def test_stray_manifests(shape: type[Shape], others: dict[str, str], told: list[str]) -> None:
    facts = _host(shape().facts(), "cp1", manifests=ManifestFiles(hashes={}, images={}, others=others))
    found = _found(facts, "stray-manifests")
    assert len(found) == len(told)
    assert all(line.startswith(start) for line, start in zip(found, told, strict=True))


@pytest.mark.parametrize(
    ("written", "now", "target", "blocks"),
    [
        ("kubeadm.k8s.io/v1beta4", "v1.36.0", "v1.37.1", False),
        ("kubeadm.k8s.io/v1beta3", "v1.36.0", "v1.37.1", True),
        ("kubeadm.k8s.io/v1beta3", "v1.35.0", "v1.37.1", False),  # kubeadm 1.36 writes it anew
        ("kubeadm.k8s.io/v1beta3", "v1.34.4", "v1.35.4", False),
        ("kubeadm.k8s.io/v1beta2", "v1.34.4", "v1.35.4", True),
        ("", "v1.34.4", "v1.35.4", True),
        ("v1", "v1.34.4", "v1.35.4", True),
    ],
)
def test_the_next_kubeadm_reads_its_configuration(
    shape: type[Shape],
    written: str,
    now: str,
    target: str,
    blocks: bool,  # noqa: FBT001 - a table's column
) -> None:
    facts = shape(version=now).facts()
    facts = replace(facts, kubeadm_config=replace(facts.kubeadm_config, api_version=written))
    assert [line.split(" ")[0] for line in _found(facts, "kubeadm-config-maps", target)] == ["blocker"] * blocks
    assert "kubeadm-config-maps" not in {
        j.check for j in judge(facts, Aim(Version.parse(target)), {"kubeadm-config-maps"}) if j.result == "waived"
    }


def _add_ons(facts: Facts, **changes: Any) -> Facts:
    assert isinstance(facts.add_ons, AddOns)
    return replace(facts, add_ons=replace(facts.add_ons, **changes))


def test_kube_proxys_configuration(shape: type[Shape]) -> None:
    check = "kubeadm-config-maps"
    facts = shape().facts()
    lacks = _add_ons(facts, kube_proxy=None)
    assert _found(lacks, check) == [
        "warn there is a kube-proxy, but no ConfigMap kube-proxy: kubeadm makes one with its defaults"
    ]
    replaced = replace(lacks, kube_proxy=Unknown("no DaemonSet"))
    assert _found(replaced, check) == ["warn there is no kube-proxy, and kubeadm installs one"]
    off = replace(replaced, kubeadm_config=replace(facts.kubeadm_config, proxy_disabled=True))
    assert _found(off, check) == []
    broken = _add_ons(facts, kube_proxy=Broken(why="it has no key config.conf"))
    assert _found(broken, check)[0].startswith("blocker kubeadm cannot read the ConfigMap kube-proxy: it has no key")
    assert "may not get" in _found(_add_ons(facts, kube_proxy=Unknown("may not get it")), check)[0]


def _dns(facts: Facts, text: str, *images: str) -> Facts:
    return _add_ons(facts, corefile=corefile(text), dns_images=images or ("r/coredns:v1.12.1",))


PLAIN = ".:53 {\n    errors\n    hosts {\n      10.0.0.1 a.example\n      fallthrough\n    }\n    cache 30\n}\n"
STRANGE = (
    ".:53 {\n    errors\n    template IN A {\n      answer x\n    }\n    forward . 1.1.1.1 {\n      bogus\n    }\n}\n"
)


@pytest.mark.parametrize(
    ("text", "target", "told"),
    [
        (PLAIN, "v1.35.4", ""),
        (
            STRANGE,
            "v1.35.4",
            "blocker kubeadm v1.35 does not know how to migrate this in the Corefile: template, forward bogus",
        ),
        (STRANGE, "v1.34.9", ""),  # the same CoreDNS: kubeadm migrates nothing
        (PLAIN, "v1.36.3", ""),
        (f"{PLAIN}x {{\n", "v1.35.4", "blocker the Corefile's braces do not match"),
    ],
)
def test_what_kubeadm_migrates_of_a_corefile(shape: type[Shape], text: str, target: str, told: str) -> None:
    facts = _dns(shape().facts(), text)
    found = _found(facts, "coredns-migratable", target)
    assert [line.startswith(told) for line in found] == ([True] if told else [])
    assert not blockers(judge(facts, Aim(Version.parse(target)), {"coredns-migratable"}))


def test_a_later_hop_migrates_what_the_first_one_left_alone(shape: type[Shape]) -> None:
    """1.35's kubeadm finds its own CoreDNS there; what 1.36's knows is not known."""
    facts = _dns(shape().facts(), STRANGE, "r/coredns:v1.13.1")
    assert not _found(facts, "coredns-migratable", "v1.35.4")
    assert _found(facts, "coredns-migratable", "v1.36.3") == [
        "warn kubeadm v1.36 may not know how to migrate this in the Corefile: template, forward bogus"
    ]


@pytest.mark.parametrize(
    ("image", "blocks"),
    [
        ("registry:5000/coredns:v1.12.1", False),
        ("r/coredns:1.11.3@sha256:00", False),
        ("r/coredns:v1.13.1", False),
        ("r/coredns:v1.14.0", True),
        ("r/coredns:v1.11.2", True),
        ("r/coredns:latest", True),
        ("registry:5000/coredns", True),
    ],
)
def test_which_coredns_kubeadm_upgrades_from(shape: type[Shape], image: str, blocks: bool) -> None:  # noqa: FBT001 - a table's column
    facts = _dns(shape().facts(), PLAIN, image)
    assert [line.split(" ")[0] for line in _found(facts, "coredns-migratable")] == ["blocker"] * blocks
    assert bool(blockers(judge(facts, Aim(TARGET), {"coredns-migratable"}))) is blocks
    left_alone = replace(facts, kubeadm_config=replace(facts.kubeadm_config, dns_disabled=True))
    assert not blockers(judge(left_alone, Aim(TARGET), {"coredns-migratable"}))


def test_a_cluster_without_coredns_needs_a_waiver(shape: type[Shape]) -> None:
    facts = _add_ons(shape().facts(), corefile=None, dns_images=())
    (judgement,) = blockers(judge(facts, Aim(TARGET)))
    assert "lest kubeadm install CoreDNS beside it" in str(judgement)
    assert not blockers(judge(facts, Aim(TARGET), {"coredns-migratable"}))


def test_what_is_not_known_of_coredns_is_told(shape: type[Shape]) -> None:
    facts = shape().facts()
    for changes in ({"corefile": Unknown("may not")}, {"dns_images": Unknown("may not")}):
        (found,) = _found(_add_ons(facts, **changes), "coredns-migratable")
        assert found.startswith("warn nobody knows")
    assert "blocker 2 Deployments" in _found(_dns(facts, PLAIN, "a:v1.12.1", "b:v1.12.1"), "coredns-migratable")[0]
    assert "blocker kubeadm cannot read" in _found(_add_ons(facts, corefile=Broken(why="x")), "coredns-migratable")[0]


def test_kubelets_without_a_serving_certificate(shape: type[Shape]) -> None:
    facts = replace(shape().facts(), unsigned_kubelets=("w1", "w2"))
    assert _found(facts, "serving-certificates") == [
        "warn requests for serving certificates wait for an approval: w1, w2"
    ]
    many = replace(facts, unsigned_kubelets=tuple(f"w{i}" for i in range(12)))
    assert _found(many, "serving-certificates")[0].endswith("w9 and 2 more")
    denied = replace(facts, unsigned_kubelets=Unknown("may not list certificatesigningrequests"))
    assert "may not list certificatesigningrequests" in _found(denied, "serving-certificates")[0]


def test_cordons_of_others(shape: type[Shape]) -> None:
    own = "upgrade-cp.node-restriction.kubernetes.io/cordoned-by"
    facts = shape(nodes={"w1": {"cordoned": True}, "cp1": {"cordoned": True, "annotations": {own: "12345678"}}}).facts()
    assert _found(facts, "cordoned-nodes", run8="12345678") == [
        "info cordoned by somebody, and left so by this upgrade: w1"
    ]
    all_of_them = shape(nodes={name: {"cordoned": True} for name in ("w1", "w2")}).facts()
    assert _found(all_of_them, "cordoned-nodes")[0].startswith("warn cordoned by somebody")
