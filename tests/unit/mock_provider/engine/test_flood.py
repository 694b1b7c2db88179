from mock_provider.engine.flood import FloodGuard
from mock_provider.settings.sections import Flood

SECOND_NS = 1_000_000_000


def test_the_submit_that_reaches_the_limit_is_the_last():
    guard = FloodGuard(Flood(limit=3, window_s=60))
    for n in range(3):
        assert guard.admits("48600100200", n * SECOND_NS, 0)
        guard.count("48600100200", n * SECOND_NS)
    assert not guard.admits("48600100200", 59 * SECOND_NS, 0)
    assert guard.admits("48600100200", 60 * SECOND_NS, 0)  # the first is exactly a window old
    assert not guard.admits("48600100200", 60 * SECOND_NS, 1)


def test_what_left_the_window_is_not_kept():
    guard = FloodGuard(Flood(limit=100_000, window_s=1))
    for n in range(5_000):
        assert guard.admits("48600100200", n * SECOND_NS // 10, 0)
        guard.count("48600100200", n * SECOND_NS // 10)
        kept = [instants for which in (guard._newer, guard._older) for instants in which.values()]
        assert sum(map(len, kept)) <= 11
