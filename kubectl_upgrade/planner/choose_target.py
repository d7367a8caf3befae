"""Which version to go to, when a person names none or only a minor: what every control plane is offered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.errors import PreflightError
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.names import CONTROL_PLANE_COMPONENTS
from kubectl_upgrade.model.offers import Offers
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.rules import known_minors, rules_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_upgrade.model.facts import Facts, Maybe

LATEST_PATCH = "latest-patch"
NEXT_MINOR = ""
# a version, a minor (`v1.35`), LATEST_PATCH or NEXT_MINOR
Wish: TypeAlias = "Version | str"
_MINOR = re.compile(r"v?([1-9][0-9]{0,3}\.(?:0|[1-9][0-9]{0,3}))")


@dataclass(frozen=True, slots=True)
class Choice:
    """A version, and why it is this one: lines for a person."""

    target: Version
    why: tuple[str, ...]


def read_wish(text: str) -> Wish:
    """ValueError when it is neither a version nor a minor nor `latest-patch`."""
    if text in {LATEST_PATCH, NEXT_MINOR}:
        return text
    minor = _MINOR.fullmatch(text)
    if minor is not None:
        return f"v{minor[1]}"
    try:
        return Version.parse(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is neither a version like v1.35.4 nor a minor like v1.35") from error


def choose_target(facts: Facts, offers: Mapping[str, Maybe[Offers]], wish: str) -> Choice:
    """The newest patch of the minor that is meant which every control plane is offered, never a pre-release, nor a step
    back in the cluster's own minor.

    `offers`: of each control plane. PreflightError when there is no such version, or when nobody knows.
    """
    current = facts.kubeadm_config.kubernetes_version
    line, meant = _line(facts, current, wish)
    known = _known(offers, line)
    if line == current.line and max(frozenset.intersection(*known.values()), default=current) <= current:
        why = f"target {current}: the cluster is there, and no newer {line} is offered to every control plane"
        return Choice(current, (why, *_lacking(known, current)))
    target = newest_patch(offers, line, meant)
    why = f"target {target}: the newest {line} ({meant}) that every control plane is offered"
    return Choice(target, (why, *_lacking(known, target)))


def newest_patch(offers: Mapping[str, Maybe[Offers]], line: str, meant: str) -> Version:
    """The newest release of `v1.35` that is offered to all; `meant`: why this minor. PreflightError if none is."""
    known = _known(offers, line)
    common = frozenset.intersection(*known.values())
    if not common:
        raise PreflightError(
            f"no good version of {line} ({meant}) is offered to every control plane:\n"
            + "\n".join(_offered(offers, known, line)),
            fix=f"let the repositories of these nodes offer {line} (a mirror may lag behind), or choose by --to: "
            f"{LATEST_PATCH}, vX.Y or vX.Y.Z",
        )
    return max(common)


def _known(offers: Mapping[str, Maybe[Offers]], line: str) -> dict[str, frozenset[Version]]:
    """Releases of the minor by node."""
    unknown = [f"  {name}: {offered.reason}" for name, offered in offers.items() if isinstance(offered, Unknown)]
    if unknown or not offers:
        raise PreflightError(
            "which versions are offered to every control plane is not known:\n"
            + "\n".join(unknown or ["  there is none"]),
            fix="repair what is named above, or name the version: --to vX.Y.Z",
        )
    return {name: _patches(offered, line) for name, offered in offers.items() if isinstance(offered, Offers)}


def _line(facts: Facts, current: Version, wish: str) -> tuple[str, str]:
    """The minor that is meant, and why it is that one."""
    if wish == LATEST_PATCH:
        return current.line, "the cluster's own minor"
    if wish != NEXT_MINOR:
        return wish, "as asked"
    images = [image_version(pod.image) for pod in facts.static_pods if pod.component in CONTROL_PLANE_COMPONENTS]
    found = [version for version in images if version is not None] + [node.kubelet for node in facts.linux]
    if any(current.minors_above(version) > 0 for version in found):
        return current.line, f"some of the cluster is below {current.line} still"
    following = Version(current.major, current.minor + 1, 0)
    if rules_for(following) is None:
        raise PreflightError(
            f"the minor that follows {current.line} is unknown to this version of upgrade-cp; known minors: "
            + ", ".join(known_minors()),
            fix=f"install a newer kubectl upgrade-cp, or stay in this minor: --to {LATEST_PATCH}",
        )
    return following.line, f"the minor that follows {current.line}"


def _patches(offered: Offers, line: str) -> frozenset[Version]:
    return frozenset(v for v in offered.versions if v.line == line and not v.pre and not _bad(v))


def _bad(version: Version) -> bool:
    rules = rules_for(version)
    return rules is not None and any(bad.version == version for bad in rules.bad_patches)


def _lacking(known: Mapping[str, frozenset[Version]], target: Version) -> Iterator[str]:
    """What is newer and offered to some: who lacks it."""
    newest = max(frozenset[Version]().union(*known.values()), default=target)
    if newest > target:
        lacking = [name for name, versions in known.items() if newest not in versions]
        yield f"{newest} is there, but is not offered to {some_of(lacking)}"


def _offered(offers: Mapping[str, Maybe[Offers]], known: Mapping[str, frozenset[Version]], line: str) -> Iterator[str]:
    for name, versions in known.items():
        offered = offers[name]
        why = offered.refused.get(line, "") if isinstance(offered, Offers) else ""
        yield f"  {name}: up to {max(versions)}" if versions else f"  {name}: none" + (f" ({why})" if why else "")
