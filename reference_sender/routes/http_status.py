"""The outcome of a submit by HTTP status, for providers that refuse repeats."""

from __future__ import annotations

from reference_sender.dispatch.values import Outcome, Result
from reference_sender.routes.protocol import ProviderReply
from reference_sender.routes.retry_after import wait_of


def result_of_status(reply: ProviderReply, alone: bool) -> Result:
    """The outcome for an error status, of a request of one message (``alone``) or of several."""
    status = reply.status
    reason = f"http_{status}"
    if status == 429:
        return Result(Outcome.THROTTLED, reason=reason, retry_after_s=wait_of(reply))
    if status in (408, 502, 504) or status < 400:
        # A proxy timed out, or answered in place of the provider.
        return Result(Outcome.UNKNOWN, reason=reason)
    if status >= 500:
        return Result(Outcome.RETRYABLE, reason=reason, retry_after_s=wait_of(reply))
    if status in (401, 402, 403, 404, 405):
        return Result(Outcome.ROUTE_DOWN, reason=reason)  # credentials or address, not the message
    return Result(Outcome.PERMANENT if alone else Outcome.SPLIT, reason=reason)
