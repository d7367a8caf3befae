"""Run a script on a node over ssh, as root or as the operators' user."""

from collections.abc import Sequence

from tests.lab.host import Done, run
from tests.lab.place import Place


class Ssh:
    """The lab's own way to its nodes; host keys are known, so a wrong one is an error."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def run(self, node: str, script: str, *, user: str = "root", limit: float = 120, check: bool = True) -> Done:
        """Run a bash script on a node."""
        return run([*self.argv(node, user=user), "/bin/bash", "-s"], stdin=script, limit=limit, check=check)

    def argv(self, node: str, *, user: str = "ops") -> Sequence[str]:
        """Say how to reach a node by hand."""
        return ["ssh", "-F", str(self._place.ssh_config), "-o", "BatchMode=yes", f"{user}@{node}"]
