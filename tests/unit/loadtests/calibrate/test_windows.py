"""A fault window as the client sees it: its edges, and requests that pass where all should be hit."""

from __future__ import annotations

import pytest
from nanoseconds import MS

from loadtests.calibrate.client import TimedAnswer
from loadtests.calibrate.windows import edges_of

PASSED, HIT = 200, 503


def answers(*taken: tuple[int, int, int]) -> list[TimedAnswer]:
    """Of requests in the order of their sending: sent and answered in ms, and the status."""
    return [
        TimedAnswer(number, sent * MS, sent_ns=sent * MS, answered_ns=answered * MS, status=status)
        for number, (sent, answered, status) in enumerate(taken)
    ]


@pytest.mark.parametrize(
    ("middle", "stray"),
    [
        ((30, 31, HIT), 0),
        ((30, 31, PASSED), 1),
        # In flight when the window began: the provider may have taken it before the one sent earlier.
        ((21, 29, PASSED), 0),
        # And while it ended.
        ((38, 45, PASSED), 0),
    ],
)
def test_a_request_that_was_in_flight_between_two_affected_ones_and_passed_is_counted(
    middle: tuple[int, int, int], stray: int
) -> None:
    seen = answers((10, 11, PASSED), (20, 25, HIT), middle, (40, 41, HIT), (50, 51, PASSED))
    rows = {row.what: row for row in edges_of("window", seen, (22.0 * MS, 42.0 * MS)).rows}
    assert rows["requests that passed in between"].observed == stray
    assert rows["requests that passed in between"].verdict == ("missed" if stray else "met")
    assert rows["start"].observed == rows["end"].observed == 0.0


def test_a_request_without_an_answer_in_the_window_was_not_hit() -> None:
    seen = answers((10, 11, PASSED), (20, 21, HIT), (30, 0, 0), (40, 41, HIT), (50, 51, PASSED))
    rows = {row.what: row for row in edges_of("window", seen, (15.0 * MS, 45.0 * MS)).rows}
    assert rows["requests that passed in between"].verdict == "missed"
