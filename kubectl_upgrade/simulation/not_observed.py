"""A script of node/facts that fails."""

from __future__ import annotations


class NotObservedError(Exception):
    """The script ends with an exit code other than 0 after saying why."""
