"""Kubernetes versions, as `v1.35.4`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

_TEXT = re.compile(
    r"v?(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})(?:-([0-9A-Za-z.-]{1,64}))?(?:\+[0-9A-Za-z.-]{1,64})?"
)


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version; build metadata (`+k3s1`) is dropped, a pre-release orders before its release."""

    major: int
    minor: int
    patch: int
    pre: str = ""

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `v1.35.4`, `1.35.4` or `v1.36.0-rc.1`; ValueError for anything else."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no version like v1.35.4")
        major, minor, patch, pre = match.groups()
        return cls(int(major), int(minor), int(patch), pre or "")

    def __str__(self) -> str:
        return f"v{self.bare}"

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[object, ...]:
        # semver.org §11: numeric identifiers are below alphanumeric ones and compare as numbers
        pre = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.pre.split("."))
        return (self.major, self.minor, self.patch, not self.pre, pre if self.pre else ())

    @property
    def bare(self) -> str:
        """Without the v, as package managers write it: `1.35.4`."""
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{self.pre}" if self.pre else "")

    @property
    def line(self) -> str:
        """The minor, as pkgs.k8s.io writes it: `v1.35`."""
        return f"v{self.major}.{self.minor}"

    def minors_above(self, other: Version) -> int:
        """How many minors this version is above the other; negative when below."""
        return (self.major - other.major) * 1000 + self.minor - other.minor
