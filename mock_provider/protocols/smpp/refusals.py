"""The command_status for each refusal of the engine (docs/smpp.md has the table)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mock_provider.engine.values import Accepted
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.message_pdus import Address
from mock_provider.settings.values import Refusal

STATUS_OF: dict[Refusal, int] = {
    Refusal.UNAUTHORIZED: codes.ESME_RINVPASWD,
    Refusal.ACCOUNT_SUSPENDED: codes.ESME_RSUBMITFAIL,
    Refusal.NO_CREDIT: codes.ESME_RSUBMITFAIL,
    Refusal.SENDER_NOT_ALLOWED: codes.ESME_RINVSRCADR,
    Refusal.NO_VALID_RECIPIENT: codes.ESME_RINVDSTADR,
    Refusal.TOO_MANY_RECIPIENTS: codes.ESME_RINVNUMDESTS,
    Refusal.DUPLICATE_REF: codes.ESME_RSUBMITFAIL,
    Refusal.RECIPIENT_FLOOD: codes.ESME_RSUBMITFAIL,
    Refusal.THROTTLED_REQUESTS: codes.ESME_RTHROTTLED,
    Refusal.THROTTLED_SEGMENTS: codes.ESME_RTHROTTLED,
    Refusal.THROTTLED_CONCURRENCY: codes.ESME_RTHROTTLED,
    Refusal.QUEUE_FULL: codes.ESME_RMSGQFUL,
    Refusal.SENDER_QUEUE_FULL: codes.ESME_RMSGQFUL,
    Refusal.COUNTRY_NOT_ALLOWED: codes.ESME_RINVDSTADR,
    Refusal.SENDER_FORM_NOT_ALLOWED: codes.ESME_RINVSRCTON,
    Refusal.SENDER_NOT_REGISTERED: codes.ESME_RINVSRCADR,
    Refusal.QUIET_HOURS: codes.ESME_RINVSCHED,
    Refusal.OPT_OUT_MISSING: codes.ESME_RSUBMITFAIL,
    Refusal.TOO_MANY_SEGMENTS: codes.ESME_RINVMSGLEN,
    Refusal.DAILY_CAP: codes.ESME_RSUBMITFAIL,
    Refusal.RECIPIENT_BLOCKED: codes.ESME_RINVDSTADR,
    Refusal.RECIPIENT_OPTED_OUT: codes.ESME_RINVDSTADR,
    Refusal.REJECTED: codes.ESME_RSUBMITFAIL,
    Refusal.INTERNAL_ERROR: codes.ESME_RSYSERR,
    Refusal.UNAVAILABLE: codes.ESME_RSYSERR,
}


def multi_answer(
    destinations: Sequence[Address], answer: Accepted, msisdn: Callable[[Address], str | None]
) -> tuple[tuple[Address, int], ...]:
    """The refused destinations of a submit_multi, each with its status (§4.5.2).

    ``msisdn`` gives a destination's number, or None. There are no distribution lists here.
    """
    left_out = dict(answer.left_out)
    refused: list[tuple[Address, int]] = []
    place = 0  # among the messages of the submit
    for to in destinations:
        if to.is_list:
            refused.append((to, codes.ESME_RINVDLNAME))
        elif msisdn(to) is None:
            refused.append((to, codes.ESME_RINVDSTADR))
        else:
            if place in left_out:
                refused.append((to, STATUS_OF[left_out[place]]))
            place += 1
    return tuple(refused)
