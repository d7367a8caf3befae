"""How long each part took: one line each on stderr, and JSON lines in a file."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path


class Timings:
    """Measures the parts of one command."""

    def __init__(self, file: Path) -> None:
        """Append to `file`."""
        self.seconds: dict[str, float] = {}
        self._file = file
        self._lock = threading.Lock()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure what runs inside; a part that fails is not recorded."""
        start = time.monotonic()
        yield
        self._record(name, time.monotonic() - start)

    def _record(self, name: str, seconds: float) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        line = json.dumps({"name": name, "value": round(seconds, 2), "unit": "s", "at": at})
        with self._lock:
            self.seconds[name] = seconds
            sys.stderr.write(f"lab: {seconds:6.1f} s  {name}\n")
            sys.stderr.flush()
            with self._file.open("a") as file:
                file.write(line + "\n")
