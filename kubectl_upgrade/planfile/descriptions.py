"""What the texts under the fields of a class say."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise


def descriptions_of(cls: type) -> dict[str, str]:
    """Field name → the docstring under it; none when the class's source is not at hand."""
    try:
        source = inspect.getsource(cls)
    except OSError:
        return {}
    (definition,) = ast.parse(inspect.cleandoc(source)).body
    if not isinstance(definition, ast.ClassDef):
        return {}
    return {
        before.target.id: inspect.cleandoc(after.value.value)
        for before, after in pairwise(definition.body)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    }
