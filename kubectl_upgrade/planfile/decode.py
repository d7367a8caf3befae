"""Plain data → typed data. The types are the rules: whatever they do not name is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin

from kubectl_upgrade.model.plan import Argument, PlannedStep
from kubectl_upgrade.model.types import VERSION, OneOf, Pattern, Range, Size
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.problem import Problem, Where, shown
from kubectl_upgrade.planfile.shape import fields_of, members
from kubectl_upgrade.steps import STEPS

# takes a value, where it stands and the list to which its problems go; what it returns counts only without problems
Decoder: TypeAlias = Callable[[object, Where, list[Problem]], Any]

_ANY_SIZE = Size(0, 10_000)


def decoder(hint: Any) -> Decoder:
    """How a type of the model, or a step's class, is read."""
    return _decoder(hint)


@cache
def _decoder(hint: Any) -> Decoder:
    if hint is Version:
        return _text(VERSION, Version.parse)
    if hint is bool:
        return _switch
    if is_dataclass(hint):
        return _planned_step() if hint is PlannedStep else _object(hint)
    if members(hint):
        return _either({_kind(member): decoder(member) for member in members(hint)})
    return _generic(get_origin(hint), get_args(hint))


def _generic(origin: Any, arguments: tuple[Any, ...]) -> Decoder:
    if origin is Annotated:
        return _annotated(*arguments)
    if origin is Literal:
        return _choice(arguments)
    if origin is tuple:
        return _list(decoder(arguments[0]), _ANY_SIZE)
    if origin is dict:
        return _arguments
    raise TypeError(f"the plan file has no form for {origin}")


def _annotated(base: Any, mark: object) -> Decoder:
    if isinstance(mark, Pattern):
        return _text(mark, str)
    if isinstance(mark, OneOf):
        return _choice(mark.values)
    if isinstance(mark, Range):
        return _number(mark)
    if isinstance(mark, Size):
        return _list(decoder(get_args(base)[0]), mark)
    raise TypeError(f"the plan file has no rule {mark}")


def _text(pattern: Pattern, make: Callable[[str], Any]) -> Decoder:
    matches = re.compile(pattern.regex).fullmatch

    def decode(value: object, where: Where, problems: list[Problem]) -> Any:
        if isinstance(value, str) and matches(value):
            return make(value)
        quoted = isinstance(value, int | float) and not isinstance(value, bool) and matches(str(value))
        fix = f'write it in quotes: "{value}"' if quoted else ""
        problems.append(Problem(where, f"{shown(value)} is not {pattern.what or pattern.regex}", fix))
        return None

    return decode


def _choice(values: tuple[str, ...]) -> Decoder:
    def decode(value: object, where: Where, problems: list[Problem]) -> Any:
        if value not in values or not isinstance(value, str):
            problems.append(Problem(where, f"{shown(value)} is not one of: {', '.join(values)}"))
        return value

    return decode


def _number(bounds: Range) -> Decoder:
    def decode(value: object, where: Where, problems: list[Problem]) -> Any:
        if isinstance(value, bool) or not isinstance(value, int) or not bounds.low <= value <= bounds.high:
            message = f"{shown(value)} is not a whole number from {bounds.low} to {bounds.high}"
            problems.append(Problem(where, message))
        return value

    return decode


def _switch(value: object, where: Where, problems: list[Problem]) -> Any:
    if not isinstance(value, bool):
        problems.append(Problem(where, f"{shown(value)} is neither true nor false"))
    return value


def _list(item: Decoder, size: Size) -> Decoder:
    def decode(value: object, where: Where, problems: list[Problem]) -> Any:
        if not isinstance(value, list | tuple):
            problems.append(Problem(where, f"a list is wanted here, not {shown(value)}"))
            return ()
        if not size.low <= len(value) <= size.high:
            problems.append(Problem(where, f"{len(value)} items, where {size.low} to {size.high} may stand"))
        texts = [part for part in value if isinstance(part, str)]
        if len(texts) != len(set(texts)):
            problems.append(Problem(where, "an item stands here twice", "name each one once"))
        return tuple(item(part, (*where, index), problems) for index, part in enumerate(value))

    return decode


def _either(by_kind: Mapping[type, Decoder]) -> Decoder:
    names: dict[type, str] = {str: "a text", list: "a list", dict: "a mapping"}

    def decode(value: object, where: Where, problems: list[Problem]) -> Any:
        chosen = by_kind.get(type(value))
        if chosen is None:
            wanted = " or ".join(names[kind] for kind in by_kind)
            problems.append(Problem(where, f"{wanted} is wanted here, not {shown(value)}"))
            return None
        return chosen(value, where, problems)

    return decode


def _kind(hint: Any) -> type:
    """Which plain data a member of a union is told by."""
    if is_dataclass(hint):
        return dict
    return list if get_origin(hint) is tuple else str


def _object(cls: Any) -> Decoder:
    fields = {field.key: (field.name, decoder(field.type)) for field in fields_of(cls)}
    known = f"known: {', '.join(fields) or 'none'}"
    required = [field.key for field in fields_of(cls) if field.required]

    def decode(value: object, where: Where, problems: list[Problem]) -> Any:
        if not isinstance(value, Mapping):
            problems.append(Problem(where, f"a mapping is wanted here, not {shown(value)}"))
            return None
        arguments = {}
        for key, part in value.items():
            if key in fields:
                name, decode_part = fields[key]
                arguments[name] = decode_part(part, (*where, key), problems)
            else:
                problems.append(Problem((*where, key), f"no field is called {shown(key)} here", known))
        missing = [key for key in required if key not in value]
        if missing:
            problems.append(Problem(where, f"{', '.join(missing)} missing here"))
            return None
        return cls(**arguments)

    return decode


def _planned_step() -> Decoder:
    decode_shape = _object(PlannedStep)

    def decode(value: object, where: Where, problems: list[Problem]) -> Any:
        planned = decode_shape(value, where, problems)
        if planned is not None and isinstance(planned.do, str) and planned.do in STEPS:
            decoder(STEPS[planned.do])(planned.with_, (*where, "with"), problems)
        return planned

    return decode


def _arguments(value: object, where: Where, problems: list[Problem]) -> dict[str, Argument]:
    """A step's `with:` as it stands; the step's own class judges it."""
    if not isinstance(value, Mapping):
        problems.append(Problem(where, f"a mapping is wanted here, not {shown(value)}"))
        return {}
    return {key: tuple(part) if isinstance(part, list) else part for key, part in value.items()}
