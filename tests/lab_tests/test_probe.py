"""The probe's report counts failures and measures the longest time without a success."""

import json

from tests.lab.probe import Request, report


def test_a_gap_lasts_from_success_to_success() -> None:
    requests = [Request(0, 0.1, ""), Request(1, 0.1, "refused"), Request(2, 0.1, "refused"), Request(3, 0.5, "")]
    found = report("write", requests)
    assert (found.requests, found.failures, found.longest_gap) == (4, 2, 3.4)
    assert found.first_failures == ("refused", "refused")
    assert (found.gap_after, found.failed_at) == (0.1, (1, 2))


def test_an_outage_that_never_ends_is_a_gap() -> None:
    assert report("write", [Request(0, 1, ""), Request(1, 5, "timed out")]).longest_gap == 5


def test_a_failure_counts_again_when_the_one_before_failed_too() -> None:
    failures = ["", "refused", "", "refused", "refused", "refused", ""]
    requests = [Request(number, 0.1, failure) for number, failure in enumerate(failures)]
    assert report("read", requests).failed_again == 2
    assert report("read", requests[:3]).failed_again == 0


def test_nothing_asked_is_nothing_failed() -> None:
    assert report("read", []).failures == 0


def test_percentiles_are_of_the_successes() -> None:
    found = report("read", [Request(number, number / 100, "") for number in range(100)] + [Request(100, 9, "late")])
    assert (found.p50, found.p99) == (0.5, 0.99)


def test_a_report_is_one_line_of_json() -> None:
    line = report("read", [Request(0, 0.1, "")]).line()
    assert json.loads(line)["kind"] == "read"
    assert "\n" not in line
