"""The command line offers what there is to upgrade to, and says what went wrong."""

from pathlib import Path

import pytest

from tests.lab import cli, minors
from tests.lab.spec import Spec
from tests.lab.versions import Version


def given(*words: str) -> Spec:
    return cli._spec(cli._parser().parse_args(["up", *words]))  # noqa: SLF001 - up itself needs the machine


def test_the_next_minor_is_offered_unless_told_otherwise() -> None:
    assert given("--version", "v1.34.4").also == (minors.newest("v1.35"),)
    assert given("--also", "v1.34.5").also == (Version(1, 34, 5),)


def test_the_highest_known_minor_has_no_next() -> None:
    assert given("--version", str(minors.newest(minors.known()[-1]))).also == ()


def test_sizes_are_taken_as_given() -> None:
    spec = given("--control-planes", "1", "--workers", "0", "--no-load-balancer")
    assert (spec.control_planes, spec.workers, spec.load_balancer) == (1, 0, False)


def test_a_command_without_a_lab_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UPGRADE_CP_LAB", str(tmp_path))
    assert cli.main(["kubeconfig"]) == 1
    assert "python -m tests.lab up" in capsys.readouterr().err
