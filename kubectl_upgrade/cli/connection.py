"""Flags that say where the cluster and its nodes are, and the world that they make."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kubectl_upgrade.world import World

_PROBE_SECONDS = 5.0


class SshTo(Enum):
    """What ssh is given for a node."""

    ADDRESS = "address"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The flags of every command that looks at a cluster; a field's type is its flag."""

    kubeconfig: Annotated[
        str, typer.Option("--kubeconfig", help="Kubeconfig file; default: $KUBECONFIG, then ~/.kube/config.")
    ] = ""
    context: Annotated[str, typer.Option("--context", help="Context in the kubeconfig.")] = ""
    as_user: Annotated[str, typer.Option("--as", help="Impersonate this user.")] = ""
    ssh_config: Annotated[
        Path | None, typer.Option("--ssh-config", help="ssh configuration file instead of ~/.ssh/config.")
    ] = None
    ssh_user: Annotated[str | None, typer.Option("--ssh-user", help="Log in as this user; it needs sudo.")] = None
    ssh_to: Annotated[SshTo, typer.Option("--ssh-to", help="Reach a node by its InternalIP or its name.")] = (
        SshTo.ADDRESS
    )

    def world(self) -> World:
        """The real world that the flags describe; nothing is contacted yet."""
        from kubectl_upgrade.world import World
        from kubectl_upgrade.world.bundle import Bundle
        from kubectl_upgrade.world.clock import RealClock
        from kubectl_upgrade.world.kubeconfig import KubernetesOptions
        from kubectl_upgrade.world.kubernetes import KubernetesCluster
        from kubectl_upgrade.world.nodes import SshNodes
        from kubectl_upgrade.world.ssh import Ssh, SshOptions
        from kubectl_upgrade.world.state import FolderState, default_root

        options = KubernetesOptions(kubeconfig=self.kubeconfig, context=self.context, as_user=self.as_user)
        # what the probe asks must neither wait behind the engine's requests nor be saved by a second try
        probing = replace(options, request_timeout_seconds=_PROBE_SECONDS, connections=2, retry=False)
        ssh = Ssh(SshOptions(config=self.ssh_config, user=self.ssh_user, destination=self.ssh_to.value))
        return World(
            nodes=SshNodes(ssh, Bundle.ours()),
            cluster=KubernetesCluster(options),
            clock=RealClock(),
            state=FolderState(default_root()),
            probe=KubernetesCluster(probing),
        )


def grouped(name: str, group: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags that are the fields of `group`; it takes them together as its parameter `name`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        flags = inspect.signature(group, eval_str=True).parameters
        kept = [parameter for known, parameter in own.parameters.items() if known != name]

        @functools.wraps(command)
        def run(**given: Any) -> None:
            chosen = group(**{flag: given.pop(flag) for flag in flags})
            command(**{name: chosen}, **given)

        run.__dict__["__signature__"] = own.replace(parameters=[*kept, *flags.values()])
        return run

    return decorate


# the flags of Connection, as the command's parameter `connection`
connected = grouped("connection", Connection)
