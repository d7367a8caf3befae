"""The documented procedure as an Ansible playbook, by an Ansible of the lab's own."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.upgrade.program import follow, kubeadm_times
from bench.upgrade.results import Measured
from tests.e2e.operator import TO
from tests.lab import host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.upgrade.run import Run
    from tests.lab.cache import Cache

PLAYBOOK = Path(__file__).with_name("playbook.yaml")
REQUIREMENT = "ansible-core==2.19.14"


def installed(cache: Cache) -> Path:
    """The Python of a venv that has Ansible; made once."""

    def make(folder: Path) -> None:
        host.run([sys.executable, "-m", "venv", folder])
        host.run([folder / "bin/python", "-m", "pip", "install", "--quiet", REQUIREMENT])

    inputs = {"requirement": REQUIREMENT, "python": sys.version}
    return cache.folder("ansible", inputs, make) / "bin/python"


def ansible(run: Run) -> Measured:
    """Upgrade by the playbook: control planes one at a time, then workers in batches."""
    python = installed(run.lab.cache)
    inventory, variables = run.folder / "inventory.ini", run.folder / "variables.json"
    inventory.write_text(
        "\n".join(["[nodes]", *run.names, "[nodes:vars]", "ansible_python_interpreter=/usr/bin/python3"])
    )
    variables.write_text(
        json.dumps(
            {
                "version": TO,
                "control_planes": run.control_planes,
                # the last number counts for all batches that follow
                "batches": [1] * len(run.control_planes) + [run.at_once],
            }
        )
    )
    # by `-m`: a program in the venv's bin would name the folder that the venv was made in
    argv = (python, "-m", "ansible", "playbook", "--inventory", inventory, "--extra-vars", f"@{variables}", PLAYBOOK)
    began = time.monotonic()
    said = follow(argv, run.folder / "ansible.log", {**run.environment, **_settings(run)})
    return Measured(seconds=time.monotonic() - began, kubeadm=kubeadm_times(said, run.names))


def _settings(run: Run) -> Mapping[str, str]:
    """What its documentation advises for speed; and nothing of this machine's or this user's own settings."""
    (run.folder / "ansible.cfg").touch()
    connection = "-o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=15"
    return {
        "ANSIBLE_CONFIG": str(run.folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(run.folder / "ansible"),
        "ANSIBLE_FORKS": "10",
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_SSH_ARGS": f"-F {run.lab.ssh_config} {connection}",
        "ANSIBLE_NOCOLOR": "True",
        "LC_ALL": "C.UTF-8",
    }
