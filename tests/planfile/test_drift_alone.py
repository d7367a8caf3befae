"""Drift of facts that are changed one at a time, and what a run's progress lets pass; no engine, no time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import judge
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.facts import HostFacts, Unknown
from kubectl_upgrade.model.names import CORDON_ANNOTATION
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.drift import Drifts, drift_of
from kubectl_upgrade.planfile.expected import Progress
from kubectl_upgrade.planfile.read import load
from kubectl_upgrade.planfile.write import write
from kubectl_upgrade.planner.make_plan import Options, make_plan
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from tests.etcd_way import with_etcd_way

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.plan import Plan

    Edit = Callable[[Facts], Facts]

OLDER, OLD, TO = map(Version.parse, ("v1.34.3", "v1.34.4", "v1.35.4"))
PROXY = "controlPlanes.versions.kubeProxy"
HOP = "v1.35.4"
FIRST = f"{HOP}/first-control-plane/cp1"
OTHERS = f"{HOP}/other-control-planes/cp2"
KUBELETS = f"{HOP}/control-plane-kubelets"


@pytest.fixture(scope="module")
def seen() -> tuple[Plan, Facts]:
    async def look() -> tuple[Plan, Facts]:
        facts = await gather(simulated_world(sample()))
        options = Options(waivers={}, waive_until="")
        return make_plan(facts, TO, judge(facts, Aim(TO), {}), options), facts

    return loop.run(look())


def node(name: str, **changes: Any) -> Edit:
    """The Node object says something else."""
    return lambda facts: replace(
        facts, nodes=tuple(replace(one, **changes) if one.name == name else one for one in facts.nodes)
    )


def gone(name: str) -> Edit:
    return lambda facts: replace(facts, nodes=tuple(one for one in facts.nodes if one.name != name))


def config(**changes: Any) -> Edit:
    return lambda facts: replace(facts, kubeadm_config=replace(facts.kubeadm_config, **changes))


def host(name: str, part: str, **changes: Any) -> Edit:
    """The machine itself says something else; without changes it says nothing."""

    def edit(facts: Facts) -> Facts:
        old = facts.hosts[name]
        assert isinstance(old, HostFacts)
        new = replace(getattr(old, part), **changes) if changes else Unknown("ssh: lost")
        return replace(facts, hosts={**facts.hosts, name: replace(old, **{part: new})})

    return edit


def hashes(name: str, component: str, value: str = "sha256:e") -> Edit:
    def edit(facts: Facts) -> Facts:
        old = facts.hosts[name]
        assert isinstance(old, HostFacts)
        files: Any = old.manifests
        return host(name, "manifests", hashes={**files.hashes, component: value})(facts)

    return edit


def image(name: str, component: str, tag: str) -> Edit:
    """The static pod's mirror shows another image; it is away without a tag."""

    def edit(facts: Facts) -> Facts:
        kept = tuple(
            replace(pod, image=f"{pod.image.rpartition(':')[0]}:{tag}")
            if (pod.node, pod.component) == (name, component)
            else pod
            for pod in facts.static_pods
            if tag or (pod.node, pod.component) != (name, component)
        )
        return replace(facts, static_pods=kept)

    return edit


REFUSED: dict[str, tuple[Edit, str]] = {
    "another cluster": (lambda facts: replace(facts, uid="x"), "cluster.uid: was UID, is x"),
    "another CA": (lambda facts: replace(facts, ca_hash="x"), "cluster.caHash: was CA, is x"),
    "endpoint": (config(control_plane_endpoint="x:1"), "CONFIG.controlPlaneEndpoint: was 10.99.0.1:6443, is x:1"),
    "etcd": (config(etcd="external"), "CONFIG.etcd: was stacked, is external"),
    "version": (config(kubernetes_version=TO), "cluster.from: was v1.34.4, is v1.35.4"),
    "kube-proxy": (lambda facts: replace(facts, kube_proxy=TO), "PROXY: was v1.34.4, is v1.35.4"),
    "kube-proxy unknown": (
        lambda facts: replace(facts, kube_proxy=Unknown("x")), "PROXY: was v1.34.4, is nothing"
    ),
    "gone": (gone("cp2"), "controlPlanes[cp2]: was in the cluster, is gone"),
    "uid": (node("cp2", uid="x"), "@uid: was UID2, is x"),
    "address": (node("cp2", internal_ip="10.9.9.9"), "@address: was 10.99.0.12, is 10.9.9.9"),
    "cordoned": (node("cp2", cordoned=True), "@cordoned: was no, is yes"),
    "kubelet": (node("cp2", kubelet=TO), "@versions.kubelet: was v1.34.4, is v1.35.4"),
    "an older kubelet": (node("cp2", kubelet=OLDER), "@versions.kubelet: was v1.34.4, is v1.34.3"),
    "apiserver": (image("cp2", "kube-apiserver", HOP), "@versions.apiserver: was v1.34.4, is v1.35.4"),
    "controller manager": (
        image("cp2", "kube-controller-manager", HOP), "@versions.controllerManager: was v1.34.4, is v1.35.4"
    ),
    "scheduler": (image("cp2", "kube-scheduler", HOP), "@versions.scheduler: was v1.34.4, is v1.35.4"),
    "no apiserver": (image("cp2", "kube-apiserver", ""), "@versions.apiserver: was v1.34.4, is nothing"),
    "host key": (host("cp2", "host", host_key="SHA256:x"), "@hostKey: was KEY2, is SHA256:x"),
    "patches": (host("cp2", "kubeadm", patches="standard"), "@patches: was none, is standard"),
    "repository": (host("cp2", "packages", repository="v1.35"), "@repository: was v1.34, is v1.35"),
    "holds": (host("cp2", "packages", held=("kubeadm",)), "@held: was [kubeadm, kubectl, kubelet], is [kubeadm]"),
    "member": (host("cp2", "etcd", member="x"), "@etcdMember: was MEMBER2, is x"),
    "etcd's version": (host("cp2", "etcd", version="3.6.9"), "@versions.etcd: was 3.6.5, is 3.6.9"),
    "manifest of etcd": (hashes("cp2", "etcd"), "@manifests.etcd: was HASH, is sha256:e"),
    "manifest": (hashes("cp2", "kube-controller-manager"), "@manifests.kubeControllerManager: was HASH, is sha256:e"),
    "manifest's patches": (hashes("cp2", "patches"), "@manifests.patches: was nothing, is sha256:e"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_one_change_is_one_drift(seen: tuple[Plan, Facts], name: str) -> None:
    plan, facts = seen
    edit, wanted = REFUSED[name]
    cp2 = plan.control_planes[1]
    words = {
        "UID2": cp2.uid,
        "KEY2": cp2.host_key,
        "MEMBER2": cp2.etcd_member,
        "UID": plan.cluster.uid,
        "CA": plan.cluster.ca_hash,
    }
    words["HASH"] = str(cp2.manifests.etcd if "etcd" in wanted else cp2.manifests.kube_controller_manager)
    for word, where in (("@", "controlPlanes[cp2]."), ("PROXY", PROXY), ("CONFIG", "clusterConfiguration")):
        wanted = wanted.replace(word, where, 1) if wanted.startswith(word) else wanted
    for word, value in words.items():
        wanted = wanted.replace(f"was {word},", f"was {value},")
    assert list(map(str, drift_of(plan, edit(facts)).refused)) == [wanted]


def test_nothing_has_changed(seen: tuple[Plan, Facts]) -> None:
    plan, facts = seen
    assert drift_of(plan, facts) == Drifts(refused=(), unknown=(), skipped=(), new=())


def test_a_control_plane_that_joined(seen: tuple[Plan, Facts]) -> None:
    plan, facts = seen
    joined = replace(facts, nodes=(*facts.nodes, replace(facts.control_planes[0], name="cp9", uid="9")))
    assert list(map(str, drift_of(plan, joined).refused)) == ["controlPlanes: was not there, is cp9 joined"]


WORKERS: dict[str, tuple[Edit, str]] = {
    "left": (gone("w1"), "has left the cluster"),
    "replaced": (node("w1", uid="x"), "was replaced since the plan was made"),
    "moved": (node("w1", internal_ip="10.9.9.9"), "has moved from 10.99.1.1 to 10.9.9.9"),
    "without an address": (node("w1", internal_ip=""), "has moved from 10.99.1.1 to no address"),
    "above": (node("w1", kubelet=Version.parse("v1.35.5")), "is at v1.35.5 by now, above the target"),
    "elsewhere": (node("w1", kubelet=TO), "is at v1.35.4 by now, the plan knows it at v1.34.4"),
}


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_that_changed_is_skipped_by_name(seen: tuple[Plan, Facts], name: str) -> None:
    plan, facts = seen
    edit, why = WORKERS[name]
    drifts = drift_of(plan, edit(facts))
    assert drifts.refused == ()
    assert [(skipped.name, skipped.why) for skipped in drifts.skipped] == [("w1", why)]
    begun = drift_of(plan, edit(facts), Progress(begun=frozenset({"w1"})))
    assert [skipped.name for skipped in begun.skipped] == ([] if name == "elsewhere" else ["w1"])


def test_workers_that_joined_are_told_in_order(seen: tuple[Plan, Facts]) -> None:
    plan, facts = seen
    worker = next(one for one in facts.nodes if one.name == "w1")
    joined = tuple(replace(worker, name=name, uid=name) for name in ("w9", "w8"))
    assert drift_of(plan, replace(facts, nodes=(*facts.nodes, *joined))).new == ("w8", "w9")


@pytest.mark.parametrize("part", ["host", "packages", "kubeadm", "manifests"])
def test_what_is_not_known_is_told(seen: tuple[Plan, Facts], part: str) -> None:
    plan, facts = seen
    silent = host("cp2", part)(facts)
    assert drift_of(plan, silent).unknown == (f"cp2: {part}: ssh: lost",)
    begun = drift_of(plan, silent, Progress(begun=frozenset({"cp2"})))
    assert begun.unknown == (() if part == "manifests" else (f"cp2: {part}: ssh: lost",))


def test_a_node_that_does_not_answer_is_unknown_and_one_that_is_gone_is_drift(seen: tuple[Plan, Facts]) -> None:
    plan, facts = seen
    silent = replace(facts, hosts={**facts.hosts, "cp2": Unknown("ssh: no route")})
    assert drift_of(plan, silent).unknown == ("cp2: ssh: no route",)
    unasked = replace(facts, hosts={name: found for name, found in facts.hosts.items() if name != "cp2"})
    assert drift_of(plan, unasked).unknown == ("cp2: was not asked",)
    assert drift_of(plan, gone("cp2")(silent)).unknown == ()


# how far the run is on cp2
BEGUN = Progress(begun=frozenset({"cp1", "cp2"}), steps_done=frozenset({f"{FIRST}/kubeadm-apply"}))
INSTALLED = replace(BEGUN, steps_done=BEGUN.steps_done | {f"{OTHERS}/install-kubeadm"})
KUBEADM = replace(INSTALLED, steps_done=INSTALLED.steps_done | {f"{OTHERS}/kubeadm-node"})
SETTLED = replace(KUBEADM, targets_done=frozenset({OTHERS}))
ON_DISK = replace(
    SETTLED, steps_done=SETTLED.steps_done | {f"{KUBELETS}/cp2/drain-node", f"{KUBELETS}/cp2/install-kubelet"}
)
DONE = replace(
    ON_DISK,
    steps_done=ON_DISK.steps_done | {f"{KUBELETS}/cp2/restart-kubelet"},
    targets_done=SETTLED.targets_done | {f"{KUBELETS}/cp2"},
)  # fmt: skip
SWITCHED = host("cp2", "packages", repository="v1.35")
NEW = image("cp2", "kube-apiserver", HOP)
HELD = host("cp2", "packages", repository="v1.35", held=("kubelet",))


def _both(*edits: Edit) -> Edit:
    def edit(facts: Facts) -> Facts:
        for one in edits:
            facts = one(facts)
        return facts

    return edit


AT_CP2: dict[str, tuple[Progress, Edit, set[str]]] = {
    "the repository may have moved in the next step": (BEGUN, SWITCHED, set()),
    "nor need it": (BEGUN, lambda facts: facts, set()),
    "nor is another one right": (BEGUN, host("cp2", "packages", repository="v1.36"), {"repository"}),
    "it has moved": (INSTALLED, lambda facts: facts, {"repository"}),
    "and stays": (INSTALLED, SWITCHED, set()),
    "holds may be away while packages are installed": (BEGUN, HELD, set()),
    "and are back afterwards": (INSTALLED, HELD, {"held"}),
    "an API server may be new while kubeadm runs": (INSTALLED, _both(SWITCHED, NEW), set()),
    "or away": (INSTALLED, _both(SWITCHED, image("cp2", "kube-apiserver", "")), set()),
    "on the way is everything between": (INSTALLED, _both(SWITCHED, image("cp2", "kube-apiserver", "v1.35.0")), set()),
    "not beyond": (INSTALLED, _both(SWITCHED, image("cp2", "kube-apiserver", "v1.35.5")), {"versions.apiserver"}),
    "manifests move with it": (INSTALLED, _both(SWITCHED, hashes("cp2", "etcd")), set()),
    "etcd as well": (INSTALLED, _both(SWITCHED, host("cp2", "etcd", version="3.6.9")), set()),
    "but no other member": (INSTALLED, _both(SWITCHED, host("cp2", "etcd", member="x")), {"etcdMember"}),
    "before kubeadm they stay": (BEGUN, hashes("cp2", "etcd"), {"manifests.etcd"}),
    "the mirror may still show the old one": (KUBEADM, SWITCHED, set()),
    "until the waits have seen the new one": (
        SETTLED, SWITCHED, {"versions.apiserver", "versions.controllerManager", "versions.scheduler"}
    ),
    "a kubelet on disk is not yet the one that runs": (
        ON_DISK, _both(SWITCHED, NEW), {"versions.controllerManager", "versions.scheduler"}
    ),
    "and may be it any moment": (ON_DISK, _both(SWITCHED, node("cp2", kubelet=TO)), {
        "versions.apiserver", "versions.controllerManager", "versions.scheduler"
    }),
    "it must be in the end": (DONE, SWITCHED, {
        "versions.apiserver", "versions.controllerManager", "versions.scheduler", "versions.kubelet"
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", AT_CP2)
def test_a_step_that_is_done_has_had_its_effect_and_the_next_may_have(seen: tuple[Plan, Facts], name: str) -> None:
    plan, facts = seen
    progress, edit, wanted = AT_CP2[name]
    # cp1 is at FIRST's end: what kubeadm did there is not what this is about
    alone = replace(plan, control_planes=plan.control_planes[1:2])
    three = replace(edit(facts), nodes=tuple(one for one in edit(facts).nodes if one.name not in {"cp1", "cp3"}))
    refused = drift_of(alone, three, progress).refused
    assert {drift.field.removeprefix("controlPlanes[cp2].") for drift in refused} - {"cluster.from"} == wanted


def test_what_kubeadm_left_is_what_is_compared_after_it(seen: tuple[Plan, Facts]) -> None:
    plan, facts = seen
    kept = host("cp2", "run", manifests={"etcd": "sha256:new"})
    names = [
        drift.field for drift in drift_of(plan, _both(SWITCHED, kept)(facts), KUBEADM).refused if "[cp2]" in drift.field
    ]
    assert names == ["controlPlanes[cp2].manifests.etcd"]
    there = _both(SWITCHED, kept, hashes("cp2", "etcd", "sha256:new"), host("cp2", "etcd", version="3.6.9"))
    assert not [drift for drift in drift_of(plan, there(facts), KUBEADM).refused if "[cp2]" in drift.field]


@pytest.mark.parametrize(("done", "version", "fine"), [
    ((), OLD, True), ((), TO, True), ((f"{FIRST}/kubeadm-apply",), OLD, False), ((f"{FIRST}/kubeadm-apply",), TO, True),
    ((), Version.parse("v1.35.3"), False),
])  # fmt: skip
def test_the_clusters_version_moves_with_kubeadm_apply(
    seen: tuple[Plan, Facts], done: tuple[str, ...], version: Version, *, fine: bool
) -> None:
    plan, facts = seen
    progress = Progress(begun=frozenset({"cp1"}), steps_done=frozenset(done))
    fields = {drift.field for drift in drift_of(plan, config(kubernetes_version=version)(facts), progress).refused}
    assert ("cluster.from" not in fields) == fine


def test_a_hop_that_somebody_began_may_have_moved_it(seen: tuple[Plan, Facts]) -> None:
    plan, facts = seen
    moved = config(kubernetes_version=TO)(facts)
    entry = plan.control_planes[0]
    for apiservers, fine in (((TO, OLD, OLD), True), ((TO, TO, TO), True), ((OLD, OLD, OLD), False)):
        entries = tuple(
            replace(entry, name=one.name, versions=replace(one.versions, apiserver=version))
            for one, version in zip(plan.control_planes, apiservers, strict=True)
        )
        fields = {drift.field for drift in drift_of(replace(plan, control_planes=entries), moved).refused}
        assert ("cluster.from" not in fields) == fine, apiservers


@pytest.mark.parametrize(
    ("begun", "found", "fine"),
    [((), TO, False), (("cp1",), TO, True), (("cp1",), OLD, True), (("cp1",), Version.parse("v1.35.5"), False)],
)
def test_kube_proxy_moves_within_a_run(
    seen: tuple[Plan, Facts], begun: tuple[str, ...], found: Version, *, fine: bool
) -> None:
    plan, facts = seen
    progress = Progress(begun=frozenset(begun))
    fields = {drift.field for drift in drift_of(plan, replace(facts, kube_proxy=found), progress).refused}
    assert ("controlPlanes.versions.kubeProxy" not in fields) == fine


def test_a_cordon_of_our_own_is_no_drift(seen: tuple[Plan, Facts]) -> None:
    plan, facts = seen
    ours = node("cp2", cordoned=True, annotations={CORDON_ANNOTATION: "0badcafe"})(facts)
    assert drift_of(plan, ours, Progress(run8="0badcafe")).refused == ()
    assert len(drift_of(plan, ours, Progress(run8="deadbeef")).refused) == 1
    assert len(drift_of(plan, ours).refused) == 1


PIN, UNPIN = f"{HOP}/pin-etcd/cluster", f"{HOP}/unpin-etcd/cluster"
MEMBERS = tuple(f"{HOP}/etcd-members/{node}" for node in ("cp1", "cp2", "cp3"))
MOVES = tuple(f"{member}/move-etcd" for member in MEMBERS)


@pytest.mark.parametrize(
    ("steps_done", "targets_done", "allowed"),
    [
        ((), (), {"none", "3.6.6-0"}),
        # members that are left would stay where they are
        ((f"{PIN}/pin-etcd",), (), {"3.6.6-0"}),
        ((), (PIN,), {"3.6.6-0"}),
        ((f"{PIN}/pin-etcd", *MOVES[:2]), (), {"3.6.6-0"}),
        ((f"{PIN}/pin-etcd", *MOVES), (), {"3.6.6-0", "none"}),
        ((MOVES[2],), (PIN, *MEMBERS[:2]), {"3.6.6-0", "none"}),
        ((f"{PIN}/pin-etcd", f"{UNPIN}/unpin-etcd"), (), {"none"}),
        ((), (PIN, UNPIN), {"none"}),
    ],
)
def test_the_tag_of_etcd_is_what_the_steps_on_the_cluster_leave(
    seen: tuple[Plan, Facts], steps_done: tuple[str, ...], targets_done: tuple[str, ...], allowed: set[str]
) -> None:
    made, facts = seen
    plan = load(with_etcd_way(write(made), "v1.34.4", "3.6.6-0", ["cp1", "cp2", "cp3"]).encode(), "p.yaml")
    progress = Progress(
        run8="0123abcd", begun=frozenset(), steps_done=frozenset(steps_done), targets_done=frozenset(targets_done)
    )
    for tag in ("none", "3.6.6-0", "3.6.7-0"):
        refused = [str(drift) for drift in drift_of(plan, config(etcd_image_tag=tag)(facts), progress).refused]
        assert (refused == []) == (tag in allowed), (tag, refused)
    # without a run nothing but what the plan pins
    assert drift_of(plan, config(etcd_image_tag="3.6.6-0")(facts)).refused
