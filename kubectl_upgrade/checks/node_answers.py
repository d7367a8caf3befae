"""Every control plane answers what the gates and waits of the upgrade will ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.systems import answering
from kubectl_upgrade.model.facts import Apiserver, Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.quorum import ailing_outside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts, HostFacts


class NodeAnswers:
    """A node without curl, or an API server that is down behind its load balancer, would show only after kubeadm has
    begun: at the first wait, past the point of no return.
    """

    NAME: ClassVar[str] = "node-answers"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        stacked = facts.kubeadm_config.etcd == "stacked"
        for node in facts.control_planes:
            host = facts.hosts.get(node.name)
            if host is None or isinstance(host, Unknown):
                continue  # nodes-reachable says so
            for message in _silent(host, stacked=stacked):
                yield Finding(
                    Level.BLOCKER, message, node=node.name, fix="repair it: the upgrade waits for its answer later"
                )
        for node, host in answering(facts):
            if isinstance(host.system, Unknown):
                message = f"its machine was not judged (disks, swap, clock, packages): {host.system.reason}"
                yield Finding(Level.WARN, message, node.name, "see what it says; plan again")


def _silent(host: HostFacts, *, stacked: bool) -> Iterator[str]:
    asked: dict[str, object] = {
        "the API server": host.apiserver,
        "the kubelet": host.kubelet,
        "access to kubelet-config": host.kubelet_config_access,
        "what earlier runs left": host.run,
    }
    if stacked:
        asked["etcd"] = host.etcd
    else:
        ailing = ailing_outside({"external etcd": host})
        if ailing:
            yield ailing
    for name, answer in asked.items():
        if isinstance(answer, Unknown):
            yield f"{name} could not be asked: {answer.reason}"
    if isinstance(host.apiserver, Apiserver) and not host.apiserver.ready:
        yield f"its API server is not ready: {host.apiserver.said}"
