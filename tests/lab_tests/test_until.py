"""A wait ends when nothing is missing, and otherwise says what was missing last."""

import pytest

from tests.lab.errors import LabError, TimedOutError
from tests.lab.until import until


def test_it_returns_as_soon_as_nothing_is_missing() -> None:
    answers = iter(["two", "one", ""])
    until("enough", 10, lambda: next(answers), every=0)
    assert list(answers) == []


def test_it_says_what_was_missing_last() -> None:
    with pytest.raises(TimedOutError, match="three nodes: not within 0 s; last seen: one is not Ready"):
        until("three nodes", 0, lambda: "one is not Ready", every=0)


@pytest.mark.parametrize("error", [ConnectionRefusedError("closed"), LabError("exit 1")])
def test_an_error_is_something_missing(error: Exception) -> None:
    def fail() -> str:
        raise error

    with pytest.raises(TimedOutError, match=f"last seen: {type(error).__name__}: {error}"):
        until("an answer", 0, fail, every=0)
