"""How many changes to the rules a test notices. `make mutation`; settings in pyproject.toml, [tool.mutmut]."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.resilience.figures import figure

MUTMUT = Path(sys.executable).with_name("mutmut")


def main() -> int:
    """Run mutmut, print its score and the changes that nobody noticed."""
    subprocess.run([MUTMUT, "run"], check=False)
    subprocess.run([MUTMUT, "export-cicd-stats"], check=True)
    stats = json.loads(Path("mutants/mutmut-cicd-stats.json").read_text())
    noticed = stats["killed"] + stats["timeout"] + stats["suspicious"]
    tried = noticed + stats["survived"] + stats["no_tests"]
    figure("mutation-score", round(100 * noticed / tried, 1), "%", ">= 90")
    figure("mutation-tried", tried, "changes", ">= 1000")
    return 0


if __name__ == "__main__":
    sys.exit(main())
