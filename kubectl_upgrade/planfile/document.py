"""A plan file's YAML, read strictly: a small, harmless part of YAML 1.2, with the position of every value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from kubectl_upgrade.model.types import HIDDEN
from kubectl_upgrade.planfile.problem import dotted, shown
from kubectl_upgrade.planfile.scalars import Scalar, resolve

if TYPE_CHECKING:
    from kubectl_upgrade.planfile.problem import Where

Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"
# line and column, both from 1
Position: TypeAlias = "tuple[int, int]"

MAX_BYTES = 4 * 2**20
MAX_DEPTH = 16
MAX_SCALAR = 8 * 2**10
# 20,000 workers have as many
MAX_VALUES = 100_000

_VERSION = (1, 2)
# a tab and a lone carriage return look like something else in half of all viewers; CRLF is git's on Windows
_UNSEEN = re.compile(rf"[{HIDDEN}](?<!\n)(?<!\r(?=\n))")


class DocumentError(Exception):
    """The file is no YAML that we read; `position` is where reading stopped."""

    def __init__(self, position: Position, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.position = position
        self.message = message
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data and where each value of it begins."""

    data: Plain
    positions: dict[Where, Position]

    def position(self, where: Where) -> Position:
        """Of the value, or of the innermost one around it that the file has."""
        while where not in self.positions and where:
            where = where[:-1]
        return self.positions.get(where, (1, 1))


def compose(data: bytes) -> Document:
    """Read one document; DocumentError for anything but plain mappings, lists and scalars."""
    if len(data) > MAX_BYTES:
        raise DocumentError((1, 1), f"the file has {len(data)} bytes; a plan has at most {MAX_BYTES}")
    composer = _Composer(_text(data))
    try:
        return composer.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = " ".join(part for part in (error.context, error.problem) if part)
        raise DocumentError(position, f"the YAML is broken: {reason}") from error
    except yaml.YAMLError as error:
        raise DocumentError((1, 1), "the YAML is broken: it holds characters that YAML does not allow") from error


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise DocumentError((data.count(b"\n", 0, error.start) + 1, 1), "the file is not UTF-8") from error
    unseen = _UNSEEN.search(text)
    if unseen:
        start = text.rfind("\n", 0, unseen.start())
        position = (text.count("\n", 0, unseen.start()) + 1, unseen.start() - start)
        raise DocumentError(
            position,
            f"the character U+{ord(unseen[0]):04X} cannot be seen, or hides what can",
            "indent with spaces" if unseen[0] == "\t" else "remove it",
        )
    return text


@dataclass(slots=True)
class _Composer:
    """libyaml's events → plain data; what YAML could do beyond that is refused as soon as it is met."""

    text: str
    positions: dict[Where, Position] = field(default_factory=dict)
    parser: yaml.CBaseLoader = field(init=False)

    def __post_init__(self) -> None:
        self.parser = yaml.CBaseLoader(self.text)

    def next(self) -> Any:
        """The next event; Any, because the stubs know neither anchors nor tags."""
        return self.parser.get_event()

    def document(self) -> Document:
        self.next()
        start = self.next()
        if not isinstance(start, yaml.DocumentStartEvent):
            raise DocumentError((1, 1), "the file is empty")
        if start.tags or start.version not in {None, _VERSION}:
            raise DocumentError(_position(start), "directives other than %YAML 1.2 are not read", "remove them")
        data = self.value(self.next(), ())
        self.next()
        following = self.next()
        if not isinstance(following, yaml.StreamEndEvent):
            raise DocumentError(_position(following), "a second document begins here", "keep one plan to a file")
        return Document(data, self.positions)

    def value(self, event: Any, where: Where) -> Plain:
        self.admit(event, where)
        self.positions[where] = _position(event)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(where)
        return self.mapping(where)

    def sequence(self, where: Where) -> list[Plain]:
        items: list[Plain] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            items.append(self.value(event, (*where, len(items))))
        return items

    def mapping(self, where: Where) -> dict[str, Plain]:
        entries: dict[str, Plain] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.key(event, where)
            if key in entries:
                raise DocumentError(_position(event), f"{shown(key)} stands here a second time", "keep one of them")
            entries[key] = self.value(self.next(), (*where, key))
        return entries

    def key(self, event: Any, where: Where) -> str:
        self.admit(event, where)
        key = _scalar(event) if isinstance(event, yaml.ScalarEvent) else None
        if not isinstance(key, str) or key == "<<":
            raise DocumentError(_position(event), f"a key of {dotted(where) or 'the plan'} is no plain text")
        return key

    def admit(self, event: Any, where: Where) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise DocumentError(_position(event), "anchors and aliases are not read", "write the value out in full")
        if event.tag is not None:
            raise DocumentError(_position(event), "tags are not read", "remove it; put text in quotes")
        if len(where) > MAX_DEPTH:
            raise DocumentError(_position(event), f"more than {MAX_DEPTH} levels of nesting")
        if len(self.positions) >= MAX_VALUES:
            raise DocumentError(_position(event), f"more than {MAX_VALUES} values")


def _position(event: Any) -> Position:
    return (event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(event: yaml.ScalarEvent) -> Scalar:
    if len(event.value) > MAX_SCALAR:
        raise DocumentError(_position(event), f"a value of more than {MAX_SCALAR} characters")
    if not event.implicit[0]:
        return str(event.value)
    try:
        return resolve(event.value)
    except ValueError as error:
        raise DocumentError(_position(event), str(error), "put it in quotes if it is text") from error
