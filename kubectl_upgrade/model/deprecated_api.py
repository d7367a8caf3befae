"""An API that was requested though it is deprecated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DeprecatedApi:
    """A series of the API server's metric apiserver_requested_deprecated_apis."""

    group: str
    """empty for the core group"""
    version: str
    resource: str
    subresource: str
    removed_release: str
    """the minor that serves it no more, `1.32`; empty when none is announced"""

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version
