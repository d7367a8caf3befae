"""What is asked for a check alone: what RBAC or the API server does not let us see is unknown, and ends no look."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kubectl_upgrade.model.errors import ApiError, NotFoundError
from kubectl_upgrade.model.facts import Unknown

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from kubectl_upgrade.model.facts import Maybe

T = TypeVar("T")
FORBIDDEN = 403


async def unless_forbidden(answer: Awaitable[T], right: str) -> Maybe[T]:
    """The answer; Unknown when it takes a right that this identity lacks, or the API server fails at it."""
    try:
        return await answer
    except NotFoundError:
        raise
    except ApiError as error:
        if error.starting:
            raise
        if error.status != FORBIDDEN:
            return Unknown(error.message)
        return Unknown(f"this identity may not {right}; docs/rbac.yaml has the right that lacks")


async def if_there(answer: Awaitable[T], right: str) -> Maybe[T] | None:
    """As `unless_forbidden`; None when it does not exist."""
    try:
        return await unless_forbidden(answer, right)
    except NotFoundError:
        return None
