"""Who applies, and how they watch."""

from __future__ import annotations

import getpass
import socket
from typing import TYPE_CHECKING

from kubectl_upgrade.cli.progress import Progress

if TYPE_CHECKING:
    from kubectl_upgrade.engine.apply import Applying
    from kubectl_upgrade.engine.schedule import Limits
    from kubectl_upgrade.world import World
    from kubectl_upgrade.world.backup_folder import BackupFolder


def applying_for(
    world: World, *, verbose: bool = False, limits: Limits | None = None, backup_to: BackupFolder | None = None
) -> Applying:
    """As this user on this machine, watching on the terminal."""
    from kubectl_upgrade.engine.apply import Applying
    from kubectl_upgrade.engine.run import Stop
    from kubectl_upgrade.engine.schedule import Limits

    who = f"{getpass.getuser()}@{socket.gethostname()}"
    return Applying(
        who=who,
        watch=Progress(world.clock, verbose=verbose),
        stop=Stop(),
        limits=limits or Limits(),
        backup_to=backup_to,
    )
