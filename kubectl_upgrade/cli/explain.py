"""`explain`: what a check or a step is, why it is there, and how to live with it."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kubectl_upgrade.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.about import About
    from kubectl_upgrade.steps.base import Step

_WIDTH = 100
_KEY = 15


def explain(
    name: Annotated[
        str, typer.Argument(metavar="CHECK|STEP", help="A name as in a plan; without one, all are listed.")
    ] = "",
) -> None:
    """Say what a check or a step is: what it reads or runs, what it prevents, and how it may be waived or taken back.

    Contacts nothing.
    """
    from kubectl_upgrade.checks import CHECKS
    from kubectl_upgrade.steps import STEPS

    if not name:
        lines = _list()
    elif name in CHECKS:
        lines = _check(name)
    elif name in STEPS:
        lines = _step(name, STEPS[name])
    else:
        close = get_close_matches(name.lower().replace("_", "-"), [*CHECKS, *STEPS], n=3, cutoff=0.5)
        meant = f"did you mean {' or '.join(close)}? " if close else ""
        raise UsageError(
            f"no check and no step is called {name!r}", fix=f"{meant}`kubectl upgrade-cp explain` lists all"
        )
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _list() -> Iterator[str]:
    from kubectl_upgrade.checks import CHECKS
    from kubectl_upgrade.checks.about import about
    from kubectl_upgrade.steps import STEPS

    width = max(map(len, (*CHECKS, *STEPS)))
    yield "Checks, * may be waived:"
    for name in CHECKS:
        found = about(name)
        yield f"{'*' if found.waivable else ' '} {name:<{width}}  {found.what}"
    yield ""
    yield "Steps:"
    for name, step in STEPS.items():
        yield f"  {name:<{width}}  {step.TITLE}"


def _check(name: str) -> Iterator[str]:
    from kubectl_upgrade.checks.about import about

    found = about(name)
    yield from _head(name, "check", found.what, found.incident)
    yield from _pair("finds", ", ".join(found.levels))
    yield from _pair("reads", _read(name))
    if found.kubeadm_errors:
        yield from _pair("kubeadm", f"a waiver lets steps ignore {', '.join(found.kubeadm_errors)}")
    yield from _pair("stops", _when(found))
    yield from _pair("waive", _waive(found))


def _step(name: str, step: type[Step]) -> Iterator[str]:
    from kubectl_upgrade.cli.step_code import asks, runs

    yield from _head(name, "step", step.TITLE, step.__doc__ or "")
    yield from _pair("on", "the whole cluster" if step.ON == "cluster" else "a node")
    yield from _pair("kind", _kind(step))
    asked, run = asks(step), runs(step)
    if asked:
        yield from _pair("reads", f"on nodes: {', '.join(asked)}")
    if run:
        yield from _pair("runs", f"{', '.join(run)} on the node; `show PLAN --text` prints it")
    if step.CHANGES:
        yield from _pair("changes", f"of what the plan pins: {', '.join(sorted(step.CHANGES))}")
    if not step.WAITS:
        yield from _pair("taken back", step.UNDO or "it is not")
    for field in _fields(step):
        yield from _pair("with", field)


def _head(name: str, kind: str, what: str, why: str) -> Iterator[str]:
    yield f"{name} ({kind}): {what}"
    yield ""
    yield fill(" ".join(why.split()), _WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield ""


def _pair(key: str, words: str) -> Iterator[str]:
    yield fill(words, _WIDTH, initial_indent=f"  {key:<{_KEY - 2}}", subsequent_indent=" " * _KEY)


def _read(name: str) -> str:
    from kubectl_upgrade.cli.reads import reads

    found = reads(name)
    parts = [f"of the API: {', '.join(found.cluster)}"] if found.cluster else []
    parts += [f"on nodes: {', '.join(found.nodes)}"] if found.nodes else []
    return "; ".join(parts) or "nothing but the target"


def _when(found: About) -> str:
    if "blocker" not in found.levels:
        return "nothing: it only tells"
    applies = "an apply that has changed nothing yet; later it is told" if found.only_before else "every apply"
    return f"plan and check (exit 4), and {applies}"


def _waive(found: About) -> str:
    if "blocker" not in found.levels:
        return "nothing to waive"
    if found.mandatory:
        return "never: mend what it names"
    some = " (not every finding of it: one that may not keeps blocking)" if found.some_unwaivable else ""
    return f"--waive '{found.name}=REASON@until=YYYY-MM-DD' with plan or check{some}"


def _kind(step: type[Step]) -> str:
    if step.WAITS:
        return "a wait: changes nothing and runs again on every resume"
    return "harmless: takes nothing away from its node, many nodes at once" if step.HARMLESS else "a change"


def _fields(step: Any) -> Iterator[str]:
    """What stands in a plan's `with`, its default and its meaning."""
    from kubectl_upgrade.planfile.descriptions import descriptions_of
    from kubectl_upgrade.planfile.encode import encode
    from kubectl_upgrade.planfile.shape import fields_of

    described = descriptions_of(step)
    for field in fields_of(step):
        value = "required" if field.required else f"default {_word(encode(field.default))}"
        meaning = f": {described[field.name]}" if field.name in described else ""
        yield f"{field.key} ({value}){meaning}"


def _word(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else f"{value}"
