"""What each check is, read off its code, so that help and documentation cannot say anything else."""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import dataclass
from textwrap import dedent
from types import FunctionType
from typing import TYPE_CHECKING

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.model.finding import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Check

_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A check, for a person."""

    name: str
    what: str
    """what it demands, in one line: its module's docstring"""
    incident: str
    """what it prevents: its class's docstring"""
    mandatory: bool
    kubeadm_errors: tuple[str, ...]
    only_before: bool
    levels: tuple[str, ...]
    """of its findings, the worst first"""
    some_unwaivable: bool
    """of a check that may be waived: some of its findings may not"""
    waivable: bool
    """some of its findings stop, and may be accepted"""
    attributes: frozenset[str]
    """what its code asks of a name, such as `facts.nodes` and `host.kubelet`"""


def about(name: str) -> About:
    """KeyError when there is no such check."""
    check = CHECKS[name]
    attributes = frozenset(_attributes(check))
    return About(
        name=name,
        what=_paragraph(sys.modules[type(check).__module__].__doc__),
        incident=_paragraph(type(check).__doc__),
        mandatory=check.MANDATORY,
        kubeadm_errors=check.KUBEADM_ERRORS,
        only_before=check.ONLY_BEFORE,
        levels=tuple(level.value for level in reversed(Level) if f"Level.{level.name}" in attributes),
        some_unwaivable=not check.MANDATORY and any(word.arg == "waivable" for word in _keywords(check)),
        waivable=not check.MANDATORY and "Level.BLOCKER" in attributes,
        attributes=attributes,
    )


def _attributes(check: Check) -> Iterator[str]:
    for node in _code(check):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def _keywords(check: Check) -> Iterator[ast.keyword]:
    return (word for node in _code(check) if isinstance(node, ast.Call) for word in node.keywords)


def _code(check: Check) -> Iterator[ast.AST]:
    """Of the class, of our functions that it calls, wherever they are, and of what the checks build."""
    waiting: list[FunctionType | type] = [type(check)]
    seen = {*waiting}
    while waiting:
        source = waiting.pop()
        names = sys.modules[source.__module__].__dict__
        for node in ast.walk(ast.parse(dedent(inspect.getsource(source)))):
            yield node
            called = names.get(node.id) if isinstance(node, ast.Name) else None
            if isinstance(called, FunctionType | type) and called not in seen and _ours(called):
                seen.add(called)
                waiting.append(called)


def _ours(called: FunctionType | type) -> bool:
    return called.__module__.startswith(_PACKAGE if isinstance(called, FunctionType) else f"{_PACKAGE}.checks.")


def _paragraph(text: str | None) -> str:
    """In one line."""
    return " ".join((text or "").split())
