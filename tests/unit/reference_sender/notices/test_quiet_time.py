"""The quiet time of a campaign begins with its last change, whatever the wall clock says."""

from __future__ import annotations

from nanoseconds import S

from reference_sender.notices.quiet_time import QuietTime

HOUR = 3600 * S


def test_a_quiet_time_begins_with_the_latest_date_also_after_a_restart() -> None:
    quiet = QuietTime()
    assert quiet.lasts_ns(10 * HOUR, 10 * HOUR, 10 * HOUR - 40 * S) == 40 * S
    assert quiet.lasts_ns(10 * HOUR + 5 * S, 10 * HOUR + 5 * S, 10 * HOUR - 40 * S) == 45 * S
    assert quiet.lasts_ns(10 * HOUR + 9 * S, 10 * HOUR + 9 * S, 10 * HOUR + 7 * S) == 2 * S


def test_a_quiet_time_begins_now_if_the_latest_date_is_in_the_future() -> None:
    quiet = QuietTime()
    assert quiet.lasts_ns(10 * HOUR, 8 * HOUR, 10 * HOUR) == 0
    assert quiet.lasts_ns(10 * HOUR + 5 * S, 8 * HOUR + 5 * S, 10 * HOUR) == 5 * S


def test_a_quiet_time_begins_again_with_new_messages_that_have_earlier_dates() -> None:
    quiet = QuietTime()
    assert quiet.lasts_ns(10 * HOUR + 30 * S, 10 * HOUR + 30 * S, 10 * HOUR) == 30 * S
    # The wall clock is set back by two hours. The dates of the new messages are earlier than the latest one.
    quiet.broken(10 * HOUR + 50 * S)
    assert quiet.lasts_ns(10 * HOUR + 60 * S, 8 * HOUR + 60 * S, 10 * HOUR) == 10 * S


def test_a_quiet_time_does_not_end_early_if_the_wall_clock_was_set_forward() -> None:
    quiet = QuietTime()
    quiet.broken(10 * HOUR)
    assert quiet.lasts_ns(10 * HOUR + 5 * S, 12 * HOUR + 5 * S, 10 * HOUR + S) == 5 * S
