"""What is told of checks is read off their code."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.about import about
from kubectl_upgrade.cli.checks_page import PUBLISHED, page
from kubectl_upgrade.cli.reads import reads

if TYPE_CHECKING:
    from kubectl_upgrade.cli.reads import Reads


@cache
def _page() -> str:
    """Made once: every check judges many clusters for it."""
    return page()


def test_the_published_page_is_current() -> None:
    assert PUBLISHED.read_text() == _page(), "run make docs"


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_says_what_it_is_and_is_tested(name: str) -> None:
    found = about(name)
    assert found.what.endswith(".")
    assert found.incident
    assert found.levels
    looked = reads(name)
    # a bad patch is one whatever the cluster is like
    assert looked.cluster or looked.nodes or name == "known-bad-patch"
    section = _page().partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert "- Tests in [tests/checks/" in section


def test_levels_and_waivers_are_those_of_the_code() -> None:
    assert about("quorum").levels == ("blocker", "warn")
    assert about("kubelets-via-endpoint").levels == ("info",)
    assert [about(name).some_unwaivable for name in ("nodes-ready", "cgroup-v1")] == [False, True]
    assert about("cgroup-v1").kubeadm_errors == ("SystemVerification",)


@pytest.mark.parametrize(
    ("name", "cluster", "nodes"),
    [
        # node.kubelet is the Node's, not a fact of the node
        ("version-skew", ("kube_proxy", "nodes", "static_pods"), ()),
        # by way of a helper elsewhere, for an etcd outside
        (
            "node-answers",
            ("kubeadm_config", "nodes"),
            ("host", "etcd", "apiserver", "kubelet", "run", "external-etcd", "kubelet-config-access", "system"),
        ),
        # asked only where a node is on v1
        ("cgroup-v1", ("fail_cgroup_v1",), ("host",)),
    ],
)
def test_reads(name: str, cluster: tuple[str, ...], nodes: tuple[str, ...]) -> None:
    looked: Reads = reads(name)
    assert (looked.cluster, looked.nodes) == (cluster, nodes)
