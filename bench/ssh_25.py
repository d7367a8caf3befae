"""Five small steps on 25 machines over real ssh: ours beside Ansible's, both with as many connections."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.figures import Ended, end_cleanly, figure, measured
from bench.ssh.machines import running
from bench.ssh.steps import STEPS
from bench.upgrade.ansible import installed
from tests.lab.cache import Cache
from tests.lab.place import Place
from tests.lab.timings import Timings

if TYPE_CHECKING:
    from bench.ssh.machines import Machines

COUNT = 25
_ROUNDS = 3


def main() -> None:
    """In turn, each from no connection at all."""
    place = Place.default()
    ansible = installed(Cache(place.cache, Timings(place.timings)))
    with TemporaryDirectory() as scratch, running(COUNT, Path(scratch)) as machines:
        ours, theirs = [], []
        for number in range(_ROUNDS):
            ours.append(_ours(machines))
            theirs.append(_ansible(ansible, machines, Path(scratch) / f"ansible-{number}"))
    seconds = [statistics.median(ended.seconds for ended in taken) for taken in (ours, theirs)]
    figure("ssh-25-ansible-to-ours", seconds[1] / seconds[0], "ratio", ">= 5")
    figure("ssh-25-ours", seconds[0], "s", "")
    figure("ssh-25-ansible", seconds[1], "s", "")
    figure("ssh-25-ours-cpu", statistics.median(ended.cpu_seconds for ended in ours), "s", "")
    figure("ssh-25-ansible-cpu", statistics.median(ended.cpu_seconds for ended in theirs), "s", "")


def _ours(machines: Machines) -> Ended:
    argv = [sys.executable, "-m", "bench.ssh.ours", str(machines.config), str(machines.base), *machines.addresses]
    return measured(argv)


def _ansible(python: Path, machines: Machines, folder: Path) -> Ended:
    """Fast settings, as its documentation advises: pipelining, connections kept, no facts gathered."""
    folder.mkdir()
    file = machines.base / "file"
    tasks = "".join(f"    - shell: {text.format(file=file)}\n" for text in STEPS.values())
    playbook, inventory = folder / "playbook.yaml", folder / "inventory.ini"
    playbook.write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
    inventory.write_text("\n".join([*machines.addresses, "[all:vars]", f"ansible_python_interpreter={sys.executable}"]))
    (folder / "ansible.cfg").touch()
    environment = {
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "c"),
        "ANSIBLE_FORKS": str(COUNT),
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_SSH_ARGS": f"-F {machines.config} -o ControlMaster=auto -o ControlPersist=60s",
        "LC_ALL": "C.UTF-8",
    }
    return measured([str(python), "-m", "ansible", "playbook", "--inventory", inventory, playbook], env=environment)


if __name__ == "__main__":
    end_cleanly()
    main()
