"""Nodes that a plan leaves at their old kubelet: legal, but nobody should find out by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.plan import Plan


def left_behind_lines(plan: Plan) -> Iterator[str]:
    """One line when there are any."""
    from kubectl_upgrade.planfile.targets import left_behind

    names = left_behind(plan)
    if names:
        yield f"kubelets that this plan does not upgrade: {some_of(names, 10)}"
