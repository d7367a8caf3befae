"""Every rule file is as the schema says, and says what its name says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from kubectl_upgrade import rules
from kubectl_upgrade.model.etcd import etcd_version
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.rules import RemovedFlag, known_minors, rules_between, rules_for

ROOM = Path(rules.__file__).parent
FILES = sorted(ROOM.glob("*.yaml"))
SCHEMA = Draft202012Validator(json.loads((ROOM / "schema.json").read_text()))


def _data(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_as_the_schema_says(file: Path) -> None:
    assert [error.message for error in SCHEMA.iter_errors(_data(file))] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_speaks_of_its_own_minor(file: Path) -> None:
    version = Version.parse(f"v{file.stem}.0")
    found = rules_for(version)
    assert found is not None
    assert found.minor == file.stem
    assert {bad.version.line for bad in found.bad_patches} <= {version.line}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_tags_of_etcd_bring_it_over_the_minimum_within_its_minor(file: Path) -> None:
    found = rules_for(Version.parse(f"v{file.stem}.0"))
    assert found is not None
    rule = found.etcd
    if rule is None:
        return
    versions = [etcd_version(tag) for tag in rule.tags]
    assert versions, "without one no plan has a way"
    assert versions == sorted(versions, key=str, reverse=True), "the best first"
    assert all(version and version.line == rule.minimum.line and version >= rule.minimum for version in versions)
    assert rule.better in {None, *versions}


def test_the_schema_is_one_and_refuses_what_it_does_not_name() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)
    good = {"minor": "1.34", "cgroupV1": "supported"}
    gate = {"gate": "SidecarContainers", "source": "https://example.org"}
    assert SCHEMA.is_valid(good)
    for bad in (
        {**good, "minor": "1.34.1"},
        {**good, "cgroupv1": "refused"},
        {"minor": "1.34"},
        {**good, "removedGates": [{"gate": "SidecarContainers"}]},
        {**good, "removedGates": [{**gate, "gate": "SidecarContainers=true"}]},
        {**good, "removedGates": [{**gate, "components": ["apiserver"]}]},
        {**good, "removedFlags": [{"component": "kubelet", "flag": "--a", "fix": "b", "source": "https://c"}]},
        {**good, "etcd": {"minimum": "3.5", "why": "a", "source": "https://b"}},
    ):
        assert not SCHEMA.is_valid(bad), bad


def _between(current: str, target: str) -> list[str]:
    return [found.minor for found in rules_between(Version.parse(current), Version.parse(target))]


def test_what_skips_minors_meets_the_rules_of_all_of_them() -> None:
    assert _between("v1.34.9", "v1.35.1") == ["1.35"]
    assert _between("v1.34.0", "v1.36.1") == ["1.35", "1.36"]
    assert _between("v1.35.0", "v1.35.4") == []
    assert _between("v1.36.0", "v1.34.4") == []
    assert _between("v1.35.0", "v1.99.0")[:1] == ["1.36"]
    assert rules_for(Version.parse("v1.99.0")) is None


def test_minors_are_in_the_order_of_their_numbers() -> None:
    assert list(known_minors()) == sorted((file.stem for file in FILES), key=lambda stem: int(stem[2:]))


def test_a_pattern_is_all_flags_that_begin_so() -> None:
    flag = RemovedFlag(component="etcd", flag="experimental-*", fix="a", source="https://b")
    assert flag.matches("experimental-watch-progress-notify-interval")
    assert not flag.matches("watch-progress-notify-interval")
    assert not RemovedFlag(component="etcd", flag="a", fix="b", source="https://c").matches("a-b")
