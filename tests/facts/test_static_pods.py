"""The version of a static pod is its own container's, whatever stands beside it."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_upgrade.facts.static_pods import image_version, static_pod

IMAGE = "registry:5000/kube-apiserver:v1.34.4"


def _pod(spec: list[dict[str, Any]], status: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"component": "kube-apiserver"}},
        "spec": {"nodeName": "cp1", "containers": spec},
        "status": {"containerStatuses": [{"state": {"running": {}}, **container} for container in status]},
    }


@pytest.mark.parametrize("running", [IMAGE, "sha256:" + "0" * 64])
def test_a_sidecar_before_it_and_a_lost_tag(running: str) -> None:
    sidecar = {"name": "aws-encryption-provider", "image": "kms:v9.9.9"}
    pod = _pod(
        [sidecar, {"name": "kube-apiserver", "image": IMAGE}], [sidecar, {"name": "kube-apiserver", "image": running}]
    )
    assert static_pod(pod).image == IMAGE


def test_the_running_container_wins_over_the_specification() -> None:
    new = {"name": "kube-apiserver", "image": "registry:5000/kube-apiserver:v1.35.4"}
    assert static_pod(_pod([new], [{"name": "kube-apiserver", "image": IMAGE}])).image == IMAGE


@pytest.mark.parametrize("image", [IMAGE, f"{IMAGE}@sha256:{'0' * 64}", "kube-apiserver:v1.34.4"])
def test_the_tag_is_the_version(image: str) -> None:
    assert str(image_version(image)) == "v1.34.4"


@pytest.mark.parametrize("image", ["registry:5000/kube-apiserver", "kube-apiserver:latest", "sha256:0123", ""])
def test_no_tag_no_version(image: str) -> None:
    assert image_version(image) is None
