"""The items of an API list as they come over the wire: 50,000 pods are never in memory together."""

from __future__ import annotations

import json
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubectl_upgrade.world import Json

# what is left of an object at the end of a chunk is read again with the next one: of 256 KiB, some 3 %
CHUNK = 2**18
_SHOWN = 200
_value = json.JSONDecoder().raw_decode
_BLANK = " \t\r\n"


class NoListError(Exception):
    """What came is not the JSON of a list; says how it begins where reading stopped."""


class ListStream:
    """One page of a list, read once: iterate over its items, then ask for `token`."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        """`read`: the next bytes, at most so many; none at the end."""
        self._read = read
        self._decode = getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._at = 0
        self._ended = False
        self.token = ""
        """continue token of the next page, empty after the last one"""
        self._has_items = False

    def __iter__(self) -> Iterator[Json]:
        self._pass("{")
        while self._peek() == '"':
            key = self._next()
            self._pass(":")
            self._has_items |= key == "items"
            if key == "items" and self._peek() == "[":
                yield from self._items()
            else:
                value = self._next()
                if key == "metadata" and isinstance(value, dict):
                    self.token = value.get("continue") or ""
            if self._peek() != "}":
                self._pass(",")
        self._pass("}")
        if not self._has_items:
            raise NoListError("an object without items")
        while self._more():  # so that the connection can be used again
            pass

    def _items(self) -> Iterator[Json]:
        self._pass("[")
        while self._peek() != "]":
            yield self._next()
            if self._peek() != "]":
                self._pass(",")
        self._pass("]")

    def _next(self) -> Any:
        """The value that begins here."""
        self._peek()
        while True:
            try:
                value, end = _value(self._text, self._at)
            except ValueError:
                if not self._more():
                    raise NoListError(self._text[self._at :][:_SHOWN]) from None
                continue
            # the digits of a number may go on in the next chunk
            if end == len(self._text) and isinstance(value, int | float) and self._more():
                continue
            self._at = end
            return value

    def _peek(self) -> str:
        """The next character that says something; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANK:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def _pass(self, wanted: str) -> None:
        if self._peek() != wanted:
            raise NoListError(self._text[self._at :][:_SHOWN])
        self._at += 1

    def _more(self) -> bool:
        """Bring the next chunk in; False when there is none."""
        if self._ended:
            return False
        chunk = self._read(CHUNK)
        self._ended = not chunk
        self._text = self._text[self._at :] + self._decode.decode(chunk, final=self._ended)
        self._at = 0
        return not self._ended
