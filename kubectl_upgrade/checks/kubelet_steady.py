"""Every kubelet stays up."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.systems import answering
from kubectl_upgrade.model.facts import Kubelet
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.node_health import System

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts, HostFacts

# kubeadm's unit waits 10 s before a restart; a kubelet that ends by itself does so within seconds
_STEADY_SECONDS = 60
# at boot it may start once or twice before the container runtime answers
_IN_VAIN = 3


class KubeletSteady:
    """A Node stays Ready for 40 s after its kubelet has died, and a kubelet in a crash loop may report in between: the
    upgrade would begin on a node that is broken already. systemd's counter alone says little, for it counts since
    somebody last started the unit: only restarts up to just now are a loop.
    """

    NAME: ClassVar[str] = "kubelet-steady"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        for node, host in answering(facts):
            if not node.ready:
                continue  # nodes-ready says so
            unsteady = _unsteady(host, control_plane=node.control_plane)
            if unsteady:
                level, message = unsteady
                fix = f"on {node.name}: `journalctl -u kubelet -n 50`; plan again when it has run for a minute"
                yield Finding(level, message, node.name, fix)


def _unsteady(host: HostFacts, *, control_plane: bool) -> tuple[Level, str] | None:
    """How, and how bad that is; None when it is steady."""
    kubelet = host.kubelet
    if not isinstance(kubelet, Kubelet):
        # of control planes node-answers says so
        return None if control_plane else (Level.BLOCKER, f"its kubelet could not be asked: {kubelet.reason}")
    said = f"; its last words: {kubelet.last_lines[-1]}" if kubelet.last_lines else ""
    since = host.system.kubelet_seconds if isinstance(host.system, System) else None
    if not kubelet.active:
        return Level.BLOCKER, f"its kubelet does not run; restarts by systemd: {kubelet.restarts}{said}"
    if kubelet.restarts and since is not None and since < _STEADY_SECONDS:
        return _how_bad(
            kubelet
        ), f"its kubelet was restarted by systemd within the last minute; restarts: {kubelet.restarts}{said}"
    # its Node is Ready: it may only be slow
    return None if kubelet.healthy else (Level.WARN, f"its kubelet does not say that it is healthy{said}")


def _how_bad(kubelet: Kubelet) -> Level:
    """A kubelet is started in vain until its node joins, so that one which is well now may only be new."""
    if kubelet.restarts < _IN_VAIN:
        return Level.INFO
    return Level.WARN if kubelet.healthy else Level.BLOCKER
