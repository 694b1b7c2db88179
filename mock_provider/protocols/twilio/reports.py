"""Status callbacks: a form POST for every change of status, signed with the account's token.

Twilio reports every change after the first status, which the answer to the create contains
(twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks). So a message of a Messaging
Service, which begins as ``accepted`` or ``scheduled``, has a call for ``queued`` or ``canceled``. There is
no call for ``sending``: Twilio's reference of ``StatusCallback`` does not list it.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from time import gmtime, strftime
from urllib.parse import quote_plus
from uuid import UUID

from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.values import DeliveryReport, ReportStage
from mock_provider.http.messages import ReportCall
from mock_provider.http.receivers import requested_url
from mock_provider.protocols.twilio.memo import read_memo
from mock_provider.protocols.twilio.resource import API_VERSION
from mock_provider.protocols.twilio.statuses import outcome_of

_FORM = "application/x-www-form-urlencoded"
_USER_AGENT = "TwilioProxy/1.1"
_STATUS_REACHED = {
    ReportStage.QUEUED: "queued",
    ReportStage.HANDED_OVER: "sent",
    ReportStage.CANCELLED: "canceled",
}


def status_callbacks(
    url: str, reports: Sequence[DeliveryReport], wall_offset_ns: int, auth_token: str
) -> list[ReportCall]:
    """One call per message. A message whose last status is ``sent`` has none: that call was made before."""
    calls = []
    for report in reports:
        outcome = outcome_of(report.state.value, report.reason, "", False)
        if outcome.status == "sent":
            continue
        state_s = (report.t_state_ns + wall_offset_ns) // NS_PER_S
        calls.append(_call(url, report, outcome.status, outcome.error_code, state_s, auth_token))
    return calls


def progress_callback(url: str, report: DeliveryReport, reached: ReportStage, auth_token: str) -> ReportCall:
    """The message was queued, handed to its carrier, or cancelled."""
    return _call(url, report, _STATUS_REACHED[reached], None, None, auth_token)


def signature(auth_token: str, url: str, parameters: Sequence[tuple[str, str]]) -> str:
    """``X-Twilio-Signature`` (twilio.com/docs/usage/security): HMAC-SHA1 of the URL and the sorted form."""
    signed = url + "".join(name + value for name, value in sorted(parameters))
    digest = hmac.digest(auth_token.encode(), signed.encode("utf-8", "surrogatepass"), "sha1")
    return base64.b64encode(digest).decode()


def _call(
    url: str,
    report: DeliveryReport,
    status: str,
    error_code: int | None,
    state_s: int | None,
    auth_token: str,
) -> ReportCall:
    memo = read_memo(report.memo)
    sid = report.provider_id
    parameters = [
        ("AccountSid", memo.account_sid),
        ("ApiVersion", API_VERSION),
        ("From", report.sender_id),
        ("MessageSid", sid),
        ("MessageStatus", status),
        ("SmsSid", sid),
        ("SmsStatus", status),
        ("To", "+" + report.msisdn),
    ]
    if memo.service_sid:
        parameters.append(("MessagingServiceSid", memo.service_sid))
    if error_code is not None:
        parameters.append(("ErrorCode", str(error_code)))
    if state_s is not None and status in ("delivered", "undelivered"):
        parameters.append(("RawDlrDoneDate", _done_date(state_s // 60)))
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in parameters).encode()
    # Credentials of the URL are sent as Basic Authorization, a fragment is not sent. The signature covers
    # only what the receiver gets, so that it can be checked.
    signed = signature(auth_token, requested_url(url).address, parameters)
    headers = (
        ("X-Twilio-Signature", signed),
        ("I-Twilio-Idempotency-Token", _idempotency_token(sid, status)),
    )
    return ReportCall("POST", url, None, body, _FORM, headers, _USER_AGENT)


def _idempotency_token(sid: str, status: str) -> str:
    """The same for every call about the same change, so that a receiver recognises a repeat."""
    return str(UUID(bytes=blake2b(f"{sid} {status}".encode(), digest_size=16).digest(), version=4))


@lru_cache(maxsize=64)
def _done_date(minute: int) -> str:
    """``YYMMDDhhmm``, as carriers write it in their receipts."""
    return strftime("%y%m%d%H%M", gmtime(minute * 60))
