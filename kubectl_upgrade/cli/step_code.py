"""What a step asks of nodes and runs there, read off its code: without a plan there is no step to ask."""

from __future__ import annotations

import ast
import inspect
from textwrap import dedent
from typing import TYPE_CHECKING

from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.packages import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.steps.base import Step


def asks(step: type[Step]) -> tuple[str, ...]:
    """Names of facts."""
    texts = (text for call in _calls(step, "probe_hosts") for part in ast.walk(call) for text in _text(part))
    return tuple(dict.fromkeys(text for text in texts if text in FACTS))


def runs(step: type[Step]) -> tuple[str, ...]:
    """Names of actions; where they hang on the package family, of each family."""
    return tuple(dict.fromkeys(name for call in _calls(step, "Action") for name in _names(step, call.args[0])))


def _names(step: type[Step], word: ast.expr) -> Iterator[str]:
    yield from _text(word)
    if isinstance(word, ast.Attribute) and isinstance(word.value, ast.Name) and word.value.id == "self":
        yield getattr(step, word.attr)
    elif isinstance(word, ast.Attribute):
        yield from (getattr(family, word.attr) for family in FAMILIES.values())


def _calls(step: type[Step], name: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(dedent(inspect.getsource(step)))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def _text(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
