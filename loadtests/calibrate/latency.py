"""Reply latency: percentiles, and the constant shift by Nagle's algorithm with delayed ACKs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadtests.calibrate import standard
from loadtests.calibrate.client import SendTimes
from loadtests.calibrate.expected import expected, is_accepted
from loadtests.calibrate.instrument import Instrument
from loadtests.calibrate.judge import (
    PERCENTILES,
    Measurement,
    Row,
    changed,
    judged,
    percentile_name,
    percentile_rows,
    quantile,
    quantile_series,
)
from loadtests.calibrate.lateness import kept, reply_spans
from loadtests.calibrate.messages import messages, regular, spread
from loadtests.calibrate.theory import quantile_s, sampled_quantile_s
from mock_provider.profiles import Profile

GROUP = "latency"
_DELAYED_ACK_MS = (35.0, 60.0)  # Linux acknowledges by itself after 40 ms
_LATE_BY_ACK = "replies late by a delayed ACK (35 to 60 ms)"
_NAGLE_REQUESTS = 300
_NAGLE_LEAST = 30  # fewest undisturbed replies to judge
_BY_CHANCE = 3  # late replies that are allowed; with Nagle's algorithm most are late
_ROUNDING_MS = 1e-5  # the engine uses whole ns


def measure(
    instrument: Instrument,
    name: str,
    profile: Profile,
    rate_per_s: float,
    seconds: float,
    shared_key: bool = False,
) -> Measurement:
    """Set and observed values at one rate. The set percentiles are those of the messages that were sent.

    With ``shared_key`` all messages have one client reference, as a fixed request body of a load tool has.
    """
    profile = standard.replies_only(profile)
    instrument.use(profile)
    count = max(1, round(rate_per_s * seconds))
    sent = messages(instrument.label("latency"), count, shared_key=shared_key)
    offsets_ns = spread(rate_per_s, count, instrument.seed)
    model = expected(profile, instrument.seed, sent.keys, offsets_ns)
    set_ns = np.array([(e.reply_ns or 0) - e.offset_ns for e in model], np.int64)
    longest_s = float(set_ns.max()) / 1e9
    typical_s = float(np.quantile(set_ns, 0.9)) / 1e9
    schedule = SendTimes(sent.requests, offsets_ns, patience_s=longest_s + 2.0)
    _, answers = instrument.run(schedule, min(2_000, round(rate_per_s * typical_s * 1.5) + 20))
    measured_ns = np.array(
        [a.answered_ns - a.intended_ns if a.answered_ns else 2**62 for a in answers], np.int64
    )
    late_ns = np.array([a.client_late_ns for a in answers], np.int64)
    judged_ones = kept(late_ns, reply_spans(answers, set_ns), instrument.wait)
    what = f"{name}, {rate_per_s:,g}/s"
    set_ms, measured_ms = set_ns / 1e6, measured_ns / 1e6
    accepted = sum(is_accepted(a) for a in answers)
    rows = (
        judged(Row(GROUP, "replies that accept", "replies", count, accepted, count, count)),
        *_with_theory(percentile_rows(GROUP, set_ms, measured_ms, judged_ones), profile),
        *_against_theory(profile, np.sort(set_ms)),
    )
    series = quantile_series(set_ms, measured_ms, judged_ones)
    return Measurement(GROUP, what, rows, judged_ones.described(), series)


def nagle(instrument: Instrument) -> Measurement:
    """Whether any reply waits for an ACK, on one keep-alive connection with one request at a time and no set
    delay.

    A server that writes a reply in two pieces without TCP_NODELAY waits for the client's acknowledgement
    before the second piece. Linux sends that acknowledgement by itself only after 40 ms.
    """
    profile = standard.plain()
    instrument.use(profile)
    sent = messages(instrument.label("nagle"), _NAGLE_REQUESTS)
    _, answers = instrument.run(SendTimes(sent.requests, regular(250, _NAGLE_REQUESTS)), 1)
    late_ns = np.array([a.client_late_ns for a in answers], np.int64)
    judged_ones = kept(late_ns, reply_spans(answers, np.zeros(len(answers), np.int64)), instrument.wait)
    measured_ms = np.array([(a.answered_ns - a.intended_ns) / 1e6 for a in answers])[judged_ones.mask]
    low_ms, high_ms = _DELAYED_ACK_MS
    shifted = int(((measured_ms >= low_ms) & (measured_ms <= high_ms)).sum())
    pieces = sum(a.pieces > 1 for a in answers)
    late_by_ack = judged(Row(GROUP, _LATE_BY_ACK, "replies", 0, shifted, 0, _BY_CHANCE))
    if late_by_ack.verdict == "met" and judged_ones.count < _NAGLE_LEAST:
        late_by_ack = changed(late_by_ack, verdict="noisy")  # none of very few proves nothing
    rows = (
        late_by_ack,
        judged(Row(GROUP, "replies that came in more than one piece", "replies", 0, pieces, 0, 0)),
    )
    return Measurement(GROUP, "Nagle and delayed ACK", rows, judged_ones.described())


def _with_theory(rows: list[Row], profile: Profile) -> list[Row]:
    shown = []
    for (share, _), row in zip(PERCENTILES, rows, strict=True):
        value_s = quantile_s(profile.reply.latency, share)
        shown.append(changed(row, theory=None if value_s is None else value_s * 1000))
    return shown


def _against_theory(profile: Profile, set_ms: NDArray[np.float64]) -> list[Row]:
    """Whether the draws follow the distribution, within the random error for their number."""
    rows = []
    for share in (0.5, 0.99):
        bounds_s = sampled_quantile_s(profile.reply.latency, share, len(set_ms))
        value_s = quantile_s(profile.reply.latency, share)
        if bounds_s is None or value_s is None:
            continue
        low, high = (bound * 1000 for bound in bounds_s)
        row = Row(
            GROUP,
            f"{percentile_name(share)} drawn, against theory",
            "ms",
            value_s * 1000,
            quantile(set_ms, share),
            low - _ROUNDING_MS,
            high + _ROUNDING_MS,
        )
        rows.append(judged(row))
    return rows
