"""What goes wrong on workers, from the moment where every control plane is new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.operator import TO, WAIVER, Operator, edit, stage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.story import Story
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

FLAG = "--pod-infra-container-image"
IMAGE = "registry.k8s.io/pause:3.10.1"
KUBEADM_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
DEFAULT = "/etc/default/kubelet"


def _kubelet(lab: Lab, node: str) -> tuple[str, str]:
    """Version on disk, and since when the running one runs."""
    version = lab.run(node, "kubelet --version").out.split()[-1]
    return version, lab.run(node, "systemctl show --value --property=ActiveEnterTimestamp kubelet").out.strip()


def _node(lab: Lab, name: str) -> tuple[str, str]:
    node = lab.api.get(f"/api/v1/nodes/{name}")
    ready = next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready")
    return node["status"]["nodeInfo"]["kubeletVersion"], ready


def test_a_flag_that_the_new_kubelet_does_not_know(lab: Lab, story: Story) -> None:
    """1.35 removed --pod-infra-container-image: kubeadm takes it out of its own file and of no other."""
    assert story.finished
    lab.restore("control-planes-done")
    lab.run("w1", f"""sed -i 's#ARGS="#ARGS="{FLAG}={IMAGE} #' {KUBEADM_FLAGS} && grep -e {FLAG} {KUBEADM_FLAGS}""")
    lab.run("w2", f"sed -i 's#^KUBELET_EXTRA_ARGS=#&{FLAG}={IMAGE} #' {DEFAULT} && grep -e {FLAG} {DEFAULT}")
    for name in ("w1", "w2"):
        lab.run(name, "systemctl restart kubelet")
    stopped = story.operator.run("apply", str(story.plan), "--yes", code=5).stderr

    assert FLAG not in lab.run("w1", f"cat {KUBEADM_FLAGS}").out
    assert _node(lab, "w1") == (TO, "True")

    assert FLAG in stopped
    assert DEFAULT in stopped
    assert "run `kubectl upgrade-cp apply" in stopped
    assert _kubelet(lab, "w2")[0] == "v1.34.4"
    assert _node(lab, "w2") == ("v1.34.4", "True")

    lab.run("w2", f"sed -i 's#{FLAG}=[^ ]* ##' {DEFAULT}")
    finished = story.operator.run("apply", str(story.plan), "--yes").stderr
    assert "w1         mark-node" not in finished
    assert {_node(lab, name) for name in ("w1", "w2", "w3")} == {(TO, "True")}


def test_an_ignored_error_taken_out_of_the_plan(lab: Lab, story: Story, tmp_path: Path) -> None:
    """The preflight of kubeadm fails; a script that carried on would install a kubelet that cannot start."""
    lab.restore("control-planes-done")
    story.operator.run("abort")
    operator = Operator(lab, tmp_path / "state")
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER)

    def take_out(document: Any) -> None:
        (step,) = [s for s in stage(document, "workers")["steps"] if s["do"] == "kubeadm-node"]
        del step["with"]["ignorePreflightErrors"]

    edit(plan, take_out)
    before = _kubelet(lab, "w1")
    stopped = operator.run("apply", str(plan), "--yes", code=5).stderr
    assert "SystemVerification" in stopped
    assert "v1.35.4/workers/w1/kubeadm-node" in stopped
    assert "apply" in stopped.rpartition("->")[2]
    assert _kubelet(lab, "w1") == before
    assert _node(lab, "w1") == ("v1.34.4", "True")
    assert _node(lab, "w2") == ("v1.34.4", "True")

    operator.run("abort")
    unmarked = lab.api.get("/api/v1/nodes/w1")
    assert not unmarked["spec"].get("unschedulable")
    assert "upgrade-cp" not in str(unmarked["metadata"]["labels"]) + str(unmarked["metadata"]["annotations"])
