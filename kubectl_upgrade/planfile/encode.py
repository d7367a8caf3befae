"""Typed data → plain data, in the order of the fields; what has its default is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.shape import fields_of


def encode(value: Any) -> Any:
    """What a reader of the file would get. A step's arguments are kept as they stand, defaults as well."""
    if isinstance(value, Version):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = ((field, getattr(value, field.name)) for field in fields_of(type(value)))
        return {field.key: encode(part) for field, part in parts if field.required or part != field.default}
    if isinstance(value, Mapping):
        return {key: encode(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return [encode(part) for part in value]
    return value
