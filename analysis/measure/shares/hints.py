"""Hints from the journal: things that the user can change, as sentences with numbers."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.classes import messages_of
from analysis.findings import POINTS, SINGLE, UCS2, Hint
from analysis.formatting import count_text, counted_text, seconds_text, share_text, significant
from analysis.measure.contract_limits import Bucket, ContractLimits, has_fast_lane, read_limits
from analysis.measure.outcomes import DELIVERED, MessageOutcomes
from analysis.measure.percentiles import known, quantiles
from analysis.measure.provider_limits import currency_of, priority_price_factor
from analysis.measure.report_answers import reports_not_confirmed
from analysis.measure.turns import no_turn
from analysis.read.journeys import Journeys
from analysis.read.provider_rows import ProviderSide
from analysis.records import Manifest

_SHOWN_CHARACTERS = 3
# A hint needs a wait in the provider's queue of this length, for this share of the messages.
_QUEUED_S = 1.0
_WORTH_SAYING = 0.01
_AT_LIMIT = 0.9  # of the requests that the rate allows
_BUSIEST_S = 10.0
_FEWEST_REQUESTS = 10.0


def hints(
    journeys: Journeys, outcomes: MessageOutcomes, manifest: Manifest, above_contract: bool = False
) -> tuple[Hint, ...]:
    """The hints in order of benefit. ``above_contract``: the load is above what the contract allows."""
    limits = read_limits(manifest.profile, journeys.provider.protocol)
    refused = _refused_by_contract(journeys, manifest)
    found = (
        _without_priority(journeys, outcomes, manifest.profile),
        reports_not_confirmed(journeys, outcomes),
        _throttled(refused, journeys, bool(manifest.faults), limits),
        _behind_others(journeys, manifest, limits),
        _one_message_per_request(journeys, refused, limits, above_contract),
        _marketing_with_priority(journeys, manifest.profile),
        _ucs2(journeys, currency_of(manifest.profile) or POINTS),
        no_turn(journeys),
    )
    return tuple(hint for hint in found if hint is not None)


def _without_priority(
    journeys: Journeys, outcomes: MessageOutcomes, profile: Mapping[str, Any]
) -> Hint | None:
    """OTPs without the provider's priority flag, on a profile with faster delivery for it.

    The times are those of the delivered ones: a message that failed on its way has a radio drawn too.
    """
    if "otp" not in journeys.load.class_names or not has_fast_lane(profile):
        return None
    provider = journeys.provider
    accepted = provider.accepted & journeys.of_class("otp") & np.isfinite(provider.accepted_s)
    slow = accepted & ~provider.priority
    count = int(np.count_nonzero(slow))
    if not count:
        return None
    of_all = share_text(count, int(np.count_nonzero(accepted)))
    arrived = accepted & (outcomes.outcome == DELIVERED) & ~provider.unreachable
    tail = _p95_text(provider.radio_s[arrived & ~provider.priority])
    with_flag = _p95_text(provider.radio_s[arrived & provider.priority])
    text = f"{count_text(count)} OTPs ({of_all} of those that the provider accepted) were sent "
    text += "without the provider's priority flag"
    if tail:
        text += f": 95 % of the delivered ones took up to {tail} from carrier to handset"
        text += f", those with the flag up to {with_flag}" if with_flag else ""
    return Hint(
        "otp_without_priority", f"{text}. Set the flag on OTPs: they are then delivered faster.", count
    )


def _marketing_with_priority(journeys: Journeys, profile: Mapping[str, Any]) -> Hint | None:
    """Marketing with the provider's priority flag, at a higher price.

    The flag is that of the request, and the journal does not say which messages shared one. So marketing in a
    request with OTPs counts like marketing that was flagged itself. One copy of each message counts.
    """
    factor = priority_price_factor(profile)
    if "marketing" not in journeys.load.class_names or factor <= 1.0:
        return None
    provider = journeys.provider
    accepted = provider.accepted & journeys.of_class("marketing")
    flagged = accepted & provider.priority
    count = int(np.count_nonzero(flagged))
    paid = float((provider.price - provider.price_of_duplicates)[flagged].sum())
    if not count or paid <= 0.0:
        return None
    of_all = share_text(count, int(np.count_nonzero(accepted)))
    unit = currency_of(profile) or POINTS
    text = (
        f"{counted_text(count, 'marketing message')} ({of_all} of those that the provider accepted) had the "
        f"provider's priority flag, at {factor:g} times the price: they cost {significant(paid)} {unit}, and "
        f"would cost {significant(paid / factor)} {unit} without it. The flag is for all messages of a "
        "request, so marketing needs requests of its own."
    )
    return Hint("marketing_with_priority", text, count)


def _p95_text(times: Floats) -> str:
    """The p95 as text; "" with too few messages."""
    finite = times[np.isfinite(times)]
    (p95,) = quantiles(known(finite), (95.0,))
    return "" if p95.value_s is None else seconds_text(p95.value_s)


def _refused_by_contract(journeys: Journeys, manifest: Manifest) -> Ints:
    """Refusals for a rate limit, by message. Those of a message that was submitted in a fault window do not
    count: the fault may have lowered the limit, or its pause made a crowd.
    """
    provider = journeys.provider
    first_s, accepted_s = provider.submitted_s, provider.accepted_s
    until_s = np.where(np.isfinite(accepted_s), accepted_s, journeys.end_s)
    return np.where(meets_fault(journeys, manifest, first_s, until_s), 0, provider.throttled)


def meets_fault(journeys: Journeys, manifest: Manifest, from_s: Floats, to_s: Floats) -> Bools:
    """Messages for which a fault was active at an instant of their interval."""
    met: Bools = np.zeros(journeys.count, dtype=np.bool_)
    for fault in manifest.faults:
        begun_s = (fault.start_ns - journeys.origin_ns) * 1e-9
        ended_s = np.inf if fault.end_ns is None else (fault.end_ns - journeys.origin_ns) * 1e-9
        met |= (from_s < ended_s) & (to_s >= begun_s)
    return met


def _throttled(refused: Ints, journeys: Journeys, faulty: bool, limits: ContractLimits) -> Hint | None:
    """The journal counts the refusals of each message. A request of several messages is refused as a whole,
    so that their sum is a number of requests only if each had one message.
    """
    submits = int(refused.sum())
    if not submits:
        return None
    messages = int(np.count_nonzero(refused))
    named = [text for text in limits.texts[:3] if text]
    of = f" ({', '.join(named)})" if named else ""
    later = int(np.count_nonzero((refused > 0) & journeys.provider.accepted))
    were = "was" if later == 1 else "were"
    period = "Outside the faults" if faulty else "In the whole run"
    repeated = (
        f": {count_text(later)} of these messages {were} accepted after a later submit" if later else ""
    )
    if 0 < later < messages:
        repeated += f", and {count_text(messages - later)} not at all"
    refusals = f"{count_text(submits)} submits of {counted_text(messages)}"
    if not _single(journeys.provider):
        refusals = f"{counted_text(messages)} {counted_text(submits, 'time')} in all"
        refusals += " (a refused request counts once for each of its messages)"
    text = (
        f"{period} the provider refused {refusals} "
        f"because of the rate limits of the contract{of}{repeated}. "
        f"A sender that obeys the limits itself loses no {'time' if later else 'message'} to refusals."
    )
    return Hint("throttled", text, messages)


def _behind_others(journeys: Journeys, manifest: Manifest, limits: ContractLimits) -> Hint | None:
    """Messages of the first class that waited in the provider's queue, where the sender's priorities have no
    effect. Waits during a fault do not count.
    """
    names = journeys.load.class_names
    if len(names) < 2 or not (limits.drain_ns or limits.carrier_ns):
        return None
    provider = journeys.provider
    first = provider.accepted & journeys.of_class(names[0])
    waited = provider.carrier_s - provider.answered_s - provider.scheduled_wait_s(journeys.end_s)
    in_fault = meets_fault(journeys, manifest, provider.answered_s, provider.carrier_s)
    queued = first & (waited > _QUEUED_S) & ~in_fault
    count = int(np.count_nonzero(queued))
    if not count or count < _WORTH_SAYING * int(np.count_nonzero(first)):
        return None
    text = (
        f"{count_text(count)} {messages_of(names[0])} waited more than {seconds_text(_QUEUED_S)} in the "
        f"provider's queue, the longest {seconds_text(float(waited[queued].max()))}, behind messages that "
        "were sent earlier. "
        "If the sender queues messages itself, a later message of a higher class can go first."
    )
    return Hint("queued_at_provider", text, count)


def _one_message_per_request(
    journeys: Journeys, refused: Ints, limits: ContractLimits, above_contract: bool
) -> Hint | None:
    """Each request had one message although more are allowed, and the limit of requests had an effect:
    requests were refused for a rate, or the sender submitted at the limit.
    """
    provider = journeys.provider
    if limits.requests is None or limits.batch < 2:
        return None
    submits_s = provider.accepted_s[np.isfinite(provider.accepted_s)]
    requests_s = np.unique(submits_s)
    if not len(requests_s) or not _single(provider):
        return None
    of_itself = not refused.any()
    if of_itself and not _at_limit(requests_s, limits.requests):
        return None
    text = (
        f"Each request had one message. The contract limits requests ({limits.texts[0]}), and a request may "
        f"have {count_text(limits.batch)} messages. "
    )
    if above_contract:
        text += (
            "More messages in a request use the contract better, but full requests are not enough for this "
            "load."
        )
    else:
        text += "Fewer requests with more messages stay below the limit."
    if of_itself:
        text += (
            " No request was refused for the limit. If the sender has a rate limit of its own, it must count "
            "requests and segments in batches, not messages."
        )
    return Hint(SINGLE, text, len(submits_s))


def _single(provider: ProviderSide) -> bool:
    """Whether nearly each request had one message. Those of one request reach the provider at one instant."""
    at_s = provider.forwarded_s[np.isfinite(provider.forwarded_s)]
    return len(at_s) <= (1.0 + _WORTH_SAYING) * len(np.unique(at_s))


def _at_limit(requests_s: Floats, limit: Bucket) -> bool:
    """Whether the busiest 10 s, or the time of ten requests, had 90 % of the requests that are allowed."""
    per_s = 1e9 / limit.unit_ns
    span_s = max(_BUSIEST_S, _FEWEST_REQUESTS / per_s)
    within = np.searchsorted(requests_s, requests_s + span_s) - np.arange(len(requests_s))
    return bool(within.max() >= _AT_LIMIT * per_s * span_s)


def _ucs2(journeys: Journeys, unit: str) -> Hint | None:
    found = journeys.provider.odd_characters
    if not found:
        return None
    messages, segments = sum(each.messages for each in found), sum(each.segments for each in found)
    shown = ", ".join(
        f"{_character_text(each.character)} in {count_text(each.messages)}"
        for each in found[:_SHOWN_CHARACTERS]
    )
    more = f" and {len(found) - _SHOWN_CHARACTERS} more" if len(found) > _SHOWN_CHARACTERS else ""
    one = len(found) == 1
    least, most = sum(each.least_segments for each in found), sum(each.most_segments for each in found)
    paid = sum(each.paid for each in found)
    price = f" and cost {significant(paid)} {unit}" if paid else ""
    saved = _from_to(
        paid - sum(each.most_paid for each in found), paid - sum(each.least_paid for each in found)
    )
    less = f", {saved} {unit} less" if paid else ""
    text = (
        f"{counted_text(messages)} of several segments need{'s' * (messages == 1)} UCS-2 for one character "
        f"({shown}{more}): a segment has 67 characters instead of 153. They took {count_text(segments)} "
        f"segments{price}. Without {'it' if one else 'these characters'} they take about "
        f"{_from_to(least, most)}{less}. Remove {'the character' if one else 'them'} from the texts, or "
        "send a plain one in its place."
    )
    return Hint(UCS2, text, messages)


def _from_to(low: float, high: float) -> str:
    """``158 to 174``; one figure if they are shown alike."""
    ends = dict.fromkeys(
        count_text(each) if isinstance(each, int) else significant(each) for each in (low, high)
    )
    return " to ".join(ends)


def _character_text(character: str) -> str:
    """With its name; an invisible one is ``the invisible U+200B zero width space``."""
    name = unicodedata.name(character, "")
    code = f"U+{ord(character):04X}"
    named = f"{code}{f' {name.lower()}' if name else ''}"
    return f"{character} ({named})" if character.isprintable() else f"the invisible {named}"
