"""How dataclasses stand in the file: their fields, keys, types and defaults."""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from kubectl_upgrade.model.types import OneOf
from kubectl_upgrade.planfile.choices import CHOICES


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a dataclass as the file has it."""

    name: str
    key: str
    """camelCase, without a trailing underscore"""
    type: Any
    """never None: a field without a value is left out"""
    required: bool
    default: Any
    """MISSING when there is none"""


def camel(name: str) -> str:
    """`timeout_seconds` → `timeoutSeconds`, `from_` → `from`."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(part.capitalize() for part in rest)


@cache
def fields_of(cls: type) -> tuple[Field, ...]:
    """In the order of the class. A field that can hold one value only is always written out: apiVersion, kind."""
    hints = get_type_hints(cls, include_extras=True)
    fields = []
    for field in dataclasses.fields(cls):
        default = field.default if field.default_factory is MISSING else field.default_factory()
        hint = _without_none(hints[field.name])
        if (cls, field.name) in CHOICES:
            hint = Annotated[str, OneOf(CHOICES[cls, field.name])]
        required = default is MISSING or _is_constant(hint)
        fields.append(Field(field.name, camel(field.name), hint, required, default))
    return tuple(fields)


def members(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a union, none for any other type."""
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else ()


def _without_none(hint: Any) -> Any:
    some = tuple(member for member in members(hint) if member is not NoneType)
    if not some:
        return hint
    return Union[some] if len(some) > 1 else some[0]  # noqa: UP007 - the members are known at run time only


def _is_constant(hint: Any) -> bool:
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return any(isinstance(mark, OneOf) and len(mark.values) == 1 for mark in marks)
