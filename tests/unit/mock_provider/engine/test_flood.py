from nanoseconds import S

from mock_provider.engine.flood import FloodGuard
from mock_provider.settings.sections import Flood


def test_the_submit_that_reaches_the_limit_is_the_last() -> None:
    guard = FloodGuard(Flood(limit=3, window_s=60))
    for n in range(3):
        assert guard.admits("48600100200", n * S, 0)
        guard.count("48600100200", n * S)
    assert not guard.admits("48600100200", 59 * S, 0)
    assert guard.admits("48600100200", 60 * S, 0)  # the first is exactly a window old
    assert not guard.admits("48600100200", 60 * S, 1)


def test_what_left_the_window_is_not_kept() -> None:
    guard = FloodGuard(Flood(limit=100_000, window_s=1))
    for n in range(5_000):
        assert guard.admits("48600100200", n * S // 10, 0)
        guard.count("48600100200", n * S // 10)
        assert guard.kept <= 11
