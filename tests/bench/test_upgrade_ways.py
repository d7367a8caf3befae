"""The three ways of the bench, as far as they can be tested without a cluster."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from bench.upgrade import verify, workload
from bench.upgrade.ansible import PLAYBOOK
from bench.upgrade.documented import SCRIPT
from bench.upgrade.ours import by_step
from bench.upgrade.program import follow, kubeadm_times
from kubectl_upgrade.engine.history import Past
from tests.lab.errors import CommandError, LabError

if TYPE_CHECKING:
    from pathlib import Path

STUB = '#!{sh}\necho "${{NODE:-operator}}: {name} $*" >>"$CALLS"\n'
FAILS_ONCE = 'case $* in uncordon*) [ -e "$CALLS.once" ] || { : >"$CALLS.once"; exit 1; } ;; esac\n'
# ssh -F CONFIG -o … -o … NODE sudo sh -eus -- WORDS: here the script on stdin runs with stubs only
SSH = '#!{sh}\nshift 6\nexport NODE=$1\nshift 2\nexec "$@"\n'
STUBS = ("sed", "apt-mark", "apt-get", "kubeadm", "kubectl", "systemctl")


def tools(folder: Path) -> Path:
    """A PATH on which nothing can change this machine."""
    folder.mkdir()
    sh = str(shutil.which("sh"))
    for name in STUBS:
        (folder / name).write_text(STUB.format(sh=sh, name=name) + (FAILS_ONCE if name == "kubectl" else ""))
    (folder / "ssh").write_text(SSH.format(sh=sh))
    (folder / "hostname").write_text(f'#!{sh}\necho "$NODE"\n')
    for file in folder.iterdir():
        file.chmod(0o755)
    (folder / "sleep").symlink_to(str(shutil.which("true")))
    for name in ("sh", "date"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


@pytest.fixture
def documented(tmp_path: Path) -> tuple[str, list[str]]:
    """What documented.sh says and calls for two control planes and two workers."""
    env = {"PATH": str(tools(tmp_path / "bin")), "CALLS": str(tmp_path / "calls")}
    said = follow(("sh", SCRIPT, "config", "v1.35.4", "cp1 cp2", "w1 w2"), tmp_path / "log", env)
    return said, (tmp_path / "calls").read_text().splitlines()


def test_the_documented_procedure_goes_node_by_node(documented: tuple[str, list[str]]) -> None:
    _, calls = documented
    assert calls[:16] == [
        "cp1: sed -i s|/core:/stable:/v[0-9.]*/|/core:/stable:/v1.35/| /etc/apt/sources.list.d/kubernetes.list",
        "cp1: apt-mark unhold kubeadm",
        "cp1: apt-get update",
        "cp1: apt-get install -y kubeadm=1.35.4-*",
        "cp1: apt-mark hold kubeadm",
        "cp1: kubeadm upgrade apply v1.35.4 --yes --ignore-preflight-errors=SystemVerification",
        "operator: kubectl drain cp1 --ignore-daemonsets --delete-emptydir-data --timeout=900s",
        "cp1: apt-mark unhold kubelet kubectl",
        "cp1: apt-get update",
        "cp1: apt-get install -y kubelet=1.35.4-* kubectl=1.35.4-*",
        "cp1: apt-mark hold kubelet kubectl",
        "cp1: systemctl daemon-reload",
        "cp1: systemctl restart kubelet",
        "operator: kubectl uncordon cp1",
        "operator: kubectl uncordon cp1",  # the first was dropped by the API
        "cp2: sed -i s|/core:/stable:/v[0-9.]*/|/core:/stable:/v1.35/| /etc/apt/sources.list.d/kubernetes.list",
    ]
    kubeadm = [call for call in calls if ": kubeadm" in call]
    node = "kubeadm upgrade node --ignore-preflight-errors=SystemVerification"
    assert kubeadm[1:] == [f"{name}: {node}" for name in ("cp2", "w1", "w2")]


def test_it_says_how_long_kubeadm_took_on_each_node(documented: tuple[str, list[str]]) -> None:
    said, _ = documented
    times = kubeadm_times(said, ["cp1", "cp2", "w1", "w2"])
    assert set(times) == {"cp1", "cp2", "w1", "w2"}
    assert all(0 <= seconds < 60 for seconds in times.values())


def test_it_ends_with_the_first_failure(tmp_path: Path) -> None:
    folder = tools(tmp_path / "bin")
    (folder / "kubeadm").write_text(f"#!{shutil.which('sh')}\nexit 3\n")
    env = {"PATH": str(folder), "CALLS": str(tmp_path / "calls")}
    with pytest.raises(CommandError, match="exit 3"):
        follow(("sh", SCRIPT, "config", "v1.35.4", "cp1 cp2", ""), tmp_path / "log", env)
    assert "kubectl" not in (tmp_path / "calls").read_text()


def test_the_playbook_does_the_same_steps_in_the_same_order() -> None:
    (play,) = yaml.safe_load(PLAYBOOK.read_text())
    modules = [next(key for key in task if key.startswith("ansible.")).rpartition(".")[2] for task in play["tasks"]]
    install = ["dpkg_selections", "apt", "dpkg_selections"]
    assert modules == ["replace", *install, "command", "debug", "command", *install, "systemd_service", "command"]
    script = SCRIPT.read_text()
    for task in play["tasks"]:
        words = task.get("ansible.builtin.command", {}).get("argv", [])
        for word in words if isinstance(words, list) else []:
            assert "{{" in word or word in script


def test_times_are_read_as_the_shell_and_as_ansible_say_them() -> None:
    said = 'x\nkubeadm-ran cp1 173.250\n    "msg": "kubeadm-ran cp2 0:02:53.250000"\n'
    assert kubeadm_times(said, ["cp1", "cp2"]) == {"cp1": 173.25, "cp2": 173.25}
    with pytest.raises(LabError, match="of cp3, w1"):
        kubeadm_times(said, ["w1", "cp1", "cp3"])


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! >{tmp_path}/child; wait"
    with pytest.raises(CommandError, match="did not end"):
        follow(("sh", "-c", script), tmp_path / "log", {}, limit=0.5)
    child = (tmp_path / "child").read_text().strip()
    state = subprocess.run(["ps", "-o", "stat=", "-p", child], capture_output=True, text=True, check=False).stdout
    assert state.strip() in {"", "Z", "ZN"}  # a niced one has an N


def test_stdout_may_go_to_a_file_of_its_own(tmp_path: Path) -> None:
    said = follow(("sh", "-c", "echo plan; echo told >&2"), tmp_path / "log", {}, out=tmp_path / "out")
    assert (said, (tmp_path / "out").read_text()) == ("told\n", "plan\n")


def test_seconds_by_step_are_summed_over_nodes() -> None:
    past = Past(seconds={"v1/a/cp1/drain-node": 1.5, "v1/a/cp2/drain-node": 2.0}, between={"v1/a/cp1": 0.5})
    assert by_step(past) == {"drain-node": 3.5, "between": 0.5}


def node(name: str, *, kubelet: str = "v1.35.4", ready: str = "True", cordoned: bool = False) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {
            "nodeInfo": {"kubeletVersion": kubelet},
            "conditions": [{"type": "Ready", "status": ready, "reason": "KubeletReady"}],
        },
    }


def test_nodes_are_upgraded_when_new_ready_and_schedulable() -> None:
    assert list(verify.wrong_nodes({"items": [node("a"), node("b")]}, ["a", "b"], "v1.35.4")) == []
    bad = [node("a", kubelet="v1.34.4"), node("b", ready="Unknown"), node("c", cordoned=True)]
    found = list(verify.wrong_nodes({"items": bad}, ["a", "b", "c", "d"], "v1.35.4"))
    assert found == ["a: kubelet v1.34.4", "b: not Ready", "c: cordoned", "d: no such node"]


def test_static_pods_are_upgraded_when_each_has_its_image() -> None:
    pod = {"metadata": {"name": "etcd-cp1"}, "spec": {"containers": [{"image": "registry.k8s.io/etcd:3.6.6-0"}]}}
    assert list(verify.wrong_static_pods({"items": [pod]}, ["cp1"], {"etcd": "3.6.6-0"})) == []
    found = list(verify.wrong_static_pods({"items": [pod]}, ["cp1"], {"etcd": "3.6.7-0", "kube-scheduler": "v1.35.4"}))
    assert found == [
        "etcd on cp1: registry.k8s.io/etcd:3.6.6-0, not 3.6.7-0",
        "kube-scheduler on cp1: nothing, not v1.35.4",
    ]


def test_kube_proxy_is_upgraded_when_it_has_rolled_out() -> None:
    template = {"spec": {"containers": [{"image": "registry.k8s.io/kube-proxy:v1.35.4"}]}}
    daemon_set: dict[str, Any] = {
        "spec": {"template": template},
        "status": {"desiredNumberScheduled": 5, "updatedNumberScheduled": 4},
    }
    assert list(verify.wrong_proxy(daemon_set, "v1.35.4")) == ["kube-proxy: not rolled out yet"]
    assert list(verify.wrong_proxy(daemon_set, "v1.36.3")) == ["kube-proxy: registry.k8s.io/kube-proxy:v1.35.4"]
    daemon_set["status"]["updatedNumberScheduled"] = 5
    assert list(verify.wrong_proxy(daemon_set, "v1.35.4")) == []


def test_the_workload_gives_drains_something_to_move() -> None:
    made = workload.objects("registry.k8s.io/pause:3.10.1", 4)
    deployment = made[workload.DEPLOYMENTS]
    assert deployment["spec"]["selector"] == made[workload.BUDGETS]["spec"]["selector"]
    assert workload.away({**deployment, "status": {"availableReplicas": 4}}) == ""
    assert workload.away({**deployment, "status": {}}) == "0 of 4 replicas available"
