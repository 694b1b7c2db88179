"""Status callbacks: form requests, signed with the account's AuthToken.

The callback address of each message contains the message's key. So a callback identifies its message even if
the reply to the submit was lost.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from urllib.parse import parse_qs, parse_qsl, urlsplit, urlunsplit

from reference_sender.dispatch.values import Report
from reference_sender.routes.protocol import ForgedReport, MalformedReport, ReportRequest
from reference_sender.routes.twilio.statuses import report_of

_MOST_FIELDS = 200


def callback_url(report_url: str, key: str) -> str:
    """Where Twilio reports the message of ``key``, whose characters need no escapes."""
    return f"{report_url}?key={key}"


def read_callback(request: ReportRequest, auth_token: str) -> Report:
    """Raises ``ForgedReport`` or ``MalformedReport``."""
    try:
        fields = parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:  # not UTF-8, or too many fields
        raise MalformedReport(f"the form cannot be read: {error}") from error
    given = request.headers.get("X-Twilio-Signature", "").encode("utf-8", "replace")
    valid = [signature(auth_token, url, fields).encode() for url in _signed_urls(request.url)]
    if not any(hmac.compare_digest(given, each) for each in valid):
        raise ForgedReport("X-Twilio-Signature is missing, or is not the signature of this account")
    by_name = dict(fields)
    sid, status = by_name.get("MessageSid", ""), by_name.get("MessageStatus", "")
    if not sid or not status:
        raise MalformedReport("MessageSid and MessageStatus must be given")
    key = parse_qs(request.query).get("key", [None])[0]
    return report_of(sid, key, status, by_name.get("ErrorCode", ""))


def signature(auth_token: str, url: str, fields: list[tuple[str, str]]) -> str:
    """HMAC-SHA1 of the URL and the sorted form (twilio.com/docs/usage/security)."""
    signed = url + "".join(name + value for name, value in sorted(fields))
    return b64encode(hmac.digest(auth_token.encode(), signed.encode("utf-8", "replace"), "sha1")).decode()


def _signed_urls(url: str) -> list[str]:
    """The URL as it was requested, and without its port, which Twilio omits from the address it signs."""
    parts = urlsplit(url)
    host, colon, _ = parts.netloc.rpartition(":")
    if not colon or parts.port is None:
        return [url]
    return [url, urlunsplit(parts._replace(netloc=host))]
