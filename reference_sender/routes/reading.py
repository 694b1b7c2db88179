"""What is read in the same way from the replies of all providers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from reference_sender.dispatch.values import Outcome, Result
from reference_sender.routes.protocol import NoReply, ProviderReply

_Body = TypeVar("_Body")


def result_of_failure(failure: NoReply) -> Result:
    """The result of a request without a reply: only a request that was not sent is known to be refused."""
    if failure is NoReply.NOT_SENT:
        return Result(Outcome.RETRYABLE, reason="connection_refused")
    return Result(Outcome.UNKNOWN, reason=failure.value)


def read_body(body: bytes, decode: Callable[[bytes], _Body]) -> _Body | None:
    """None if the body cannot be read, for example because a proxy answered in place of the provider."""
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def read_found(reply: ProviderReply, decode: Callable[[bytes], _Body]) -> _Body | None:
    """The body of the reply to a query. None: the reply has another status than 200, or cannot be read."""
    return read_body(reply.body, decode) if reply.status == 200 else None
