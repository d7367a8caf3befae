"""What pods keep in emptyDir volumes is gone when their node is drained."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class EmptyDir:
    """A queue or a cache that somebody keeps in an emptyDir is lost with its pod
    (https://kubernetes.io/docs/concepts/storage/volumes/#emptydir): every node's drain deletes it, and nobody was told.
    """

    NAME: ClassVar[str] = "empty-dir"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        names = {node.name for node in aim.drained(facts.nodes)}
        if not names or isinstance(facts.pods, Unknown):
            return  # unmanaged-pods says so
        # no names of pods: those change with every rollout, and so would the plan
        spaces = Counter(pod.namespace for pod in facts.pods if pod.empty_dir and pod.node in names)
        if not spaces:
            return
        where = some_of([f"{count} in {space}" for space, count in sorted(spaces.items())])
        message = f"{spaces.total()} pod(s) lose what they keep in emptyDir volumes when their node is drained: {where}"
        yield Finding(Level.INFO, message, fix="`emptyDir: stop` in the plan's drain-node steps stops there instead")
