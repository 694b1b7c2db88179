"""Fault windows: checks that each begins and ends at its set time."""

from __future__ import annotations

from time import monotonic_ns
from urllib.error import HTTPError

from loadtests.calibrate import standard
from loadtests.calibrate.client import SendTimes, TimedAnswer
from loadtests.calibrate.expected import ACCEPTED, expected, is_accepted
from loadtests.calibrate.instrument import Instrument
from loadtests.calibrate.judge import Measurement, Row, judged
from loadtests.calibrate.messages import messages, regular
from mock_provider.engine.faults.settings import FaultSettings
from mock_provider.profiles import Profile

GROUP = "windows"
RATE_PER_S = 1_000.0
_EDGE_MS = 1.0
_UNAVAILABLE = 503


def of_profile(instrument: Instrument, seconds: float) -> Measurement:
    """An outage set in the profile, which counts from the first request."""
    start_s, end_s = seconds / 3, seconds * 2 / 3
    window = {"kind": "outage", "start_s": start_s, "end_s": end_s}
    instrument.use(standard.plain(faults=[window]))
    answers = _offer(instrument, seconds)
    # The windows count from the first request's arrival: after its sending, before its answer.
    first, unsure_ns = answers[0], answers[0].answered_ns - answers[0].sent_ns
    start_ns, end_ns = first.sent_ns + start_s * 1e9, first.sent_ns + end_s * 1e9
    return edges_of("fault window set in the profile", answers, (start_ns, end_ns), unsure_ns)


def of_admin(instrument: Instrument, seconds: float) -> Measurement:
    """An outage set while the provider runs; the answer of the admin API has its begin and end."""
    instrument.use(standard.plain())
    body = {"kind": "outage", "start_s": 0.1 + seconds / 3, "duration_s": seconds / 3}
    asked_ns = monotonic_ns()
    window = instrument.admin("POST", "/faults", body)["faults"][-1]
    unsure_ns = monotonic_ns() - asked_ns  # the times of the answer count from an instant of the call
    answers = _offer(instrument, seconds + 0.2)
    edges_ns = asked_ns + window["start_s"] * 1e9, asked_ns + window["end_s"] * 1e9
    return edges_of("fault window set at run time", answers, edges_ns, unsure_ns)


def of_fault(instrument: Instrument, profile: Profile, fault: FaultSettings, seconds: float) -> Measurement:
    """One of a profile's faults, moved into the measurement: checks that the expected requests are hit."""
    title = f"fault {fault.kind} of the profile"
    update = {"start_s": seconds / 3, "end_s": seconds * 2 / 3, "clock": "first_input"}
    moved = fault.model_copy(update=update)
    profile = standard.faults_only(profile).model_copy(update={"faults": (moved,)})
    try:
        instrument.use(profile)
    except HTTPError:
        return _not_measured(title, "acts on a setting that is removed here")
    count = round(RATE_PER_S * seconds)
    sent = messages(instrument.label("windows"), count)
    offsets_ns = regular(RATE_PER_S, count)
    model = expected(profile, instrument.seed, sent.keys, offsets_ns)
    hit = sum(e.outcome != ACCEPTED for e in model)
    if not hit:
        return _not_measured(title, "acts on latency or after the reply")
    _, answers = instrument.run(SendTimes(sent.requests, offsets_ns, patience_s=1.0), 32)
    observed = sum(not is_accepted(a) for a in answers)
    note = "moved to the middle of the measurement; one request more or less at each edge"
    rows = (judged(Row(GROUP, "requests hit", "requests", hit, observed, hit - 2, hit + 2, note=note)),)
    return Measurement(GROUP, title, rows)


def _not_measured(title: str, why: str) -> Measurement:
    row = Row(GROUP, "requests hit", "requests", 0, None, note=f"{why}: not measured")
    return Measurement(GROUP, title, (row,))


def _offer(instrument: Instrument, seconds: float) -> list[TimedAnswer]:
    count = round(RATE_PER_S * seconds)
    sent = messages(instrument.label("windows"), count)
    _, answers = instrument.run(SendTimes(sent.requests, regular(RATE_PER_S, count)), 16)
    return answers


def edges_of(
    title: str, answers: list[TimedAnswer], edges_ns: tuple[float, float], unsure_ns: float = 0.0
) -> Measurement:
    """``unsure_ns``: by how much later the edges may be than computed."""
    hit = [answer.status == _UNAVAILABLE for answer in answers]
    if True not in hit:
        row = Row(GROUP, "start", "ms", 0.0, None, -_EDGE_MS, _EDGE_MS, "missed", "no request was hit")
        return Measurement(GROUP, title, (row,))
    first, last = hit.index(True), len(hit) - 1 - hit[::-1].index(True)
    stray = _passed_between(answers, hit)
    rows = (
        _edge("start", answers, first, (edges_ns[0], edges_ns[0] + unsure_ns)),
        _edge("end", answers, last + 1, (edges_ns[1], edges_ns[1] + unsure_ns)),
        judged(Row(GROUP, "requests that passed in between", "requests", 0, stray, 0, 0)),
    )
    return Measurement(GROUP, title, rows)


def _passed_between(answers: list[TimedAnswer], hit: list[bool]) -> int:
    """Requests that were not hit although they were in flight after one hit request and before another.

    The order of sending is not enough: a busy machine may read several connections in another order.
    """
    of_hit = [answer for answer, was_hit in zip(answers, hit, strict=True) if was_hit]
    begun_ns = min(answer.answered_ns for answer in of_hit)
    ended_ns = max(answer.sent_ns for answer in of_hit)
    return sum(
        not was_hit and answer.sent_ns >= begun_ns and answer.answered_ns <= ended_ns
        for answer, was_hit in zip(answers, hit, strict=True)
    )


def _edge(what: str, answers: list[TimedAnswer], number: int, set_ns: tuple[float, float]) -> Row:
    """Request ``number`` was the first after an edge. So the edge lies between the sending of the previous
    request and the answer to this one. The error is the distance of the set instant from this interval.
    """
    if not 0 < number < len(answers):
        return Row(GROUP, what, "ms", 0.0, None, -_EDGE_MS, _EDGE_MS, "noisy", "outside of the measurement")
    after_ns, before_ns = answers[number - 1].sent_ns, answers[number].answered_ns
    error_ns = max(0.0, after_ns - set_ns[1]) + min(0.0, before_ns - set_ns[0])
    seen_ms = (before_ns - after_ns) / 1e6
    return judged(
        Row(GROUP, what, "ms", 0.0, error_ns / 1e6, -_EDGE_MS, _EDGE_MS, note=f"seen to {seen_ms:.1f} ms")
    )
