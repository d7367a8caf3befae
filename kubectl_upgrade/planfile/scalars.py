"""YAML's plain scalars: what YAML 1.2 makes of them, and which texts other readers would misread without quotes."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import yaml

Scalar: TypeAlias = "bool | int | float | str | None"

# the core schema: https://yaml.org/spec/1.2.2/#1032-tag-resolution
_CORE = re.compile(
    r"(?P<null>null|Null|NULL|~|)"
    r"|(?P<true>true|True|TRUE)|(?P<false>false|False|FALSE)"
    r"|(?P<decimal>[-+]?[0-9]+)|0o(?P<octal>[0-7]+)|0x(?P<hexadecimal>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_WORDS: dict[str, bool | None] = {"null": None, "true": True, "false": False}
_BASES = {"decimal": 10, "octal": 8, "hexadecimal": 16}
# far above any number of a plan, far below what makes int() slow
_DIGITS = 18

# words, versions, hashes, addresses, short sentences; the rest is quoted without asking whether it must be
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._/@+()%-]|:(?=[A-Za-z0-9/+]))*(?<! )")
_ONE_LETTER_BOOLEANS = frozenset("yYnN")
_YAML_1_1: Any = yaml.resolver.Resolver()
_TEXT = "tag:yaml.org,2002:str"


def resolve(text: str) -> Scalar:
    """The value of a plain scalar by YAML 1.2's core schema; ValueError for a number too large to be meant."""
    match = _CORE.fullmatch(text)
    if match is None:
        return text
    kind = match.lastgroup or ""
    if kind in _WORDS:
        return _WORDS[kind]
    if len(text) > _DIGITS:
        raise ValueError("a number of so many digits")
    if kind == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return int(match[kind], _BASES[kind])


def stays_text(text: str) -> bool:
    """Does this text, written without quotes, remain itself for readers of YAML 1.2 and 1.1 alike?"""
    return (
        _PLAIN.fullmatch(text) is not None
        and _CORE.fullmatch(text) is None
        and text not in _ONE_LETTER_BOOLEANS
        and _YAML_1_1.resolve(yaml.ScalarNode, text, (True, False)) == _TEXT
    )
