"""Flags of `plan` that say how workers are gone through."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_upgrade.cli.rollout import OnDrainTimeout, RolloutFlags, window_of
from kubectl_upgrade.model.errors import UsageError
from kubectl_upgrade.model.window import Day, Window
from kubectl_upgrade.planner.rollout import Rollout
from kubectl_upgrade.planner.selection import Selection


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("22:00-04:00 Europe/Berlin", ()),
        ("Sat,Sun 22:00-04:00 Europe/Berlin", ("sat", "sun")),
        ("mon-wed,fri 22:00-04:00  Europe/Berlin ", ("mon", "tue", "wed", "fri")),
        ("sun-mon 22:00-04:00 Europe/Berlin", ("mon", "sun")),
    ],
)
def test_a_window_as_people_write_it(text: str, days: tuple[Day, ...]) -> None:
    assert window_of(text) == Window(days=days, from_="22:00", to="04:00", zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("22:00-04:00", "is no window"),
        ("22-04 UTC", "'22' is not a time such as 22:00"),
        ("22:00-24:00 UTC", "'24:00' is not a time"),
        ("22:00-22:00 UTC", "closes when it opens"),
        ("22:00-04:00 Europe/Nowhere", "time zone database has no Europe/Nowhere"),
        ("22:00-04:00 ../../etc/passwd", "is not a time zone"),
        ("someday 22:00-04:00 UTC", "'someday' is no day"),
        ("mon-tue-wed 22:00-04:00 UTC", "'mon-tue-wed' is no day"),
        ("mon- 22:00-04:00 UTC", "'mon-' is no day"),
    ],
)
def test_what_is_no_window(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        window_of(text)
    assert refused.value.fix


def test_flags_become_what_the_planner_takes() -> None:
    flags = RolloutFlags(
        canary=1,
        soak=600,
        pause_after_canary=True,
        max_failures=2,
        on_drain_timeout=OnDrainTimeout.SKIP_NODE,
        drain_limit=7200,
        select=["tier=web"],
        exclude=["w1"],
        window="22:00-04:00 UTC",
    )
    assert flags.rollout() == Rollout(
        canary=1,
        soak_seconds=600,
        pause=True,
        max_failures=2,
        on_drain_timeout="skip-node",
        drain_limit_seconds=7200,
        window=Window(from_="22:00", to="04:00", zone="UTC"),
    )
    assert flags.selection() == Selection(select=("tier=web",), exclude=("w1",))


@pytest.mark.parametrize("flags", [RolloutFlags(soak=5), RolloutFlags(pause_after_canary=True)])
def test_without_a_canary_there_is_nothing_to_soak_or_pause_after(flags: RolloutFlags) -> None:
    with pytest.raises(UsageError, match="come after a canary"):
        flags.rollout()


def test_a_rehearsal_comes_back_when_the_window_opens(tmp_path: Path) -> None:
    """Simulated clusters begin at midnight, UTC."""
    program, root = Path(sys.executable).with_name("kubectl-upgrade_cp"), Path(__file__).parents[2]
    plan = tmp_path / "p.yaml"
    plan.write_text((root / "plans/canary-and-window.yaml").read_text().replace('from: "22:00"', "from: 02:00"))
    words: list[str | Path] = [program, "rehearse", plan, "--pace", "0"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "opens again on Thu 2026-01-01 02:00 Europe/Berlin" in done.stderr
    assert "the plan pauses after v1.35.4/canary" in done.stderr
    assert "is at v1.35.4; no lock, label, cordon or file of ours is left" in done.stderr
