"""Availability, and whether the backlog grew. One test of the backlog over the load decides both.

The backlog at an instant is the number of messages that were due, that the sender accepted (also later), and
that had not left for a carrier. Messages that the sender gave up are left out, since the time is unknown. So
are messages that it dropped.
"""

from __future__ import annotations

import math

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.findings import GREW, Availability
from analysis.formatting import counted_text, seconds_text
from analysis.measure.comparison.differences import TimeGroup, independent_difference
from analysis.measure.outcomes import OPEN, MessageOutcomes
from analysis.measure.unforwarded import never_reached, skipped
from analysis.read.journeys import Journeys

WINDOW_S = 10.0
TOLERATED_SHARE = 0.01  # of the arrivals; less can be random variation of the arrivals
NOISE_DEVIATIONS = 3.0
FEWEST = 20  # accepted messages; with fewer the result is unknown
FALL_SHARE = 0.15  # of the highest backlog; with a smaller fall at the end the backlog counts as growing
BEYOND_TEETH = 1.5  # times the largest earlier fall; a smaller one at the end may be the next tooth
NO_PART_SHARE = 0.1  # of the growth of the wait if all classes waited alike; a class below it has no part
LOAD_PER_HOLD = 2.0  # the shortest load, in times for which the sender holds a message, that shows growth
_SAMPLES = 400
_AT_THE_END = 20  # samples


class LoadBacklog:
    """Messages waiting at any instant of the load."""

    def __init__(self, due_s: Floats, gone_s: Floats, end_s: float, hold_s: float = 0.0) -> None:
        """``gone_s``: when each message left for a carrier; NaN if it did not."""
        self.end_s = end_s
        self.hold_s = hold_s
        self._due = np.sort(due_s)
        self._gone = np.sort(gone_s[gone_s <= end_s])
        self.count = len(self._due)
        self.departed = int(np.count_nonzero(np.isfinite(gone_s)))  # also after the load
        # For each departure, the lowest later backlog. It is lowest just after a departure.
        self._after_gone = self.at(self._gone)
        after = np.append(self._after_gone, self.at(np.array([self.end_s])))
        self._lowest = np.minimum.accumulate(after[::-1])[::-1]

    def at(self, instants_s: Floats) -> Ints:
        due = np.searchsorted(self._due, instants_s, side="right")
        return np.asarray(due - np.searchsorted(self._gone, instants_s, side="right"), dtype=np.int64)

    def arrived(self, from_s: float) -> int:
        """From then to the end of the load."""
        return self.count - int(np.searchsorted(self._due, from_s))

    def lowest(self, from_s: float) -> int:
        """From then to the end of the load."""
        later = int(self._lowest[np.searchsorted(self._gone, from_s)])
        return min(later, int(self.at(np.array([from_s]))[0]))

    def grew_from_s(self, from_s: float) -> float | None:
        """Since when the backlog grows without bound, tested from an instant to the end of the load. None: it
        does not. The test and its reasons: *Growth test* of docs/objectives.md.
        """
        quarter_s = (self.end_s - from_s) / 4
        instants = np.linspace(from_s + quarter_s, self.end_s, _SAMPLES)
        waiting = self.at(instants).astype(np.float64)
        centred = instants - instants.mean()
        slope = float(np.dot(centred, waiting) / np.dot(centred, centred))
        noise = NOISE_DEVIATIONS * math.sqrt(2.0 * float(waiting.mean()) + 1.0)
        allowed = max(TOLERATED_SHARE * self.arrived(from_s + quarter_s), noise)
        if slope * 3 * quarter_s <= allowed:
            return None
        early = float(waiting[instants < from_s + 2 * quarter_s].mean())
        if self.lowest(from_s + 3 * quarter_s) <= early + allowed / 2:
            return None
        if self._fell(instants, waiting):
            return None
        return max(from_s, self._began_s(from_s, early, slope))

    def _began_s(self, from_s: float, early: float, slope: float) -> float:
        """When a growth with this slope began: at its level at the first instant plus random variation, if
        the backlog rose from there to ``early`` half as fast at least. Otherwise it only filled up at first.
        """
        first = float(self.at(np.array([from_s]))[0])
        first += NOISE_DEVIATIONS * math.sqrt(2.0 * first + 1.0)
        since_s, risen_s = self._last_at_or_below_s(early), self._last_at_or_below_s(min(early, first))
        rose = early - min(early, first)
        return risen_s if rose >= slope / 2 * (since_s - risen_s) else since_s

    def _fell(self, instants: Floats, waiting: Floats) -> bool:
        """Whether the backlog falls at the end of the load, as in the evening of a day.

        From its maximum to the end it fell by more than 15 %, and by more than random arrivals and
        departures explain. A backlog that grows in a sawtooth also falls, but its earlier falls were as
        large.
        """
        highest = int(waiting.argmax())
        # A mean, since a sender that submits in batches may have sent one just before the end.
        fall = float(waiting[highest] - waiting[-_AT_THE_END:].mean())
        noise = NOISE_DEVIATIONS * math.sqrt(2.0 * self.arrived(float(instants[highest])) + 1.0)
        rising = waiting[: highest + 1]
        earlier = float((np.maximum.accumulate(rising) - rising).max())
        return fall > max(FALL_SHARE * float(waiting[highest]), noise, BEYOND_TEETH * earlier)

    def _last_at_or_below_s(self, level: float) -> float:
        below = np.flatnonzero(self._after_gone <= level)
        return float(self._gone[below[-1]]) if len(below) else 0.0


def backlog_of(journeys: Journeys, outcomes: MessageOutcomes, among: Bools | None = None) -> LoadBacklog:
    """Of all messages, or of some."""
    due_s, gone_s, known = _waits(journeys, outcomes, among)
    hold_s = _hold_s(journeys, known, gone_s)
    return LoadBacklog(due_s[known], gone_s[known], journeys.load_end_s, hold_s)


def class_grew(journeys: Journeys, outcomes: MessageOutcomes, name: str) -> bool:
    """Whether the messages of one class have a part in a backlog that grows.

    They have none if their own backlog does not grow, and their wait grows by less than a tenth of what it
    would if all classes waited alike: from the second quarter of the load to the last, the rise of the mean
    backlog over the arrivals per second. Of the growth of the median wait the upper end of the 95 % interval
    is compared, so random variation decides nothing, and too few messages to show this count as a part.
    """
    among = journeys.of_class(name)
    due_s, gone_s, known = _waits(journeys, outcomes, among)
    quarter_s = journeys.load_end_s / 4
    second = known & (due_s >= quarter_s) & (due_s < 2 * quarter_s)
    last = known & (due_s >= 3 * quarter_s)
    if min(np.count_nonzero(second), np.count_nonzero(last)) < FEWEST:
        return True
    earlier, later = (_waited(due_s, gone_s, each, journeys.end_s) for each in (second, last))
    # No wait is negative, so none has grown by more than the longest one.
    growth_s = min(independent_difference(later, earlier, 50.0).high_s, float(later.high_s.max()))
    if growth_s > NO_PART_SHARE * _growth_if_alike_s(backlog_of(journeys, outcomes)):
        return True
    starts = window_starts(journeys.load_end_s)
    return bool(growing_windows(backlog_of(journeys, outcomes, among), starts).any())


def _waited(due_s: Floats, gone_s: Floats, among: Bools, end_s: float) -> TimeGroup:
    """The waits for the carrier, in the order of the intended starts; an open one has no upper bound."""
    order = np.flatnonzero(among)[np.argsort(due_s[among], kind="stable")]
    due_s, gone_s = due_s[order], gone_s[order]
    left = np.isfinite(gone_s)
    return TimeGroup(
        low_s=np.where(left, gone_s, end_s) - due_s, high_s=np.where(left, gone_s - due_s, np.inf)
    )


def _growth_if_alike_s(backlog: LoadBacklog) -> float:
    """By how much the wait grows from the second quarter of the load to the last, shared by all messages."""
    quarter_s = backlog.end_s / 4
    earlier, later = (
        float(backlog.at(np.linspace(quarter * quarter_s, (quarter + 1) * quarter_s, _SAMPLES)).mean())
        for quarter in (1, 3)
    )
    return (later - earlier) * backlog.end_s / backlog.count


def _waits(
    journeys: Journeys, outcomes: MessageOutcomes, among: Bools | None
) -> tuple[Floats, Floats, Bools]:
    """When each message was due, when it left for a carrier (NaN: it did not), and whether both are known."""
    provider = journeys.provider
    # A journal may lack the carrier's timestamp. The submit is always known.
    gone_s = provider.carrier_s if np.isfinite(provider.carrier_s).any() else provider.submitted_s
    waiting = (outcomes.outcome == OPEN) & ~outcomes.without_key & ~outcomes.given_up
    known: Bools = journeys.accepted & (np.isfinite(gone_s) | waiting)
    known &= ~skipped(journeys, outcomes.unaccounted)
    if among is not None:
        known &= among
    return journeys.load.intended_s, gone_s, known


def _hold_s(journeys: Journeys, known: Bools, gone_s: Floats) -> float:
    """How long the sender held the first messages: how much later its first departures were than the first
    messages were due, whichever messages left; the median.

    A sender that submits other messages in that time, of a higher class, does not hold every message. A later
    wait may be caused by a backlog. An open message has waited at least until the end of the run.
    """
    due_s = np.sort(journeys.load.intended_s[known])[:FEWEST]
    if not len(due_s):
        return 0.0
    until_s = np.sort(np.where(np.isfinite(gone_s[known]), gone_s[known], journeys.end_s))[:FEWEST]
    return max(float(np.median(until_s - due_s)), 0.0)


def availability_and_growth(
    journeys: Journeys, outcomes: MessageOutcomes
) -> tuple[Availability | None, bool | None]:
    """(windows in which the sender was available, whether the backlog grew).

    They agree: the backlog grew if a window has a backlog that grew without bound. The first is None for a
    load without messages, the second if it is unknown. A sender that holds every message fills its queue for
    that time. If this is over half of the load, or if no message reached the provider, growth is unknown.
    """
    due, end_s = journeys.load.intended_s, journeys.load_end_s
    if len(due) == 0 or end_s <= 0:
        return None, None
    starts = window_starts(end_s)
    backlog = backlog_of(journeys, outcomes) if journeys.journal else None
    if backlog is None or backlog.count < FEWEST:
        return _availability(journeys, outcomes, starts, np.zeros(len(starts), dtype=np.bool_)), None
    if not backlog.departed and outcomes.unaccounted.any():
        none = np.zeros(len(starts), dtype=np.bool_)
        return _availability(journeys, outcomes, starts, none, ~none), None
    growing = growing_windows(backlog, starts)
    if growing.any() and backlog.end_s < LOAD_PER_HOLD * backlog.hold_s:
        none = np.zeros(len(starts), dtype=np.bool_)
        return _availability(journeys, outcomes, starts, none, growing, backlog.hold_s), None
    return _availability(journeys, outcomes, starts, growing), bool(growing.any())


def _availability(
    journeys: Journeys,
    outcomes: MessageOutcomes,
    starts: Floats,
    growing: Bools,
    unclear: Bools | None = None,
    hold_s: float = 0.0,
) -> Availability:
    """``unclear``: windows in which the backlog rose, and the load is too short to distinguish growth
    from the time for which the sender holds every message.

    A window with messages that were left out is unknown: the API took them, and the provider did not.
    """
    load, count = journeys.load, len(starts)
    window = np.clip((load.intended_s // WINDOW_S).astype(np.int64), 0, count - 1)
    not_taken = np.bincount(window[journeys.not_taken], minlength=count)
    bad = (not_taken > 0) | growing
    first = float(starts[int(np.argmax(bad))]) if bad.any() else None
    absent = outcomes.unaccounted & ~outcomes.still_held
    left_out = outcomes.given_up | absent
    beyond = np.bincount(window[journeys.dropped_at_machine_limit], minlength=count) * ~bad
    left = np.bincount(window[left_out], minlength=count) * ~bad
    risen = np.zeros(count, dtype=np.bool_) if unclear is None else unclear & ~bad
    left[risen] = beyond[risen] = 0
    left[beyond > 0] = 0
    hold = risen, hold_s
    open_count = int(np.count_nonzero(risen | (left > 0) | (beyond > 0)))
    return Availability(
        windows=count,
        available=int(count - np.count_nonzero(bad)) - open_count,
        unavailable=int(np.count_nonzero(bad)),
        unknown=open_count,
        load_needed_s=LOAD_PER_HOLD * hold_s if risen.any() else 0.0,
        window_s=WINDOW_S if count > 1 else round(journeys.load_end_s, 1),
        first_bad_at_s=first,
        why=_why(
            (not_taken, left, beyond),
            _left_text(journeys, absent, left_out & (left[window] > 0)),
            growing,
            hold,
        ),
        only_grew=bool(growing.any()) and not any(each.any() for each in (not_taken, left, beyond, risen)),
    )


def window_starts(end_s: float) -> Floats:
    # A rest under half a window belongs to the previous window. The last arrival is a little before the end.
    return np.arange(max(int(end_s / WINDOW_S + 0.5), 1), dtype=np.float64) * WINDOW_S


def growing_windows(backlog: LoadBacklog, starts: Floats) -> Bools:
    """Windows after which the backlog did not return to its level at their start and grew, and all windows
    since the growth began to whose level it did not return. Without such a window, the one in which it began.
    """
    growing: Bools = np.zeros(len(starts), dtype=np.bool_)
    ends = np.append(starts[1:], backlog.end_s)
    kept: Bools = np.array([backlog.lowest(float(each)) for each in ends]) > backlog.at(starts)
    for index, start_s in enumerate(starts):
        if index:
            # At the end of a load a burst cannot be distinguished from growth.
            if backlog.end_s - start_s < 2 * WINDOW_S:
                break
            if not kept[index]:
                continue
        # The hold fills the queue, which is not growth. A longer hold leaves too little of the load to test.
        held_s = backlog.hold_s if LOAD_PER_HOLD * backlog.hold_s <= backlog.end_s else 0.0
        since_s = backlog.grew_from_s(max(float(start_s), held_s))
        if since_s is not None:
            since: Bools = ends > since_s
            growing |= since & kept if (since & kept).any() else since & (starts <= since_s)
            if index:  # filling an empty system is not growth
                growing[index] = True
    return growing


def _left_text(journeys: Journeys, absent: Bools, left_out: Bools) -> str:
    """Why the API took these messages and the provider has none of them."""
    missing = int(np.count_nonzero(left_out & absent))
    refused = int(np.count_nonzero(left_out & ~absent))
    said = (
        (missing, never_reached(missing, journeys.provider.unknown.count)),
        (refused, f"the provider accepted no submit of {counted_text(refused, 'message')}"),
    )
    return " and ".join(text for count, text in said if count)


def _why(missing: tuple[Ints, Ints, Ints], left_text: str, growing: Bools, hold: tuple[Bools, float]) -> str:
    """Each cause with its number of windows. A single cause has none: it applies to every window that was not
    available, or to every unknown one.

    ``missing``: the messages that were not taken, those that were left out (``left_text`` says why), and
    those that the machine of the bench had no room for, of each window. ``hold``: the windows that are
    unknown because of the time for which the sender holds messages, and that time.
    """
    (not_taken, left, beyond), (unknown, hold_s) = missing, hold
    causes = (
        (not_taken, f"the sender did not take {counted_text(int(not_taken.sum()))}"),
        (growing, GREW),
        (unknown, _unclear(hold_s)),
        (left, left_text),
        (beyond, f"the bench had no room to send {counted_text(int(beyond.sum()))}"),
    )
    counted = [(int(np.count_nonzero(windows)), text) for windows, text in causes]
    seen = [(count, text) for count, text in counted if count]
    if len(seen) == 1:
        return seen[0][1]
    return "; ".join(f"in {counted_text(count, 'window')} {text}" for count, text in seen)


def _unclear(hold_s: float) -> str:
    if not hold_s:
        return "no message reached the provider"
    return (
        f"the backlog rose, but the first messages waited {seconds_text(hold_s)} in the sender: the load is "
        "too short to show whether the backlog grows"
    )
