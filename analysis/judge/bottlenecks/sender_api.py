"""The sender's API: requests wait for its answer, are refused, or get no answer from an instant on, although
its process has CPU time left.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.classes import class_text
from analysis.findings import BottleneckSign
from analysis.formatting import count_text, counted_text, limit_text, seconds_text, share_text, significant
from analysis.judge.bottlenecks import submits
from analysis.judge.bottlenecks.catching_up import refusals_text
from analysis.judge.bottlenecks.class_shares import by_class
from analysis.judge.bottlenecks.kind import Description, Kind, KindFinding, over, strength, typical
from analysis.judge.bottlenecks.no_reply import (
    CONNECTION_REFUSED,
    error_names,
    failed_counts,
    nothing_listens,
    was_reached,
    what_failed,
    with_errors,
)
from analysis.judge.bottlenecks.sender_process import PROCESSES
from analysis.judge.bottlenecks.view import View
from analysis.judge.bottlenecks.waits import median, median_text
from analysis.measure.silence import FEWEST, SILENT_S, WAITED_ERRORS, Silence, Stop
from analysis.measure.throughput import QUEUED_S, REFUSED_SHARE
from analysis.read.journeys import OUTCOMES

_MOST_ANSWERS = 3  # HTTP status codes to list
_FIRST = "answered before the sender submitted them"
_AT_ONCE = "each request failed immediately"
_HARDLY_BEFORE = 0.1  # of the messages that were refused to the end
_STRENGTH = 0.8  # weaker than the kinds that name a cause: it shows where messages wait and not why


def slow(view: View) -> KindFinding:
    """The median answer takes long, or none comes for some time."""
    late = _late(view)
    silences = [each for each in view.silences if each.waited]

    def describe(windows: Bools) -> Description:
        longest = _longest(silences)
        failed, signs = "", list[BottleneckSign]()
        silent = longest is not None and (not late[windows].any() or _mostly_silent(view, silences))
        evidence = [*_counts(view)]
        what = "answers too slowly"
        if not over(_median_s(view), QUEUED_S)[windows].any() and not view.dropped_by_target.any():
            what = "answers some requests too slowly"
        if silent and longest is not None:
            signs.append("silent")
            what = f"answered nothing for {seconds_text(longest.to_s - longest.from_s)}"
            if longest.forwarded:
                what = f"{what}, but the sender still forwarded messages"
        elif not np.isfinite(view.load.replied_s).any():
            failed, limit = what_failed(view, view.everyone), _limit(view)
            what = f"does not answer: {failed}" if failed else f"does not answer{limit}"
            if failed:
                signs.append("nothing_listens" if nothing_listens(view) else "answers_nothing")
            else:
                signs.append("target_timeout" if limit else "answers_nothing")
        if late[windows].any() and not silent and not failed:
            evidence.append(f"the median request to {view.sender_name} {median_answer(view, windows)}")
            evidence += _allowed(view)
            first = _answered_first(view)
            evidence += first
            signs += ["answered_first"] if first else []
            _, in_flight = view.gauges.gauges.series("load", "in_flight")
            most_waiting = int(in_flight.max(initial=0))
            if most_waiting > 1:
                evidence.append(
                    f"up to {counted_text(most_waiting, 'request')} waited for it at the same time"
                )
        if longest is not None:
            evidence.append(_silence_text(view, longest, len(silences)))
            evidence += refusals_text(view)
        text = f"{view.sender_name}'s API {what}"
        return _described(view, text, (*evidence, *_process(view, windows)), tuple(signs))

    # Too few requests to the provider are the cause of a slow answer, and not of a silence.
    unexplained = late & ~submits.callers_wait(view)
    return KindFinding(strength(unexplained | _during(view, silences), _STRENGTH), describe)


def refusing(view: View) -> KindFinding:
    """Messages were not taken by an API that answers quickly."""
    planned = view.windows.counts(view.due_s, view.everyone)
    left = view.windows.counts(view.due_s, view.not_taken)
    late = _late(view)
    seen = (left > REFUSED_SHARE * planned) & (left >= 1) & ~late & ~_during(view, view.silences)

    def describe(_windows: Bools) -> Description:
        classes, answers = refused_classes(view), _statuses(view)
        what, signs = "refuses messages", list[BottleneckSign]()
        if classes:
            what = f"refuses every message of class {' and '.join(map(class_text, classes))}"
        elif not _mostly_refused(view):
            names = error_names(view)
            answers, what = " and ".join(names), "fails messages"
            signs += ["connections_refused"] if CONNECTION_REFUSED in names else []
        since_s = None if classes else _refuses_since_s(view)
        if since_s is not None:
            what = what.replace(" messages", " every message")
        if answers:
            what += f" with {answers}"
        if since_s is not None:
            what += f" from {seconds_text(since_s)} after the load's start"
        # Its processor and its provider calls do not say why it refuses.
        evidence = (*_counts(view), *by_class(view, view.not_taken, view.everyone, "not taken"))
        return _described(view, f"{view.sender_name}'s API {what}", evidence, tuple(signs))

    return KindFinding(strength(seen, _STRENGTH), describe)


def stopped(view: View) -> KindFinding:
    """No message was answered from an instant to the end of the load, or all requests failed at once until
    the sender was back.
    """
    found = view.stop
    absences = [each for each in view.silences if not each.waited]
    where = _during(view, absences)
    if found is not None:
        where |= view.windows.overlapping([(found.at_s, view.windows.load_end_s)])

    def describe(windows: Bools) -> Description:
        longest = _longest(absences)
        absent = _absence_text(view, longest, len(absences)) if longest is not None else ""
        if found is None:
            signs: tuple[BottleneckSign, ...] = ()
            if longest is not None and not was_reached(view, _unanswered_in(view, longest)):
                signs = ("not_reached",)
            return _described(view, f"{view.sender_name} {absent}", tuple(_counts(view)), signs)
        text, after = _stop_texts(view, found)
        before = [f"before, it {absent}"] if absent else []
        return _described(view, text, (after, *before, *_counts(view)))

    return KindFinding(strength(where), describe)


def _stop_texts(view: View, found: Stop) -> tuple[str, str]:
    how = what_failed(view, view.due_s >= found.at_s)
    if found.waited and not how:
        timeout_s = view.given.target.get("timeout_s")
        within = f" within {limit_text(float(timeout_s))}" if timeout_s else ""
        how = f"requests got no answer{within}"
    how = how or _AT_ONCE
    if found.gone:
        how = f"{how}, and its process is gone"
    at = seconds_text(found.at_s)
    who = view.sender_name
    if found.forwarded:
        who, how = f"{who}'s API", f"{how}, but the sender still forwarded messages"
    text = f"{who} stopped answering {at} after the load's start: {how}"
    return text, f"all {counted_text(found.messages)} due from then on had no answer"


def _unanswered_in(view: View, silence: Silence) -> Bools:
    sent_s = view.load.sent_s
    sent: Bools = (sent_s >= silence.from_s) & (sent_s < silence.to_s)
    return sent & ~np.isfinite(view.load.replied_s)


def _absence_text(view: View, longest: Silence, count: int) -> str:
    among = _unanswered_in(view, longest)
    what = "answered nothing from" if was_reached(view, among) else "could not be reached from"
    how = what_failed(view, among, to_the_end=False) or _AT_ONCE
    if longest.gone:
        how = f"{how}, and its process had ended"
    from_to = f"{seconds_text(longest.from_s)} to {seconds_text(longest.to_s)} after the load's start"
    several = f" (the longest of {count_text(count)} such times)" if count > 1 else ""
    return f"{what} {from_to}{several}: {how}"


def refused_classes(view: View) -> tuple[str, ...]:
    """Classes of which every message was refused, if messages of another class were accepted."""
    if not view.journeys.accepted.any():
        return ()
    refused: Bools = view.load.outcome == OUTCOMES.index("refused")
    return tuple(
        name
        for name in view.load.class_names
        if (among := view.journeys.of_class(name)).any() and bool(refused[among].all())
    )


def _refuses_since_s(view: View) -> float | None:
    """The first message from which on none was accepted until the load's end, if hardly any was refused
    before: at least ``FEWEST`` messages over ``SILENT_S``.
    """
    last_s = float(view.due_s[view.journeys.accepted].max(initial=-np.inf))
    after: Bools = view.due_s > last_s
    since: Bools = after & view.not_taken
    before = int(np.count_nonzero(view.not_taken & ~after))
    if not np.isfinite(last_s) or np.count_nonzero(since) < FEWEST:
        return None
    began_s = float(view.due_s[since].min())
    if view.windows.load_end_s - began_s < SILENT_S:
        return None
    return began_s if before <= _HARDLY_BEFORE * np.count_nonzero(since) else None


def _mostly_refused(view: View) -> bool:
    """Whether most of the messages that were not taken were refused, and did not fail."""
    left, refused = view.not_taken, view.load.outcome == OUTCOMES.index("refused")
    return 2 * int(np.count_nonzero(left & refused)) > int(np.count_nonzero(left))


def _late(view: View) -> Bools:
    """The windows in which the median answer takes too long, also if all of the load's requests waited; and
    those in which most of the messages that were not taken timed out.
    """
    full = view.windows.counts(view.due_s, view.dropped_by_target) > 0
    left = view.windows.counts(view.due_s, view.not_taken)
    timed_out = view.windows.counts(view.due_s, view.not_taken & with_errors(view, ("timeout",)))
    planned = view.windows.counts(view.due_s, view.everyone)
    mostly = (left > REFUSED_SHARE * planned) & (2 * timed_out > left)
    return over(_median_s(view), QUEUED_S) | full | mostly


def _median_s(view: View) -> Floats:
    """The median answer of each window. A request that timed out has none; other requests that failed have no
    time, since some fail at once.
    """
    timed = np.isfinite(view.api_s) | with_errors(view, ("timeout",))
    api_s = view.windows.percentile(view.due_s, view.api_s, timed, 50.0)
    none = (view.windows.counts(view.due_s, np.isinf(view.api_s)) > 0) & np.isnan(api_s)
    return np.where(none, np.inf, api_s)


def median_answer(view: View, windows: Bools) -> str:
    """``waited 2.00 s for its answer``, of all requests that are due in these windows.

    A request that timed out waited at least until then, and one that was stopped at least until the load's
    end. Requests that failed in another way have no time: some fail at once.
    """
    due = view.windows.inside(view.due_s, windows)
    timed_out = due & with_errors(view, ("timeout",))
    waited = timed_out | (due & with_errors(view, WAITED_ERRORS))
    waited |= due & (view.load.outcome == OUTCOMES.index("unfinished"))
    least_s = np.where(waited, np.maximum(view.journeys.load_end_s - view.load.sent_s, 0.0), view.api_s)
    least_s = np.where(timed_out, float(view.given.target.get("timeout_s") or 0.0), least_s)
    counted = due & (np.isfinite(view.api_s) | waited)
    if not np.isfinite(median(view.api_s[counted])) and not median(least_s[counted]) > 0:
        return "got no answer"  # and the target's timeout is not known
    return f"waited {median_text(least_s[counted], waited[counted])} for its answer"


def _during(view: View, silences: Sequence[Silence]) -> Bools:
    return view.windows.overlapping((each.from_s, each.to_s) for each in silences)


def _longest(silences: Sequence[Silence]) -> Silence | None:
    return max(silences, key=lambda each: each.to_s - each.from_s, default=None)


def _mostly_silent(view: View, silences: Sequence[Silence]) -> bool:
    """Whether most of the late requests waited during a silence."""
    late: Bools = np.nan_to_num(view.api_s) > QUEUED_S
    waited: Bools = np.zeros(len(late), dtype=np.bool_)
    for each in silences:
        waited |= (view.due_s < each.to_s) & (view.due_s + view.api_s > each.from_s)
    return 2 * int(np.count_nonzero(late & waited)) > int(np.count_nonzero(late))


def _silence_text(view: View, longest: Silence, count: int) -> str:
    from_to = f"from {seconds_text(longest.from_s)} to {seconds_text(longest.to_s)} after the load's start"
    words = f"{counted_text(longest.waiting, 'request')} waited and none was answered {from_to}"
    if view.journeys.journal:
        seen = counted_text(longest.forwarded) if longest.forwarded else "no message"
        words = f"{words} while the provider saw {seen} of the sender"
    return f"{words}, the longest of {count_text(count)} such times" if count > 1 else words


def _allowed(view: View) -> list[str]:
    """How long the target file lets a request wait, if requests waited for longer: a cause of its own."""
    timeout_s = view.given.target.get("timeout_s")
    if not timeout_s or not with_errors(view, ("timeout",)).any():
        return []
    return [f"the target file allows {limit_text(float(timeout_s))} for an answer (timeout_s)"]


def _limit(view: View) -> str:
    """`` within 2 s, the timeout_s of the target``, if each message timed out and the limit is known."""
    timeout_s = view.given.target.get("timeout_s")
    if not timeout_s or not with_errors(view, ("timeout",)).all():
        return ""
    return f" within {limit_text(float(timeout_s))}, the timeout_s of the target"


def _answered_first(view: View) -> list[str]:
    """Of the messages that the provider has seen: a sender that answers first does not wait for it."""
    both = np.isfinite(view.load.replied_s) & np.isfinite(view.provider.forwarded_s)
    first = int(np.count_nonzero(both & (view.load.replied_s < view.provider.forwarded_s)))
    total = int(np.count_nonzero(both))
    return [f"{share_text(first, total)} of the messages were {_FIRST}"] if 2 * first > total else []


def _process(view: View, windows: Bools) -> list[str]:
    evidence = []
    used, _ = view.gauges.busiest("cpu_percent", *PROCESSES)
    if not np.isnan(typical(used, windows)):
        evidence.append(f"its process used {significant(typical(used, windows), 2)} % of a core")
    _, most, busy = submits.unanswered_in(view, windows)
    if most > 0:  # zero says nothing about a sender that the provider does not see
        evidence.append(
            f"it had at most {counted_text(most, 'request')} to the provider in flight, and one or more "
            f"during {100 * busy:.0f} % of the time"
        )
    return evidence


def _described(
    view: View, text: str, evidence: Sequence[str], signs: tuple[BottleneckSign, ...] = ()
) -> Description:
    return Description(text, tuple(evidence), signs, counts="".join(_counts(view)))


def _statuses(view: View) -> str:
    """``HTTP 429``; several with the most frequent first."""
    refused = (view.load.outcome == OUTCOMES.index("refused")) & view.not_taken
    values, counts = np.unique(view.load.status[refused], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_MOST_ANSWERS]
    named = [f"HTTP {values[place]}" for place in order if values[place]]
    return " and ".join(named)


def _counts(view: View) -> list[str]:
    found = [*_outcome_count(view, "refused", "refused"), *failed_counts(view)]
    found += _outcome_count(view, "unfinished", "unanswered")
    count = int(np.count_nonzero(view.dropped_by_target))
    if count:
        limit = view.given.in_flight_limit
        of = f" of {count_text(limit)} requests" if limit else ""
        found.append(f"{count_text(count)} not sent because the in-flight limit{of} was reached")
    return [f"of {count_text(view.journeys.count)} messages: {', '.join(found)}"] if found else []


def _outcome_count(view: View, outcome: str, words: str) -> list[str]:
    count = int(np.count_nonzero((view.load.outcome == OUTCOMES.index(outcome)) & view.not_taken))
    return [f"{count_text(count)} {words}"] if count else []


STOPPED = Kind("sender_stopped", stopped, frozenset(("sender_api", "sender_refuses")))
API = Kind("sender_api", slow)
REFUSES = Kind("sender_refuses", refusing)
