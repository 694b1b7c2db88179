import pytest
from nanoseconds import S

from mock_provider.engine.throttle import TokenBucket
from mock_provider.settings.sections import Limit


def test_no_limit_admits_all() -> None:
    bucket = TokenBucket(None)
    assert bucket.has(0, 10**9)
    bucket.take(0, 10**9)
    assert bucket.has(0, 10**9)


def test_a_full_bucket_holds_the_burst_whatever_the_pause() -> None:
    bucket = TokenBucket(Limit(rate_per_s=10, burst=3))
    for now_ns in (0, 100 * S):
        assert bucket.has(now_ns, 3)
        assert not bucket.has(now_ns, 4)
        bucket.take(now_ns, 3)
        assert not bucket.has(now_ns, 1)
        assert bucket.wait_s(now_ns, 2) == pytest.approx(0.2)


@pytest.mark.parametrize("rate_per_s", [0.001, 3.0, 7.7, 999_983.0])
def test_rate_that_integers_cannot_express_is_not_exceeded(rate_per_s: float) -> None:
    bucket = TokenBucket(Limit(rate_per_s=rate_per_s, burst=1))
    now_ns = admitted = 0
    while admitted < 1000:
        if bucket.has(now_ns, 1):
            bucket.take(now_ns, 1)
            admitted += 1
        else:
            wait_s = bucket.wait_s(now_ns, 1)
            assert wait_s is not None
            now_ns += max(1, int(wait_s * S))
    assert admitted <= rate_per_s * now_ns / S + 1 + 1e-6
    assert admitted == pytest.approx(rate_per_s * now_ns / S + 1, rel=0.001)


def test_the_level_of_a_bucket_is_the_number_of_remaining_tokens() -> None:
    bucket = TokenBucket(Limit(rate_per_s=10, burst=3))
    assert bucket.level(0) == 3
    bucket.take(0, 2)
    assert (bucket.level(0), bucket.level(S // 10), bucket.level(S)) == (1, 2, 3)
    assert TokenBucket(None).level(0) is None
