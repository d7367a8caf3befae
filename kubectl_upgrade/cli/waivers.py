"""What a person accepts: --waive, --waive-until and --force."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, TypeAlias

import typer

from kubectl_upgrade.model.errors import UsageError
from kubectl_upgrade.model.types import visible

Waive: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--waive",
        metavar="CHECK=REASON[@until=DATE]",
        help="Accept what a check finds, until that day; repeat for more.",
    ),
]
WaiveUntil: TypeAlias = Annotated[
    str,
    typer.Option(
        "--waive-until",
        metavar="DATE",
        help="Last day of --force and of each --waive that names none, such as 2027-01-31.",
        show_default=False,
    ),
]
Force: TypeAlias = Annotated[
    bool,
    typer.Option("--force", help="Accept nodes that are marked as being upgraded (waives no-upgrade-in-process)."),
]
_UNTIL = "@until="
_FORCED = "no-upgrade-in-process"


def waivers_of(words: list[str] | None, until: str, *, force: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Check → reason, and check → last day; UsageError for what no plan could hold."""
    default = _day("--waive-until", until) if until else ""
    reasons = {_FORCED: "planned with --force"} if force else {}
    days = dict.fromkeys(reasons, default)
    for word in words or []:
        name, _, rest = word.partition("=")
        reason, sign, day = rest.rpartition(_UNTIL) if _UNTIL in rest else (rest, "", "")
        reasons[name] = _reason(word, name, reason)
        days[name] = _day(f"--waive {word!r}", day) if sign else default
    endless = [name for name, day in days.items() if not day]
    if endless:
        raise UsageError(
            f"a waiver must end, and that of {', '.join(endless)} does not",
            fix="--waive CHECK=REASON@until=YYYY-MM-DD, or --waive-until YYYY-MM-DD for all",
        )
    return reasons, days


def _reason(word: str, name: str, reason: str) -> str:
    from kubectl_upgrade.checks import CHECKS
    from kubectl_upgrade.checks.about import about

    check = CHECKS.get(name)
    if check is None or check.MANDATORY or not reason.strip():
        waivable = ", ".join(key for key in CHECKS if about(key).waivable)
        why = "needs a reason" if check is not None and not check.MANDATORY else "names no check that may be waived"
        raise UsageError(f"--waive {word!r} {why}", fix=f"--waive CHECK=REASON@until=DATE, CHECK one of: {waivable}")
    if visible(reason) != reason:
        raise UsageError(
            f"--waive {word!r}: the reason is too long, or holds what cannot be seen", fix="say it plainly"
        )
    return reason.strip()


def _day(flag: str, text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {text!r} is no date", fix="such as 2027-01-31") from error
    if day < datetime.now(UTC).date():
        raise UsageError(f"{flag}: {text} is past", fix="name a day to come")
    return day.isoformat()
