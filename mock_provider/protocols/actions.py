"""Actions: the result of reading a request in a protocol.

A protocol reads each request as one of three: a reply that is ready, a ``SubmitAction`` or a ``QueryAction``.
``runtime.actions`` performs them. It knows no format: an action returns the reply, of whatever type ``R`` the
protocol has (``HttpResponse``; ``PduReply`` of SMPP).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from mock_provider.engine.values import Answer, Submit
from mock_provider.protocols.lookups import AccountView, Lookups


class ActionReply(Protocol):
    """A reply of any protocol: the members that the provider uses."""

    @property
    def status(self) -> int: ...

    @property
    def body(self) -> bytes: ...


R = TypeVar("R", bound=ActionReply)

Respond = Callable[[R | None], None]
"""Gets the reply to a request; None: cut the connection."""

OnAnswer = Callable[[Answer | None], None]
"""Gets the engine's answer to a submit; None: cut the connection."""


class Instants(Struct, frozen=True, gc=False):
    """When a request is read: ``now_ns`` on the engine's clock, ``wall_s`` in unix time."""

    now_ns: int
    wall_s: float


class SubmitAction(Struct, Generic[R], frozen=True, gc=False):
    """Submit to the engine. ``render`` makes the reply from the engine's answer.

    Actions are not tracked by the garbage collector, and 100,000 may be pending: ``render`` must not
    reference its action, or both leak.
    """

    submit: Submit
    render: Callable[[Answer], R]


class RefusalText(Struct, frozen=True, gc=False):
    """What an error reply says: the protocol's code, and its text if it has one."""

    code: str
    text: str = ""
    unauthorized: bool = False  # the token is missing or unknown


class ErrorReplies(Struct, Generic[R], frozen=True):
    """A protocol's error replies: two that are given in place of the action's own reply, and the function
    that reads one. It gives None for a reply that is not an error.
    """

    unavailable: R  # during an outage that refuses requests
    failed: R  # rendering raised an exception: a defect of this program, not a simulated fault
    read: Callable[[R], RefusalText | None]


class QueryAction(Struct, Generic[R], frozen=True):
    """Reply at once from the provider's data. ``answer`` checks the account itself (``for_account``)."""

    answer: Callable[[Lookups], R]


def for_account(token: str, unauthorized: R, answer: Callable[[Lookups, AccountView], R]) -> QueryAction[R]:
    """``answer`` for the token of an account, otherwise ``unauthorized``."""

    def checked(lookups: Lookups) -> R:
        account = lookups.account(token)
        return unauthorized if account is None else answer(lookups, account)

    return QueryAction(checked)


def reply_for_account(token: str, unauthorized: R, reply: R) -> QueryAction[R]:
    """``reply`` for an account's token, otherwise ``unauthorized``: an unknown token is refused first."""
    return for_account(token, unauthorized, lambda _lookups, _account: reply)
