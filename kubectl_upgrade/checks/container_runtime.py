"""Nodes have a container runtime that goes with the target."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.rules import rules_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.rules import RecommendedContainerd, Rules


class ContainerRuntime:
    """A kubelet that cannot ask containerd 1.x for its cgroup driver goes by its own configuration; a later minor drops
    that, and no node starts there. Nothing of this stops the present upgrade, and what containerd's maintainers
    recommend for a minor is what they test, not all that works: so it is told, and no more.
    """

    NAME: ClassVar[str] = "container-runtime"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        rules = rules_for(aim.target)
        # a patch changes nothing of it
        if rules is None or aim.target.line == facts.kubeadm_config.kubernetes_version.line:
            return
        runtimes: dict[str, list[str]] = {}
        for node in facts.linux:
            runtimes.setdefault(node.runtime, []).append(node.name)
        for runtime, names in runtimes.items():
            found = _judged(runtime, rules)
            if found:
                message, fix = found
                alone = names[0] if len(names) == 1 else None
                yield Finding(Level.INFO, message if alone else f"on {some_of(names)}: {message}", alone, fix)


def _judged(runtime: str, rules: Rules) -> tuple[str, str] | None:
    """What is to be said of it, and what to do."""
    # Debian's says 1.6.20~ds1
    match = re.match(r"containerd://v?([0-9]+\.[0-9]+\.[0-9]+)", runtime)
    if match is None:
        # other runtimes have no rules
        known = re.match(r"(?!containerd:)[a-z0-9-]+://", runtime)
        return None if known else (f"the container runtime is not known: the Node says {runtime!r}", "")
    version = Version.parse(match[1])
    losing, recommended = rules.losing_containerd, rules.recommended_containerd
    if losing and version < losing.below:
        message = f"containerd {version.bare} works with v{rules.minor}, and no more with v{losing.since}"
        return message, f"move to containerd {losing.below.bare} or later before; {losing.source}"
    if recommended and not _recommended(version, recommended):
        wanted = ", ".join(f"{line.minimum.bare}+" for line in recommended.lines)
        message = f"containerd {version.bare} is not among those that its maintainers recommend for v{rules.minor}"
        return message, f"they recommend {wanted}; {recommended.source}"
    return None


def _recommended(version: Version, rule: RecommendedContainerd) -> bool:
    if version.minors_above(rule.lines[0].minimum) > 0:
        return True  # newer than the recommendation itself
    return any(version.line == line.minimum.line and version >= line.minimum for line in rule.lines)
