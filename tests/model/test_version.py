"""Versions order as semver does, and nothing else is one."""

from __future__ import annotations

import pytest

from kubectl_upgrade.model.version import Version


def test_order_is_numeric_and_puts_pre_releases_first() -> None:
    texts = ["v1.9.0", "v1.10.0-alpha.2", "v1.10.0-alpha.10", "v1.10.0-rc.1", "v1.10.0", "v1.10.1"]
    versions = [Version.parse(text) for text in texts]
    assert sorted([*versions[3:], *versions[:3]]) == versions
    assert list(map(str, versions)) == texts


@pytest.mark.parametrize(
    "text", ["", "v1.35", "1.35.4.1", "v1.035.4", "latest", "v1.35.4;reboot", "v1.35.4\n", "v\u0661.2.3"]
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        Version.parse(text)


def test_build_metadata_is_dropped_and_forms_agree() -> None:
    version = Version.parse("1.34.4+k3s1")
    assert (str(version), version.bare, version.line) == ("v1.34.4", "1.34.4", "v1.34")
    assert Version.parse("v1.36.0").minors_above(version) == 2
