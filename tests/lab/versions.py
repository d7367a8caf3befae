"""A Kubernetes version, v1.34.4."""

import re
from dataclasses import dataclass

WRITTEN = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, order=True)
class Version:
    """A release of Kubernetes."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read v1.34.4 or 1.34.4."""
        found = WRITTEN.fullmatch(text)
        if not found:
            raise ValueError(f"not a version like v1.34.4: {text}")
        return cls(*(int(part) for part in found.groups()))

    def __str__(self) -> str:
        """Write it as Kubernetes does."""
        return f"v{self.number}"

    @property
    def number(self) -> str:
        """The version without its v, as packages write it."""
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def minor_name(self) -> str:
        """The minor, as folders and repositories name it."""
        return f"v{self.major}.{self.minor}"
