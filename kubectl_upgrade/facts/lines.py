"""What facts print: lines of a key and its value; a key may come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kubectl_upgrade.model.facts import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.world import FactOutput

T = TypeVar("T")


class Lines:
    """Values by key, in the order of the output; ValueError for what is missing."""

    def __init__(self, text: str) -> None:
        self._pairs = [line.partition(" ")[::2] for line in text.splitlines()]

    def all(self, key: str) -> tuple[str, ...]:
        return tuple(value.strip() for name, value in self._pairs if name == key)

    def one(self, key: str) -> str:
        """The value of a key that comes once."""
        values = self.all(key)
        if len(values) != 1:
            raise ValueError(f"{len(values)} lines {key!r}")
        return values[0]

    def yes(self, key: str) -> bool:
        value = self.one(key)
        if value not in {"yes", "no"}:
            raise ValueError(f"{key} is {value!r}, neither yes nor no")
        return value == "yes"


def read(output: FactOutput, build: Callable[[Lines], T]) -> T | Unknown:
    """The fact that `build` makes of the lines; Unknown with the reason when the script failed or printed garbage."""
    if output.exit_code != 0:
        said = " ".join(output.text.split())
        return Unknown(said[-500:] or f"the script ended with exit code {output.exit_code}")
    try:
        return build(Lines(output.text))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        return Unknown(f"not understood: {error}; it printed {output.text[:200]!r}")
