"""Measure the API's availability through the endpoint: reads and writes, each on a connection of its own."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from tests.lab.api import MERGE, Api
from tests.lab.errors import LabError

OBJECTS = "/api/v1/namespaces/default/configmaps"
NAME = "upgrade-cp-lab-probe"
EVERY = 0.05
REQUEST_LIMIT = 5
FIRST_FAILURES = 5


class Request(NamedTuple):
    """One request: when it began, how long it took, and what went wrong, if anything."""

    at: float
    took: float
    failure: str


@dataclass(frozen=True)
class Report:
    """What happened to one kind of request, in seconds; the gap is between two successes."""

    kind: str
    requests: int
    failures: int
    longest_gap: float
    p50: float
    p99: float
    first_failures: tuple[str, ...] = ()
    failed_again: int = 0
    """failures right after a failure: a client that tries once more would have noticed these only"""
    gap_after: float = 0.0
    """when the longest gap began, after the first request"""
    failed_at: tuple[int, ...] = ()
    """whole seconds after the first request in which one failed, once each"""

    def line(self) -> str:
        """Write it as one line of JSON."""
        return json.dumps(asdict(self))


def report(kind: str, requests: Sequence[Request]) -> Report:
    """Sum up what happened; pure."""
    good = [request for request in requests if not request.failure]
    ends = [request.at + request.took for request in good]
    if requests:  # an outage at the beginning or the end is a gap too
        ends = [requests[0].at, *ends, requests[-1].at + requests[-1].took]
    took = sorted(request.took for request in good)
    gap, gap_began = max(((later - earlier, earlier) for earlier, later in pairwise(ends)), default=(0.0, 0.0))
    start = requests[0].at if requests else 0.0
    return Report(
        kind=kind,
        requests=len(requests),
        failures=len(requests) - len(good),
        longest_gap=round(gap, 3),
        p50=_share(took, 0.5),
        p99=_share(took, 0.99),
        first_failures=tuple(request.failure for request in requests if request.failure)[:FIRST_FAILURES],
        failed_again=sum(bool(one.failure and other.failure) for one, other in pairwise(requests)),
        gap_after=round(max(0.0, gap_began - start), 1),
        failed_at=tuple(sorted({int(request.at - start) for request in requests if request.failure})),
    )


def _share(ordered: Sequence[float], part: float) -> float:
    return round(ordered[min(int(len(ordered) * part), len(ordered) - 1)], 4) if ordered else 0.0


class Probe:
    """A context that reads and writes all the while; ask it for reports then or afterwards."""

    def __init__(self, kubeconfig: Path) -> None:
        self._api = Api(kubeconfig, REQUEST_LIMIT)
        self._ended = threading.Event()
        self._requests: dict[str, list[Request]] = {"read": [], "write": []}
        self._threads = [
            threading.Thread(target=self._repeat, args=(kind,), name=f"probe-{kind}") for kind in self._requests
        ]

    def __enter__(self) -> Self:
        code, answer = self._api.ask("POST", OBJECTS, {"metadata": {"name": NAME}})
        if code not in (201, 409):
            raise LabError(f"the probe's object: {code}: {answer}")
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def read(self) -> Report:
        """What happened to the reads."""
        return report("read", tuple(self._requests["read"]))

    @property
    def write(self) -> Report:
        """What happened to the writes."""
        return report("write", tuple(self._requests["write"]))

    def _repeat(self, kind: str) -> None:
        done = self._requests[kind]
        while not self._ended.is_set():
            start = time.monotonic()
            failure = self._once(kind, len(done))
            took = time.monotonic() - start
            done.append(Request(start, took, failure))
            self._ended.wait(max(0.0, EVERY - took))

    def _once(self, kind: str, number: int) -> str:
        where = f"{OBJECTS}/{NAME}"
        try:
            if kind == "read":
                code, answer = self._api.ask("GET", where)
            else:
                code, answer = self._api.ask("PATCH", where, {"data": {"number": str(number)}}, MERGE)
        except (OSError, LabError) as error:
            return f"{type(error).__name__}: {error}"
        return "" if code == 200 else f"{code}: {answer}"[:200]
