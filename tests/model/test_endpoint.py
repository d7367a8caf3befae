"""Endpoints as people and kubeadm write them."""

from __future__ import annotations

import pytest

from kubectl_upgrade.model.endpoint import host_and_port, is_one_of, joined


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("10.0.0.1:6443", ("10.0.0.1", 6443)),
        ("10.0.0.1", ("10.0.0.1", 6443)),
        ("k8s-api.example:8443", ("k8s-api.example", 8443)),
        ("k8s", ("k8s", 6443)),
        ("[fd00::1]:443", ("fd00::1", 443)),
        ("[fd00::1]", ("fd00::1", 6443)),
        ("fd00::1", None),
        ("[10.0.0.1]:6443", None),
        ("[::1]:6443", None),
        ("10.0.0.1:65536", None),
        ("10.0.0.1:0", None),
        ("10.0.0.1:06443", None),
        ("10.0.0.1:", None),
        (":6443", None),
        ("-x:6443", None),
        ("a[b]:6443", None),
        ("]", None),
        ("[]", None),
        ("", None),
    ],
)
def test_host_and_port(text: str, parts: tuple[str, int] | None) -> None:
    assert host_and_port(text) == parts


def test_joined() -> None:
    assert joined("fd00::1", 443) == "[fd00::1]:443"
    assert joined("k8s", 443) == "k8s:443"


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("10.0.0.11", True),
        ("0:0:0:0:0:ffff:10.0.0.11", True),
        ("FD00:0::1", True),
        ("CP1", True),
        ("127.0.1.1", True),
        ("localhost", True),
        ("169.254.1.1", True),
        ("::", True),
        ("10.0.0.1", False),
        ("cp10", False),
        ("fd00::2", False),
    ],
)
def test_is_one_of(host: str, *, found: bool) -> None:
    assert is_one_of(host, ["cp1", "10.0.0.11", "fd00::1"]) == found
