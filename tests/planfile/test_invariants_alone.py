"""One invariant at a time, by stages made for it: what it lets pass, and what it says besides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.planfile.invariants import INVARIANTS, check
from kubectl_upgrade.planfile.invariants.layout import lay_out
from kubectl_upgrade.planfile.read import read

if TYPE_CHECKING:
    from collections.abc import Sequence

TO = "with: {version: v1.35.4}"
APPLY, NODE = f"{{do: kubeadm-apply, {TO}}}", f"{{do: kubeadm-node, {TO}}}"
INSTALL, RESTART = f"{{do: install-kubelet, {TO}}}", f"{{do: restart-kubelet, {TO}}}"
DRAIN = "{do: drain-node, with: {timeoutSeconds: 900, onTimeout: stop, emptyDir: delete, unmanagedPods: stop}}"


def said(invariant: str, text: str) -> list[str]:
    """What one invariant says of the plan."""
    (alone,) = (known for known in INVARIANTS if known.__name__ == invariant)
    return [problem.message for problem in alone(lay_out(read(text.encode(), "p.yaml")))]


def of(three: str, *stages: tuple[str, Sequence[str]], hops: int = 1) -> str:
    """The plan with nothing but these stages: targets and steps. A second hop repeats them."""
    lines = [
        f"  - {{stage: s{number}, targets: {targets}, steps: [{', '.join(steps)}]}}\n"
        for number, (targets, steps) in enumerate(stages)
    ]
    hop = "- from: v1.34.4\n  to: v1.35.4\n  stages:\n" + "".join(lines)
    further = hop.replace("v1.35.4", "v1.36.4").replace("v1.34.4", "v1.35.4")
    head = three[: three.index("hops:\n")]
    head = head if hops == 1 else head.replace("to: v1.35.4}", "to: v1.36.4}", 1)
    return f"{head}hops:\n{hop}{further if hops > 1 else ''}"


def test_a_stage_may_take_all_of_a_pool(three: str) -> None:
    text = three.replace("count: 1", "count: 3")
    workers = text.index("  - stage: workers\n")
    assert said("targets_exist", text[: text.rindex("  #", 0, workers)]) == []
    assert said("targets_exist", three.replace("count: 1", "count: 4"))[0] == "the pool workers has only 3 nodes"


@pytest.mark.parametrize("step", [INSTALL, "{do: uncordon-node}", RESTART, DRAIN])
def test_whatever_takes_something_from_a_node_is_not_done_everywhere_at_once(three: str, step: str) -> None:
    text = of(three, ("all", [step])).replace("targets: all", "targets: all, parallel: true")
    (message,) = said("many_at_once_is_safe", text)
    assert message.endswith("on all targets at once would take them all away")


def test_each_hop_needs_its_own_kubeadm_apply(three: str) -> None:
    text = of(three, ("[cp1]", [NODE]), hops=2)
    assert said("kubeadm_apply_leads", text) == ["no stage of this hop holds kubeadm-apply"] * 2


def test_kubeadm_node_waits_for_a_later_stage(three: str) -> None:
    text = of(three, ("[cp1]", [APPLY, NODE]))
    assert said("kubeadm_apply_leads", text) == ["kubeadm-node before the cluster's configuration has moved"]


def test_kubelets_wait_for_control_planes_only(three: str) -> None:
    kubelets = ("all", [INSTALL, RESTART])
    assert said("kubelets_follow_control_planes", of(three, kubelets, kubelets)) == []
    assert said("kubelets_follow_control_planes", of(three, ("[cp1]", [APPLY]), ("[cp2, cp3]", [NODE]), kubelets)) == []
    early = of(three, ("[cp1]", [APPLY]), kubelets, ("[cp2, cp3]", [NODE]))
    messages = said("kubelets_follow_control_planes", early)
    assert [message.partition(" ")[0] for message in messages] == ["install-kubelet", "restart-kubelet"]


def test_workers_get_kubeadm_in_several_stages_and_their_kubelets_in_one(three: str) -> None:
    text = of(three, ("[w1]", [NODE]), ("[w2]", [NODE]), ("[w1, w2]", [INSTALL]))
    assert said("worker_kubelets_follow_kubeadm", text) == []
    assert said("worker_kubelets_follow_kubeadm", of(three, ("[w1]", [NODE]), ("[w1, w2]", [INSTALL]))) == [
        "install-kubelet before kubeadm-node on w2"
    ]


def test_without_a_hop_there_is_nothing_to_do(three: str) -> None:
    text = three[: three.index("hops:\n")] + "hops: []\n"
    assert said("hops_lead_to_the_target", text) == ["no hop leads from v1.34.4 to v1.35.4"]
    assert said("hops_lead_to_the_target", text.replace("to: v1.35.4}", "to: v1.34.4}", 1)) == []


def test_a_control_plane_may_be_at_the_target_already(three: str) -> None:
    there = three.replace(
        "apiserver: v1.34.4, controllerManager: v1.34.4", "apiserver: v1.35.4, controllerManager: v1.35.4"
    )
    assert said("control_planes_are_in_reach", there) == []
    behind = three.replace("controllerManager: v1.34.4", "controllerManager: v1.33.9", 1)
    (message,) = said("control_planes_are_in_reach", behind)
    assert message.startswith("controller-manager v1.33.9")


def test_a_kubelet_may_be_at_the_target_already(three: str) -> None:
    assert said("kubelets_keep_up", three.replace("  kubelet: v1.34.4", "  kubelet: v1.35.4")) == []


def test_what_stands_beside_a_trip_to_the_endpoint(three: str) -> None:
    there, back = "{do: kubelet-via-endpoint}", "{do: kubelet-via-own-apiserver}"
    name = "kubelets_return_from_the_endpoint"
    assert said(name, of(three, ("[cp1]", [there, APPLY, back]))) == []
    assert said(name, of(three, ("[cp1]", ["{do: mark-node}", there, APPLY, back, "{do: unmark-node}"]))) == []
    for steps in (
        [there, back],
        [back],
        ["{do: mark-node}", back],
        [there, APPLY],
        [APPLY, back],
        [there, back, APPLY],
    ):
        assert said(name, of(three, ("[cp1]", steps))) != [], steps


def test_two_control_planes_can_stand_in_for_each_other(three: str, single: str) -> None:
    third = re.compile(r"- name: cp3\n(?:  .*\n)+")
    assert said("the_endpoint_serves_kubelets", third.sub("", three).replace("[cp2, cp3]", "[cp2]")) == []
    alone = single.replace("    - {do: kubeadm-apply", "    - {do: kubelet-via-endpoint}\n    - {do: kubeadm-apply")
    assert any(
        "needs stacked etcd and another control plane" in line for line in said("the_endpoint_serves_kubelets", alone)
    )


def test_pools_have_names_of_their_own(three: str) -> None:
    pool = three[three.index("- name: workers\n") : three.index("preflight:\n")]
    text = three.replace("preflight:\n", pool.replace(": w", ": x").replace("xorkers", "workers") + "preflight:\n", 1)
    problems = [problem for problem in check(read(text.encode(), "p.yaml")) if "workers stands in" in problem.message]
    assert [problem.where for problem in problems] == [("pools", 1, "name")]


@pytest.mark.parametrize("address", ["127.0.0.1", "224.0.0.1", "0.0.0.0", "169.254.1.1", '"::"', '"fe80::1"', '"::1"'])  # noqa: S104 - refused
def test_an_address_is_that_of_a_machine(three: str, address: str) -> None:
    text = three.replace("10.99.0.22}", f"{address}}}")
    assert said("addresses_are_real", text) == [f"{address.strip(chr(34))} is no address of another machine"]


def test_all_addresses_are_looked_at(three: str) -> None:
    text = three.replace("10.99.0.21}", "10.99.0.999}").replace("10.99.0.22}", "127.0.0.1}")
    assert len(said("addresses_are_real", text)) == 2


def test_kubelets_are_restarted_on_marked_nodes(three: str) -> None:
    assert said("nodes_are_marked", of(three, ("[w1]", [INSTALL, RESTART]))) == [
        "install-kubelet on a node that is not marked",
        "restart-kubelet on a node that is not marked",
    ]


def test_a_wait_that_is_missing_at_the_end_is_missed(three: str) -> None:
    (message,) = said("steps_have_their_waits", of(three, ("[w1]", [RESTART])))
    assert message.startswith("restart-kubelet is not followed by wait-node")
