"""While somebody holds the lab, only what they started may change it."""

from pathlib import Path

import pytest

from tests.lab import hold
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.place import Place
from tests.lab.spec import Spec


def test_a_stranger_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with (
        hold.hold(tmp_path / "held", "the upgrade tests", {}),
        pytest.raises(LabError, match="held by the upgrade tests"),
    ):
        hold.refuse_if_held(tmp_path / "held", {})


def test_the_holder_and_its_children_are_not(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    with hold.hold(tmp_path / "held", "me", environment):
        hold.refuse_if_held(tmp_path / "held", environment)
    assert environment == {}


def test_a_token_of_an_earlier_hold_is_worth_nothing(tmp_path: Path) -> None:
    with hold.hold(tmp_path / "held", "me", {}), pytest.raises(LabError, match="held by me"):
        hold.refuse_if_held(tmp_path / "held", {hold.VARIABLE: "old"})


def test_two_cannot_hold_it(tmp_path: Path) -> None:
    with (
        hold.hold(tmp_path / "held", "the first", {}),
        pytest.raises(LabError, match="held by the first"),
        hold.hold(tmp_path / "held", "the second", {}),
    ):
        pass


def test_it_is_free_before_and_afterwards(tmp_path: Path) -> None:
    hold.refuse_if_held(tmp_path / "held", {})
    with hold.hold(tmp_path / "held", "me", {}):
        pass
    hold.refuse_if_held(tmp_path / "held", {})


@pytest.mark.parametrize("change", ["up", "down", "build"])
def test_a_held_lab_is_not_changed(tmp_path: Path, change: str) -> None:
    lab = Lab(Spec(), Place(tmp_path))
    with hold.hold(lab.place.hold, "somebody", {}), pytest.raises(LabError, match="held by somebody"):
        getattr(lab, change)()
