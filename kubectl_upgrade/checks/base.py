"""What a check is: a pure judgement on facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from kubectl_upgrade.model.drains import drained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_upgrade.model.facts import Facts, NodeObject
    from kubectl_upgrade.model.finding import Finding
    from kubectl_upgrade.model.version import Version


@dataclass(frozen=True, slots=True)
class Aim:
    """What the facts are judged against."""

    target: Version
    run8: str = ""
    """of the run that is being resumed: its own marks are not somebody else's"""
    stops: tuple[Version, ...] = ()
    """releases of minors on the way, as far as they are chosen"""
    drains: bool = True
    """the plan drains; a person may have taken that out of it"""
    keeps_unmanaged: bool = True
    """a drain of the plan stops at a pod without a controller, and does not delete it"""
    left_out: frozenset[str] = frozenset()
    """names of workers that are not in the plan"""

    etcd_tags: Mapping[str, str] | None = None
    """minor (`1.34`) → the tag to which the plan brings etcd before it goes there; None while there is no plan: then
    what control planes can pull decides
    """

    def drained(self, nodes: Sequence[NodeObject]) -> tuple[NodeObject, ...]:
        """Nodes that will be drained, in that order."""
        chosen = [node for node in nodes if node.name not in self.left_out]
        return drained(chosen, self.target) if self.drains else ()


class Check(Protocol):
    """A module of checks/ or anything shaped like it."""

    NAME: ClassVar[str]
    """as in the plan file: its file's name with dashes"""
    MANDATORY: ClassVar[bool]
    """a mandatory check cannot be waived"""
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]]
    """kubeadm's preflight errors that a waiver of this check lets steps ignore"""
    ONLY_BEFORE: ClassVar[bool]
    """its blockers stop a run that has changed nothing yet; later they are told, for a half-done upgrade is worse"""

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        """Nothing when all is well."""
