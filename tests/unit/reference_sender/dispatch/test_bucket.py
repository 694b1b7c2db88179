from __future__ import annotations

import pytest

from reference_sender.dispatch.bucket import TokenBucket

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("rate_per_s", "need", "wait_ns"),
    [
        (1.0, 1, SECOND),  # 1 / 1
        (3.0, 1, 333_333_334),  # 1/3 s, rounded up: never early
        (3.0, 3, SECOND),  # three thirds are one second again: nothing is lost to rounding
        (0.5, 2, 4 * SECOND),  # 2 / 0.5
        (1e9, 5, 5),
    ],
)
def test_an_empty_bucket_is_ready_when_the_sum_says(rate_per_s: float, need: int, wait_ns: int) -> None:
    bucket = TokenBucket(rate_per_s, burst=10)
    assert bucket.available(0) == 10
    bucket.spend(10)
    assert bucket.ready_ns(0, need) == wait_ns
    assert bucket.available(wait_ns - 1) == need - 1
    assert bucket.available(wait_ns) == need


def test_a_bucket_saves_up_no_more_than_its_burst() -> None:
    bucket = TokenBucket(100.0, burst=5.9)
    assert bucket.available(3600 * SECOND) == bucket.capacity == 5


def test_a_drained_bucket_saves_up_again_only_from_then_on() -> None:
    bucket = TokenBucket(10.0, burst=50)
    bucket.drain(3 * SECOND)
    assert bucket.available(2 * SECOND) == 0
    assert bucket.ready_ns(2 * SECOND, 1) == 3 * SECOND + SECOND // 10
    assert bucket.available(4 * SECOND) == 10


@pytest.mark.parametrize(("rate_per_s", "burst"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.5)])
def test_a_bucket_that_could_never_give_a_token_is_refused(rate_per_s: float, burst: float) -> None:
    with pytest.raises(ValueError, match="rate > 0"):
        TokenBucket(rate_per_s, burst)
