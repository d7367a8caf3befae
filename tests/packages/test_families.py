"""Every family names actions that exist."""

from __future__ import annotations

import pytest

from kubectl_upgrade import node
from kubectl_upgrade.packages import FAMILIES


@pytest.mark.parametrize("name", FAMILIES)
def test_its_actions_are_in_the_bundle(name: str) -> None:
    family = FAMILIES[name]
    assert name == family.NAME
    assert f"actions/{family.FETCH_PACKAGES}.sh" in node.bundle()
    assert f"actions/{family.INSTALL_KUBEADM}.sh" in node.bundle()
    assert f"actions/{family.INSTALL_KUBELET}.sh" in node.bundle()
