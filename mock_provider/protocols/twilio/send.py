"""A create of a Message as the engine's Submit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.segments import count_segments
from mock_provider.engine.values import MessageClass, Outbound, ReportsWanted, Submit, SubmitOptions
from mock_provider.http.receivers import report_url_allowed
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.journey_key import text_key
from mock_provider.protocols.twilio.addresses import (
    MAGIC_RECIPIENTS,
    MAGIC_SENDERS,
    find_service,
    read_recipient,
    read_sender,
    sender_of,
)
from mock_provider.protocols.twilio.credentials import Credentials
from mock_provider.protocols.twilio.errors import TwilioError
from mock_provider.protocols.twilio.memo import write_memo
from mock_provider.protocols.twilio.resource import Created
from mock_provider.protocols.twilio.smart_encoding import smart_encoded
from mock_provider.protocols.twilio.times import read_send_at_s, read_validity_s
from mock_provider.settings.protocols import TwilioSettings

PROTOCOL_NAME = "twilio"

_MOST_URL_CHARACTERS = 4_000
_MOST_MEDIA = 10
_UNSPECIFIED, _OTP, _TRANSACTIONAL = MessageClass.UNSPECIFIED, MessageClass.OTP, MessageClass.TRANSACTIONAL
_MARKETING_INTENTS = frozenset(("marketing", "announcements", "events", "polling"))


class CreateRequest(Struct, frozen=True):
    """A parsed create: the Submit, and the values that its answer repeats."""

    submit: Submit
    created: Created


class _Content(Struct, frozen=True, gc=False):
    text: str
    segments: int
    media: int


def read_create(
    fields: Mapping[str, str],
    media: int,
    credentials: Credentials,
    request_id: int,
    at: Instants,
    settings: TwilioSettings,
) -> CreateRequest:
    """``media`` is how many ``MediaUrl`` the form has. Raises ``TwilioError``."""
    to = fields.get("To", "").strip()
    if not to:
        raise TwilioError(21604)
    sender = fields.get("From", "").strip()
    service_sid = fields.get("MessagingServiceSid", "").strip()
    if sender.startswith("MG") and len(sender) == 34:  # a service may be in From too
        sender, service_sid = "", sender
    if not sender and not service_sid:
        raise TwilioError(21603)
    if settings.magic_numbers and to in MAGIC_RECIPIENTS:
        raise TwilioError(MAGIC_RECIPIENTS[to], to)
    msisdn = read_recipient(to)
    if sender:
        if settings.magic_numbers and sender in MAGIC_SENDERS:
            raise TwilioError(MAGIC_SENDERS[sender], sender)
        sender = read_sender(sender)
    content = _read_content(fields, media, bool(service_sid), settings)
    if service_sid:
        service = find_service(service_sid, settings.messaging_services)
        sender = sender_of(service, sender, msisdn, content.text)
    due_s = read_send_at_s(fields, bool(service_sid), at.wall_s, settings)
    scheduled_ns = None if due_s is None else at.now_ns + int((due_s - at.wall_s) * NS_PER_S)
    begins_ns = at.now_ns if scheduled_ns is None else scheduled_ns
    text = content.text
    memo = write_memo(credentials.account_sid, service_sid, content.media)
    submit = Submit(
        request_id,
        PROTOCOL_NAME,
        credentials.token,
        sender,
        (Outbound(msisdn, to, text, content.segments, text_key(text)),),
        options=SubmitOptions(
            message_class=_class_of(fields.get("MessageIntent", "")),
            expires_in_queue=True,
            overflow_fails=bool(service_sid),
            id_style="media_sid" if content.media else None,
        ),
        reports=_reports(fields, bool(service_sid), settings),
        scheduled_ns=scheduled_ns,
        expires_ns=begins_ns + read_validity_s(fields, settings) * NS_PER_S,
        memo=memo,
    )
    status = "queued" if not service_sid else "accepted" if due_s is None else "scheduled"
    return CreateRequest(submit, Created(memo, sender, text, status, int(at.wall_s)))


def _read_content(
    fields: Mapping[str, str], media: int, in_service: bool, settings: TwilioSettings
) -> _Content:
    text = fields.get("Body", "")
    if media:
        if settings.media == "refuse":
            raise TwilioError(21620)
        if media > _MOST_MEDIA:
            raise TwilioError(21623)
    elif not text or text.isspace():
        if fields.get("ContentSid"):
            raise TwilioError(21655)  # content templates are not simulated
        raise TwilioError(21619 if in_service else 21602)
    if len(text) > settings.max_body_characters:
        raise TwilioError(21617, str(settings.max_body_characters))
    if fields.get("SmartEncoded") == "true":
        text = smart_encoded(text)
    return _Content(text, 1 if media else count_segments(text).segments, media)


def _reports(fields: Mapping[str, str], by_service: bool, settings: TwilioSettings) -> ReportsWanted:
    url = fields.get("StatusCallback", "")
    if url and (len(url) > _MOST_URL_CHARACTERS or not report_url_allowed(url, settings.report_hosts)):
        raise TwilioError(21609, url)
    return _reports_to(url, by_service)


@lru_cache(maxsize=256)
def _reports_to(url: str, by_service: bool) -> ReportsWanted:
    """The first status of a message from a number is queued. Equal values are one object."""
    return ReportsWanted(url, progress=True, stages=by_service)


def _class_of(intent: str) -> MessageClass:
    if not intent:
        return _UNSPECIFIED
    if intent == "otp":
        return _OTP
    return MessageClass.MARKETING if intent in _MARKETING_INTENTS else _TRANSACTIONAL
