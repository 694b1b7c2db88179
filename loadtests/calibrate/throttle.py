"""A token bucket: the rate that it admits under twice its rate, and the burst at its start."""

from __future__ import annotations

import statistics

from loadtests.calibrate import standard
from loadtests.calibrate.client import SendTimes, TimedAnswer
from loadtests.calibrate.expected import is_accepted
from loadtests.calibrate.instrument import Instrument
from loadtests.calibrate.judge import Measurement, Row, judged
from loadtests.calibrate.messages import messages, regular
from mock_provider.profiles import Profile
from mock_provider.settings.sections import Limit

GROUP = "throttle"
MOST_PER_S = 2_500.0  # a rate that the client reaches next to a busy provider
_SHARE = 0.005
_BUCKETS = 60
_LEAST_STEADY = 20
_MOST_AT_ONCE = 100
_OFF_BEAT = 1.03  # at exactly twice the rate the bucket would have the same level at every request


def offered_per_s(limit: Limit) -> float:
    """Twice the limit, or more if the burst would last long."""
    return min(MOST_PER_S, limit.rate_per_s * _OFF_BEAT + max(limit.rate_per_s, limit.burst / 2))


def measure(instrument: Instrument, profile: Profile, what: str, limit: Limit, seconds: float) -> Measurement:
    """``what``: ``requests`` or ``segments``; every message is one of each."""
    profile = standard.limit_only(profile, what, limit)
    instrument.use(profile)
    offered = offered_per_s(limit)
    count = round(offered * seconds)
    sent = messages(instrument.label("throttle"), count)
    # A full bucket gets no more tokens: if the second request were late, tokens would be lost. So some
    # requests are sent at once.
    at_once = min(limit.burst // 5, _MOST_AT_ONCE)
    offsets_ns = [0] * at_once + regular(offered, count - at_once)
    _, answers = instrument.run(SendTimes(sent.requests, offsets_ns), at_once + 32)
    title = f"{limit.rate_per_s:,g} {what}/s, burst {limit.burst:,}"
    passed = [(n + 1, answer) for n, answer in enumerate(a for a in answers if is_accepted(a))]
    first_refused = next((a for a in answers if not is_accepted(a)), None)
    # While it refuses, the bucket has less than one token, so the admitted requests show the rate.
    steady = [] if first_refused is None else [p for p in passed if p[1].sent_ns > first_refused.sent_ns]
    if len(steady) < _LEAST_STEADY:
        note = "too short: nothing was refused, or hardly anything passed after the burst"
        rows: list[Row] = [Row(GROUP, "rate", "1/s", limit.rate_per_s, None, note=note)]
    else:
        rows = _rows(limit, offered, answers[0], steady)
    return Measurement(GROUP, title, tuple(rows), series=_series(answers, seconds))


def _rows(
    limit: Limit, offered: float, begun: TimedAnswer, steady: list[tuple[int, TimedAnswer]]
) -> list[Row]:
    """``steady``: the requests admitted after the first refusal, each with its number among all admitted
    ones.
    """
    (first, first_answer), (last, last_answer) = steady[0], steady[-1]
    seconds = (last_answer.sent_ns - first_answer.sent_ns) / 1e9
    rate, margin = (last - first) / seconds, limit.rate_per_s * _SHARE
    # When a request is admitted, burst + rate * time tokens came and as many as its number were used. The
    # rest is between 0 and the tokens until the next request.
    came_beyond = [n - limit.rate_per_s * (a.sent_ns - begun.sent_ns) / 1e9 for n, a in steady]
    burst = statistics.median(came_beyond) + limit.rate_per_s / offered / 2
    # A request arrived between its sending and its answer.
    unsure_s = (begun.answered_ns - begun.sent_ns) / 1e9
    unsure_later_s = statistics.median(a.answered_ns - a.sent_ns for _, a in steady) / 1e9
    least = limit.burst - 0.5 - limit.rate_per_s * unsure_s
    most = limit.burst + 0.5 + limit.rate_per_s * unsure_later_s
    return [
        judged(
            Row(
                GROUP,
                "rate",
                "1/s",
                limit.rate_per_s,
                rate,
                limit.rate_per_s - margin,
                limit.rate_per_s + margin,
                note=f"over {seconds:.1f} s",
            )
        ),
        judged(Row(GROUP, "burst", "tokens", limit.burst, burst, least, most)),
    ]


def _series(answers: list[TimedAnswer], seconds: float) -> dict[str, list[float]]:
    width_s = seconds / _BUCKETS
    begun_ns = answers[0].intended_ns
    passed = [0] * _BUCKETS
    for answer in answers:
        if is_accepted(answer):
            passed[min(_BUCKETS - 1, int((answer.sent_ns - begun_ns) / 1e9 / width_s))] += 1
    return {
        "at_s": [(n + 0.5) * width_s for n in range(_BUCKETS)],
        "accepted_per_s": [n / width_s for n in passed],
    }
