"""A share of what the commands of this folder run, for every day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.resilience import chaos, crash_matrix, journal, races
from tests.resilience.world import difference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Command = Callable[[Sequence[str]], int]

COMMANDS: dict[str, tuple[Command, tuple[str, ...]]] = {
    "crash matrix": (crash_matrix.main, ("--every", "10")),
    "chaos": (chaos.main, ("--seeds", "250")),
    "races": (races.main, ("--seeds", "30")),
    "journal": (journal.main, ("--flips", "2000", "--every", "5")),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_wrong(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command, words = COMMANDS[name]
    code = command(words)
    told = capsys.readouterr()
    assert code == 0, told.err
    figures = [json.loads(line) for line in told.out.splitlines()]
    assert all(figure["value"] == 0 for figure in figures if "wrong" in figure["name"])
    assert any(figure["value"] > 0 for figure in figures)


def test_every_kind_of_crash_is_in_the_matrix() -> None:
    cases = list(crash_matrix.cases(3))
    assert {case.how for case in cases} == {"client-kill", "ssh-cut", "node-reboot", "kubeadm-killed"}
    assert {case.moment for case in cases if case.moment} == set(crash_matrix.MOMENTS)
    assert {case.state for case in cases} == {"kept", "deleted", "elsewhere"}
    steps = {case.step.rpartition("/")[2] for case in cases}
    assert {"mark-node", "kubeadm-apply", "kubeadm-node", "drain-node", "restart-kubelet", "wait-add-ons"} <= steps
    assert len({str(case) for case in cases}) == len(cases) > 300


def test_the_matrix_notices_a_difference() -> None:
    """A reboot that is never recovered from, as a defect of the engine would be."""
    case = next(case for case in crash_matrix.cases(3) if case.how == "client-kill" and case.state == "deleted")
    assert crash_matrix.run_case(case) == ""
    wanted = crash_matrix.undisturbed(3).state
    changed = {**wanted, "kube-proxy": "another"}
    assert difference(changed, wanted).startswith(".kube-proxy: ")
