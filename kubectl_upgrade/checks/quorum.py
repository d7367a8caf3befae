"""One etcd member may stop while the others keep quorum."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.quorum import survives_one_stop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class Quorum:
    """With two members, stopping either one stops the API, and a second failure loses data. A single member has no
    quorum to lose: its API is away for a while, which the plan's reader is told.
    """

    NAME: ClassVar[str] = "quorum"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        members = len(facts.control_planes)
        if facts.kubeadm_config.etcd != "stacked":
            return
        if members == 1:
            message = "a single control plane: the API is away while its etcd and API server are replaced"
            yield Finding(Level.WARN, message)
        elif not survives_one_stop(members, members):
            yield Finding(
                Level.BLOCKER,
                f"{members} etcd members keep no quorum when one stops",
                fix="add a control plane: an odd number of members is what etcd wants",
            )
