"""`--help` beside a program of typer's that does nothing."""

from __future__ import annotations

import subprocess
import sys

from bench.figures import figure, side_by_side


def main() -> None:
    """Each five times, in turn."""
    program = [sys.executable, "-c", "from kubectl_upgrade.cli.main import main; main()", "--help"]
    bare = [sys.executable, "-c", "import typer; app = typer.Typer(); app.command()(lambda: None); app()", "--help"]

    def run(words: list[str]) -> None:
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)

    ours, theirs = side_by_side(lambda: run(program), lambda: run(bare))
    figure("help-to-bare-typer", ours / theirs, "ratio", "<= 1.5")
    figure("help", 1000 * ours, "ms", "<= 400")


if __name__ == "__main__":
    main()
