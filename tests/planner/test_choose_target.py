"""The version that `plan` goes to when a person names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.errors import PreflightError
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.offers import Offers
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planner.choose_target import LATEST_PATCH, NEXT_MINOR, Choice, choose_target, read_wish

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Maybe
    from tests.conftest import Shape

USUAL = "1.34.4 1.34.6 1.35.0 1.35.4 1.35.10 1.36.0"


def offering(versions: str, **refused: str) -> Offers:
    return Offers(
        versions=tuple(sorted(map(Version.parse, versions.split()))),
        refused={line.replace("_", "."): why for line, why in refused.items()},
    )


def everybody(versions: str = USUAL, **others: Maybe[Offers]) -> dict[str, Maybe[Offers]]:
    return {name: others.get(name, offering(versions)) for name in ("cp1", "cp2", "cp3")}


def chosen(shape: Shape, wish: str, offers: dict[str, Maybe[Offers]]) -> Choice:
    return choose_target(shape.facts(), offers, wish)


def refused(shape: Shape, wish: str, offers: dict[str, Maybe[Offers]]) -> str:
    with pytest.raises(PreflightError) as caught:
        chosen(shape, wish, offers)
    return f"{caught.value.message}\n-> {caught.value.fix}"


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("", NEXT_MINOR),
        ("latest-patch", LATEST_PATCH),
        ("v1.35", "v1.35"),
        ("1.35", "v1.35"),
        ("1.35.4", Version(1, 35, 4)),
        ("v1.36.0-rc.1", Version(1, 36, 0, "rc.1")),
    ],
)
def test_what_may_be_asked_for(text: str, wish: Version | str) -> None:
    assert read_wish(text) == wish


@pytest.mark.parametrize("text", ["v1", "latest", "v1.35.x", "1.035", "v1.35.4.1", " ", "v1.35 "])
def test_what_may_not(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither a version like .* nor a minor like"):
        read_wish(text)


@pytest.mark.parametrize(
    ("wish", "target", "why"),
    [
        (NEXT_MINOR, "v1.35.10", "the minor that follows v1.34"),
        (LATEST_PATCH, "v1.34.6", "the cluster's own minor"),
        ("v1.36", "v1.36.0", "as asked"),
    ],
)
def test_the_newest_patch_of_the_minor_that_is_meant(shape: type[Shape], wish: str, target: str, why: str) -> None:
    choice = chosen(shape(), wish, everybody())
    assert str(choice.target) == target
    assert why in choice.why[0]
    assert len(choice.why) == 1


def test_a_pre_release_is_never_chosen(shape: type[Shape]) -> None:
    assert str(chosen(shape(), NEXT_MINOR, everybody("1.35.1 1.35.2-rc.1")).target) == "v1.35.1"
    assert "v1.35" in refused(shape(), NEXT_MINOR, everybody("1.35.0-rc.1"))


def test_nor_is_a_release_that_breaks_clusters(shape: type[Shape]) -> None:
    assert str(chosen(shape(), "v1.35", everybody("1.35.0 1.35.4")).target) == "v1.35.4"
    assert "no good version of v1.35 (as asked)" in refused(shape(), "v1.35", everybody("1.35.0"))


def test_every_control_plane_must_be_offered_it_and_who_lacks_it_is_named(shape: type[Shape]) -> None:
    choice = chosen(shape(), NEXT_MINOR, everybody(cp2=offering("1.34.4 1.35.4")))
    assert str(choice.target) == "v1.35.4"
    assert choice.why[1:] == ("v1.35.10 is there, but is not offered to cp2",)


def test_no_version_in_common(shape: type[Shape]) -> None:
    lagging = offering("1.34.4", v1_35="E: Connection refused")
    said = refused(shape(), NEXT_MINOR, everybody("1.35.4", cp2=lagging, cp3=offering("1.35.3")))
    assert "no good version of v1.35 (the minor that follows v1.34) is offered to every control plane" in said
    assert "  cp1: up to v1.35.4\n  cp2: none (E: Connection refused)\n  cp3: up to v1.35.3" in said
    assert "--to: latest-patch" in said


def test_what_is_not_known_of_a_control_plane_is_not_guessed(shape: type[Shape]) -> None:
    said = refused(shape(), NEXT_MINOR, everybody(cp2=Unknown("Connection timed out")))
    assert "  cp2: Connection timed out" in said
    assert "--to vX.Y.Z" in said
    assert "there is none" in refused(shape(), NEXT_MINOR, {})


def test_nothing_newer_is_no_step_back(shape: type[Shape]) -> None:
    for offered in ("1.34.4", "1.35.4", "1.34.9 1.35.4"):
        choice = chosen(shape(version="v1.34.9"), LATEST_PATCH, everybody(offered))
        assert str(choice.target) == "v1.34.9"
        assert "no newer v1.34 is offered" in choice.why[0]


def test_patches_that_some_lack_are_told_also_when_nothing_is_to_do(shape: type[Shape]) -> None:
    choice = chosen(shape(), LATEST_PATCH, everybody("1.34.4", cp3=offering("1.34.4 1.34.6")))
    assert choice.why[1:] == ("v1.34.6 is there, but is not offered to cp1, cp2",)


def test_the_minor_that_follows_must_be_known(shape: type[Shape]) -> None:
    said = refused(shape(version="v1.99.1"), NEXT_MINOR, everybody("1.100.0"))
    assert "the minor that follows v1.99 is unknown to this version of upgrade-cp; known minors: 1.29" in said
    assert str(chosen(shape(version="v1.99.1"), LATEST_PATCH, everybody("1.99.7")).target) == "v1.99.7"


def test_a_hop_that_somebody_began_is_completed_first(shape: type[Shape]) -> None:
    half = shape(version="v1.35.0", nodes={"w1": {"kubelet": Version.parse("v1.34.4")}})
    choice = chosen(half, NEXT_MINOR, everybody())
    assert str(choice.target) == "v1.35.10"
    assert "some of the cluster is below v1.35 still" in choice.why[0]
