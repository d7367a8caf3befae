"""Every benchmark that needs no lab, each in a process of its own: `python -m bench`. Figures are JSON lines."""

from __future__ import annotations

import subprocess
import sys

from bench.figures import tell

PARTS = ("start", "scale_plan_file", "scale_apply", "ssh_25", "scale_plan")


def main(parts: tuple[str, ...] = PARTS) -> int:
    """Run them one after the other; 1 if one could not be measured. How fast something is fails nothing."""
    failed = []
    for part in parts:
        tell(part)
        if subprocess.run([sys.executable, "-m", f"bench.{part}"], check=False).returncode:
            tell(f"{part} failed")
            failed.append(part)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or PARTS))
