"""Messages that the sender accepted and did not forward: the provider has never seen them, or refused them
and did not get them again.
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Ints
from analysis.findings import BottleneckSign
from analysis.formatting import count_text, counted_text, seconds_text, share_text
from analysis.judge.bottlenecks.class_shares import by_class
from analysis.judge.bottlenecks.contract import says_how_long
from analysis.judge.bottlenecks.kind import Description, Kind, KindFinding, strength
from analysis.judge.bottlenecks.no_reply import CONNECTION_REFUSED, with_errors
from analysis.judge.bottlenecks.view import View
from analysis.judge.losses import may_be_unknown
from analysis.measure.forwarding import ForwardingStop
from analysis.refusals import reason_text

_MANY = 0.05  # of the accepted messages of a window
_IN_FLIGHT_S = 1.0  # requests that were in flight at that time may still be accepted
_FEWEST = 5  # refused messages after the last accepted one


def find_unforwarded(view: View) -> KindFinding:
    gone = view.outcomes.unaccounted & ~view.outcomes.still_held
    share = view.windows.share(view.due_s, gone, view.journeys.accepted)
    stop = view.forwarding_stop

    def describe(windows: Bools) -> Description:
        count, accepted = (int(np.count_nonzero(each)) for each in (gone, view.journeys.accepted))
        did_not = "did not forward them to the provider"
        if not view.given.waited_out:
            did_not = "had not forwarded them to the provider when the wait for them ended"
        of = f"{count_text(count)} of {count_text(accepted)} accepted messages"
        classes = by_class(view, gone, view.journeys.accepted, "not forwarded")
        held = _held_by_an_ended_process(view, gone)
        others = view.provider.unknown.count
        unknown = (may_be_unknown(others),) if others else ()
        evidence = (f"{of}, {share_text(count, accepted)}", *unknown, *classes, *held)
        signs: tuple[BottleneckSign, ...] = ("held_by_an_ended_process",) if held else ()
        text = f"{view.sender_name} accepted messages and {did_not}"
        if stop is not None and not held:
            since = f"{seconds_text(stop.at_s)} after the load's start"
            text = f"{view.sender_name} stopped forwarding messages {since}, and still accepted them"
            evidence = (evidence[0], _last_submit(stop), *evidence[1:])
            signs = ("forwarding_stopped",) if stop.accepted else ("stopped_at_refusal",)
        return Description(text, evidence, signs)

    # A few messages are a finding, but not the reason why a load was too much.
    return KindFinding(strength(share > 0, np.where(share > _MANY, 1.0, 0.2)), describe)


def _last_submit(stop: ForwardingStop) -> str:
    later = f"{count_text(stop.later)} of these messages came later"
    if stop.accepted:
        return f"the provider accepted its last submit; {later}"
    if not stop.answered:
        return f"its last submit had no answer; {later}"
    why = f" ({reason_text(stop.reason)})" if stop.reason else ""
    return f"the provider refused its last submit{why}; {later}"


def _held_by_an_ended_process(view: View, gone: Bools) -> tuple[str, ...]:
    """Whether a process that ended probably had these messages in its memory: most of them were accepted
    before connections were refused, and of the messages between them most were not forwarded.
    """
    refused_s = view.load.sent_s[with_errors(view, (CONNECTION_REFUSED,))].min(initial=np.inf)
    before: Bools = gone & (view.load.replied_s <= refused_s)
    count, total = int(np.count_nonzero(before)), int(np.count_nonzero(gone))
    if not np.isfinite(refused_s) or 2 * count <= total:
        return ()
    first_s, last_s = float(view.due_s[before].min()), float(view.due_s[before].max())
    between = view.journeys.accepted & (view.due_s >= first_s) & (view.due_s <= last_s)
    if 2 * count <= int(np.count_nonzero(between)):
        return ()
    many = "all" if count == total else count_text(count)
    at = seconds_text(float(refused_s))
    return (f"{many} of them accepted before its connections were refused, {at} after the load's start",)


def gave_up(view: View) -> KindFinding:
    gone = view.outcomes.given_up
    share = view.windows.share(view.due_s, gone, view.journeys.accepted)

    def describe(windows: Bools) -> Description:
        count, accepted = (int(np.count_nonzero(each)) for each in (gone, view.journeys.accepted))
        of_accepted = f"{share_text(count, accepted)} of the accepted messages"
        classes = by_class(view, gone, view.journeys.accepted, "not accepted by the provider")
        permanent = gone & view.provider.refused_permanently
        if 2 * int(np.count_nonzero(permanent)) > count:
            reasons, since = reasons_among(view, gone), accepted_before(view, permanent)
            words = [_refusal_text(reason, accepted_before=bool(since)) for reason, _ in reasons]
            each = [f"{word}: {counted_text(many)}" for word, (_, many) in zip(words, reasons, strict=True)]
            text = f"the provider refused {counted_text(count)} of {view.sender_name}: {words[0]}"
            repeated = int(view.provider.submits[gone].max()) > 1
            often = [submits_text(view.provider.submits[gone])] if repeated else []
            evidence = (of_accepted, *since, *classes, *often, *(each if len(each) > 1 else ()))
            signs: tuple[BottleneckSign, ...] = ("refused_permanently",)
            return Description(text, evidence, (*signs, "accepted_before") if since else signs, reasons[0][0])
        for_limits = int(np.count_nonzero(view.provider.throttled[gone]))
        limited = for_limits == count
        refused = "refused for a limit" if limited else "refused for the time being"
        what = f"{counted_text(count)} that the provider {refused}"
        text = f"{view.sender_name} gave up {what}"
        if not view.journeys.repeats_awaited:
            text = f"when the run ended, {view.sender_name} had not repeated {what}"
        known = limited and says_how_long(view.given.profile, view.provider.protocol)
        with_header = ", refused with Retry-After" if known else ""
        signs = ("refused_for_limits",) if 2 * for_limits > count else ()
        signs = (*signs, "retry_after") if known else signs
        submits = [submits_text(view.provider.submits[gone])] if view.journeys.repeats_awaited else []
        return Description(text, (f"{of_accepted}{with_header}", *submits, *classes), signs)

    return KindFinding(strength(share > 0, np.where(share > _MANY, 1.0, 0.2)), describe)


def _refusal_text(reason: str, accepted_before: bool) -> str:
    """A token with which the provider accepted messages before was not a wrong one."""
    if reason == "unauthorized" and accepted_before:
        return "its token is no longer valid"
    return reason_text(reason) if reason else "no reason"


def accepted_before(view: View, refused: Bools) -> tuple[str, ...]:
    """From when on the provider accepted nothing, if it did before: a token expired, or the credit ended."""
    refused_s = view.provider.submitted_s[refused]
    accepted_s = view.provider.forwarded_s[view.provider.accepted]
    refused_s, accepted_s = refused_s[np.isfinite(refused_s)], accepted_s[np.isfinite(accepted_s)]
    if not len(accepted_s) or not len(refused_s):
        return ()
    from_s, last_s = float(refused_s.min()), float(accepted_s.max())
    later = int(np.count_nonzero(refused_s > last_s))
    if last_s > from_s + _IN_FLIGHT_S or later < _FEWEST or 2 * later <= len(refused_s):
        return ()
    at, count = seconds_text(max(from_s, last_s, 0.0)), counted_text(len(accepted_s))
    return (f"the provider accepted {count} before, and none from {at} after the load's start on",)


def submits_text(submits: Ints) -> str:
    """How often the messages that the sender gave up were submitted."""
    least, most = int(submits.min()), int(submits.max())
    if most <= 1:
        return "each was submitted once, and not again"
    how_often = count_text(most) if least == most else f"{count_text(least)} to {count_text(most)}"
    return f"each was submitted {how_often} times"


def reasons_among(view: View, among: Bools) -> list[tuple[str, int]]:
    """Why the provider refused these messages, the most frequent reason first."""
    reason = view.provider.reason
    values, counts = np.unique(reason.index[among], return_counts=True)
    names = [reason.names[value] if value >= 0 else "" for value in values.tolist()]
    return sorted(zip(names, counts.tolist(), strict=True), key=lambda each: (-each[1], each[0]))


UNFORWARDED = Kind("sender_unforwarded", find_unforwarded)
GAVE_UP = Kind("sender_gave_up", gave_up)
