"""Kubelets will come back under the names of their Nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.systems import systems
from kubectl_upgrade.model.facts import Host
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts

_FLAG = "hostname-override"


class Hostnames:
    """A machine that was renamed after it had joined: its kubelet goes on under the old name until it is restarted,
    which the upgrade does. Then it asks for a Node of the new name, which its certificate does not allow, and the
    old one turns NotReady. kubeadm itself does not mind a hostname: it takes the node's name from the certificate in
    kubelet.conf (cmd/kubeadm/app/util/config/cluster.go), and where `nodeRegistration.name` was given at the join it
    gave the kubelet --hostname-override (cmd/kubeadm/app/phases/kubelet/flags.go), which stays.
    """

    NAME: ClassVar[str] = "hostnames"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        for node, host, system in systems(facts):
            if system.kubelet_seconds is None or not isinstance(host.host, Host):
                continue  # kubelet-steady says that it does not run
            given = system.kubelet_flags.get(_FLAG)
            # the kubelet takes either in lower case, without white space around it
            name = (given or host.host.hostname).strip().lower()
            if name != node.name:
                what = f"--{_FLAG} of its kubelet is {given}" if given else f"its hostname is {host.host.hostname}"
                yield Finding(
                    Level.BLOCKER,
                    f"{what}, its Node is {node.name}: restarted, the kubelet asks for a Node {name}",
                    node.name,
                    f"`hostnamectl set-hostname {node.name}` there, or --{_FLAG}={node.name} in KUBELET_EXTRA_ARGS"
                    " (/etc/default/kubelet)",
                )
