"""Nodes on cgroup v1 will get a kubelet that still starts there."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import Host, Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.rules import rules_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class CgroupV1:
    """Since 1.35 the kubelet refuses cgroup v1 by default and kubeadm's SystemVerification fails on it
    (https://github.com/kubernetes/kubernetes/pull/134298); `failCgroupV1: false` lets it start, and a waiver lets
    kubeadm go on. Without both, a script that carries on after kubeadm's failure kills the node's kubelet.
    """

    NAME: ClassVar[str] = "cgroup-v1"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ("SystemVerification",)
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        rules = rules_for(aim.target)
        if rules is None or not rules.refuses_cgroup_v1:
            return
        for name, answer in facts.hosts.items():
            host = answer if isinstance(answer, Unknown) else answer.host
            if not isinstance(host, Host) or host.cgroup != "v1":
                continue
            if facts.fail_cgroup_v1:
                fix = (
                    "move the node to cgroup v2, or set failCgroupV1: false in ConfigMap kubelet-config and waive this"
                )
            else:
                fix = "move the node to cgroup v2, or waive this: failCgroupV1 is false in kubelet-config already"
            message = f"runs on cgroup v1, which kubelet {aim.target.line} refuses"
            yield Finding(Level.BLOCKER, message, name, fix, waivable=not facts.fail_cgroup_v1)
