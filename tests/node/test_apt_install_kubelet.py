"""The action apt-install-kubelet on a real apt and dpkg; the kubelets are made up and know what real ones know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.node.conftest import Machine, Result

KEEP = "/var/lib/upgrade-cp/keep-0123"
UNIT = "/usr/lib/systemd/system/kubelet.service"
DROP_IN = "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
EXTRA = "/etc/default/kubelet"
FILES = {
    UNIT: "[Service]\nExecStart=/usr/bin/kubelet\n",
    DROP_IN: f"""\
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/b --kubeconfig=/k" KUBELET_CONFIG_ARGS=--config=/c
# Environment=KUBELET_CONFIG_ARGS=--removed
EnvironmentFile=-{FLAGS}
EnvironmentFile=-{EXTRA}
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS \\
    $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS $NEVER_SET
""",
    FLAGS: 'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/c.sock"\n',
    EXTRA: "KUBELET_EXTRA_ARGS=--node-labels='a=b c' --v 2  \n",
}
SYSTEMCTL = f"""\
#!/bin/sh
case "$*" in *FragmentPath*) echo {UNIT} ;; *DropInPaths*) echo {DROP_IN} ;; *) exit 1 ;; esac
"""


@pytest.fixture
def ready(machine: Machine) -> Machine:
    """The repository serves v1.35 already, as after apt-install-kubeadm."""
    for path, text in FILES.items():
        file = machine.file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    program = machine.file("/usr/local/bin/systemctl")
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    machine.must("sed -i s/v1.34/v1.35/ /etc/apt/sources.list.d/kubernetes.list")
    return machine


def install(machine: Machine) -> Result:
    return machine.act("apt-install-kubelet", "1.35.4")


def test_installs_kubelet_and_kubectl_and_keeps_holds(ready: Machine) -> None:
    done = install(ready)
    assert done.code == 0, done.text
    assert ready.version("kubelet") == ready.version("kubectl") == "installed 1.35.4-1.1"
    assert ready.version("kubeadm") == "installed 1.34.4-1.1"
    assert ready.held() == {"kubeadm", "kubelet"}
    assert not ready.file(f"{KEEP}/kubelet-new").exists()
    again = install(ready)
    assert again.code == 0
    assert "kubelet 1.35.4-1.1 is installed already" in again.text


def test_kubectl_follows_when_only_kubelet_is_done(ready: Machine) -> None:
    ready.must("apt-get -qq update && apt-get -qq install -y --allow-change-held-packages kubelet")
    assert install(ready).code == 0
    assert ready.version("kubectl") == "installed 1.35.4-1.1"


def test_a_newer_kubectl_stays(ready: Machine) -> None:
    ready.must("apt-get -qq update && sed -i 's/^Version: 1.34.4-1.1$/Version: 1:500.0-0/' /var/lib/dpkg/status")
    ready.must("sed -i '/^Package: kubelet$/,/^$/s/^Version: .*/Version: 1.34.4-1.1/' /var/lib/dpkg/status")
    assert install(ready).code == 0
    assert ready.version("kubelet") == "installed 1.35.4-1.1"
    assert ready.version("kubectl") == "installed 1:500.0-0"


def test_leaves_out_kubectl_where_there_is_none(ready: Machine) -> None:
    ready.must("dpkg --purge kubectl")
    assert install(ready).code == 0
    assert ready.version("kubelet") == "installed 1.35.4-1.1"
    assert ready.version("kubectl") == "not-installed "


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (FLAGS, 'KUBELET_KUBEADM_ARGS="--v=2 --pod-infra-container-image=registry.k8s.io/pause:3.10"\n'),
        (EXTRA, "KUBELET_EXTRA_ARGS=--pod-infra-container-image=x\n"),
        (EXTRA, "KUBELET_EXTRA_ARGS=--v=2 \\\n  '--pod-infra-container-image' x\n"),
        (DROP_IN, FILES[DROP_IN].replace("--config=/c", "--pod-infra-container-image=x")),
        (DROP_IN, FILES[DROP_IN].replace("$NEVER_SET", "--pod-infra-container-image=x")),
    ],
    ids=["kubeadm-flags.env", "default", "continued and quoted", "Environment", "ExecStart"],
)
def test_a_flag_that_the_new_kubelet_does_not_know_stops_it(ready: Machine, path: str, text: str) -> None:
    ready.file(path).write_text(text)
    done = install(ready)
    assert done.code == 1
    assert f"{path}: unknown flag: --pod-infra-container-image" in done.text
    assert done.text.splitlines()[-1].startswith("What to do: ")
    assert ready.version("kubelet") == "installed 1.34.4-1.1"
    assert ready.held() == {"kubeadm", "kubelet"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (EXTRA, "# KUBELET_EXTRA_ARGS=--pod-infra-container-image=x\n"),
        (EXTRA, "KUBELET_EXTRA_ARGS=--pod-infra-container-image=x\nKUBELET_EXTRA_ARGS=--v=2\n"),
        (EXTRA, "SOMETHING_ELSE=--pod-infra-container-image=x\n"),
        (DROP_IN, FILES[DROP_IN].replace("ExecStart=\n", "ExecStart=/old --pod-infra-container-image=x\nExecStart=\n")),
    ],
    ids=["comment", "the last one wins", "not used", "taken back"],
)
def test_a_flag_that_does_not_reach_the_kubelet_is_no_matter(ready: Machine, path: str, text: str) -> None:
    ready.file(path).write_text(text)
    assert install(ready).code == 0


def test_words_reach_the_kubelet_as_systemd_splits_them(ready: Machine) -> None:
    ready.file(EXTRA).write_text(r'''KUBELET_EXTRA_ARGS="--a=\"one two\" --b='$(touch /pwned)' --c=`x` ;"''' + "\n")
    words = ready.must(f". /srv/lib/kubelet-flags.sh; kubelet_words {UNIT} {DROP_IN}").splitlines()
    assert [word.split("\t") for word in words] == [
        [DROP_IN, "--bootstrap-kubeconfig=/b"],
        [DROP_IN, "--kubeconfig=/k"],
        [DROP_IN, "--config=/c"],
        [FLAGS, "--container-runtime-endpoint=unix:///run/c.sock"],
        [EXTRA, "--a=one two"],
        [EXTRA, "--b=$(touch /pwned)"],
        [EXTRA, "--c=`x`"],
        [EXTRA, ";"],
    ]
    assert not ready.file("/pwned").exists()
