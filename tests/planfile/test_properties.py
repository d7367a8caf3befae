"""What holds for every plan, whatever is in it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_upgrade.model.errors import PlanError
from kubectl_upgrade.planfile.build_step import build_step
from kubectl_upgrade.planfile.digest import digest
from kubectl_upgrade.planfile.encode import encode
from kubectl_upgrade.planfile.read import load, read
from kubectl_upgrade.planfile.shape import fields_of
from kubectl_upgrade.planfile.write import write

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan, PlannedStep

NAME = "p.yaml"
CHEAP = 300


@given(data=st.data())
def test_what_is_written_is_read_again(data: st.DataObject, made_up_plans: st.SearchStrategy[Plan]) -> None:
    plan = data.draw(made_up_plans)
    text = write(plan)
    assert read(text.encode(), NAME) == plan
    assert write(read(text.encode(), NAME)) == text


@given(data=st.data())
def test_a_reader_of_yaml_1_1_understands_the_same(data: st.DataObject, made_up_plans: st.SearchStrategy[Plan]) -> None:
    plan = data.draw(made_up_plans)
    assert yaml.safe_load(write(plan)) == encode(plan)


@given(data=st.data())
def test_digest_ignores_order_and_written_defaults(data: st.DataObject, made_up_plans: st.SearchStrategy[Plan]) -> None:
    plan = data.draw(made_up_plans)
    spelt_out = _with_defaults(plan)
    rewritten = json.dumps(encode(spelt_out), sort_keys=True, ensure_ascii=False)  # JSON is YAML
    assert digest(read(rewritten.encode(), NAME)) == digest(plan)


@given(data=st.data())
def test_digest_sees_every_other_change(data: st.DataObject, made_up_plans: st.SearchStrategy[Plan]) -> None:
    plan, other = data.draw(made_up_plans), data.draw(made_up_plans)
    assert (digest(plan) == digest(other)) == (plan == other)
    assert digest(replace(plan, cluster=replace(plan.cluster, name=f"{plan.cluster.name[:999]}+"))) != digest(plan)


@settings(max_examples=CHEAP)
@given(st.binary(max_size=300))
def test_bytes_are_refused_without_a_traceback(data: bytes) -> None:
    with pytest.raises(PlanError, match=r"^p\.yaml:\d+:\d+: "):
        load(data, NAME)


@settings(max_examples=CHEAP)
@given(st.lists(st.sampled_from([*"[]{}:,-?|>&*!%@`'\"#\n \t~", "a", "0", "<<", "---", "...", "\\u0000"]), max_size=60))
def test_broken_yaml_is_refused_without_a_traceback(parts: list[str]) -> None:
    with pytest.raises(PlanError, match=r"^p\.yaml:\d+:\d+: "):
        load("".join(parts).encode(), NAME)


@settings(max_examples=CHEAP)
@given(data=st.data())
def test_a_damaged_plan_is_read_or_refused_with_its_line(data: st.DataObject, three: str) -> None:
    lines = three.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(10, len(lines) - 1))
        junk = data.draw(st.sampled_from(["", lines[index] * 2, lines[index - 1], "  ", "}\n", "- {}\n", "x: [\n"]))
        lines[index] = junk
    refusal = _refusal("".join(lines))
    assert refusal is None or (refusal.message.startswith(f"{NAME}:") and refusal.fix)


@given(data=st.data())
def test_a_plan_that_was_made_up_is_judged_without_a_traceback(
    data: st.DataObject, made_up_plans: st.SearchStrategy[Plan]
) -> None:
    plan = data.draw(made_up_plans)
    if plan.hops:
        with pytest.raises(PlanError, match=r"^p\.yaml:\d+:\d+: "):
            load(write(plan).encode(), NAME)


def _refusal(text: str) -> PlanError | None:
    try:
        load(text.encode(), NAME)
    except PlanError as error:
        return error
    return None


def _with_defaults(plan: Plan) -> Plan:
    hops = tuple(
        replace(hop, stages=tuple(replace(stage, steps=tuple(map(_spelt, stage.steps))) for stage in hop.stages))
        for hop in plan.hops
    )
    return replace(plan, hops=hops)


def _spelt(planned: PlannedStep) -> PlannedStep:
    step = build_step(planned)
    cls: Any = type(step)
    arguments: dict[str, Any] = {field.key: encode(getattr(step, field.name)) for field in fields_of(cls)}
    return replace(planned, with_=arguments)
