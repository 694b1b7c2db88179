"""An error that repeats is in the log once a minute."""

from __future__ import annotations

import logging

import pytest

from reference_sender.runtime.failure_log import FailureLog

LOG = logging.getLogger("faults")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_an_outage_of_two_minutes_has_three_lines_and_one_at_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = FailureLog(LOG, "commit failed: %s", "the store")
    for fifth in range(125 * 5):
        failures.failed(fifth / 5, OSError("disk full"))
    assert lines(caplog) == ["commit failed: disk full"] * 3
    failures.worked(125.0)
    failures.worked(126.0)
    assert lines(caplog)[3:] == ["the store works again after 125.0 s (625 failures)"]


def test_another_error_is_written_at_once_and_texts_that_always_differ_are_few(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = FailureLog(LOG, "commit failed: %s", "the store")
    for text in ("disk full", "no connection", "disk full", "no connection"):
        failures.failed(0.0, OSError(text))
    assert lines(caplog) == ["commit failed: disk full", "commit failed: no connection"]
    for number in range(1_000):
        failures.failed(1.0, OSError(f"row {number}"))
    assert len(lines(caplog)) == 8


def test_what_fails_and_works_in_turn_is_written_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    failures = FailureLog(LOG, "commit failed: %s", "the store")
    for second in range(120):
        if second % 2:
            failures.worked(float(second))
        else:
            failures.failed(float(second), OSError("disk full"))
    assert lines(caplog) == ["commit failed: disk full"] * 2
