"""Every error that a person meets, and its exit code.

UpgradeError
├── PlanError           3  the plan is invalid, unsafe or stale
├── PreflightError      4  a check blocks
├── StepError           5  a step failed or is still running
│   └── NodeSkippedError   one worker is left as it was, the others go on
├── AccessError         6  ssh or the API
│   ├── NodeUnreachableError
│   └── ApiError
│       ├── NotFoundError
│       └── ConflictError
├── LockedError         7  someone else holds the run
└── StoppedError        8  stopped on request
    └── WindowClosedError  until a maintenance window opens
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class UpgradeError(Exception):
    """What we were doing, where, and what came back (`message`); what to do now (`fix`)."""

    exit_code = 1

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class UsageError(UpgradeError):
    """Wrong flags or a missing file."""

    exit_code = 2


class PlanError(UpgradeError):
    """The plan is invalid, unsafe or stale."""

    exit_code = 3


class PreflightError(UpgradeError):
    """A check blocks the upgrade."""

    exit_code = 4


class StepError(UpgradeError):
    """A step failed, or is still running past its limit."""

    exit_code = 5


class NodeSkippedError(StepError):
    """A worker could not be drained, and the plan says to go on with the others."""


class AccessError(UpgradeError):
    """No way to a node or to the API."""

    exit_code = 6


class NodeUnreachableError(AccessError):
    """ssh did not get through, or sudo refused."""


class ApiError(AccessError):
    """The API server refused, failed or did not answer; `status` is its HTTP code, 0 when none came.

    `starting`: it refused and is not ready. It refuses everybody until it has read its RBAC rules. `retry_after`: how
    many seconds it asks to wait.
    """

    def __init__(  # noqa: PLR0913 - what an API server says of a refusal
        self,
        message: str,
        fix: str = "",
        *,
        status: int = 0,
        reason: str = "",
        starting: bool = False,
        retry_after: int = 0,
    ) -> None:
        super().__init__(message, fix)
        self.status = status
        self.reason = reason
        self.starting = starting
        self.retry_after = retry_after


class NotFoundError(ApiError):
    """404."""


class ConflictError(ApiError):
    """409: it exists already, or it changed since it was read."""


class LockedError(UpgradeError):
    """Another run holds the cluster or a node."""

    exit_code = 7


class StoppedError(UpgradeError):
    """Stopped at a safe point because somebody asked, or because the plan pauses here."""

    exit_code = 8


class WindowClosedError(StoppedError):
    """Stopped because no further node fits into the plan's maintenance window; `opens` is when the next one does."""

    def __init__(self, message: str, fix: str, opens: datetime) -> None:
        super().__init__(message, fix)
        self.opens = opens
