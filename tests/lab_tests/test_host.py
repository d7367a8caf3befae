"""A program's error says the command, the code and the last lines."""

import pytest

from tests.lab.errors import CommandError
from tests.lab.host import run


def test_output_and_input_pass_through() -> None:
    assert run(["cat"], stdin="words").out == "words"


def test_a_failure_says_what_came_back() -> None:
    with pytest.raises(CommandError, match=r"(?s)sh -c echo why >&2; exit 3: exit 3\n.*why"):
        run(["sh", "-c", "echo why >&2; exit 3"])


def test_a_failure_may_be_an_answer() -> None:
    assert run(["false"], check=False).code == 1


def test_a_program_that_does_not_end_is_an_error() -> None:
    with pytest.raises(CommandError, match="did not end within"):
        run(["sleep", "5"], limit=0.05)
