"""Parsers against recorded and broken outputs: tests/data/facts/FACT/CASE.txt and the expected fact, CASE.json.

A first line `exit N` says how the script ended. `UPDATE_FACTS=1 pytest tests/facts` writes the expectations afresh.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.world import FactOutput

DATA = Path(__file__).parents[1] / "data" / "facts"
CASES = sorted(DATA.glob("*/*.txt"))
UPDATE = "UPDATE_FACTS" in os.environ


def output(text: str) -> FactOutput:
    first, _, rest = text.partition("\n")
    return FactOutput(int(first.removeprefix("exit ")), rest) if first.startswith("exit ") else FactOutput(0, text)


def plain(fact: object) -> object:
    """A fact as JSON has it: versions as text, the reason of what is unknown."""
    if isinstance(fact, Unknown):
        return {"unknown": fact.reason}
    if isinstance(fact, Version):
        return str(fact)
    if dataclasses.is_dataclass(fact):
        return {field.name: plain(getattr(fact, field.name)) for field in dataclasses.fields(fact)}
    if isinstance(fact, dict):
        return {key: plain(value) for key, value in fact.items()}
    if isinstance(fact, tuple):
        return [plain(item) for item in fact]
    return fact


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_parses(case: Path) -> None:
    expected = case.with_suffix(".json")
    got = plain(FACTS[case.parent.name](output(case.read_text())))
    if UPDATE:
        expected.write_text(json.dumps(got, indent=2) + "\n")
    assert got == json.loads(expected.read_text())


def test_every_fact_has_a_good_and_a_bad_case() -> None:
    for name in FACTS:
        found = [json.loads(case.with_suffix(".json").read_text()) for case in DATA.glob(f"{name}/*.txt")]
        unknown = {isinstance(fact, dict) and "unknown" in fact for fact in found}
        assert unknown == {True, False}, name


@given(name=st.sampled_from(sorted(FACTS)), code=st.integers(0, 255), text=st.text())
def test_never_raises(name: str, code: int, text: str) -> None:
    FACTS[name](FactOutput(code, text))


@given(case=st.sampled_from(CASES), data=st.data())
def test_never_raises_on_damaged_output(case: Path, data: st.DataObject) -> None:
    text = case.read_text()
    at = data.draw(st.integers(0, len(text)))
    FACTS[case.parent.name](FactOutput(0, text[:at] + data.draw(st.text(max_size=5)) + text[at + 1 :]))
