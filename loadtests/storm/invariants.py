"""What must hold after a storm and its quiet time: functions from the end of a world to what it violates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from loadtests.storm.final_states import (
    a_delivered_message_was_delivered,
    a_message_fails_only_for_a_reason,
    an_unknown_outcome_is_called_unknown,
)
from loadtests.storm.storm_end import StormEnd
from loadtests.storm.storm_provider import LATE_S
from loadtests.storm.watch import Violation
from loadtests.storm.world import StormWorld
from reference_sender.dispatch.message_states import DELIVERED_BY_SECOND
from reference_sender.dispatch.values import FINAL_STATES, State, is_hedge, key_of_first, key_of_second
from reference_sender.policy.gate import CANCELLED, OPTED_OUT
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.store.protocol import Record

_ACCEPTED_STATES = frozenset({State.SENT, State.DELIVERED})


def every_acknowledged_message_is_final(end: StormEnd) -> Iterator[Violation]:
    """Every acknowledged message is in the store, and final, or was removed."""
    for key in sorted(end.world.watch.acknowledged_keys):
        record = end.known.get(key)
        if record is None:
            yield Violation("acknowledged", f"{key} was acknowledged and is not in the store", (key,))
        elif record.state not in FINAL_STATES:
            yield Violation("acknowledged", f"{key} is still {record.state.value}", (key,))


def no_message_is_accepted_twice(end: StormEnd) -> Iterator[Violation]:
    """No provider accepts a message twice, and no second provider accepts it.

    Each engine of a provider that forgot messages is counted separately. A clock that was set
    back by more than the route's reserve hides from the next process that the provider's window has ended.
    """
    for key, found in end.accepted.items():
        counts: Counter[tuple[str, int]] = Counter()
        for route, number, _ in found:
            counts[route, number] += 1
        for (route, number), count in counts.items():
            window_ended = (
                end.world.state.wall_back_s > end.world.providers[route].plan.remembers_s / 2 - LATE_S
            )
            if count > 1 and not window_ended:
                text = f"{key} was accepted {count} times by {route} (engine {number})"
                yield Violation("accepted once", text, (key,))
        routes = sorted({route for route, _, _ in found})
        if len(routes) > 1:
            yield Violation("accepted once", f"{key} was accepted by {' and '.join(routes)}", (key,))


def the_journals_have_every_accept(end: StormEnd) -> Iterator[Violation]:
    """The engine of a provider has as many rows of a message as it counted accepts of its key."""
    for key, found in end.accepted.items():
        counted: dict[tuple[str, int], list[int]] = {}
        for route, number, row in found:
            counted.setdefault((route, number), []).append(row.accepts)
        for (route, number), accepts in counted.items():
            if max(accepts) != len(accepts):
                text = f"{key} has {len(accepts)} rows of {route} (engine {number}), which counted {accepts}"
                yield Violation("journal", text, (key,))


def every_sent_message_was_accepted_by_a_provider(end: StormEnd) -> Iterator[Violation]:
    """A provider accepted each message that is sent or delivered in the store, or was when it was removed,
    under the id that the store has. No two messages have one id. If two equal messages to one number are
    looked up at the same time, each may get the id of the other.
    """
    holders = {record.provider_id: key for key, record in end.known.items() if record.provider_id}
    owners = {row.provider_id: key for key, found in end.accepted.items() for _, _, row in found}
    for key, record in end.known.items():
        provider_id = record.provider_id
        if provider_id and holders[provider_id] != key:
            yield Violation("seen", f"{key} and {holders[provider_id]} have one id: {provider_id}", (key,))
        if record.state not in _ACCEPTED_STATES:
            continue
        ids = {row.provider_id for _, _, row in end.accepted.get(key, ())}
        if not ids and record.reason == DELIVERED_BY_SECOND:
            ids = {row.provider_id for _, _, row in end.accepted.get(key_of_second(key), ())}
        if not ids:
            yield Violation("seen", f"{key} is {record.state.value} and no provider accepted it", (key,))
        elif provider_id is not None and provider_id not in ids:
            other = end.known.get(owners.get(provider_id, ""))
            if other is None or not _look_alike(end, record, other):
                yield Violation("seen", f"{key} has the id of another message: {provider_id}", (key,))


def the_provider_has_only_messages_of_the_store(end: StormEnd) -> Iterator[Violation]:
    """Every key that a provider saw is a message of the store, or was one."""
    for key in sorted(end.seen - end.known.keys()):
        yield Violation("known", f"a provider saw {key}, which is not in the store", (key,))


def a_confirmed_report_is_kept(end: StormEnd) -> Iterator[Violation]:
    """What a provider reported delivered, and was confirmed, is delivered in the store.

    A report must name the message, by its key or by an id that the store has, also of one that had ended.
    """
    for key, found in end.accepted.items():
        record = end.records.get(key)
        for route, _, row in found:
            if record is None or row.t_confirmed_ns is None or row.state != "delivered":
                continue
            carries_key = end.world.providers[route].plan.carries_key
            named = carries_key or record.provider_id == row.provider_id
            if named and record.state is not State.DELIVERED:
                text = f"{key} was reported delivered by {route}, confirmed, and is {record.state.value}"
                yield Violation("reports", text, (key,))


def no_lane_starves(end: StormEnd) -> Iterator[Violation]:
    """A message that nobody tried does not expire if it is valid for long after the storm."""
    plan = end.world.plan
    for call in plan.calls:
        if call.at_s + call.valid_s < plan.storm_s + _LONGEST_FAULT_S + end.world.state.wall_forward_s:
            continue
        for key in call.keys:
            record = end.known.get(key)
            if record is None or record.state is not State.EXPIRED or record.reason != "expired":
                continue
            if call.keeps_hours or record.message.not_before_ns >= FOREVER:
                continue
            if record.message.expires_ns - record.message.created_ns < int(call.valid_s * 1e9):
                continue
            yield Violation("lanes", f"{key} ({call.lane.value}) expired and no fault was left", (key,))


_LONGEST_FAULT_S = 900.0  # after the storm: pauses, windows, breakers, a clock that was set, and the queue


def lower_lanes_pass_an_otp_only_with_their_shares(end: StormEnd) -> Iterator[Violation]:
    """Lower lanes pass a waiting OTP with no more than their guaranteed shares."""
    if end.world.plan.in_order:
        return
    for process in end.world.sender.past:
        lanes = process.lanes
        if lanes.passed > lanes.allowed:
            text = f"{lanes.passed} segments passed a waiting OTP; {lanes.allowed:.1f} are allowed"
            yield Violation("lanes", text)


def totals_are_those_of_the_changes(end: StormEnd) -> Iterator[Violation]:
    """The last process counted each message once for each state that it wrote."""
    totals = end.process.node.state(end.process.now_ns()).totals
    for state in FINAL_STATES:
        keys = end.process.ends.get(state, set())
        counted = totals[state.value]
        if counted != len(keys):
            text = f"{counted} messages are counted as {state.value}, {len(keys)} were written"
            yield Violation("totals", text, tuple(sorted(keys)))


def each_message_is_in_one_count(end: StormEnd) -> Iterator[Violation]:
    """The last process counts each message of the dashboard in its last state, and nothing as open."""
    counts = end.process.dispatcher.campaigns.total
    delivered = end.process.ends.get(State.DELIVERED, set())
    ended = set().union(*(end.process.ends.get(state, set()) for state in FINAL_STATES))
    wrong = {
        "waiting": (counts.waiting, 0),
        "waiting segments": (counts.waiting_segments, 0),
        "sent": (counts.sent, 0),
        "delivered": (counts.delivered, len(delivered)),
        "ended": (counts.messages, len(ended)),
    }
    for what, (counted, wanted) in wrong.items():
        if counted != wanted:
            yield Violation("counts", f"{counted} messages are counted as {what}, and not {wanted}")


def store_and_dispatcher_agree(end: StormEnd) -> Iterator[Violation]:
    """Nothing is open, in the store or in memory."""
    process, disk = end.process, end.world.state.disk
    state = process.node.state(process.now_ns())
    left = {
        "unfinished in the store": len(process.store.unfinished()),
        "attempts in the store": len(disk.attempts),
        "open in the dispatcher": state.open,
        "requests in flight": state.in_flight,
        "early reports": state.early_reports,
        "batches unanswered": process.node.unanswered,
        "messages on their way to the store": process.node.waiting,
        "report calls that wait": process.node.early_calls,
        "calls that wait": process.calls,
        "entries of the dispatcher's tables": sum(process.dispatcher.kept().values()),
    }
    for what, count in left.items():
        if count:
            yield Violation("nothing left", f"{count} {what}")
    if not end.world.state.ended_quietly:
        yield Violation("nothing left", "the quiet time was not long enough")


def a_second_message_goes_to_another_provider(end: StormEnd) -> Iterator[Violation]:
    """No provider accepts both messages of an OTP."""
    for key, found in end.accepted.items():
        if is_hedge(key):
            first = end.accepted.get(key_of_first(key), [])
            both = {route for route, _, _ in found} & {route for route, _, _ in first}
            if both:
                text = f"{' and '.join(sorted(both))} accepted {key} and {key_of_first(key)}"
                yield Violation("hedge", text, (key, key_of_first(key)))


def a_delivered_second_message_ends_its_first_one(end: StormEnd) -> Iterator[Violation]:
    """An OTP whose second message was delivered is delivered, unless it was removed before."""
    for key, record in end.known.items():
        first = end.records.get(key_of_first(key))
        if not is_hedge(key) or record.state is not State.DELIVERED or first is None:
            continue
        if first.state is not State.DELIVERED:
            text = f"{key} is delivered, and {first.message.key} is {first.state.value}"
            yield Violation("pairs", text, (key, first.message.key))


def costs_are_those_of_the_messages(end: StormEnd) -> Iterator[Violation]:
    """Of each campaign the store and the last process have the same costs: those of its messages, except the
    ones whose costs were returned, or that were over a limit, and without what a purge removed.
    """
    process = end.process
    spending = process.node.gate.spending
    assert spending is not None, "a storm has prices"
    wanted: Counter[str] = Counter()
    for record in end.known.values():
        if _has_cost(record):
            wanted[record.message.campaign] += spending.prices.cost(record.message)
    for (campaign, _), amount in end.world.state.disk.removed.items():
        wanted[campaign] -= amount
    for campaign in sorted({*wanted, *spending.spent}):
        stored, counted = process.store.spent(campaign), spending.spent.get(campaign, 0)
        if not stored == counted == wanted[campaign]:
            text = f"{counted} are counted and {stored} stored for campaign {campaign}"
            text += f", not {wanted[campaign]}"
            yield Violation("costs", text)


def limits_are_kept(end: StormEnd) -> Iterator[Violation]:
    """No more than its limit was reserved for a day, or is the cost of the messages of a campaign that a
    provider may have.
    """
    limits, spending = end.world.watch.limits, end.process.node.gate.spending
    assert spending is not None, "a storm has prices"
    days: Counter[int] = Counter()
    for each in end.process.store.spending():
        days[each.day] += each.amount
    for day, amount in days.items():
        if limits.daily_limit is not None and amount > limits.daily_limit:
            text = f"{amount} are reserved on day {day}; the limit is {limits.daily_limit}"
            yield Violation("spending", text)
    sent: Counter[str] = Counter()
    for key, record in end.known.items():
        if end.world.watch.submitted_keys[key] and record.reason not in (CANCELLED, OPTED_OUT):
            sent[record.message.campaign] += spending.prices.cost(record.message)
    for campaign, most in limits.most.items():
        if sent[campaign] > most:
            text = f"messages for {sent[campaign]} of {campaign} were sent; its limit is {most}"
            yield Violation("spending", text)


def a_removed_message_leaves_nothing(end: StormEnd) -> Iterator[Violation]:
    """Every row of the store is of a message that it has."""
    disk = end.world.state.disk
    for number in sorted(disk.progress.keys() - disk.messages.keys()):
        yield Violation("purged", f"message {number} is not in the store and has progress")
    for key in sorted(end.world.watch.purged_records.keys() & end.records.keys()):
        yield Violation("purged", f"{key} was removed and is in the store", (key,))


def a_message_that_is_stored_once_has_no_duplicate(end: StormEnd) -> Iterator[Violation]:
    """The store has no two messages of a campaign that are to be stored once and have one number and text.
    What kept a duplicate out is in the store, or was removed.
    """
    once = {key for call in end.world.plan.calls if call.once for key in call.keys}
    first: dict[tuple[str, str, str], str] = {}
    for key, record in end.records.items():
        if key in once:
            message = record.message
            other = first.setdefault((message.campaign, message.to, message.text), key)
            if other != key:
                yield Violation("stored once", f"{other} and {key} are in the store", (other, key))
    ids = {record.message.message_id for record in end.known.values()}
    for key, holder in end.world.watch.holders.items():
        if holder not in ids:
            text = f"{key} was refused as a duplicate of message {holder}, which is not in the store"
            yield Violation("stored once", text, (key,))


def _look_alike(end: StormEnd, one: Record, other: Record) -> bool:
    """Whether a lookup cannot distinguish these two messages."""
    provider = end.world.providers.get(one.route or "")
    shown, others = [(each.message.to, each.message.text) for each in (one, other)]
    return provider is not None and provider.plan.looks_up and shown == others


def _has_cost(record: Record) -> bool:
    return record.reason not in (CANCELLED, OPTED_OUT) and record.message.not_before_ns < FOREVER


Invariant = Callable[[StormEnd], Iterator[Violation]]
INVARIANTS: tuple[Invariant, ...] = (
    every_acknowledged_message_is_final,
    no_message_is_accepted_twice,
    the_journals_have_every_accept,
    every_sent_message_was_accepted_by_a_provider,
    the_provider_has_only_messages_of_the_store,
    a_confirmed_report_is_kept,
    a_delivered_message_was_delivered,
    an_unknown_outcome_is_called_unknown,
    a_message_fails_only_for_a_reason,
    a_second_message_goes_to_another_provider,
    a_delivered_second_message_ends_its_first_one,
    no_lane_starves,
    lower_lanes_pass_an_otp_only_with_their_shares,
    totals_are_those_of_the_changes,
    each_message_is_in_one_count,
    costs_are_those_of_the_messages,
    limits_are_kept,
    a_removed_message_leaves_nothing,
    a_message_that_is_stored_once_has_no_duplicate,
    store_and_dispatcher_agree,
)


def violations(world: StormWorld) -> list[Violation]:
    """All that does not hold after ``world`` has run."""
    end = StormEnd(world)
    found = list(world.watch.violations)
    for invariant in INVARIANTS:
        found.extend(invariant(end))
    return found
