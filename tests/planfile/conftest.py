"""Two plans, and plans made up from the types."""

from __future__ import annotations

from dataclasses import is_dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from kubectl_upgrade.model.machines import Owner
from kubectl_upgrade.model.plan import Plan, PlannedStep
from kubectl_upgrade.model.types import Address, HostKey, NodeName, OneOf, Pattern, Range, Sha256, Size, Text, Uid
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.build_step import planned_step
from kubectl_upgrade.planfile.read import MADE_BY
from kubectl_upgrade.planfile.shape import fields_of, members
from kubectl_upgrade.steps import STEPS

_UID = "{:08x}-0000-4000-8000-000000000000"
# digits one by one from a regular expression take most of the time that there is
PART = st.integers(0, 40) | st.integers(0, 9999)
QUICKER: dict[object, st.SearchStrategy[str]] = {
    get_args(Sha256)[1]: st.integers(0, 2**64).map("sha256:{:064x}".format),
    get_args(Address)[1]: st.integers(0, 2**32 - 1).map(lambda number: str(IPv4Address(number))) | st.just("fd00::1"),
    get_args(NodeName)[1]: st.sampled_from("abc").map(lambda char: f"{char}.0-1")
    | st.from_regex(get_args(NodeName)[1].regex, fullmatch=True),
    get_args(Uid)[1]: st.integers(0, 2**32 - 1).map(_UID.format),
    get_args(Owner)[1]: st.sampled_from(["none", "Cluster/prod", "Cluster/a.b-1"]),
    get_args(HostKey)[1]: st.sampled_from("+/azAZ09").map(lambda char: f"SHA256:{char * 43}"),
    get_args(Text)[1]: st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Cn")), max_size=30)
    | st.sampled_from(
        ["", "on", "no", "~", "0x1F", "1e3", "12:30:45", "2026-12-24", "a: b", "- a", "# a", "é\u2003x", "08"]
    ),
}

DATA = Path(__file__).parent / "data"

settings.register_profile("planfile", deadline=None, max_examples=25)
settings.load_profile("planfile")


@pytest.fixture(scope="session")
def three() -> str:
    """Three control planes and three workers, one minor."""
    return (DATA / "minor.yaml").read_text()


@pytest.fixture(scope="session")
def single() -> str:
    """One control plane and one worker, a patch."""
    return (DATA / "patch.yaml").read_text()


@pytest.fixture(scope="session")
def made_up_plans() -> st.SearchStrategy[Plan]:
    """Sound in form, hardly ever safe."""
    return _plans()


@st.composite
def _plans(draw: st.DrawFn) -> Plan:
    plan: Plan = draw(_values(Plan))
    return plan


def _values(hint: Any) -> st.SearchStrategy[Any]:
    if hint is Version:
        return st.builds(Version, PART, PART, PART, st.sampled_from(["", "", "rc.1", "0", "-"]))
    if hint is PlannedStep:
        return st.sampled_from(sorted(STEPS)).flatmap(_step)
    if hint is bool:
        return st.booleans()
    if is_dataclass(hint):
        return _objects(hint)
    if members(hint):
        return st.one_of(*map(_values, members(hint)))
    return _generic(get_origin(hint), get_args(hint))


def _generic(origin: Any, arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return _lists(arguments[0], Size(0, 2))
    assert origin is Annotated
    return _annotated(*arguments)


def _annotated(base: Any, mark: object) -> st.SearchStrategy[Any]:
    if isinstance(mark, Pattern):
        return QUICKER[mark] if mark in QUICKER else st.from_regex(mark.regex, fullmatch=True)
    if isinstance(mark, OneOf):
        return st.sampled_from(mark.values)
    if isinstance(mark, Range):
        return st.integers(mark.low, mark.high)
    assert isinstance(mark, Size)
    return _lists(get_args(base)[0], mark)


def _lists(item: Any, size: Size) -> st.SearchStrategy[tuple[Any, ...]]:
    lists = st.lists(_values(item), min_size=size.low, max_size=2, unique_by=repr)
    return lists.map(tuple)


def _objects(cls: Any) -> st.SearchStrategy[Any]:
    needed = {field.name: _values(field.type) for field in fields_of(cls) if field.required}
    free = {field.name: _values(field.type) for field in fields_of(cls) if not field.required}
    if cls is Plan:
        needed["made_by"] = st.just(MADE_BY)
    return st.fixed_dictionaries(needed, optional=free).map(lambda arguments: cls(**arguments))


def _step(name: str) -> st.SearchStrategy[PlannedStep]:
    return st.builds(
        planned_step, _objects(STEPS[name]), st.none() | st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)
    )
