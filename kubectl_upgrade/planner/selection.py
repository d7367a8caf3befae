"""Which workers a plan is for: by name, or by labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kubectl_upgrade.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.model.facts import Facts, NodeObject

Test: TypeAlias = "Callable[[NodeObject], bool]"

_KEY = r"[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?"
_TERM = re.compile(rf"(?P<not>!)?(?P<key>{_KEY})((?P<sign>!=|==|=)(?P<value>[-A-Za-z0-9_.]*))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Each item is a node's name, or a label selector such as `tier=web,!gpu`."""

    select: tuple[str, ...] = ()
    """who is chosen by one of these; everybody when there is none"""
    exclude: tuple[str, ...] = ()
    """and by none of these"""

    def left_out(self, facts: Facts) -> frozenset[str]:
        """Names of workers that the plan leaves as they are; UsageError for an item that no worker meets."""
        chosen = [_test("--select", item, facts) for item in self.select]
        excluded = [_test("--exclude", item, facts) for item in self.exclude]
        return frozenset(
            node.name
            for node in facts.workers
            if (chosen and not any(test(node) for test in chosen)) or any(test(node) for test in excluded)
        )


def _test(flag: str, item: str, facts: Facts) -> Test:
    names = {node.name for node in facts.workers}
    if item in names:
        return lambda node: node.name == item
    terms = [_term(flag, item, text) for text in item.split(",")]

    def test(node: NodeObject) -> bool:
        return all(term(node) for term in terms)

    if not any(map(test, facts.workers)):
        raise UsageError(
            f"{flag} {item}: no worker is called so or has such labels",
            fix="a node's name, or labels such as tier=web,zone!=a; see kubectl get nodes --show-labels",
        )
    return test


def _term(flag: str, item: str, text: str) -> Test:
    """As kubectl's: key=value, key!=value (which nodes without the key meet, too), key, !key."""
    match = _TERM.fullmatch(text.strip())
    if match is None or (match["not"] and match["sign"]):
        raise UsageError(f"{flag} {item}: {text!r} is no label selector", fix="such as tier=web, zone!=a, gpu or !gpu")
    key, sign, value = match["key"], match["sign"], match["value"]
    if sign is None:
        return lambda node: (key in node.labels) != bool(match["not"])
    return lambda node: (node.labels.get(key) == value) != (sign == "!=")
