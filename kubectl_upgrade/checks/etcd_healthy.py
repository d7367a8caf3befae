"""etcd is whole, by the rules of the gate before each control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import Etcd, HostFacts
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.quorum import ailing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class EtcdHealthy:
    """A learner that never caught up, an alarm that makes etcd read-only, the member of a node that is long gone: while
    the others run nobody notices, and the first one that is stopped takes the API with it. The gates would stop the
    run, but only when its nodes are prepared; whoever reads the plan wants to know now.
    """

    NAME: ClassVar[str] = "etcd-healthy"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        if facts.kubeadm_config.etcd != "stacked":
            return  # node-answers judges what API servers say of it
        hosts = {node.name: facts.hosts.get(node.name) for node in facts.control_planes}
        # nodes-reachable and node-answers tell of those that did not answer
        answers = {name: host for name, host in hosts.items() if isinstance(host, HostFacts) and _asked(host)}
        problem = ailing(answers, len(hosts), away=len(hosts) - len(answers)) if answers else None
        if problem:
            yield Finding(
                Level.BLOCKER,
                f"etcd is not whole: {problem}",
                fix="mend etcd first (https://etcd.io/docs/latest/op-guide/): the upgrade stops its members one by one",
            )


def _asked(host: HostFacts) -> bool:
    return isinstance(host.etcd, Etcd)
