"""`kubectl upgrade-cp`: the commands, and the one place where errors become exit codes."""

from __future__ import annotations

import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

import typer

from kubectl_upgrade import __version__
from kubectl_upgrade.cli import abort, apply, check, explain, plan, rehearse, show, status, validate
from kubectl_upgrade.cli.running import tell
from kubectl_upgrade.model.errors import UpgradeError
from kubectl_upgrade.world.state import default_root

PROG = "kubectl upgrade-cp"

app = typer.Typer(
    help="Upgrade a kubeadm cluster from a plan file that a person has reviewed.",
    epilog="Exit codes: 0 done, 1 a bug, 2 usage, 3 plan invalid or stale, 4 a check blocks, "
    "5 a step failed or still runs, 6 no access, 7 locked by someone else, 8 stopped on request, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    # tables cut long flags off where a terminal has 80 columns
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("plan", short_help="Look at the cluster, write the plan of its upgrade.")(plan.plan)
app.command("check", short_help="Print what stands in the way of an upgrade.")(check.check)
app.command("explain", short_help="Say what a check or a step is.")(explain.explain)
app.command("show", short_help="Print every step of a plan on every node.")(show.show)
app.command("validate", short_help="Check a plan file, print its digest.")(validate.validate)
app.command("apply", short_help="Do exactly what the plan says.")(apply.apply)
app.command("status", short_help="Say what a run is doing.")(status.status)
app.command("abort", short_help="End a stopped run, undo what is its own.")(abort.abort)
app.command("rehearse", short_help="Run a plan on a simulated cluster.")(rehearse.rehearse)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    *, version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False
) -> None:
    del version


def main() -> None:
    """Run, and end with an exit code of model/errors.py; a traceback goes to a file, never to a person."""
    try:
        app(prog_name=PROG)
    except UpgradeError as error:
        tell(f"error: {error.message}")
        if error.fix:
            tell(f"   -> {error.fix}")
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - the last handler there is
        tell(f"error: this is a bug in upgrade-cp; nothing on the nodes was killed by it. Details: {_keep_traceback()}")
        tell("   -> please report it with that file; `apply` again is safe and goes on where it stopped")
        sys.exit(1)


def _keep_traceback() -> Path:
    """Where it is: in the state folder, else among the temporary files."""
    text = f"upgrade-cp {__version__}, Python {sys.version}\n\n{traceback.format_exc()}"
    file = default_root() / f"bug-{datetime.now(UTC):%Y%m%dT%H%M%S}.txt"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(text)
    except OSError:
        with NamedTemporaryFile("w", prefix="upgrade-cp-bug-", suffix=".txt", delete=False) as kept:
            kept.write(text)
        return Path(kept.name)
    return file
