"""A plan that somebody edited into an unsafe one is refused, with the line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from kubectl_upgrade.model.errors import PlanError
from kubectl_upgrade.planfile.document import compose
from kubectl_upgrade.planfile.invariants import INVARIANTS, MAX_WORK, check
from kubectl_upgrade.planfile.invariants.layout import lay_out
from kubectl_upgrade.planfile.read import load, read
from tests.etcd_way import with_etcd_way

WAIT_ETCD = "    - {do: wait-etcd, with: {members: 3, timeoutSeconds: 300}}\n"
DRAIN = "    - {do: drain-node, with: {timeoutSeconds: 900, onTimeout: stop, emptyDir: delete, unmanagedPods: stop}}\n"
UNCORDON = "    - {do: uncordon-node}\n"


@dataclass(frozen=True)
class Edit:
    """What somebody changed in the plan, and what must be said of it; data/unsafe_edits.yaml explains the fields."""

    invariant: str
    says: str
    line: str
    old: str
    new: str
    stage: str = ""
    hops: int = 1
    way: bool = False


EDITS = [
    Edit(invariant, **edit)
    for invariant, edits in yaml.safe_load((Path(__file__).parent / "data/unsafe_edits.yaml").read_text()).items()
    for edit in edits
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit.invariant}: {edit.says[:50]}")
def test_an_unsafe_edit_is_refused_with_its_line(edit: Edit, three: str) -> None:
    text = _two_hops(three) if edit.hops == 2 else three
    text = _edited(_with_way(text) if edit.way else text, edit)
    with pytest.raises(PlanError) as refused:
        load(text.encode(), "p.yaml")
    said = [line for line in refused.value.message.splitlines() if edit.says in line]
    assert said, refused.value.message
    number = int(said[0].split(":")[1])
    assert edit.line.strip() in text.splitlines()[number - 1], said[0]
    (invariant,) = (known for known in INVARIANTS if known.__name__ == edit.invariant)
    problems = list(invariant(lay_out(read(text.encode(), "p.yaml"))))
    meant = [problem for problem in problems if edit.says.split(" (")[0] in problem.message]
    assert meant, problems
    positions = compose(text.encode()).positions
    for problem in meant:
        assert problem.where in positions, f"{problem.where} is no place in the plan"
        assert problem.fix == "" or re.match(r"[a-z`]", problem.fix), f"{problem.fix!r} is no advice"


def test_every_invariant_has_an_edit() -> None:
    assert {edit.invariant for edit in EDITS} == {invariant.__name__ for invariant in INVARIANTS}


def test_kubeadm_node_cannot_come_first(three: str) -> None:
    first, others = _stage(three, "first-control-plane"), _stage(three, "other-control-planes")
    with pytest.raises(PlanError, match="kubeadm-node before the cluster's configuration has moved"):
        load(three.replace(others, "").replace(first, others + first).encode(), "p.yaml")


def test_two_hops_are_safe(three: str) -> None:
    assert load(_two_hops(three).encode(), "p.yaml").hops[1].to.minor == 36


def test_a_waiver_lifts_the_drain(three: str) -> None:
    waiver = '- {check: drain, reason: a single node has nowhere to drain to, until: "2026-12-24"}'
    text = three.replace("waivers:\n", f"waivers:\n{waiver}\n").replace(DRAIN, "").replace(UNCORDON, "")
    assert load(text.encode(), "p.yaml").waivers[0].check == "drain"


def test_workers_may_be_left_behind_within_the_skew(three: str) -> None:
    text = three[: three.index("  # Pool workers, 1 node")]
    assert len(load(text.encode(), "p.yaml").hops[0].stages) == 4


def test_external_etcd_needs_no_wait_for_it(three: str) -> None:
    text = three.replace("etcd: stacked", "etcd: external").replace(WAIT_ETCD, "")
    text = re.sub(r"etcdMember: .*", "etcdMember: external", text)
    text = re.sub(r"\n    etcd: sha256:.*", "", text).replace("etcd: 3.6.5", "etcd: external")
    text = re.sub(r" *- {do: kubelet-via-.*\n", "", text)
    assert load(text.encode(), "p.yaml").cluster_configuration.etcd == "external"


def test_an_external_etcd_is_not_ours_to_back_up(three: str) -> None:
    backup = "    - {do: backup-etcd, with: {version: v1.35.4}}\n"
    text = three.replace("    - {do: mark-node}\n", f"{backup}    - {{do: mark-node}}\n", 1)
    assert check(read(text.encode(), "p.yaml")) == []
    said = [problem.message for problem in check(read(text.replace("etcd: stacked", "etcd: external").encode(), "p"))]
    assert "backup-etcd cannot save an etcd that is not kubeadm's" in said


def test_patch_upgrade_needs_no_drain(single: str) -> None:
    assert "drain-node" not in single
    assert check(load(single.encode(), "p.yaml")) == []


def test_a_kubelet_a_minor_behind_is_drained_also_in_a_patch_upgrade(single: str) -> None:
    text = single.replace("  kubelet: v1.35.4", "  kubelet: v1.34.9")
    with pytest.raises(PlanError, match=r"install-kubelet moves a kubelet from v1\.34 to v1\.35 on a node not drained"):
        load(text.encode(), "p.yaml")


def test_what_disturbs_nothing_may_run_everywhere_at_once(three: str) -> None:
    steps = "[{do: fetch-packages, with: {version: v1.35.4}}, {do: pull-images, with: {version: v1.35.4}}]"
    prepare = f"  - {{stage: prepare, targets: all, parallel: true, steps: {steps}}}\n"
    first = _stage(three, "first-control-plane")
    assert load(three.replace(first, prepare + first).encode(), "p.yaml").hops[0].stages[0].stage == "prepare"


def test_a_plan_of_endless_work_is_refused_at_once(three: str) -> None:
    steps = ", ".join(f"{{do: mark-node, as: m{number}}}" for number in range(99))
    huge = three + "".join(f"  - {{stage: s{number}, targets: all, steps: [{steps}]}}\n" for number in range(190))
    uid = "0000-4000-8000-000000000000"
    nodes = "".join(f"  - {{name: n{i}, uid: {i:08x}-{uid}, address: 10.0.0.{i}}}\n" for i in range(100))
    huge = huge.replace("  nodes:\n", f"  nodes:\n{nodes}")
    with pytest.raises(PlanError, match=f"more than {MAX_WORK} steps in all"):
        load(huge.encode(), "p.yaml")


def test_members_of_etcd_may_move_first(three: str) -> None:
    stages = [stage.stage for stage in load(_with_way(three).encode(), "p.yaml").hops[0].stages]
    assert stages[:5] == ["prepare-etcd", "pin-etcd", "etcd-members", "unpin-etcd", "first-control-plane"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (WAIT_ETCD, "", "move-etcd is not followed by wait-etcd before the node is given free"),
        ("    - {do: mark-node}\n", "", "move-etcd on a node that is not marked"),
        (
            "    steps:\n    - {do: mark-node}",
            "    parallel: true\n    steps:\n    - {do: mark-node}",
            "move-etcd on all",
        ),
        ("version: v1.34.4, tag", "version: v1.35.4, tag", r"v1\.35\.4 is not v1\.34\.4, from which this hop goes"),
        ("version: v1.34.4, tim", "version: v1.35.4, tim", r"v1\.35\.4 is not v1\.34\.4, from which this hop goes"),
        ("    - {do: kubelet-via-own-apiserver}\n", "", "kubelet-via-endpoint is not followed by"),
        ("3.6.6-0", "latest", "such as 3.5.32-0"),
        ("3.6.6-0", "3.6.6-0;reboot", "such as 3.5.32-0"),
    ],
)
def test_a_member_moves_as_carefully_as_anything_else(three: str, old: str, new: str, says: str) -> None:
    text = _with_way(three)
    block = _stage(text, "etcd-members")
    assert old in block
    with pytest.raises(PlanError, match=says):
        load(text.replace(block, block.replace(old, new, 1)).encode(), "p.yaml")


def _with_way(text: str) -> str:
    return with_etcd_way(text, "v1.34.4", "3.6.6-0", ["cp1", "cp2", "cp3"])


def _edited(text: str, edit: Edit) -> str:
    if edit.stage == "everywhere":
        return text.replace(edit.old, edit.new)
    if edit.stage:
        block = _stage(text, edit.stage)
        assert edit.old in block
        return text.replace(block, block.replace(edit.old, edit.new, 1), 1)
    assert edit.old in text
    if edit.hops == 2:
        head, second = text[: text.rindex("- from:")], text[text.rindex("- from:") :]
        return head + second.replace(edit.old, edit.new, 1)
    return text.replace(edit.old, edit.new, 1)


def _stage(text: str, name: str) -> str:
    """The stage's lines in the first hop."""
    start = text.index(f"  - stage: {name}\n")
    end = re.compile(r"^(  #|- from|\Z)", re.MULTILINE).search(text, start)
    assert end
    return text[start : end.start()]


def _two_hops(text: str) -> str:
    """On to v1.36.4 in the same way."""
    hop = text[text.index("- from: v1.34.4") :]
    further = hop.replace("v1.35.4", "v1.36.4").replace("v1.34.4", "v1.35.4")
    return text.replace("to: v1.35.4}", "to: v1.36.4}", 1) + further
