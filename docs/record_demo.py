"""Run the demo in a terminal and write what it prints, at the moments it prints it, to docs/demo.svg."""  # noqa: INP001

from __future__ import annotations

import contextlib
import html
import os
import pty
import subprocess
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
ARGUMENTS = ("rehearse", "--pace", "15")
COLUMNS, ROWS = 120, 34
# Seconds
LENGTH = 25.0  # of the whole recording
WAIT = 1.5  # a longer one is cut to this
STEP = 0.025  # from one row to the next at least: a burst is seen scrolling by
HOLD = 4.5  # at least, on the last screen
# Pixels
FONT, ROW, CELL = 13, 18, 8  # CELL: the widest of the usual fonts
MARGIN, TITLE = 16, 34
WIDTH, HEIGHT = COLUMNS * CELL + 2 * MARGIN, TITLE + ROWS * ROW + 2 * MARGIN

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<style>
text {{
  font: {font}px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  fill: #d7dde4;
  white-space: pre;
}}
.title {{ fill: #8b949e; text-anchor: middle }}
.output {{ transform: translateY(-{end}px); animation: play {length:g}s step-end infinite }}
@keyframes play {{
{keyframes}
}}
@media (prefers-reduced-motion: reduce) {{ .output {{ animation: none }} }}
</style>
<rect x=".5" y=".5" width="{inner_width}" height="{inner_height}" rx="8" fill="#0d1117" stroke="#3d444d"/>
<path d="M.5 {title}h{inner_width}" stroke="#3d444d"/>
<circle cx="20" cy="17" r="6" fill="#f47067"/>
<circle cx="40" cy="17" r="6" fill="#e0b24a"/>
<circle cx="60" cy="17" r="6" fill="#57ab5a"/>
<text class="title" x="50%" y="22">{name}</text>
<svg x="{margin}" y="{top}" width="{view_width}" height="{view_height}">
<g class="output">
{rows}
</g>
</svg>
</svg>
"""


def record() -> list[tuple[float, str]]:
    """Each line that the demo printed, and the seconds from the first one to it."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (ROWS, COLUMNS))
    command = (ROOT / ".venv/bin/kubectl-upgrade_cp", *ARGUMENTS)
    environment = os.environ | {"TERM": "xterm-256color"}
    lines: list[tuple[float, str]] = []
    began = 0.0
    with (
        subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment) as demo,  # noqa: S603 - our own
        os.fdopen(ours, encoding="utf-8", newline="\r\n") as output,
    ):
        os.close(its)
        with contextlib.suppress(OSError):  # how Linux says that nobody has the other side open any more
            for ended in output:
                line = ended.removesuffix("\r\n")
                if not line.isprintable():
                    raise SystemExit(f"only plain lines can be recorded, not {line!r}")
                now = time.monotonic()
                began = began or now
                lines.append((now - began, line))
    if demo.returncode:
        raise SystemExit(f"the demo ended with {demo.returncode}; nothing is recorded")
    return lines


def rows_and_moments(lines: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Each row of the screen and the seconds from the recording's start to it."""
    rows: list[tuple[float, str]] = []
    last = now = shown = 0.0
    for moment, line in lines:
        now += min(moment - last, WAIT)
        last = moment
        for start in range(0, max(len(line), 1), COLUMNS):
            shown = max(now, shown + STEP)
            rows.append((shown, line[start : start + COLUMNS]))
    factor = min(1, (LENGTH - HOLD) / shown)
    return [(moment * factor, row) for moment, row in rows]


def svg(rows: list[tuple[float, str]]) -> str:
    """One column of text that starts below the window and moves up by a row when a row is printed."""
    scrolled = {"0.0": 0}
    for number, (moment, _) in enumerate(rows, start=1):
        scrolled[f"{moment / LENGTH:.1%}".removesuffix("%")] = number * ROW
    texts = (
        f'<text y="{(ROWS + number) * ROW + FONT}">{html.escape(row, quote=False)}</text>'
        for number, (_, row) in enumerate(rows)
        if row
    )
    return SVG.format(
        name=f"kubectl upgrade-cp {' '.join(ARGUMENTS)} (long waits cut)",
        keyframes="\n".join(f"{at}% {{ transform: translateY(-{by}px) }}" for at, by in scrolled.items()),
        rows="\n".join(texts),
        end=len(rows) * ROW,
        length=LENGTH,
        font=FONT,
        width=WIDTH,
        height=HEIGHT,
        inner_width=WIDTH - 1,
        inner_height=HEIGHT - 1,
        title=TITLE,
        margin=MARGIN,
        top=TITLE + MARGIN,
        view_width=COLUMNS * CELL,
        view_height=ROWS * ROW,
    )


if __name__ == "__main__":
    file = ROOT / "docs/demo.svg"
    file.write_text(svg(rows_and_moments(record())), encoding="utf-8")
    sys.stdout.write(f"{file.relative_to(ROOT)}: {file.stat().st_size} bytes\n")
