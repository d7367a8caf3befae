"""What the checks found, as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.checks.judge import Judgement
from kubectl_upgrade.cli.findings import tell_judgements
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    import pytest


def _found(check: str, message: str, node: str = "", fix: str = "") -> Judgement:
    return Judgement(check, "warn", Finding(Level.WARN, message, node, fix))


def test_what_is_said_of_several_nodes_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [f"w{number}" for number in range(1, 9)]
    tell_judgements(
        [
            Judgement("nodes-ready", "pass"),
            *(_found("swap", "swaps", node, "swapoff -a") for node in nodes),
            Judgement("quorum", "pass"),
            _found("swap", "swaps a lot", "w1"),
            _found("kernel", "is old"),
        ]
    )
    assert capsys.readouterr().err.splitlines() == [
        "    ok  nodes-ready, quorum",
        "  WARN  swap: on w1, w2, w3, w4, w5, w6 and 2 more: swaps (swapoff -a)",
        "  WARN  swap: w1: swaps a lot",
        "  WARN  kernel: is old",
    ]
