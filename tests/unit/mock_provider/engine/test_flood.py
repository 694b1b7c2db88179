from random import Random

from nanoseconds import S

from mock_provider.engine.admission import Candidate
from mock_provider.engine.flood import FloodGuard
from mock_provider.engine.values import Outbound
from mock_provider.settings.sections import Flood


def to(msisdn: str) -> Candidate:
    return Candidate(0, Outbound(msisdn, msisdn, "x", 1, "k"), "PL", "Plus", 0)


NUMBER = to("48600100200")


def test_the_submit_that_reaches_the_limit_is_the_last() -> None:
    guard = FloodGuard(Flood(limit=3, window_s=60))
    for n in range(3):
        assert guard.over([NUMBER], n * S) == []
        guard.count([NUMBER], n * S)
    assert guard.over([NUMBER], 59 * S) == [0]
    assert guard.over([NUMBER], 60 * S) == []  # the first is exactly a window old
    assert guard.over([NUMBER, NUMBER], 60 * S) == [1]


def test_numbers_of_one_request_are_counted_apart() -> None:
    guard = FloodGuard(Flood(limit=2, window_s=60))
    guard.count([NUMBER], 0)
    other = to("48600100201")
    assert guard.over([NUMBER, other, NUMBER, other, other], S) == [2, 4]


def test_a_single_submit_is_judged_and_counted_as_one_of_many() -> None:
    draw = Random(1)
    single, many = (FloodGuard(Flood(limit=3, window_s=60)) for _ in range(2))
    now_ns, over = 0, 0
    for _ in range(2_000):
        now_ns += draw.choice([0, S, 5 * S, 20 * S])
        candidate = to(f"4860010020{draw.randrange(5)}")
        msisdn = candidate.outbound.msisdn
        assert single.is_over(msisdn, now_ns) == bool(many.over([candidate], now_ns))
        if single.is_over(msisdn, now_ns):
            over += 1
        else:
            single.count_one(msisdn, now_ns)
            many.count([candidate], now_ns)
        assert single.kept == many.kept
    assert 200 < over < 1_800


def test_what_left_the_window_is_not_kept() -> None:
    guard = FloodGuard(Flood(limit=100_000, window_s=1))
    for n in range(5_000):
        assert guard.over([NUMBER], n * S // 10) == []
        guard.count([NUMBER], n * S // 10)
        assert guard.kept <= 11
