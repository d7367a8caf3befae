"""Value types."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_upgrade.model.types import Address, HostKey, KubeadmError, NodeName, Text, Uid, visible


def _fits(hint: Any, text: str) -> bool:
    return re.fullmatch(get_args(hint)[1].regex, text) is not None


@pytest.mark.parametrize("hint", [NodeName, Uid, Address, HostKey, KubeadmError])
@pytest.mark.parametrize(
    "text", ["-oProxyCommand=x", "$(reboot)", "a b", "a;b", "a\n", "`a`", "../a", "", "cp1\u0661", "é"]
)
def test_nothing_that_a_shell_or_ssh_would_read_otherwise(hint: Any, text: str) -> None:
    assert not _fits(hint, text)


@pytest.mark.parametrize("text", ["all", "ALL", "aLl"])
def test_all_is_no_kubeadm_error(text: str) -> None:
    assert not _fits(KubeadmError, text)
    assert _fits(KubeadmError, f"{text}-of-it")


@given(st.text())
def test_every_text_can_be_made_visible(text: str) -> None:
    assert _fits(Text, visible(text))


def test_visible() -> None:
    assert visible("cp1:\n\x1b[31mno\u202e route") == "cp1: [31mno  route"
    assert visible("grün ✓") == "grün ✓"
    assert len(visible("x" * 2000)) == 1000
