"""The validity checks, one function for each. A check has its finding, its meaning and advice.

``invalid`` means that the figures describe the bench and not the system. The run then exits with 3.
"""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct

from analysis.arrays import Floats
from analysis.classes import class_text, messages_of
from analysis.formatting import (
    count_text,
    counted_text,
    limit_text,
    seconds_text,
    share_text,
    significant,
)
from analysis.judge.check_names import INDEPENDENCE, SCHEDULE_LAG
from analysis.judge.sample_size import count_as, too_few_for
from analysis.measure.late_generator import SHORT_S, SHORT_SHARE, ScheduleLag
from analysis.measure.percentiles import ranks
from analysis.model import Accounting, Check, CheckState, Distribution, Objective
from analysis.read.journeys import Journeys
from analysis.stage_times import TimestampOrder

LAG_WARN_S = 0.010
LAG_SHARE_OF_OBJECTIVE = 0.01
TIGHTEST_BY_DEFAULT_S = 10.0
# The sender's answers are short, so the bench may be late by ten times that share of their limit.
LAG_SHARE_OF_ANSWER = 0.1
DROPPED_SHARE = 0.001
RATE_ERROR = 0.01
RATE_WINDOW_S = 10.0
# A message at an edge of a window may fall into the neighbouring window although the rate is right.
RATE_SLACK_MESSAGES = 2
TIMESTAMPS_SHARE = 0.001
FOUND_SHARE = (
    0.01  # of the accepted messages; if fewer are found at the provider, the target does not pass keys on
)
CORRELATION_NEEDS = 30  # with fewer messages the correlation is noise
NAGLE_DELAY_S = (0.039, 0.0455)
NAGLE_DELAY_SHARE = 0.05
NAGLE_DELAY_EXCESS = 5.0


_LATE_ADVICE = (
    "lower the rate per worker, add workers (--workers) and cores, or use a machine without other programs"
)
# A generator that was late because it had too much work uses about a whole core.
IDLE_PERCENT = 50.0
_IDLE_ADVICE = (
    "the load generator used {cpu} % of a core at most while it was late, so more workers or a lower rate do "
    "not help: something delayed it. Use a machine without other programs, with a disk that is not busy"
)
_NOISE_ADVICE = "use a machine without other programs"
_TIGHT_ADVICE = (
    "an objective of {limit} on {subject} allows the bench a delay of {allowed} ({percent:g} % of the "
    "limit), and it was later. Give a longer limit, or lower the rate per worker"
)


class TightestObjective(Struct, frozen=True):
    """The objective that allows the bench the shortest delay: its limit, and the share that may be late."""

    limit_s: float = TIGHTEST_BY_DEFAULT_S
    share: float = LAG_SHARE_OF_OBJECTIVE

    @property
    def lag_limit_s(self) -> float:
        return self.share * self.limit_s

    @property
    def subject(self) -> str:
        return "the sender's answer" if self.share == LAG_SHARE_OF_ANSWER else "a delivery time"


def schedule_lag(late: ScheduleLag, tightest: TightestObjective) -> Check:
    """The delay of the generator itself: sent minus intended.

    Messages of disturbed seconds (the generator was ready and other programs had the cores) are excluded if
    these seconds were few.
    """
    limit_s = tightest.lag_limit_s
    p99 = _p99_s(late.lag_s)
    own = _p99_s(late.lag_s[~late.disturbed]) if late.short else p99
    warn_s = min(LAG_WARN_S, limit_s)
    state = _state(own, warn_s, limit_s)
    noise = ""
    if late.disturbed_s > 0:
        noise = f"; other programs used the cores for {seconds_text(late.disturbed_s)}"
        noise += _without_disturbed(late, p99, own)
        state = "warn" if state == "ok" else state
    allowed = ""
    if state == "invalid" and limit_s < LAG_WARN_S:  # it would be on time for any usual objective
        allowed = f"; an objective on {tightest.subject} allows {seconds_text(limit_s)}"
    return Check(
        name=SCHEDULE_LAG,
        state=state,
        value=f"p99 {seconds_text(p99)}{noise}{allowed}" if not math.isnan(p99) else "no message was sent",
        limit=(f"warn > {seconds_text(warn_s)}, " if warn_s < limit_s else "")
        + f"invalid > {seconds_text(limit_s)}, "
        f"{100 * tightest.share:g} % of the tightest objective ({limit_text(tightest.limit_s)}); seconds "
        f"in which other programs use the cores are excluded, up to {100 * SHORT_SHARE:g} % of the load "
        f"or {SHORT_S:g} s",
        meaning="delay of the load generator: from the instant at which a message was due to its send",
        advice=_late_advice(late, tightest),
        value_number=None if math.isnan(p99) else p99,
    )


def _late_advice(late: ScheduleLag, tightest: TightestObjective) -> str:
    """The advice names a tight objective only if no other programs caused the delay, and more workers only
    if the generator had much work.
    """
    idle = late.late_cpu_percent < IDLE_PERCENT
    tight = _IDLE_ADVICE.format(cpu=significant(late.late_cpu_percent)) if idle else _LATE_ADVICE
    if tightest.lag_limit_s < LAG_WARN_S:
        limit = limit_text(tightest.limit_s)
        tight = _TIGHT_ADVICE.format(
            limit=limit,
            subject=tightest.subject,
            allowed=seconds_text(tightest.lag_limit_s),
            percent=100 * tightest.share,
        )
    if late.disturbed_s <= 0:
        return tight
    others_alone = not _p99_s(late.lag_s[~late.disturbed]) > tightest.lag_limit_s
    return _NOISE_ADVICE if others_alone else f"{_NOISE_ADVICE}. If it is late there too: {tight}"


def _without_disturbed(late: ScheduleLag, p99: float, own: float) -> str:
    if not late.short:
        return ", too long to be excluded"
    if own >= p99:
        return ", which does not explain the delay"
    return f", without these p99 {seconds_text(own)}"


def _p99_s(lag_s: Floats) -> float:
    lag = np.sort(lag_s[np.isfinite(lag_s)])
    return float(lag[ranks(len(lag), (99.0,))[0] - 1]) if len(lag) else math.nan


def _state(value: float, warn: float, invalid: float) -> CheckState:
    if math.isnan(value):
        return "not_checked"
    if value > invalid:
        return "invalid"
    return "warn" if value > warn else "ok"


def dropped_arrivals(counted: Accounting, limit: int, needed: int) -> Check:
    """Arrivals that the bench dropped.

    Arrivals that were dropped because the sender did not answer (``late_generator.dropped_by_target``) count
    as not taken by the sender. If ``limit``, what the machine can hold, is below ``needed``, it is unknown
    whether the sender would have taken them: ``not_taken`` includes that, so the run is valid.
    """
    if counted.dropped_at_machine_limit:
        return _dropped_without_room(counted, limit, needed)
    by_bench, by_target = counted.dropped_by_bench, counted.dropped_at_limit
    share = by_bench / counted.planned if counted.planned else math.nan
    waited = f"; {counted_text(by_target)} not sent because the sender did not answer" if by_target else ""
    return Check(
        name="dropped arrivals",
        state=_state(share, 0.0, DROPPED_SHARE),
        value=f"{count_text(by_bench)} ({share_text(by_bench, counted.planned)}) by the bench{waited}",
        limit=f"warn > 0, invalid > {100 * DROPPED_SHARE:g} % by the bench",
        meaning="messages that came due and were not sent because the bench was late; those not sent because "
        "the sender did not answer count as not taken by the sender",
        advice="the load generator was too slow for this rate: add workers (--workers) or lower the rate",
        value_number=None if math.isnan(share) else share,
    )


def _dropped_without_room(counted: Accounting, limit: int, needed: int) -> Check:
    late, beyond = counted.dropped_by_bench, counted.dropped_at_machine_limit
    share = late / counted.planned
    also = f"; {counted_text(late)} because it was late" if late else ""
    return Check(
        name="dropped arrivals",
        state="invalid" if share > DROPPED_SHARE else "warn",
        value=f"{count_text(beyond)} ({share_text(beyond, counted.planned)}), since this machine can hold "
        f"{count_text(limit)} unanswered requests and the load needs up to {count_text(needed)}{also}",
        limit=f"warn > 0, invalid > {100 * DROPPED_SHARE:g} % because the bench was late",
        meaning="messages that came due and were not sent because the machine of the bench could hold no "
        "more unanswered requests. It is unknown whether the sender would have taken them",
        advice="allow the bench more open files (ulimit -n) and local ports, or give the target file a "
        "shorter timeout_s",
        value_number=share,
    )


def rate_error(journeys: Journeys) -> Check:
    """Planned arrivals compared with sends, in windows of ten seconds from the load's start.

    Arrivals above an in-flight limit count as offered: ``dropped_arrivals`` has them.
    """
    above = journeys.dropped_at_limit | journeys.dropped_at_machine_limit
    offered_s = np.where(above, journeys.load.intended_s, journeys.load.sent_s)
    error, at_s = worst_rate_error(journeys.load.intended_s, offered_s, journeys.load_end_s)
    return Check(
        name="offered rate",
        state=_state(error, math.inf, RATE_ERROR),
        value=f"{significant(100 * error, 2)} % off" + (f" (at {at_s:.0f} s)" if error > 0 else "")
        if not math.isnan(error)
        else "no message was due",
        limit=f"invalid > {100 * RATE_ERROR:g} % in any {RATE_WINDOW_S:.0f} s",
        meaning="planned arrivals compared with messages sent, in the worst window",
        advice="the load differed from the plan: lower the rate, or add workers (--workers)",
        value_number=None if math.isnan(error) else error,
    )


def worst_rate_error(intended_s: Floats, sent_s: Floats, load_end_s: float) -> tuple[float, float]:
    """(largest relative error of any window, the window's start); NaN if no message was due."""
    due = intended_s[np.isfinite(intended_s)]
    if len(due) == 0:
        return math.nan, 0.0
    windows = max(int(load_end_s // RATE_WINDOW_S), 1)
    edges = np.append(np.arange(windows) * RATE_WINDOW_S, max(load_end_s, float(due.max())) + 1e-6)
    planned, _ = np.histogram(due, bins=edges)
    sent, _ = np.histogram(sent_s[np.isfinite(sent_s)], bins=edges)
    slack = 0 if windows == 1 else RATE_SLACK_MESSAGES
    # A message that is due at the very end may be sent just after it.
    late = int(np.count_nonzero(sent_s > edges[-1]))
    sent[-1] += late
    errors = np.maximum(np.abs(sent - planned) - slack, 0) / np.maximum(planned, 1)
    worst = int(errors.argmax())
    return float(errors[worst]), float(edges[worst])


def accounting_balance(counted: Accounting) -> Check:
    """The two sides of each sum come from different columns, or from the manifest and the rows.

    ``offered rate`` uses rows only. This check shows whether every arrival of the schedule has a row.
    """
    gaps = {
        "planned = rows of the load": counted.planned - counted.rows,
        "planned = sent + dropped": counted.planned - counted.sent - counted.dropped,
        "sent = answered + unfinished": counted.sent - counted.answered - counted.unfinished,
        "accepted = delivered + failed + expired + open + lost": counted.accepted
        - (counted.delivered + counted.failed + counted.expired + counted.open + counted.lost),
    }
    wrong = [f"{words} is off by {count_text(abs(gap))}" for words, gap in gaps.items() if gap]
    if counted.repeated_keys:
        wrong.append(f"{counted_text(counted.repeated_keys)} with a key used before")
    return Check(
        name="accounting",
        state="invalid" if wrong else "ok",
        value="; ".join(wrong) or "balances",
        limit="every message counted exactly once",
        meaning=" · ".join(gaps),
        advice="rows are missing or contradict each other: do not use these figures",
        value_number=float(sum(abs(gap) for gap in gaps.values())),
    )


def unknown_messages(counted: Accounting) -> Check:
    """If few keys are found and many messages are unknown, the target does not pass the keys on."""
    keyless = (
        counted.found < FOUND_SHARE * counted.accepted and counted.unknown_messages > counted.accepted / 2
    )
    by_key = f"{count_text(counted.found)} of {count_text(counted.accepted)}"
    found = f"; {by_key} accepted messages found by their key"
    return Check(
        name="unknown messages",
        state="invalid" if keyless else ("warn" if counted.unknown_messages else "ok"),
        value=count_text(counted.unknown_messages) + (found if keyless else ""),
        limit=f"warn > 0, invalid if under {100 * FOUND_SHARE:g} % of the load's keys are found",
        meaning="messages at the provider that this load did not send, or whose key did not reach it",
        advice="the target does not pass the key on: configure it to send {key} as the client reference "
        "(idx), or put #K<key># into the text"
        if keyless
        else "look whether the target changes or cuts the text, or does not pass the reference on in some "
        "messages; and whether another program uses the provider",
        value_number=float(counted.unknown_messages),
    )


def timestamp_order(order: TimestampOrder) -> Check:
    share = order.wrong / order.checked if order.checked else math.nan
    return Check(
        name="timestamp order",
        state=_state(share, 0.0, TIMESTAMPS_SHARE),
        value=f"{count_text(order.wrong)} ({share_text(order.wrong, order.checked)})"
        + (f": {'; '.join(order.examples)}" if order.examples else ""),
        limit=f"warn > 0, invalid > {100 * TIMESTAMPS_SHARE:g} %",
        meaning="messages whose timestamps are out of order, or that lack an earlier timestamp",
        advice="synchronize the clocks, or correct the program that wrote the run directory",
        value_number=None if math.isnan(share) else share,
    )


def nagle_delay(journeys: Journeys) -> Check:
    """Many answers took ``NAGLE_DELAY_S``: Nagle's algorithm waits for a delayed acknowledgement."""
    service = journeys.load.replied_s - journeys.load.sent_s
    service = service[np.isfinite(service)]
    low, high = NAGLE_DELAY_S
    width = high - low
    inside = int(np.count_nonzero((service >= low) & (service <= high)))
    around = int(np.count_nonzero((service >= low - width) & (service <= high + width))) - inside
    share = inside / len(service) if len(service) else 0.0
    clustered = share > NAGLE_DELAY_SHARE and inside > NAGLE_DELAY_EXCESS * max(around / 2, 1.0)
    found = clustered and len(service) >= 100
    return Check(
        name="Nagle delay (40 ms)",
        state="warn" if found else "ok",
        value=f"{share_text(inside, len(service))} of answers took 39 ms to 45.5 ms",
        limit=f"warn if > {100 * NAGLE_DELAY_SHARE:g} %, and {NAGLE_DELAY_EXCESS:g} times as many as nearby",
        meaning="Nagle's algorithm and delayed acknowledgements: the socket adds a constant delay",
        advice="set TCP_NODELAY on server and client, and write header and body in one call",
        value_number=share,
    )


def sample_sizes(delivery: tuple[Distribution, ...], objectives: tuple[Objective, ...]) -> Check:
    """Whether there are enough messages for the percentiles of the objectives, if they have any."""
    asked = [each for each in objectives if each.quantile is not None and each.percentile is not None]
    thin = [each for each in asked if each.quantile is not None and each.quantile.state == "withheld"]
    enough = ", ".join(f"{class_text(each.message_class)} {count_text(each.count)}" for each in delivery)
    value = enough or "no message was accepted"
    if thin:
        value = too_few_for(thin)
    elif enough and not asked:
        value = f"no objective has a percentile of these classes ({enough})"
    return Check(
        name="sample size",
        state="warn" if thin or not enough else "ok",
        value=value,
        limit="p95 needs 72, p99 368, p99.9 3,688, p99.99 36,887",
        meaning="number of messages that a percentile needs for a 95 % interval with two ends",
        advice="run longer, or at a higher rate, to get the percentiles that are missing",
    )


def effective_sizes(delivery: tuple[Distribution, ...]) -> Check:
    """The effective sample size of the class where it is smallest. It widens the intervals."""
    enough = [each for each in delivery if _known_count(each) >= CORRELATION_NEEDS]
    worst = min(enough, key=lambda each: each.effective_count / _known_count(each), default=None)
    if worst is None:
        return unchecked(INDEPENDENCE, "too few delivered messages")
    thin = worst.effective_count < _known_count(worst) / 2
    return Check(
        name=INDEPENDENCE,
        state="warn" if thin else "ok",
        value=f"{count_text(_known_count(worst))} {messages_of(worst.message_class)} "
        f"{count_as(worst.effective_count, _known_count(worst))}",
        limit="warn if under half",
        meaning="messages in one queue have similar delays, so that the intervals are wider",
        advice="run longer, or repeat the run and compare the percentiles of the runs",
        value_number=worst.effective_count,
    )


def _known_count(each: Distribution) -> int:
    return each.count - each.open_count - each.never_count


def unchecked(name: str, why: str) -> Check:
    """A check for which the run directory has no data."""
    return Check(name=name, state="not_checked", value=why, limit="", meaning="", advice="")
