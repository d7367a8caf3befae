"""What the engine tells whoever watches; it prints nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import StepId


@dataclass(frozen=True, slots=True)
class StageBegins:
    """A stage is about to start its targets."""

    hop: str
    stage: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepBegins:
    """A step starts on its target."""

    id: StepId
    title: str


@dataclass(frozen=True, slots=True)
class StepSays:
    """A line of progress or of an action's output."""

    id: StepId
    line: str


@dataclass(frozen=True, slots=True)
class StepEnds:
    """A step has ended."""

    id: StepId
    how: Literal["done", "already", "failed"]
    seconds: float


@dataclass(frozen=True, slots=True)
class Note:
    """Something that belongs to the whole run."""

    line: str


Event: TypeAlias = StageBegins | StepBegins | StepSays | StepEnds | Note
Watch: TypeAlias = Callable[[Event], None]
