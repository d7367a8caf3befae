"""Package families: which actions install Kubernetes on a node. A new one is a file here, its actions and a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.packages import apt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_upgrade.packages.base import Family

FAMILIES: Mapping[str, Family] = {apt.NAME: apt}
