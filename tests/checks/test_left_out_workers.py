"""Workers that a plan leaves as they are are told of, and cannot be left too far behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.model.finding import Level
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from tests.conftest import Shape

TO = Version.parse("v1.35.4")


def test_who_is_left_out_is_told_and_not_counted_as_drained(shape: type[Shape]) -> None:
    facts = shape(workers=2).facts()
    aim = Aim(TO, left_out=frozenset({"w2"}))
    assert "w2" not in {node.name for node in aim.drained(facts.nodes)}
    (finding,) = CHECKS["left-out-workers"].run(facts, aim)
    assert finding.level is Level.INFO
    assert finding.message == "1 worker(s) are not in the plan and stay as they are: w2 (v1.34.4)"
    assert list(CHECKS["left-out-workers"].run(facts, Aim(TO))) == []


def test_who_would_lag_too_far_cannot_be_left_out(shape: type[Shape]) -> None:
    facts = shape(workers=2, nodes={"w2": {"kubelet": Version.parse("v1.31.2")}}).facts()
    found = list(CHECKS["left-out-workers"].run(facts, Aim(TO, left_out=frozenset({"w2"}))))
    assert [(finding.level, finding.node) for finding in found] == [(Level.BLOCKER, "w2"), (Level.INFO, None)]
