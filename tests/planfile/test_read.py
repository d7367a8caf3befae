"""Errors name the file, the line, the place in the document, what is wrong and what to do."""

from __future__ import annotations

import pytest

from kubectl_upgrade.model.errors import PlanError
from kubectl_upgrade.planfile.read import load, read


def _refusal(text: str) -> PlanError:
    with pytest.raises(PlanError) as refused:
        load(text.encode(), "p.yaml")
    return refused.value


def _line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: cp2", "name: CP_2", 'controlPlanes[1].name: "CP_2" is not a node\'s name'),
        (
            "address: 10.99.0.12",
            "address: -oProxyCommand=x",
            'controlPlanes[1].address: "-oProxyCommand=x" is not an IP',
        ),
        ("packages: apt", "packages: curl", 'controlPlanes[0].packages: "curl" is not one of: apt'),
        ("{name: w2,", "{name: w2, port: 23,", 'pools[0].nodes[1].port: no field is called "port" here (known: name'),
        ("members: 3", "members: three", 'steps[6].with.members: "three" is not a whole number from 1 to 99'),
        ("members: 3", "members: 3.0", "steps[6].with.members: 3.0 is not a whole number"),
        ("members: 3", "members: true", "steps[6].with.members: true is not a whole number"),
        ("onTimeout: stop", "onTimeout: kill", 'with.onTimeout: "kill" is not one of: stop'),
        ("{do: unmark-node}", "{do: run, with: {command: sh}}", 'steps[7].do: "run" is not one of: backup-etcd'),
        ("{do: unmark-node}", "unmark-node", 'steps[7]: a mapping is wanted here, not "unmark-node"'),
        ("{do: unmark-node}", "{do: unmark-node, with: null}", "steps[7].with: a mapping is wanted here, not null"),
        ("[SystemVerification], reason", "[all], reason", 'kubeadmErrors[0]: "all" is not a named kubeadm error'),
        ("targets: [cp2, cp3]", "targets: 3", "targets: a list or a text or a mapping is wanted here, not 3"),
        ("targets: [cp2, cp3]", "targets: [cp2, cp2]", "targets: an item stands here twice (name each one once)"),
        ("targets: [cp2, cp3]", "targets: cp2", 'targets: "cp2" is not one of: all, cluster'),
        ("pause: true", "pause: yes", 'after.pause: "yes" is neither true nor false'),
        ("maxUnavailable: 10%", "maxUnavailable: 5", "maxUnavailable: 5 is not a number of nodes or a share"),
        ("kind: UpgradePlan", "kind: Plan", 'kind: "Plan" is not one of: UpgradePlan'),
        ("apiVersion: upgrade-cp/v1\n", "", "plan: apiVersion missing here"),
        ("  to: v1.35.4", "  to: 1.35.4", 'hops[0].to: "1.35.4" is not a version such as v1.35.4'),
        ("  to: v1.35.4", "  to: v1.35", 'hops[0].to: "v1.35" is not a version'),
        ("reason: nodes move to cgroup v2 in Q1", r'reason: "\e[2J\u202e"', r'waivers[0].reason: "\u001b[2J\u202e'),
        ("{name: w2,", r'{name: w2, "\e[2J": 1,', r'pools[0].nodes[1]."\u001b[2J": no field is called'),
    ],
)
def test_a_fault_is_named_with_its_line(three: str, old: str, new: str, message: str) -> None:
    text = three.replace(old, new, 1)
    first = _refusal(text).message.splitlines()[0]
    assert message in first
    assert first.startswith(f"p.yaml:{_line_of(three, old)}:") or "missing" in message
    assert first.isprintable()


def test_broken_yaml_is_named_with_its_line(three: str) -> None:
    error = _refusal(three.replace("targets: [cp2, cp3]", "targets: [cp2, cp3"))
    assert error.message.startswith(f"p.yaml:{_line_of(three, 'targets: [cp2, cp3]') + 1}:")
    assert error.fix


def test_no_more_than_ten_are_printed(three: str) -> None:
    faults = three.count("version: v1.35.4")
    lines = _refusal(three.replace("version: v1.35.4", "version: latest")).message.splitlines()
    assert len(lines) == 11
    assert lines[-1] == f"p.yaml: {faults - 10} more"


def test_a_plan_of_another_version_of_the_tool(three: str) -> None:
    text = three.replace('madeBy: "0.1"', 'madeBy: "7.3"').replace("do: mark-node", "do: mark-all")
    error = _refusal(text)
    assert error.message.count("\n") == 0
    assert 'madeBy: the plan was made by "7.3", this tool applies those of 0.1' in error.message


def test_an_unsafe_plan_can_be_looked_at_but_not_loaded(three: str) -> None:
    text = three.replace("    - {do: uncordon-node}\n", "")
    assert read(text.encode(), "p.yaml").hops
    assert "drain-node without uncordon-node" in _refusal(text).message


@pytest.mark.parametrize("text", ["- a\n", "a\n", "{}\n", "null\n", "[]\n", "1\n"])
def test_no_plan_at_all(text: str) -> None:
    assert _refusal(text).message.startswith("p.yaml:1:1: plan: ")
