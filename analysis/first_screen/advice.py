"""What to change, for each kind of bottleneck. A screen advises on the contract at most once."""

from __future__ import annotations

from analysis.classes import ALL
from analysis.findings import (
    BY_ORDER,
    LIMIT_SIGNS,
    SINGLE,
    Bottleneck,
    BottleneckKind,
    BottleneckSign,
    DelaySplit,
    LimitName,
)
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Figure, Sentence
from analysis.first_screen.wording import objective_part
from analysis.model import PartReport, RunReport

# Each kind has an entry; "": no advice.
ADVICE: dict[BottleneckKind, str] = {
    "sender_cpu": "give the sender more processor time: less work per message, or more processes.",
    "sender_loop": "move blocking work out of the process that answers requests.",
    "sender_pacing": "raise the sender's own rate limit up to what the contract allows.",
    "sender_rate": (
        "raise the sender's own rate limit, if it has one; else more workers, or a faster step before the "
        "request to the provider."
    ),
    "sender_concurrency": "allow more concurrent requests to the provider, or send in batches.",
    "sender_store": "write messages to the store in groups, and give the store a faster disk.",
    "sender_api": "answer when the message is queued, not when the provider has answered; send in batches.",
    "sender_stopped": (
        "look in the sender's log for the error or the blocking call at that time. Restart it automatically."
    ),
    "sender_refuses": "find the cause of the refusals in the sender's log and fix it.",
    "sender_hold": "look in the sender for a timer, a batch that waits to be full, or an outbox.",
    "sender_unforwarded": (
        "look for the messages in the sender: its log of errors, the address and token of the provider, "
        "a queue that nothing reads, a message that is dropped after an error."
    ),
    "sender_gave_up": (
        "send more slowly. After a refusal wait, longer each time, then send the message again."
    ),
    "sender_repeats": (
        "do not repeat a permanent refusal: give the message up with the provider's reason, and send the "
        "next one."
    ),
    "provider_fault": "",  # names the fault windows: ``_without_faults``
    "provider_limit": "negotiate a higher rate with the provider, or spread the load over more time.",
    "carrier_queue": "",  # names the carriers: ``_more_at_carriers``
    "network": "nothing in the sender, since the network takes the time. Ask for a faster route.",
    "generator": "",  # the checks of the bench have the advice
    "mock": "",
    "machine": "run the sender on a machine with more cores.",
    "unknown": "",
}
_OF_API = "look in the sender's log for the error or the restart at that time. "
# The first sign that a bottleneck has decides; without one, its kind does.
BY_SIGN: dict[tuple[BottleneckKind, BottleneckSign], str] = {
    ("sender_api", "nothing_listens"): "start the sender there, or correct request.url in its target file.",
    ("sender_api", "target_timeout"): (
        "if an answer of the sender may take longer, raise timeout_s in the target file. Otherwise look "
        "in the sender's log for the blocking call."
    ),
    ("sender_api", "silent"): (
        "look in the sender for what held up its answers at that time: a blocking call, a lock, or a "
        "pause of the process."
    ),
    ("sender_api", "answered_first"): (
        "look in the sender for what its answers wait for: a blocking call, a lock, its store, or too "
        "few workers for requests."
    ),
    ("sender_api", "answers_nothing"): "look in the sender's log for the error or the blocking call.",
    ("sender_stopped", "not_reached"): f"{_OF_API}During a restart, let another process answer.",
    ("sender_refuses", "connections_refused"): f"{_OF_API}During a restart, let another process answer.",
    ("sender_unforwarded", "held_by_an_ended_process"): (
        "look in the sender's log for the restart at that time: a process that ends loses the messages "
        "that it has in memory only. Store each message before it is accepted."
    ),
    ("sender_unforwarded", "forwarding_stopped"): (
        "look in the sender's log for what ended or blocked at that time: a worker, a lock, its connection "
        "to the provider."
    ),
    ("sender_unforwarded", "stopped_at_refusal"): (
        "look in the sender's log for what ended or blocked at that time: a worker must continue after a "
        "refusal, and after a request without an answer."
    ),
    ("sender_repeats", "waits_for_repeats"): (
        "let a message that waits for its repeat hold up no other one. Repeat it after a pause, longer each "
        "time."
    ),
    ("sender_gave_up", "retry_after"): (
        "wait as long as the provider asks for (Retry-After), then send the message again."
    ),
    ("network", "otp_without_flag"): "send OTPs with the provider's priority flag.",
    ("network", "all_without_flag"): (
        "the provider's priority flag, if the contract allows it for these messages, or a faster route."
    ),
    ("network", "several_routes"): (
        "send these messages by the fastest of the routes, or ask for a faster one."
    ),
    ("network", "network_loses"): (
        "nothing in the sender, since the network loses the messages. Ask for a better route."
    ),
    ("network", "validity_passed"): (
        "give the messages a longer validity, or send them by a faster route: they expired before the "
        "network had delivered them."
    ),
    ("network", "provider_errors"): (
        "ask the provider for the cause of its errors. The sender must send a message again after one."
    ),
    ("sender_hold", "paused"): (
        "look in the sender for what its workers waited for at that time: a timer, a lock, a pause."
    ),
    ("sender_hold", "scheduled"): "submit messages without a time of delivery, or with an earlier one.",
    ("sender_pacing", "rate_from_outside"): ADVICE["sender_rate"],
    ("sender_pacing", "quota"): (
        "raise the sender's own quota up to what the contract allows. The period of its limit may have the "
        "wrong unit."
    ),
    ("sender_pacing", "slow_after_refusal"): (
        "let the sender raise its rate faster after a refusal, up to what the contract allows."
    ),
}


# For the refusals that a repeat would meet again (analysis.refusals).
_AFTER_REASON: tuple[tuple[tuple[str, ...], str], ...] = (
    (("unauthorized",), "give the sender the token of the provider's account. A repeat does not help."),
    (
        ("account_suspended", "no_credit", "daily_cap"),
        "clear this with the provider: the account may not send. A repeat does not help.",
    ),
    (
        ("sender_not_allowed", "sender_form_not_allowed", "sender_not_registered"),
        "use a sender name that the provider allows for this account and country, or register it.",
    ),
    (
        ("invalid_request",),
        "look in the sender's log for the provider's error: a field of the request is missing or invalid.",
    ),
    (("opt_out_missing", "text_not_allowed", "too_many_segments"), "change the text of these messages."),
)


_BEHIND_THE_PROVIDER: tuple[BottleneckKind, ...] = (
    "provider_limit",
    "provider_fault",
    "carrier_queue",
    "network",
)
_FAULTS_NAMED = 2
CONTRACT_SHARE = 0.05  # of a class's mean delivery time; a smaller share is not shown
PACED = (
    "the sender's own pacing at the contract's limit, where the messages wait. An ideal sender would hardly "
    "wait for the contract."
)
CAPACITY = "ask the provider for more capacity at "


def what_to_change(quote: Quote, at: int, number: int) -> Sentence:
    """Begins with a lower-case letter; empty if there is no advice."""
    part = quote.report.parts[at]
    first = part.bottlenecks[number]
    faults = fault_windows(part, first) if first.kind in _BEHIND_THE_PROVIDER else ()
    if faults:
        return _without_faults(quote, at, number, faults)
    if _above_contract(part, first) and not _by_order(quote.report, at):
        return _less_load(quote, at, first)
    if first.kind == "provider_limit" and "most_refused" in first.signs:
        return (_after_refusals(first),)
    if single_messages_bind(part, first):
        return ("send many messages in one request: only the limit of requests was reached.",)
    if first.kind in ("provider_limit", "carrier_queue") and _by_order(quote.report, at):
        return (
            "send messages of a higher class first, and keep bulk messages in the sender while they wait.",
        )
    if _paced_alone(part, first):
        return (PACED,)
    if first.kind == "carrier_queue":
        return (f"spread the load over more time, or {CAPACITY}", _subject(quote, at, number), ".")
    advice = _by_kind_and_signs(part, first)
    return (advice,) if advice else ()


def _above_contract(part: PartReport, found: Bottleneck) -> bool:
    """Whether the bottleneck is a limit of the contract that no sender could obey with this load.

    A higher limit does not help messages that the sender gave up after errors.
    """
    of_limits = found.kind == "provider_limit" or "refused_for_limits" in found.signs
    return of_limits and part.throughput.above_contract


def _less_load(quote: Quote, at: int, found: Bottleneck) -> Sentence:
    """No other way of sending helps: the messages that wait would be more and more."""
    through, path = quote.report.parts[at].throughput, f"parts.{at}.throughput"
    most: Sentence = ()
    if through.contract_most_per_s is not None:
        most = (" of ", quote.rate(f"{path}.contract_most_per_s"), " sustained")
    again = ""
    if found.kind == "sender_gave_up":
        again = " A message that the provider refuses must be sent again later, and not given up."
    return (
        "negotiate a higher rate with the provider, or spread the load over more time: it has ",
        quote.rate(f"{path}.offered_mean_per_s"),
        *(", which is above the contract", *most, ", whatever the sender does.", again),
    )


def _subject(quote: Quote, at: int, number: int) -> Figure:
    """The faults or carriers of a bottleneck. The cell with its text has them."""
    found = quote.report.parts[at].bottlenecks[number]
    return Figure(text=found.subject, source=f"parts.{at}.bottlenecks.{number}.text", unit="text")


def _by_kind_and_signs(part: PartReport, found: Bottleneck) -> str:
    if "refused_permanently" in found.signs:
        return _after_reason(found)
    if found.kind == "machine" and found.signs:
        return _machine(found)
    own = found.kind == "sender_pacing" and "rate_from_outside" not in found.signs
    if own and part.identity.profile_limits == "none":
        return "raise the sender's own rate limit: the contract has none."
    of_signs = (text for (kind, sign), text in BY_SIGN.items() if kind == found.kind and sign in found.signs)
    return next(of_signs, ADVICE[found.kind])


def _machine(found: Bottleneck) -> str:
    """By what competes for the cores: a bench that hardly uses one takes none from the sender."""
    alone = " without other programs" if "other_programs" in found.signs else ""
    if "busy_bench" in found.signs:
        return f"run sender and bench on separate machines{alone}: here they shared the processors."
    return f"run the load on a machine{alone}: here they used the processors."


def _after_refusals(found: Bottleneck) -> str:
    known = "retry_after" in found.signs
    wait = "for the Retry-After of a refusal" if known else "some time after a refusal, longer each time,"
    return f"wait {wait} before the next attempt: most requests were refused."


def _after_reason(found: Bottleneck) -> str:
    if found.refusal == "unauthorized" and "accepted_before" in found.signs:
        return "find out why the token is no longer valid: the provider accepted it before."
    for reasons, advice in _AFTER_REASON:
        if found.refusal in reasons:
            return advice
    return "look in the sender's log for the provider's error, and correct its cause. A repeat does not help."


def limits_in_force(found: Bottleneck) -> set[LimitName]:
    """Those that a provider's limit names."""
    return {limit for limit, sign in LIMIT_SIGNS.items() if sign in found.signs}


def single_messages_bind(part: PartReport, found: Bottleneck) -> bool:
    """Whether the limit of requests alone binds, and each request had one message: batches then help, unless
    the load is above the other limits.
    """
    if part.throughput.above_contract:
        return False
    return limits_in_force(found) == {"requests"} and any(each.name == SINGLE for each in part.hints)


def _paced_alone(part: PartReport, found: Bottleneck) -> bool:
    """Whether the sender waits at the limit although the contract adds almost nothing to the delivery times
    that were missed.
    """
    if found.kind != "provider_limit" or part.backlog_grew:
        return False
    if "contract_obeyed" not in found.signs:
        return False
    missed = [each for each in part.objectives if each.verdict == "missed"]
    classes = {each.message_class for each in missed}
    splits = [each for each in part.delay_splits if ALL in classes or each.message_class in classes]
    if not splits or any(each.measure != "delivery_time" for each in missed):
        return False
    return all(
        share.mean_s <= CONTRACT_SHARE * split.total_mean_s
        for split in splits
        for share in split.shares
        if share.name == "contract"
    )


def same_limit(part: PartReport, split: DelaySplit) -> bool:
    """Whether the limit of the split is one that the part's bottleneck names, if it names any.

    The split is that of an ideal sender. The real sender may have met another limit, such as that of
    requests.
    """
    found = limits_in_force(part.bottlenecks[0]) if part.bottlenecks else set()
    return not found or not split.limit_names or bool(found & set(split.limit_names))


def sender_dominates(part: PartReport) -> bool:
    """Whether a class waits longer for the sender than for the contract: a higher limit does not help it."""
    for split in part.delay_splits:
        mean_s = {share.name: share.mean_s for share in split.shares}
        sender_s = mean_s.get("sender", 0.0)
        if sender_s > max(mean_s.get("contract", 0.0), CONTRACT_SHARE * split.total_mean_s):
            return True
    return False


def fault_windows(part: PartReport, found: Bottleneck) -> tuple[int, ...]:
    """The positions of the faults that were active while the bottleneck was seen, the longest overlap first.

    A fault of the delivery reports delays no message on its way to the phone. It counts if there is no other.
    """
    overlaps = []
    for place, band in enumerate(part.faults):
        if band.from_s is not None:
            to_s = found.to_s if band.to_s is None else min(band.to_s, found.to_s)
            overlaps.append((max(band.from_s, found.from_s) - to_s, place))
    places = [place for overlap_s, place in sorted(overlaps) if overlap_s < 0]
    causes = [place for place in places if part.faults[place].effect != "reports"]
    return tuple(causes or places)


def _without_faults(quote: Quote, at: int, number: int, faults: tuple[int, ...]) -> Sentence:
    """A fault as a bottleneck names its faults. Of several others the two with the longest overlap."""
    found, path = quote.report.parts[at].bottlenecks[number], f"parts.{at}"
    judged = "). To judge sender and contract, run it without"
    if found.kind == "provider_fault" and len(faults) > 1:
        named = _subject(quote, at, number)
        return ("fault windows were active meanwhile (", named, f"{judged} the faults.")
    first, *others = (quote.text(f"{path}.faults.{place}.title") for place in faults[:_FAULTS_NAMED])
    if not others:
        return ("a fault window was active meanwhile (", first, f"{judged} the fault.")
    more = "; and more" if len(faults) > _FAULTS_NAMED else ""
    return ("fault windows were active meanwhile (", first, "; ", *others, f"{more}{judged} the faults.")


def faulty(part: PartReport) -> bool:
    """Whether a fault window was active during the part."""
    return any(band.from_s is not None for band in part.faults)


def _by_order(report: RunReport, at: int) -> bool:
    """Whether another send order would meet a missed objective of the part."""
    return any(
        each.reach_kind in BY_ORDER for each in report.objectives if objective_part(report, each) == at
    )


def sufficient(report: RunReport, at: int) -> bool:
    """Whether a missed objective of the part says that the contract is sufficient."""
    return any(
        each.reach_kind == "sufficient" for each in report.objectives if objective_part(report, each) == at
    )


def first_shown(report: RunReport, place: int) -> int:
    """The first check with this advice: the table of the checks does not repeat it for other parts."""
    asked = report.checks[place]
    same = asked.name, asked.advice
    return next(
        place
        for place, each in enumerate(report.checks)
        if each.state in ("warn", "invalid") and (each.name, each.advice) == same
    )
