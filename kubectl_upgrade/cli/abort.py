"""`abort`: end a stopped run."""

from __future__ import annotations

from kubectl_upgrade.cli.connection import (
    AsFlag,
    ContextFlag,
    KubeconfigFlag,
    SshConfigFlag,
    SshTo,
    SshToFlag,
    SshUserFlag,
    connect,
)
from kubectl_upgrade.cli.plan_file import PlanFile, load_plan
from kubectl_upgrade.cli.progress import Progress
from kubectl_upgrade.cli.running import run, tell


def abort(
    file: PlanFile,
    *,
    kubeconfig: KubeconfigFlag = "",
    context: ContextFlag = "",
    as_user: AsFlag = "",
    ssh_config: SshConfigFlag = None,
    ssh_user: SshUserFlag = None,
    ssh_to: SshToFlag = SshTo.ADDRESS,
) -> None:
    """End a stopped run: uncordon and unlabel what it cordoned and labelled, remove its lock and fences.

    Nodes stay at the versions that they have; a new plan goes on from there.
    """
    from kubectl_upgrade.engine.abort import abort as end

    plan = load_plan(file)
    world = connect(
        kubeconfig=kubeconfig,
        context=context,
        as_user=as_user,
        ssh_config=ssh_config,
        ssh_user=ssh_user,
        ssh_to=ssh_to,
    )
    run(world, end(world, plan, Progress(world.clock, verbose=False)))
    tell("the run has ended; make a new plan to go on")
