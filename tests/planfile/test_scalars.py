"""Plain scalars."""

from __future__ import annotations

import math

import pytest
import yaml

from kubectl_upgrade.planfile.scalars import resolve, stays_text

VALUES = {
    "": None,
    "~": None,
    "Null": None,
    "nULL": "nULL",
    "true": True,
    "FALSE": False,
    "on": "on",
    "No": "No",
    "y": "y",
    "0": 0,
    "-12": -12,
    "010": 10,
    "0o17": 15,
    "0xfF": 255,
    "0b1": "0b1",
    "1_000": "1_000",
    "1.5": 1.5,
    "1e3": 1000.0,
    ".5": 0.5,
    "-.inf": -math.inf,
    "+.INF": math.inf,
    "1.2.3": "1.2.3",
    "12:30:45": "12:30:45",
    "2026-12-24": "2026-12-24",
    "<<": "<<",
    "=": "=",
    "v1.35.4": "v1.35.4",
}


@pytest.mark.parametrize("text", VALUES)
def test_resolve(text: str) -> None:
    assert resolve(text) == VALUES[text]
    assert type(resolve(text)) is type(VALUES[text])


def test_not_a_number() -> None:
    value = resolve(".NaN")
    assert isinstance(value, float)
    assert math.isnan(value)


QUOTED = [
    *("", "~", "null", "true", "False", "on", "OFF", "yes", "No", "y", "N", "0", "010", "08", "0o17", "0x1F", "1_000"),
    *("1.0", "1.35", "1e3", "12e45", "12:30:45", "190:20:30.15", "2026-12-24", "2026-12-24T10:00:00Z", "<<", "=", "-"),
    *("- a", "a: b", "a:", "a #b", "#a", "a, b", "[a]", "{a}", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a`", "'a'"),
    *('"a"', " a", "a ", "?", "? a", "---", "...", "é", "a\tb", "::1"),
]
PLAIN = [
    "v1.35.4",
    "10%",
    "apt",
    "sha256:00ff",
    "SHA256:+a/b",
    "3.6.5",
    "10.99.0.11",
    "10.99.0.1:6443",
    "nodes move in Q1",
]


@pytest.mark.parametrize("text", QUOTED)
def test_quoted(text: str) -> None:
    assert not stays_text(text)


@pytest.mark.parametrize("text", PLAIN)
def test_plain(text: str) -> None:
    assert stays_text(text)
    assert yaml.safe_load(f"{{a: {text}}}") == {"a": text}
