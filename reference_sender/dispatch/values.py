"""Inputs and outputs of the dispatcher: frozen values without behaviour.

All instants are int nanoseconds on the sender's clock, which never goes back while the process runs. It may
go back across a restart: ``stored_instants.py`` converts stored instants to the present clock.
``not_before_ns`` is Unix time, which may be set while the process runs (``policy/wall_offset.py``).
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

NS_PER_S = 1_000_000_000

# Code that runs for every message gives members of enums names of their own (``_SENT = State.SENT``): in
# Python 3.11 an attribute of an enum class takes 65 ns longer than a global name. Without these names the
# dispatcher takes 10 % longer for a single message, and 30 % longer for one of a batch of 100
# (``benchmarks/dispatch_cost.py``). In Python 3.12 and 3.13 the difference is about 10 ns: without 3.11 the
# names are not needed.


class Lane(Enum):
    """Message class and priority lane; the order is the priority."""

    OTP = "otp"
    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"

    # Each member is one object, and is looked up in tables for every message: Enum's own hash takes six times
    # as long.
    __hash__ = object.__hash__


class State(Enum):
    """State of a message in the sender; ``states.py`` has the transition table."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    SENT = "sent"  # the provider accepted it; its report is awaited
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"

    __hash__ = object.__hash__  # as that of Lane


FINAL_STATES = frozenset({State.DELIVERED, State.FAILED, State.EXPIRED})


class Message(Struct, frozen=True, gc=False, array_like=True):
    """A message that the sender has accepted. ``message_id`` is the store's row id.

    Before ``not_before_ns``, which is Unix time, it is held (``policy/gate.py``), and outside the opening
    hours of its recipient's country if ``keeps_hours``. With ``once`` it is stored only if its campaign has
    no other such message with its number and text; the store does not give ``once`` back.
    """

    message_id: int
    key: str
    to: str
    text: str
    lane: Lane
    sender_id: str
    campaign: str
    segments: int
    created_ns: int
    expires_ns: int
    not_before_ns: int = 0
    keeps_hours: bool = False
    dated_ns: int = 0  # when it was created as the store has it, Unix time, if ``created_ns`` was moved
    once: bool = False


class Outcome(Enum):
    """How an attempt ended: a closed list. ``routes/`` maps each provider's replies to these."""

    ACCEPTED = "accepted"
    # The provider's duplicate check says that it accepted an earlier attempt.
    ALREADY_ACCEPTED = "already_accepted"
    THROTTLED = "throttled"  # refused: the route must send more slowly
    RETRYABLE = "retryable"  # refused: a later attempt may succeed
    UNKNOWN = "unknown"  # no answer: it may have been accepted; repeat only if the provider refuses repeats
    DEFERRED = "deferred"  # refused: only this recipient must wait
    PERMANENT = "permanent"  # refused permanently
    SPLIT = "split"  # the batch as a whole was refused: submit its messages one by one
    ROUTE_DOWN = "route_down"  # credentials, credit, account: no attempt on this route can succeed now


class Result(Struct, frozen=True, gc=False):
    """Outcome of one message of a batch. ``provider_id`` is set when ACCEPTED."""

    outcome: Outcome
    provider_id: str | None = None
    reason: str = ""
    retry_after_s: float | None = None


class SubmitBatch(Struct, frozen=True, gc=False):
    """Effect: submit these messages, in one request, on this route, as soon as the attempt is durable."""

    batch_id: int
    route: str
    messages: tuple[Message, ...]


class SubmitAttempt(Struct, frozen=True, gc=False):
    """A batch that is about to be submitted. It is stored before its request is sent, and kept until its
    results are stored.

    After a crash it shows which messages a provider may have, and of which route. ``attempt_id`` increases
    with each attempt.
    """

    attempt_id: int
    route: str
    at_ns: int
    message_ids: tuple[int, ...]


class Change(Struct, frozen=True, gc=False):
    """Effect: make this change of a message durable.

    ``route`` is the route of the last attempt, None without one. A QUEUED change binds the message to
    ``route``: its provider may have the message since ``tried_ns``, so no other route is used.
    """

    message_id: int
    key: str
    state: State
    reason: str
    provider_id: str | None
    attempts: int
    at_ns: int
    route: str | None = None
    tried_ns: int | None = None


class LookUp(Struct, frozen=True, gc=False):
    """Effect: ask the provider of ``route`` whether it has ``message``, submitted at ``since_ns``."""

    route: str
    message: Message
    since_ns: int


class SetAside(Struct, frozen=True, gc=False):
    """Effect: ``message`` has left the dispatcher unsent, and no provider has it. It may be offered again."""

    message: Message


class AskReport(Struct, frozen=True, gc=False):
    """Effect: ask the provider of ``route`` for the state of its message ``provider_id``, whose report is
    missing.
    """

    route: str
    key: str
    provider_id: str


class Hedge(Struct, frozen=True, gc=False):
    """Effect: store ``message`` under a new id, and offer it. It is the second one of an OTP without a
    report (``hedging.py``).
    """

    message: Message


Effect = SubmitBatch | Change | LookUp | SetAside | AskReport | Hedge

_SECOND = "~2"  # no key of a client has a tilde


def is_hedge(key: str) -> bool:
    """Whether ``key`` is that of the second message of an OTP."""
    return key.endswith(_SECOND)


def key_of_second(key: str) -> str:
    """The key of the second message of ``key``."""
    return key + _SECOND


def key_of_first(key: str) -> str:
    """The key of the message whose second one has ``key``."""
    return key.removesuffix(_SECOND)


# Reason of a report, as EXPIRED, that the provider has no report itself: the phone may have the message.
REPORTED_UNKNOWN = "unknown"


class Report(Struct, frozen=True, gc=False):
    """A delivery report as a route parsed it; ``key`` is the client reference it carries, if any."""

    provider_id: str
    key: str | None
    state: State  # SENT for an intermediate report, else a final state
    reason: str


class Recovered(Struct, frozen=True, gc=False, array_like=True):
    """A message that was not final when the process ended. ``state`` is QUEUED or SENT.

    A QUEUED one with a ``route`` may have been accepted there since ``tried_ns``; without a route no
    provider has it. The message of a SENT one has no text: it is not sent again, and 500,000 may be read.
    """

    message: Message
    state: State
    attempts: int
    provider_id: str | None
    sent_ns: int | None
    route: str | None = None
    tried_ns: int | None = None

    @property
    def untried(self) -> bool:
        """Whether no provider can have it."""
        return self.route is None and self.state is State.QUEUED


class EndedMessage(Struct, frozen=True, gc=False):
    """A message of the store that has ended: DELIVERED, FAILED or EXPIRED. ``ended_ns`` is Unix time;
    0: another node may have ended it.
    """

    message: Message
    state: State
    attempts: int
    provider_id: str | None
    route: str | None
    ended_ns: int = 0


class RouteLimits(Struct, frozen=True, gc=False):
    """The limits of one route. Segments and requests have separate rates, as at the providers.

    The provider refuses a message whose key it accepted less than ``idempotency_window_s`` ago; 0: it has no
    such check. Then a message without an answer is not repeated, but looked up for ``lookup_window_s`` (0:
    not at all).
    """

    name: str
    requests_per_s: float
    requests_burst: float
    segments_per_s: float
    segments_burst: float
    max_batch: int  # messages in one request
    max_in_flight: int  # unanswered requests at a time
    idempotency_window_s: float
    lookup_window_s: float = 0.0
    weight: float | None = None  # among equal routes; None for all: the first is preferred
    cost_per_segment: float = 0.0  # in any currency, that of the worths in ``DispatchSettings``
    # By the first digits of a number, with those of countries without a price of their own; empty: one price.
    cost_by_prefix: tuple[tuple[str, float], ...] = ()
    answers_status: bool = False  # the provider can be asked for the state of a message that it accepted

    @property
    def unknown_window_s(self) -> float:
        """How long a message without an answer may wait to be repeated or found."""
        return self.idempotency_window_s or self.lookup_window_s
