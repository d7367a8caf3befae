"""Workers that share a tight budget are not made neighbours: what is drained side by side would wait for each other."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from kubectl_upgrade.model.facts import NodeObject, Unknown
from kubectl_upgrade.model.placement import ZONE_LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.model.facts import Facts

# how far ahead a better neighbour is looked for: 5,000 nodes are ordered in a moment
_AHEAD = 50


def apart(nodes: Sequence[NodeObject], facts: Facts, at_once: int) -> list[NodeObject]:
    """The same nodes, zone by zone as they come, each the first of its zone whose pods fit beside those of the
    `at_once` - 1 before it; the first of all when none fits.
    """
    needs, room = _needs(facts)
    if at_once < 2 or not needs:  # noqa: PLR2004 - one alone has no neighbours
        return list(nodes)
    left, ordered = deque(nodes), list[NodeObject]()
    near: Counter[str] = Counter()
    while left:
        if len(ordered) >= at_once:
            near.subtract(needs.get(ordered[-at_once].name, {}))
        place = _place(left, needs, near, room)
        chosen = left[place]
        del left[place]
        near.update(needs.get(chosen.name, {}))
        ordered.append(chosen)
    return ordered


def _place(left: Sequence[NodeObject], needs: dict[str, Counter[str]], near: Counter[str], room: dict[str, int]) -> int:
    zone = left[0].labels.get(ZONE_LABEL)
    for place in range(min(len(left), _AHEAD)):
        node = left[place]
        if node.labels.get(ZONE_LABEL) != zone:
            break
        need = needs.get(node.name, Counter())
        if all(not near[budget] or near[budget] + pods <= room[budget] for budget, pods in need.items()):
            return place
    return 0


def _needs(facts: Facts) -> tuple[dict[str, Counter[str]], dict[str, int]]:
    """How many pods of which budget each node has, and how many evictions each budget allows; of what is known."""
    if isinstance(facts.budgets, Unknown) or isinstance(facts.pods, Unknown):
        return {}, {}
    room = {str(budget): budget.allowed for budget in facts.budgets}
    needs: dict[str, Counter[str]] = {}
    for pod in facts.pods:
        for name in pod.budgets:
            needs.setdefault(pod.node, Counter())[f"{pod.namespace}/{name}"] += 1
    return needs, room
