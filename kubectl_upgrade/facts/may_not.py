"""What is asked of the API for a check alone: a right that lacks makes it unknown, and stops nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kubectl_upgrade.model.errors import ApiError, NotFoundError
from kubectl_upgrade.model.facts import Unknown

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")
_FORBIDDEN = 403


async def unless_forbidden(what: str, asked: Awaitable[T]) -> T | Unknown | None:
    """The answer; None for 404, Unknown for 403. Any other ApiError is raised: the API server does not work."""
    try:
        return await asked
    except NotFoundError:
        return None
    except ApiError as error:
        if error.status != _FORBIDDEN or error.starting:
            raise
        return Unknown(f"may not {what}; docs/rbac.yaml has the right that lacks")
