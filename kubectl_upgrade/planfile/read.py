"""A plan file's bytes → a plan that may be applied, or every reason why not with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade import __version__
from kubectl_upgrade.model.errors import PlanError
from kubectl_upgrade.model.plan import Plan
from kubectl_upgrade.planfile.decode import decoder
from kubectl_upgrade.planfile.document import Document, DocumentError, compose
from kubectl_upgrade.planfile.invariants import check
from kubectl_upgrade.planfile.problem import Problem, dotted, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

# what `madeBy` says in plans of this version of the tool
MADE_BY = __version__.rpartition(".")[0]

_SHOWN = 10
_FIX = "correct the plan, or write a new one with `kubectl upgrade-cp plan`"


def load(data: bytes, name: str) -> Plan:
    """The plan in a file called `name`, sound in form and in meaning; PlanError lists what is wrong with it."""
    return judged(document_of(data, name), name)


def judged(document: Document, name: str) -> Plan:
    """The plan of a document; PlanError as load."""
    plan = _decode(document, name)
    refuse(check(plan), document, name)
    return plan


def read(data: bytes, name: str) -> Plan:
    """As load, but only the form is judged: the plan may be unsafe. For looking at it, never for applying it."""
    return _decode(document_of(data, name), name)


def document_of(data: bytes, name: str) -> Document:
    """Plain data with positions; PlanError when the file is no YAML that we read."""
    try:
        return compose(data)
    except DocumentError as error:
        line, column = error.position
        raise PlanError(f"{name}:{line}:{column}: {error.message}", error.fix or _FIX) from error


def _decode(document: Document, name: str) -> Plan:
    refuse(_made_elsewhere(document), document, name)
    problems: list[Problem] = []
    plan: Plan = decoder(Plan)(document.data, (), problems)
    refuse(problems, document, name)
    return plan


def _made_elsewhere(document: Document) -> list[Problem]:
    """Another version of the tool may mean something else by the same words, so that is said first and alone."""
    made_by = document.data.get("madeBy", MADE_BY) if isinstance(document.data, dict) else MADE_BY
    if made_by == MADE_BY:
        return []
    if not isinstance(made_by, str):
        return [Problem(("madeBy",), f"{shown(made_by)} is no text", f'write it in quotes: "{MADE_BY}"')]
    fix = f"use the version of the tool that made the plan, or plan again with this one ({__version__})"
    return [Problem(("madeBy",), f"the plan was made by {shown(made_by)}, this tool applies those of {MADE_BY}", fix)]


def refuse(problems: Sequence[Problem], document: Document, name: str) -> None:
    """Raise PlanError with every problem at its line, if there is any."""
    if not problems:
        return
    placed = sorted(((document.position(problem.where), problem) for problem in problems), key=lambda pair: pair[0])
    lines = [_line(name, position, problem) for position, problem in placed[:_SHOWN]]
    if len(placed) > _SHOWN:
        lines.append(f"{name}: {len(placed) - _SHOWN} more")
    raise PlanError("\n".join(lines), _FIX)


def _line(name: str, position: tuple[int, int], problem: Problem) -> str:
    where = dotted(problem.where) or "plan"
    fix = f" ({problem.fix})" if problem.fix else ""
    return f"{name}:{position[0]}:{position[1]}: {where}: {problem.message}{fix}"
