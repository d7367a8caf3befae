"""The published schema is the one that reading enforces."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kubectl_upgrade.model.plan import Plan
from kubectl_upgrade.planfile.decode import decoder
from kubectl_upgrade.planfile.encode import encode
from kubectl_upgrade.planfile.schema import PUBLISHED, schema, schema_text
from kubectl_upgrade.steps import STEPS

if TYPE_CHECKING:
    from kubectl_upgrade.planfile.problem import Problem

JUNK = [
    "",
    "x",
    "v1.35",
    "v1.35.4",
    "all",
    "ALL",
    "10%",
    "\x1b",
    0,
    -1,
    86401,
    1.5,
    True,
    None,
    [],
    {},
    ["a", "a"],
    ["a"],
]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(schema())
    return Draft202012Validator(schema())


@pytest.fixture(scope="module")
def sound(three: str) -> Any:
    return yaml.safe_load(three)


def test_published_schema_is_current() -> None:
    assert PUBLISHED.read_text() == schema_text(), "run: make schema"


def test_every_step_is_in_the_schema() -> None:
    planned = schema()["$defs"]["PlannedStep"]
    assert planned["properties"]["do"]["enum"] == list(STEPS)
    assert [branch["if"]["properties"]["do"]["const"] for branch in planned["allOf"]] == list(STEPS)


def test_fields_are_described() -> None:
    control_plane = schema()["$defs"]["ControlPlane"]
    assert control_plane["properties"]["address"]["description"] == "the Node's InternalIP; ssh goes there"


def test_a_fault_in_a_step_is_named_by_the_schema(validator: Draft202012Validator, three: str) -> None:
    document = yaml.safe_load(three)
    del document["hops"][0]["stages"][0]["steps"][6]["with"]["members"]
    (error,) = validator.iter_errors(document)
    assert error.json_path == "$.hops[0].stages[0].steps[6].with"
    assert error.message == "'members' is a required property"


@settings(max_examples=100)
@given(data=st.data())
def test_schema_and_reading_agree(data: st.DataObject, validator: Draft202012Validator, sound: Any) -> None:
    document = copy.deepcopy(sound)
    for _ in range(data.draw(st.integers(1, 2))):
        _damage(document, data)
    problems: list[Problem] = []
    decoder(Plan)(document, (), problems)
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
    assert bool(problems) == bool(errors), (problems, errors)


@given(data=st.data())
def test_schema_accepts_every_plan(
    data: st.DataObject, validator: Draft202012Validator, made_up_plans: st.SearchStrategy[Plan]
) -> None:
    document = encode(data.draw(made_up_plans))
    assert [error.message for error in validator.iter_errors(json.loads(json.dumps(document)))] == []


def _damage(document: Any, data: st.DataObject) -> None:
    """Replace, remove or add one thing somewhere."""
    container, key = data.draw(st.sampled_from(list(_places(document))))
    # put into itself by a second damage, it would have no end
    junk = copy.deepcopy(data.draw(st.sampled_from(JUNK)))
    if isinstance(container, dict) and data.draw(st.booleans()):
        del container[key]
        if data.draw(st.booleans()):
            container[data.draw(st.sampled_from(["with", "name", "as", "kubelet", "unknown"]))] = junk
    else:
        container[key] = junk


def _places(value: Any) -> list[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, part in items for place in [(value, key), *_places(part)]]
