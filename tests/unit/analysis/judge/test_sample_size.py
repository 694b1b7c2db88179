"""The words about messages that count as fewer."""

from __future__ import annotations

import pytest

from analysis.judge.sample_size import count_as


@pytest.mark.parametrize(
    ("independent", "of", "expected"),
    [
        (219.0, 219, "count as about 219 independent ones"),  # were 220
        (219.0, None, "count as about 220 independent ones"),
        (120.4, 219, "count as about 120 independent ones"),
        (9.53, 3_000, "count as about 9.5 independent ones"),
        (1.4, 219, "count as hardly more than one"),
    ],
)
def test_messages_do_not_count_as_more_than_they_are(
    independent: float, of: int | None, expected: str
) -> None:
    assert count_as(independent, of) == expected
