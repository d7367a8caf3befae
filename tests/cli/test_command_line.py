"""The program as a person starts it: exit codes, stdout for data, stderr for people, never a traceback."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from kubectl_upgrade.cli.main import app
from kubectl_upgrade.planfile.read import read

PROGRAM = Path(sys.executable).with_name("kubectl-upgrade_cp")


def _run(*words: str, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_help_names_every_command_and_the_exit_codes() -> None:
    out = _run("--help").stdout
    commands = ("plan", "check", "explain", "show", "validate", "apply", "status", "abort", "rehearse")
    assert all(f" {command} " in out for command in commands)
    assert "Exit codes" in out
    assert "kubectl upgrade-cp" in out


def test_help_names_every_flag_in_80_columns() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group
    assert len(commands) == 9
    for name, command in commands.items():
        out = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "80"}).stdout
        assert max(map(len, out.splitlines())) <= 80
        for flag in (flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")):
            assert re.search(f"{flag}[ ,\n]", out), f"{name} --help does not name {flag}"


def test_help_loads_neither_kubernetes_nor_sh() -> None:
    script = (
        "import sys; import kubectl_upgrade.cli.main; print(*sorted({'kubernetes', 'sh', 'yaml'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("plan", "--bogus"), 2, "No such option"),
        (("plan", "--to", "latest"), 2, "neither a version like v1.35.4 nor a minor like v1.35"),
        (("check", "--to", "v1.35."), 2, "neither a version like v1.35.4 nor a minor like v1.35"),
        (("check", "-o", "xml"), 2, "'xml' is not one of"),
        (("check", "--kubeconfig", "/nowhere"), 6, "there is no such file"),
        (("plan", "--to", "v1.35.4", "--max-unavailable", "0%"), 2, "neither a number nor a share"),
        (("plan", "--to", "v1.35.4", "--waive", "nodes-ready=please"), 2, "names no check that may be waived"),
        (("plan", "--to", "v1.35.4", "--waive", "cgroup-v1="), 2, "needs a reason"),
        (("plan", "--to", "v1.35.4", "--waive", "cgroup-v1=soon"), 2, "a waiver must end"),
        (("plan", "--to", "v1.35.4", "--kubeconfig", "/nowhere"), 6, "there is no such file"),
        (("apply", "nowhere.yaml"), 2, "cannot be read"),
        (("status", "nowhere.yaml"), 2, "cannot be read"),
        (("status", "-o", "xml"), 2, "'xml' is not one of"),
        (("abort", "nowhere.yaml", "--run", "0" * 8), 2, "cannot be read"),
        (("rehearse", "--pace", "0", "--fault", "ssh-cut,node=cp9"), 2, "such as node=cp1, cp2, cp3, w1, w2, w3"),
        (("rehearse", "--fault", "meteor"), 2, "no fault is called 'meteor'"),
        (("rehearse", "--fault", "client-kill,colour=red"), 2, "is no key=value; keys: call, node"),
        (("rehearse", "--fault", "client-kill,nth=soon"), 2, "a number is wanted"),
        (("rehearse", "--fault", "client-kill,moment=later"), 2, "a moment is one of before, after"),
        (("validate", __file__), 3, "test_command_line.py:"),
        (("explain", "cgroup"), 2, "did you mean cgroup-v1?"),
        (("explain", "a", "b"), 2, "unexpected extra argument"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_mistakes_are_told_with_their_exit_code(words: tuple[str, ...], code: int, told: str) -> None:
    done = _run(*words, code=code)
    assert told in " ".join(done.stderr.split())
    assert done.stdout == ""


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The sample plan as a file, and what was told."""
    done = _run("rehearse", "--pace", "0")
    file = tmp_path_factory.mktemp("rehearsal") / "p.yaml"
    file.write_text(done.stdout)
    return file, done.stderr


def test_a_rehearsal_that_never_ends_well_fails() -> None:
    done = _run("rehearse", "--pace", "0", "--fault", "client-kill,action=kubeadm-apply,times=99", code=5)
    assert "the client was killed again and again" in done.stderr


def test_rehearse_plans_and_applies_a_sample(rehearsed: tuple[Path, str]) -> None:
    file, told = rehearsed
    assert len(read(file.read_bytes(), str(file)).control_planes) == 3
    assert "sample is at v1.35.4; no lock, label, cordon or file of ours is left but the backups" in told
    assert re.search(r"stay on cp1, cp2, cp3: /var/backups/upgrade-cp/\w{8}-v1\.35\.4 on each; they hold", told)


def test_rehearse_takes_a_plan_and_goes_on_after_a_pause(rehearsed: tuple[Path, str], tmp_path: Path) -> None:
    text = rehearsed[0].read_text().replace("- stage: add-ons\n", "- stage: add-ons\n    after: {pause: true}\n")
    paused = tmp_path / "paused.yaml"
    paused.write_text(text)
    told = _run("rehearse", "--pace", "0", str(paused)).stderr
    assert "pauses after v1.35.4/add-ons" in told
    assert "is at v1.35.4" in told


def test_rehearse_shows_what_faults_do(rehearsed: tuple[Path, str]) -> None:
    """The client is killed, a node reboots, a step fails: an apply each, and the end is the same."""
    faults = (
        "client-kill,node=cp1,action=kubeadm-apply,phase=etcd",
        "node-reboot,node=cp2,action=kubeadm-node,phase=kube-apiserver",
        "action-fails,node=w1,action=kubeadm-node,phase=preflight,exit-code=4,text=no image",
        "ssh-cut,node=w1,action=backup-etcd",
    )
    words = [word for fault in faults for word in ("--fault", fault)]
    told = _run("rehearse", "--pace", "0", str(rehearsed[0]), *words).stderr
    assert "the client was killed; rehearsing the next apply" in told
    assert "kubeadm-node on w1 exited 4" in told
    assert "by hand, on w1: sudo kubeadm upgrade node" in told
    assert "is at v1.35.4; no lock, label, cordon or file of ours is left" in told
    assert f"fault {faults[1]}: struck before kubeadm-node kube-apiserver on cp2" in told
    assert f"fault {faults[3]}: never struck" in told


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--pause-after", "lunch"), "the plan has no stage lunch -> its stages: prepare, backup, first-"),
        (("--only", "cp1"), "the plan has no worker cp1"),
    ],
)
def test_apply_takes_stages_and_workers_of_the_plan(
    flags: tuple[str, ...], told: str, rehearsed: tuple[Path, str]
) -> None:
    done = _run("apply", str(rehearsed[0]), "--yes", *flags, code=2)
    assert told in " ".join(done.stderr.split())


def test_backup_to_takes_a_folder_that_can_be_written(rehearsed: tuple[Path, str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    told = _run("apply", str(rehearsed[0]), "--yes", "--backup-to", str(file), code=2).stderr
    assert f"backups cannot be written to {file}" in " ".join(told.split())
    text = rehearsed[0].read_text()
    start, end = text.index("  # cp1, cp2, cp3, one at a time: back up"), text.index("  # cp1: install kubeadm")
    without = tmp_path / "without.yaml"
    without.write_text(text[:start] + text[end:])
    told = _run("apply", str(without), "--yes", "--backup-to", str(tmp_path), code=2).stderr
    assert "the plan has no backup-etcd" in " ".join(told.split())
    assert "file of ours is left\n" in _run("rehearse", "--pace", "0", str(without)).stderr


def test_validate_prints_what_apply_can_pin(rehearsed: tuple[Path, str]) -> None:
    out = _run("validate", str(rehearsed[0])).stdout
    assert "valid, v1.34.4 -> v1.35.4" in out
    wrong = _run("apply", "--yes", "--digest", "sha256:0", str(rehearsed[0]), code=3)
    assert out.split("digest ")[1].strip() in wrong.stderr


def test_show_lists_every_step_with_what_it_runs(rehearsed: tuple[Path, str]) -> None:
    out = _run("show", "--text", str(rehearsed[0])).stdout
    assert (
        "cp1          kubeadm upgrade apply  [kubeadm-apply v1.35.4 none none apiserver-grace=5 nudge-kubelet=yes]"
        in out
    )
    assert out.count("[restart-kubelet v1.35.4 apt]") == 6
    assert "===== actions/apt-install-kubelet.sh =====\n#!/bin/sh" in out


def test_apply_asks_on_a_terminal_only(rehearsed: tuple[Path, str]) -> None:
    assert "add --yes" in _run("apply", str(rehearsed[0]), code=2).stderr


def test_kubelets_that_no_stage_reaches_are_told(rehearsed: tuple[Path, str], tmp_path: Path) -> None:
    text = rehearsed[0].read_text()
    partial = tmp_path / "partial.yaml"
    partial.write_text(text[: text.index("  # Pool workers")])
    told = "kubelets that this plan does not upgrade: w1, w2, w3"
    assert told in _run("validate", str(partial)).stdout
    assert told in _run("show", str(partial)).stdout
    assert told in _run("rehearse", "--pace", "0", str(partial)).stderr
    assert told not in _run("validate", str(rehearsed[0])).stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--waive", "cgroup-v1=soon", "--waive-until", "2020-01-01"), "is past"),
        (("--waive", "cgroup-v1=so\u200bon", "--waive-until", "2999-01-01"), "cannot be seen"),
        (("--waive", "cgroup-v1=soon@until=2020-01-01", "--waive-until", "2999-01-01"), "is past"),
        (("--waive", "cgroup-v1=soon@until=", "--waive-until", "2999-01-01"), "'' is no date"),
        (("--waive", "cgroup-v1=@until=2999-01-01"), "needs a reason"),
        (("--waive", "cgroup-v1=soon@until=2999-01-01", "--force"), "that of no-upgrade-in-process does not"),
        (("--waive-until", "soon"), "'soon' is no date"),
        (("--drain-timeout", "0"), "--drain-timeout"),
    ],
)
def test_flags_that_would_make_a_plan_nobody_applies(words: tuple[str, ...], told: str) -> None:
    assert told in " ".join(_run("plan", "--to", "v1.35.4", *words, code=2).stderr.split())


def test_a_bug_is_kept_in_a_file_also_without_a_home(tmp_path: Path) -> None:
    locked = tmp_path / "file"
    locked.write_text("")
    script = "import kubectl_upgrade.cli.main as m; m.app = lambda **_: 1 / 0; m.main()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"XDG_STATE_HOME": str(locked), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (kept,) = tmp_path.glob("upgrade-cp-bug-*.txt")
    assert str(kept) in done.stderr
    assert "ZeroDivisionError" in kept.read_text()
