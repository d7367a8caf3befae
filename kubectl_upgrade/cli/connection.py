"""Flags that say where the cluster and its nodes are, and the world that they make."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from kubectl_upgrade.world import World


class SshTo(Enum):
    """What ssh is given for a node."""

    ADDRESS = "address"
    NAME = "name"


KubeconfigFlag: TypeAlias = Annotated[
    str, typer.Option("--kubeconfig", help="Kubeconfig file; default: $KUBECONFIG, then ~/.kube/config.")
]
ContextFlag: TypeAlias = Annotated[str, typer.Option("--context", help="Context in the kubeconfig.")]
AsFlag: TypeAlias = Annotated[str, typer.Option("--as", help="Impersonate this user.")]
SshConfigFlag: TypeAlias = Annotated[
    Path | None, typer.Option("--ssh-config", help="ssh configuration file instead of ~/.ssh/config.")
]
SshUserFlag: TypeAlias = Annotated[str | None, typer.Option("--ssh-user", help="Log in as this user; it needs sudo.")]
SshToFlag: TypeAlias = Annotated[SshTo, typer.Option("--ssh-to", help="Reach a node by its InternalIP or its name.")]


def connect(
    *,
    kubeconfig: str,
    context: str,
    as_user: str,
    ssh_config: Path | None,
    ssh_user: str | None,
    ssh_to: SshTo,
) -> World:
    """The real world that these flags describe; nothing is contacted yet."""
    from kubectl_upgrade.world import World
    from kubectl_upgrade.world.bundle import Bundle
    from kubectl_upgrade.world.clock import RealClock
    from kubectl_upgrade.world.kubeconfig import KubernetesOptions
    from kubectl_upgrade.world.kubernetes import KubernetesCluster
    from kubectl_upgrade.world.nodes import SshNodes
    from kubectl_upgrade.world.ssh import Ssh, SshOptions
    from kubectl_upgrade.world.state import FolderState, default_root

    options = KubernetesOptions(kubeconfig=kubeconfig, context=context, as_user=as_user)
    ssh = Ssh(SshOptions(config=ssh_config, user=ssh_user, destination=ssh_to.value))
    return World(
        nodes=SshNodes(ssh, Bundle.ours()),
        cluster=KubernetesCluster(options),
        clock=RealClock(),
        state=FolderState(default_root()),
    )
