"""From the reply to the delivery report: the carrier's delay as set and as received."""

from __future__ import annotations

import numpy as np

from loadtests.calibrate import standard
from loadtests.calibrate.client import SendTimes
from loadtests.calibrate.expected import expected
from loadtests.calibrate.instrument import Instrument
from loadtests.calibrate.judge import Measurement, Row, judged, percentile_rows, quantile, quantile_series
from loadtests.calibrate.lateness import kept
from loadtests.calibrate.messages import messages, spread
from mock_provider.profiles import Profile

GROUP = "carriers"
RATE_PER_S = 1_000.0
_TITLE = "carrier delay, submit to report"
_ARRIVING_NS = 1_000_000
_LAST_NS = 50_000_000


def measure(instrument: Instrument, profile: Profile, seconds: float, horizon_s: float) -> Measurement:
    """Reports that are set to come later than ``horizon_s`` are neither awaited nor counted."""
    profile = standard.delays_only(profile)
    instrument.use(profile)
    count = round(RATE_PER_S * seconds)
    url = instrument.receiver.url
    sent = messages(instrument.label("carriers"), count, url)
    offsets_ns = spread(RATE_PER_S, count, instrument.seed)
    model = expected(
        profile, instrument.seed, sent.keys, offsets_ns, horizon_s=horizon_s + seconds, report_url=url
    )
    horizon_ns = round(horizon_s * 1e9)
    due = [
        n for n, e in enumerate(model) if e.report_ns is not None and e.report_ns - e.offset_ns <= horizon_ns
    ]
    # Other reports come in between: the number that has come with the last one that counts.
    last_ns = max((model[n].report_ns or 0 for n in due), default=0) + _LAST_NS
    awaited = sum(e.report_ns is not None and e.report_ns <= last_ns for e in model)
    schedule = SendTimes(sent.requests, offsets_ns, patience_s=horizon_s + 1.0, report_calls=awaited)
    _, answers = instrument.run(schedule, 32)
    seen = {report.key: report for report in instrument.reports()}
    come = [n for n in due if sent.keys[n] in seen]
    missing = len(due) - len(come)
    intended = np.array([answers[n].intended_ns for n in come], np.int64)
    set_ns = np.array([(model[n].report_ns or 0) - model[n].offset_ns for n in come], np.int64)
    at_ns = np.array([seen[sent.keys[n]].at_ns for n in come], np.int64)
    late_ns = np.array(
        [answers[n].sent_ns - answers[n].intended_ns + seen[sent.keys[n]].poll_gap_ns for n in come], np.int64
    )
    spans = [(intended, intended + _ARRIVING_NS), (intended + set_ns, at_ns)]
    judged_ones = kept(late_ns, spans, instrument.wait)
    set_ms, seen_ms = set_ns / 1e6, (at_ns - intended) / 1e6
    rows = percentile_rows(GROUP, set_ms, seen_ms, judged_ones)
    note = f"of {len(due):,} due within {horizon_s:g} s; {count - len(due):,} set to come later or never"
    rows.insert(0, judged(Row(GROUP, "reports that did not arrive", "reports", 0, missing, 0, 0, note=note)))
    if not judged_ones.count:
        return Measurement(GROUP, _TITLE, tuple(rows), judged_ones.described())
    error_ms = np.sort((seen_ms - set_ms)[judged_ones.mask])
    for share in (0.5, 0.99):
        what = f"lateness of a report, p{share * 100:g}, at {len(come) / seconds:,.0f} reports/s"
        rows.append(Row(GROUP, what, "ms", 0.0, quantile(error_ms, share)))
    series = quantile_series(set_ms, seen_ms, judged_ones)
    return Measurement(GROUP, _TITLE, tuple(rows), judged_ones.described(), series)
