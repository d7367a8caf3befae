"""Nodes run a Linux that kubeadm's SystemVerification finds good."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.rules import rules_between, rules_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.rules import KernelRule


class Kernel:
    """Since 1.33 kubeadm looks at the kernel before each upgrade, too: 1.33 stops below 4.19
    (https://github.com/kubernetes/kubernetes/pull/129401), on RHEL 8 for one, when the hop has begun; since 1.34 it
    only warns (https://github.com/kubernetes/kubernetes/pull/131919).
    """

    NAME: ClassVar[str] = "kernel"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ("SystemVerification",)
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        current = facts.kubeadm_config.kubernetes_version
        rules = [found for found in rules_between(current, aim.target) or (rules_for(aim.target),) if found]
        strict = [(found.minor, found.kernel) for found in rules if found.kernel and found.kernel.refused]
        # only the last warning counts: each minor repeats it
        lenient = [(found.minor, found.kernel) for found in rules if found.kernel and not found.kernel.refused][-1:]
        if not strict and not lenient:
            return
        for kernel, names in _kernels(facts).items():
            yield from _judged(kernel, names, strict + lenient)


def _kernels(facts: Facts) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for node in facts.linux:
        found.setdefault(node.kernel, []).append(node.name)
    return found


def _judged(kernel: str, names: Sequence[str], rules: Sequence[tuple[str, KernelRule]]) -> Iterator[Finding]:
    match = re.match(r"([0-9]+)\.([0-9]+)", kernel)
    node = names[0] if len(names) == 1 else None
    where = "" if node else f" on {some_of(names)}"
    if match is None:
        yield Finding(Level.WARN, f"the kernel is not known{where}: the Node says {kernel!r}", node)
        return
    version = (int(match[1]), int(match[2]))
    for minor, rule in rules:
        if version < rule.minimum:
            minimum = ".".join(map(str, rule.minimum))
            does = "stops at" if rule.refused else "warns of"
            message = f"kernel {kernel}{where} is older than {minimum}: kubeadm {minor} {does} it (SystemVerification)"
            fix = f"move to a newer kernel{', or waive this' if rule.refused else ''}; {rule.source}"
            yield Finding(Level.BLOCKER if rule.refused else Level.WARN, message, node, fix)
            return
