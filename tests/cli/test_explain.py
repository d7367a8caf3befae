"""`explain`: all of them, one of them, none of that name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.about import about
from kubectl_upgrade.cli.explain import explain
from kubectl_upgrade.model.errors import UsageError
from kubectl_upgrade.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def explained(capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    def text(name: str) -> str:
        explain(name)
        return " ".join(capsys.readouterr().out.split())

    return text


def test_alone_it_lists_every_check_and_step(capsys: pytest.CaptureFixture[str]) -> None:
    explain("")
    lines = capsys.readouterr().out.splitlines()
    assert {line[2:].split()[0] for line in lines if line[:2] in {"* ", "  "}} == {*CHECKS, *STEPS}
    starred = {line.split()[1] for line in lines if line.startswith("* ")}
    assert {"etcd-healthy", "package-lock"}.isdisjoint(starred)
    assert starred == {name for name in CHECKS if about(name).waivable}


def test_a_check_that_may_be_waived(explained: Callable[[str], str]) -> None:
    text = explained("cgroup-v1")
    assert "Since 1.35 the kubelet refuses cgroup v1 by default" in text
    assert "reads of the API: fail_cgroup_v1; on nodes: host" in text
    assert "kubeadm a waiver lets steps ignore SystemVerification" in text
    assert "waive --waive 'cgroup-v1=REASON@until=YYYY-MM-DD' with plan or check (not every finding" in text


def test_one_that_may_not_and_one_that_only_tells(explained: Callable[[str], str]) -> None:
    text = explained("nodes-ready")
    assert "waive never: mend what it names" in text
    assert "stops plan and check (exit 4), and every apply" in text
    assert "stops nothing: it only tells" in explained("kubelets-via-endpoint")


def test_steps(explained: Callable[[str], str]) -> None:
    drain = explained("drain-node")
    assert "with timeoutSeconds (default 900)" in drain
    assert "with emptyDir (default delete): pods with emptyDir volumes lose what is in them" in drain
    assert "taken back uncordon-node" in drain
    assert "with version (required)" in explained("kubeadm-apply")
    assert "runs apt-install-kubelet on the node" in explained("install-kubelet")
    assert "reads on nodes: apiserver, components" in explained("wait-control-plane")
    assert "a wait: changes nothing" in explained("wait-etcd")


@pytest.mark.parametrize("name", [*CHECKS, *STEPS])
def test_each_fits_a_terminal(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    explain(name)
    text = capsys.readouterr().out
    assert re.match(rf"{name} \((check|step)\): ", text)
    assert all(len(line) <= 120 for line in text.splitlines()[1:])


@pytest.mark.parametrize(
    ("name", "meant"),
    [("cgroups-v1", "did you mean cgroup-v1"), ("drain_node", "did you mean drain-node"), ("zzz", "lists all")],
)
def test_an_unknown_name_is_a_usage_error(name: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain(name)
    assert meant in caught.value.fix
    assert caught.value.exit_code == 2
