"""docs/checks.md, written from the checks themselves and from the names of their tests."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.about import about
from kubectl_upgrade.cli.reads import reads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.about import About

# in the repository, which is where this module is run as a program
_REPOSITORY = Path(__file__).parents[2]
PUBLISHED = _REPOSITORY / "docs/checks.md"
_HEAD = """\
# Checks

Written by `make docs` from the code; `kubectl upgrade-cp explain CHECK` says the same of one of them.

`plan`, `check` and `apply` judge what they found on the cluster by every check in this order. A *blocker* stops: `plan`
and `check` exit 4, `apply` refuses. *warn* and *info* only tell. A blocker that may be waived is accepted with
`plan --waive 'CHECK=REASON@until=YYYY-MM-DD'`: the waiver stands in the plan for its reviewer, and lets kubeadm ignore
the preflight errors that are named here. *At first*: a blocker stops a run that has changed nothing yet; later it is
told, for a half-done upgrade is worse. What could not be observed is a finding, never a pass.

| Check | Finds | May be waived | Stops an apply | Demands |
|---|---|---|---|---|
"""


def page() -> str:
    """As it is published."""
    found = [about(name) for name in CHECKS]
    rows = "".join(f"| {' | '.join(_row(check))} |\n" for check in found)
    return _HEAD + rows + "".join(f"\n{line}\n" for check in found for line in _section(check))


def _row(check: About) -> Iterator[str]:
    yield f"[{check.name}](#{check.name})"
    yield ", ".join(check.levels)
    if "blocker" not in check.levels:
        yield "-"
        yield "-"
    else:
        yield "no" if check.mandatory else "some findings" if check.some_unwaivable else "yes"
        yield "at first" if check.only_before else "always"
    yield check.what.removesuffix(".")


def _section(check: About) -> Iterator[str]:
    yield f"## {check.name}"
    yield check.incident
    looked = reads(check.name)
    nodes = ", ".join(f"[{fact}](../kubectl_upgrade/node/facts/{fact}.sh)" for fact in looked.nodes)
    cluster = ", ".join(f"`{field}`" for field in looked.cluster)
    parts = filter(None, (cluster, f"of nodes {nodes}" if nodes else ""))
    lines = [f"Reads {' and '.join(parts) or 'nothing but the target'}."]
    if check.kubeadm_errors:
        lines.append(f"Waived, kubeadm may ignore {', '.join(check.kubeadm_errors)}.")
    lines += _tested(check.name)
    yield "\n".join(f"- {line}" for line in lines)


def _tested(name: str) -> Iterator[str]:
    """The tests that name the check or its class, by what their own names say."""
    names = {name, type(CHECKS[name]).__name__}
    for path, tests in _mentions().items():
        found = [test for test, words in tests.items() if names & words]
        if found:
            told = "; ".join(test.removeprefix("test_").replace("_", " ") for test in found)
            yield f"Tests in [{path}](../{path}): {told}."


@cache
def _mentions() -> dict[str, dict[str, frozenset[str]]]:
    """Test file → test → the names and texts in it, and in the helpers of that file that it calls."""
    files = [*_REPOSITORY.glob("tests/checks/test_*.py"), *_REPOSITORY.glob("tests/e2e/test_*.py")]
    return {str(file.relative_to(_REPOSITORY)): _tests(file) for file in sorted(files)}


def _tests(file: Path) -> dict[str, frozenset[str]]:
    tree = ast.parse(file.read_text())
    # what stands at the top of a file is what all of it is about: CHECK = "cgroup-v1"
    top = {word for node in tree.body if isinstance(node, ast.Assign) for word in _words(node)}
    functions = {n.name: set(_words(n)) for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    found = {}
    for test, words in functions.items():
        helped = set[str]().union(*(functions[name] for name in words & functions.keys()))
        found[test] = frozenset(words | helped | top)
    return {test: words for test, words in found.items() if test.startswith("test_")}


def _words(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
        elif isinstance(part, ast.Name):
            yield part.id


if __name__ == "__main__":
    PUBLISHED.write_text(page())
