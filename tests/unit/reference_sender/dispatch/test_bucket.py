from __future__ import annotations

import pytest
from nanoseconds import S

from reference_sender.dispatch.bucket import RateBucket


@pytest.mark.parametrize(
    ("rate_per_s", "need", "wait_ns"),
    [
        (1.0, 1, S),  # 1 / 1
        (3.0, 1, 333_333_334),  # 1/3 s, rounded up: never early
        (3.0, 3, S),  # three thirds are one second again: nothing is lost to rounding
        (0.5, 2, 4 * S),  # 2 / 0.5
        (1e9, 5, 5),
    ],
)
def test_an_empty_bucket_is_ready_when_the_sum_says(rate_per_s: float, need: int, wait_ns: int) -> None:
    bucket = RateBucket(rate_per_s, burst=10)
    assert bucket.available(0) == 10
    bucket.spend(10)
    assert bucket.ready_ns(0, need) == wait_ns
    assert bucket.available(wait_ns - 1) == need - 1
    assert bucket.available(wait_ns) == need


def test_a_bucket_saves_up_no_more_than_its_burst() -> None:
    bucket = RateBucket(100.0, burst=5.9)
    assert bucket.available(3600 * S) == bucket.capacity == 5


def test_a_drained_bucket_saves_up_again_only_from_then_on() -> None:
    bucket = RateBucket(10.0, burst=50)
    bucket.drain(3 * S)
    assert bucket.available(2 * S) == 0
    assert bucket.ready_ns(2 * S, 1) == 3 * S + S // 10
    assert bucket.available(4 * S) == 10


@pytest.mark.parametrize(("rate_per_s", "burst"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.5)])
def test_a_bucket_that_could_never_give_a_token_is_refused(rate_per_s: float, burst: float) -> None:
    with pytest.raises(ValueError, match="rate > 0"):
        RateBucket(rate_per_s, burst)


def test_a_bucket_that_is_resized_loses_what_is_above_its_size_and_gains_nothing() -> None:
    bucket = RateBucket(10.0, burst=50)
    bucket.resize(0, 25)
    assert bucket.available(0) == bucket.capacity == 25
    bucket.spend(20)
    bucket.resize(S, 50)
    assert bucket.available(S) == 15, "5 were left and 10 came before"
    assert bucket.ready_ns(S, 50) == S + 35 * S // 10
    with pytest.raises(ValueError, match="burst"):
        bucket.resize(S, 0.5)
    assert bucket.capacity == 50
