"""The mix of refusals and failed deliveries: each message's outcome as drawn, and the shares by chance."""

from __future__ import annotations

from collections import Counter

from loadtests.calibrate import standard
from loadtests.calibrate.client import CUT, SendTimes, TimedAnswer
from loadtests.calibrate.expected import ACCEPTED, Expected, error_number, expected, is_accepted
from loadtests.calibrate.instrument import Instrument
from loadtests.calibrate.judge import Measurement, Row, judged
from loadtests.calibrate.messages import messages, regular
from loadtests.calibrate.theory import binomial_interval
from mock_provider.profiles import Profile

GROUP = "failures"
RATE_PER_S = 500.0
_ALLOWED = "allowed: the range of 999 in 1,000 random samples"
_VALIDITY_S = 0.5  # of messages that fail by expiring


def measure(instrument: Instrument, profile: Profile, seconds: float) -> Measurement:
    profile = standard.failures_only(profile, _VALIDITY_S)
    instrument.use(profile)
    count = round(RATE_PER_S * seconds)
    url = instrument.receiver.url
    sent = messages(instrument.label("failures"), count, url)
    offsets_ns = regular(RATE_PER_S, count)
    model = expected(profile, instrument.seed, sent.keys, offsets_ns, horizon_s=5.0, report_url=url)
    awaited = sum(e.report_ns is not None for e in model)
    schedule = SendTimes(sent.requests, offsets_ns, patience_s=3.0, report_calls=awaited)
    _, answers = instrument.run(schedule, 32)
    states = {report.key: report.state.lower() for report in instrument.reports()}
    rows = [*_refusals(profile, model, answers), *_deliveries(profile, sent.keys, model, states)]
    return Measurement(GROUP, f"{count:,} messages", tuple(rows), _ALLOWED, series=_series(rows))


def _refusals(profile: Profile, model: list[Expected], answers: list[TimedAnswer]) -> list[Row]:
    otherwise = sum(not _as_drawn(e, a) for e, a in zip(model, answers, strict=True))
    rows = [
        judged(
            Row(GROUP, "replies other than drawn", "replies", 0, otherwise, 0, 0, note=f"of {len(model):,}")
        )
    ]
    observed = Counter(e.outcome for e, a in zip(model, answers, strict=True) if _as_drawn(e, a))
    for error in profile.reply.errors:
        name = error.refusal.value
        rows.append(_share(f"refused: {name}", observed[name], len(model), error.share))
    return rows


def _as_drawn(one: Expected, answer: TimedAnswer) -> bool:
    if one.outcome == ACCEPTED:
        return is_accepted(answer)
    if one.reply_ns is None or answer.status <= CUT:
        return one.code == (0, 0) and answer.status <= CUT
    return one.code == (answer.status, error_number(answer.body))


def _deliveries(
    profile: Profile, keys: list[str], model: list[Expected], states: dict[str, str]
) -> list[Row]:
    drawn = {key: e.state for key, e in zip(keys, model, strict=True) if e.report_ns is not None}
    otherwise = sum(states.get(key) != state for key, state in drawn.items())
    unasked = len(states.keys() - drawn.keys())
    rows = [
        judged(Row(GROUP, "deliveries other than drawn", "messages", 0, otherwise + unasked, 0, 0,
                   note=f"of {len(drawn):,}"))
    ]  # fmt: skip
    if any(carrier.failures is not None for carrier in profile.carriers):
        return rows  # a mixture of mixes: compared only with the draws
    observed = Counter(states.values())
    shares: Counter[str] = Counter()
    for failure in profile.delivery.failures:
        shares[failure.state] += failure.share  # type: ignore[assignment]  # Counter of float
    return rows + [_share(name, observed[name], len(drawn), share) for name, share in shares.items()]


def _share(what: str, observed: int, of: int, share: float) -> Row:
    low, high = binomial_interval(of, share)
    note = f"a share of {share:.3g}"
    return judged(Row(GROUP, what, "messages", share * of, observed, low, high, note=note))


def _series(rows: list[Row]) -> dict[str, list[float]]:
    """Set value, observed value and bounds of the rows with a spread."""
    spread = [r for r in rows if r.high and r.low is not None and r.set_value and r.observed is not None]
    return {
        "set": [r.set_value or 0.0 for r in spread],
        "observed": [r.observed or 0.0 for r in spread],
        "low": [r.low or 0.0 for r in spread],
        "high": [r.high or 0.0 for r in spread],
    }
