"""Every script that runs on nodes: its shell, and that the package finds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_upgrade import node
from kubectl_upgrade.facts import FACTS
from tests.e2e import recovery

NODE = Path(node.__file__).parent
SCRIPTS = sorted(NODE.rglob("*.sh"))
SHELLCHECK = Path(sys.executable).with_name("shellcheck")


def test_the_commands_of_the_recovery_page_are_shell() -> None:
    assert recovery.names() == {"BACKUP", "FIRST", "OTHERS", "CLUSTER"}
    for block in recovery.blocks():
        subprocess.run(["dash", "-n"], check=True, input=block.text, text=True, timeout=10)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(NODE)))
def test_dash_reads_it(script: Path) -> None:
    subprocess.run(["dash", "-n", script], check=True, timeout=10)


def test_shellcheck_has_nothing_to_say() -> None:
    # functions of lib/ are judged where an action calls them
    roots = [script for script in SCRIPTS if script.parent.name != "lib"]
    done = subprocess.run(
        [SHELLCHECK, "--check-sourced", *roots], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == ""


def test_every_fact_has_a_script_and_a_parser() -> None:
    assert {script.stem for script in SCRIPTS if script.parent.name == "facts"} == set(FACTS)


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_is_one_text(name: str) -> None:
    subprocess.run(["dash", "-n"], check=True, input=node.fact(name), text=True, timeout=10)


def test_the_bundle_holds_all_that_actions_source() -> None:
    bundle = node.bundle()
    for path, content in bundle.items():
        for line in content.decode().splitlines():
            if line.startswith('. "$lib/'):
                assert f"lib/{line[8:-1]}" in bundle, f"{path}: {line}"
    assert "helper.sh" in bundle
    assert not any(path.startswith("facts/") for path in bundle)
