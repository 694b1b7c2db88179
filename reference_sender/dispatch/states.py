"""The states of a message as a transition table. Every change of a message's state goes through ``moved``.

A delivery report may come twice, late, or out of order. So states have a rank, and a report only raises it: a
report for a final message counts only if its state has a higher rank. The only such late update is FAILED or
EXPIRED to DELIVERED: the handset has the message.
"""

from __future__ import annotations

from collections.abc import Mapping

from reference_sender.dispatch.values import State

TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset(
        {
            State.SUBMITTING,
            State.SENT,  # a report proved that the provider has the message of an unanswered attempt
            State.FAILED,
            State.EXPIRED,
        }
    ),
    State.SUBMITTING: frozenset(
        {
            State.QUEUED,  # refused, or no answer: another attempt follows
            State.SENT,
            State.FAILED,
            State.EXPIRED,
        }
    ),
    State.SENT: frozenset({State.DELIVERED, State.FAILED, State.EXPIRED}),
    State.FAILED: frozenset({State.DELIVERED}),
    State.EXPIRED: frozenset({State.DELIVERED}),
    State.DELIVERED: frozenset(),
}

RANK: Mapping[State, int] = {
    State.QUEUED: 0,
    State.SUBMITTING: 0,  # an attempt that fails goes back to QUEUED without regressing
    State.SENT: 1,
    State.FAILED: 2,
    State.EXPIRED: 2,
    State.DELIVERED: 3,
}


class IllegalStateChangeError(ValueError):
    """The table has no such transition. Nothing was changed."""


def moved(current: State, new: State) -> State:
    """``new``, if the table leads there from ``current``; raises ``IllegalStateChangeError`` otherwise."""
    if new not in TRANSITIONS[current]:
        raise IllegalStateChangeError(f"{current.value} -> {new.value}")
    return new


def raises_rank(current: State, reported: State) -> bool:
    """Whether ``reported`` has a higher rank than ``current``."""
    return RANK[reported] > RANK[current]
