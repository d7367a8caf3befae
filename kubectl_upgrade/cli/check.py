"""`check`: what stands in the way of an upgrade, without a plan."""

from __future__ import annotations

import json
import sys
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kubectl_upgrade.cli.connection import Connection, connected
from kubectl_upgrade.cli.findings import MARKS, worst_first
from kubectl_upgrade.cli.looking import ProbeWorkers, ProbeWorkersFlag, look
from kubectl_upgrade.cli.running import run
from kubectl_upgrade.cli.target import To, wish_of
from kubectl_upgrade.cli.waivers import Force, Waive, WaiveUntil, waivers_of
from kubectl_upgrade.model.errors import PreflightError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_upgrade.checks.judge import Judgement
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.version import Version


class Output(Enum):
    """How it is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@connected
def check(
    *,
    connection: Connection,
    to: To = "",
    output: Annotated[
        Output, typer.Option("--output", "-o", help="table, or the same as json or yaml with stable keys.")
    ] = Output.TABLE,
    waive: Waive = None,
    waive_until: WaiveUntil = "",
    force: Force = False,
    probe_workers: ProbeWorkersFlag = ProbeWorkers.AUTO,
) -> None:
    """Look at the cluster and print what the checks of its upgrade find; writes no plan, nothing is changed.

    Exits 4 when a check blocks. `explain CHECK` says what a check is there for.
    """
    from kubectl_upgrade.checks.judge import blockers

    wish = wish_of(to)
    waived, _ = waivers_of(waive, waive_until, force=force)
    world = connection.world()
    facts, target, judgements = run(world, look(world, wish, waived, probe_workers.value))
    sys.stdout.write(printed(facts, target, judgements, output))
    sys.stdout.flush()
    stops = len(blockers(judgements))
    if stops:
        raise PreflightError(
            f"{stops} finding(s) block the upgrade to {target}",
            fix="mend what they name; `kubectl upgrade-cp explain CHECK` says whether and how it may be waived",
        )


def printed(facts: Facts, target: Version, judgements: Sequence[Judgement], output: Output) -> str:
    """For standard output."""
    if output is Output.TABLE:
        return "".join(f"{line}\n" for line in _table(worst_first(judgements)))
    report = {
        "cluster": facts.kubeadm_config.cluster_name,
        "from": str(facts.kubeadm_config.kubernetes_version),
        "to": str(target),
        "checks": [_entry(judgement) for judgement in judgements],
    }
    if output is Output.JSON:
        return json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    import yaml

    return yaml.safe_dump(report, sort_keys=False, allow_unicode=True, width=120)


def _entry(judgement: Judgement) -> dict[str, Any]:
    """Every key is there in every entry: `node` is null for a finding of the whole cluster."""
    finding = judgement.finding
    return {
        "check": judgement.check,
        "result": judgement.result,
        "node": finding.node if finding else None,
        "message": finding.message if finding else "",
        "fix": finding.fix if finding else "",
    }


def _table(judgements: Sequence[Judgement]) -> Iterator[str]:
    rows = [("RESULT", "CHECK", "NODE", "FINDING")]
    rows += [(MARKS[j.result], j.check, *_words(j)) for j in judgements]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "   ".join([*cells, row[3]]).rstrip()


def _words(judgement: Judgement) -> tuple[str, str]:
    """Node and finding."""
    finding = judgement.finding
    if finding is None:
        return "", ""
    message = " ".join(finding.message.split())
    return finding.node or "", f"{message} -> {finding.fix}" if finding.fix else message
