"""The outcome of each message, and how it counts in the delivery times.

Outcomes of accepted messages: ``delivered``, ``failed``, ``expired``, ``open``, ``lost``. The provider's
state goes first, since it is the source; then the sender's.

A message counts in the delivery times unless a faster system could not have delivered it either: a handset or
network failed it after the provider accepted it, or the provider refused its phone number. These are in the
failed share. A message that the *sender* gave up (expired in its queue, attempts
exhausted) or that was lost counts as "never"; otherwise a sender that discards slow messages would look fast.
A message that expired before a carrier accepted it also counts as "never". A message whose phone is off or
out of coverage waits for the phone with any sender, so it does not count (``ProviderSide.unreachable``),
unless the sender is also at fault.

``unaccounted`` is counted separately: accepted by the sender, never seen by the provider (its journal has no
row of it), and not held by the sender. The sender's row decides:

====================  =========  ===========  =============================================================
sender's row          outcome    unaccounted  because
====================  =========  ===========  =============================================================
queued, submitting    open       no           the sender still has it, and will send it
failed, expired       its state  no           the sender gave it up and has the reason
sent, delivered       lost       yes          the provider has a row of every message that it got
none of this message  lost       yes          the sender accepted it and has no record of it
no rows at all        open       yes          it may be in a queue, but no record shows it
====================  =========  ===========  =============================================================

A refused message has a row at the provider, also if the provider could not read its request or its number,
as far as its key is in it. So such a message was seen. Without a journal no message is
unaccounted, since nothing is known.

Without sender rows, some of them may still be in the sender's queue (``still_held``): it was submitting until
the run ended, and it forwarded no later message of their class (``measure.unforwarded``).

If the provider has about as many messages with unknown keys, accepted or refused, the messages that it has
never seen under their keys may be these: they are ``without_key``, open, and not unaccounted.

``given_up`` is counted separately too: the sender accepted the message, the provider refused it and never
accepted it, and no row of the sender says that the sender ended it or still has it. Not if the provider
refused the phone number: no sender could have submitted that. Its outcome is ``failed``, and the objective
``loss`` counts it.

After a refusal for the time being (a limit, an error of the provider) the sender may repeat it. If the wait
was too short for a repeat, it is ``open`` and counts as ``to_repeat``. Without sender rows, a sender that was
submitting until the run ended may still repeat it: then it is ``to_repeat``, ``open``, and not given up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.measure.forwarding import submits_to_the_end
from analysis.measure.percentiles import Ages, with_open
from analysis.measure.unforwarded import still_held
from analysis.model import Accounting
from analysis.read.columns import ABSENT
from analysis.read.journeys import OUTCOMES, SENDER_STATES, Journeys
from analysis.read.provider_rows import PROVIDER_STATES

MESSAGE_OUTCOMES = ("delivered", "failed", "expired", "open", "lost")
DELIVERED, FAILED, EXPIRED, OPEN, LOST = range(len(MESSAGE_OUTCOMES))
NOT_ACCEPTED = -1
# A cut message that the provider can neither read nor name has no row, so the rows may be a few less.
_EXPLAINED = 0.9


@dataclass(frozen=True)
class MessageOutcomes:
    """``outcome`` is an index of MESSAGE_OUTCOMES; NOT_ACCEPTED: the sender did not accept it."""

    outcome: Ints
    never: Bools  # will not arrive because of the system
    unknown_to_both: Bools  # accepted, and neither provider nor sender has a row of it
    unaccounted: Bools  # accepted, never seen by the provider, and not held by the sender
    still_held: Bools  # of these, may be forwarded later: the sender was submitting until the end
    without_key: Bools  # accepted, and probably at the provider with a key that the load did not send
    given_up: Bools  # accepted, refused by the provider, and not submitted again until the run ended
    to_repeat: Bools  # the same for the time being, and the sender was submitting until the end


def judge(journeys: Journeys) -> MessageOutcomes:
    """Decide the outcome of every message."""
    accepted, provider, sender = journeys.accepted, journeys.provider, journeys.sender
    outcome = np.full(journeys.count, OPEN, dtype=np.int64)
    at_provider = provider.accepted
    _set_where(outcome, at_provider & _is_one_of(provider.state, PROVIDER_STATES, "delivered"), DELIVERED)
    _set_where(
        outcome,
        at_provider & _is_one_of(provider.state, PROVIDER_STATES, "undelivered", "rejected", "unknown"),
        FAILED,
    )
    _set_where(outcome, at_provider & _is_one_of(provider.state, PROVIDER_STATES, "expired"), EXPIRED)
    refused = ~at_provider & (provider.state != ABSENT)
    gone = ~at_provider & _is_one_of(sender.state, SENDER_STATES, "failed")
    _set_where(outcome, gone | (refused & (sender.state == ABSENT)), FAILED)
    not_repeated = accepted & refused & (sender.state == ABSENT) & ~provider.recipient_at_fault
    for_now = not_repeated & ~provider.refused_permanently
    to_repeat = np.zeros(journeys.count, dtype=np.bool_)
    if for_now.any() and not sender.present and submits_to_the_end(journeys):
        to_repeat = for_now
    _set_where(outcome, to_repeat if journeys.repeats_awaited else for_now, OPEN)
    _set_where(outcome, ~at_provider & _is_one_of(sender.state, SENDER_STATES, "expired"), EXPIRED)
    if not journeys.journal:
        # Without a journal (a real provider) only the sender's states are known.
        _set_where(outcome, _is_one_of(sender.state, SENDER_STATES, "delivered"), DELIVERED)
    unknown_to_both = accepted & (provider.state == ABSENT) & (sender.state == ABSENT)
    vanished = np.zeros(journeys.count, dtype=np.bool_)
    if journeys.journal:
        # A provider with a journal has a row of every message that it got.
        vanished = (provider.state == ABSENT) & _is_one_of(sender.state, SENDER_STATES, "sent", "delivered")
    gone = accepted & (vanished | unknown_to_both)
    without_key = gone & _came_without_key(journeys, gone)
    _set_where(outcome, vanished, LOST)
    if sender.present:
        _set_where(outcome, unknown_to_both, LOST)
    _set_where(outcome, without_key, OPEN)
    # The sender's account, its sender name or its request was refused, whatever its row says.
    by_its_fault = refused & provider.refused_permanently
    ended_by_it = sender.gave_up | (sender.state == ABSENT) | by_its_fault
    failed = (outcome == FAILED) & ended_by_it & ~(refused & provider.recipient_at_fault)
    too_late = ~np.isfinite(provider.carrier_s)
    too_late |= ~provider.unreachable & (provider.carrier_s + provider.radio_s > provider.final_s + 1e-9)
    never = accepted & ((~at_provider & failed) | ((outcome == EXPIRED) & too_late) | (outcome == LOST))
    outcome[~accepted] = NOT_ACCEPTED
    unaccounted = _unaccounted(journeys, gone & ~without_key)
    return MessageOutcomes(
        outcome=outcome,
        never=never,
        unknown_to_both=unknown_to_both,
        unaccounted=unaccounted,
        still_held=still_held(journeys, unaccounted),
        without_key=without_key,
        given_up=not_repeated & ~to_repeat,
        to_repeat=to_repeat,
    )


def _unaccounted(journeys: Journeys, gone: Bools) -> Bools:
    """``gone``: without a row at the provider, and in no state in which the sender still has it."""
    if not journeys.journal:
        return np.zeros(journeys.count, dtype=np.bool_)
    found: Bools = journeys.accepted & gone
    return found


def _came_without_key(journeys: Journeys, gone: Bools) -> bool:
    """Whether the provider's messages with unknown keys explain the messages that are gone."""
    count = int(np.count_nonzero(gone))
    return journeys.journal and count > 0 and journeys.provider.unknown.count >= _EXPLAINED * count


def _is_one_of(codes: Ints, names: tuple[str, ...], *wanted: str) -> Bools:
    return np.isin(codes, [names.index(name) for name in wanted])


def _set_where(outcome: Ints, where: Bools, value: int) -> None:
    outcome[where] = value


def delivery_ages(journeys: Journeys, outcomes: MessageOutcomes, among: Bools) -> Ages:
    """Times from the intended instant to the handset, of the messages in ``among`` to reachable phones."""
    delivery_s = journeys.provider.final_s - journeys.load.intended_s
    reached = among & ~journeys.provider.unreachable
    delivered = reached & (outcomes.outcome == DELIVERED) & np.isfinite(delivery_s)
    still_open = reached & (outcomes.outcome == OPEN)
    # A message whose key is unknown may have arrived at once.
    open_ages = np.where(outcomes.without_key, 0.0, journeys.end_s - journeys.load.intended_s)[still_open]
    return with_open(delivery_s[delivered], open_ages, int(np.count_nonzero(among & outcomes.never)))


def delivered_in_order(journeys: Journeys, outcomes: MessageOutcomes, among: Bools) -> Floats:
    """Delivery times to reachable phones, in the order in which the messages were due."""
    chosen = among & (outcomes.outcome == DELIVERED) & ~journeys.provider.unreachable
    due = journeys.load.intended_s[chosen]
    delivery_s = journeys.provider.final_s[chosen] - due
    ordered: Floats = delivery_s[np.argsort(due, kind="stable")]
    return ordered[np.isfinite(ordered)]


def accounting(journeys: Journeys, outcomes: MessageOutcomes, planned: int) -> Accounting:
    """Count everything once. The two sides of each sum come from different columns."""
    load, provider = journeys.load, journeys.provider
    by_answer = {name: int(np.count_nonzero(load.outcome == code)) for code, name in enumerate(OUTCOMES)}
    by_outcome = {
        name: int(np.count_nonzero(outcomes.outcome == code)) for code, name in enumerate(MESSAGE_OUTCOMES)
    }
    gave_up = given_up(journeys, outcomes)
    return Accounting(
        planned=planned or journeys.count,
        rows=journeys.count,
        sent=int(np.count_nonzero(np.isfinite(load.sent_s))),
        dropped=by_answer["dropped"],
        answered=by_answer["accepted"] + by_answer["refused"] + by_answer["failed"],
        unfinished=by_answer["unfinished"],
        accepted=by_answer["accepted"],
        refused=by_answer["refused"],
        failed_at_api=by_answer["failed"],
        delivered=by_outcome["delivered"],
        failed=by_outcome["failed"],
        expired=by_outcome["expired"],
        open=by_outcome["open"],
        lost=by_outcome["lost"],
        duplicates=int(np.count_nonzero(provider.accepts > 1)),
        copies=int(np.maximum(provider.accepts - 1, 0).sum()),
        delivered_unacknowledged=delivered_unacknowledged(journeys),
        resubmitted=int(np.count_nonzero(provider.submits > 1)),
        submits=int(provider.submits.sum()),
        found=int(np.count_nonzero(journeys.accepted & (provider.state != ABSENT))),
        unknown_messages=provider.unknown.count,
        unknown_refused=provider.unknown.count - provider.unknown.accepted,
        repeated_keys=load.repeated_keys,
        unknown_to_both=int(np.count_nonzero(outcomes.unknown_to_both)),
        unaccounted=int(np.count_nonzero(outcomes.unaccounted)),
        still_held=int(np.count_nonzero(outcomes.still_held)),
        without_key=int(np.count_nonzero(outcomes.without_key)),
        given_up=int(np.count_nonzero(gave_up)),
        given_up_for_a_limit=int(
            np.count_nonzero(gave_up & (provider.throttled > 0) & ~provider.refused_permanently)
        ),
        given_up_permanently=int(np.count_nonzero(gave_up & provider.refused_permanently)),
        to_repeat=int(np.count_nonzero(outcomes.to_repeat | (outcomes.given_up & ~gave_up))),
        refused_recipients=int(np.count_nonzero(journeys.refused_recipients)),
        dropped_by_bench=int(np.count_nonzero(journeys.dropped_by_bench)),
        dropped_at_machine_limit=int(np.count_nonzero(journeys.dropped_at_machine_limit)),
    )


def with_other_keys(accounting: Accounting) -> int:
    """Messages at the provider with keys that the load did not send, beyond those that are probably the
    load's own. They may be copies: a sender that makes a key for each attempt duplicates messages this way.
    """
    return possible_copies(accounting.unknown_messages, accounting.unknown_refused, accounting.without_key)


def possible_copies(unknown: int, refused: int, without_key: int) -> int:
    """A message that the provider refused is no copy. ``without_key`` of the messages are the load's own."""
    return max(0, min(unknown - refused, unknown - without_key))


def given_up(journeys: Journeys, outcomes: MessageOutcomes) -> Bools:
    """Messages that the sender gave up: the run waited for a repeat, or none would be accepted."""
    return outcomes.given_up & (journeys.repeats_awaited | journeys.provider.refused_permanently)


def delivered_unacknowledged(journeys: Journeys) -> int:
    """Messages that arrived although the load did not read an acceptance."""
    provider = journeys.provider
    arrived = provider.accepted & (provider.state == PROVIDER_STATES.index("delivered"))
    return int(np.count_nonzero(arrived & ~journeys.accepted))
