"""Checks clients' requests and makes messages from them. A refusal names the field and the allowed values."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct, field, structs

from reference_sender.api.field_names import field_names
from reference_sender.api.replay import replayed
from reference_sender.api.segments import count_segments
from reference_sender.campaign_report.texts import ReportLanguage
from reference_sender.dispatch.values import NS_PER_S, Lane, Message
from reference_sender.policy.wall_offset import WallOffset
from reference_sender.routes.sender_ids import SENDER_RULE, is_sender_id

MAX_EXPIRY_S = 72 * 3600  # no network tries for longer
DEFAULT_EXPIRY_S = {Lane.OTP: 300, Lane.TRANSACTIONAL: 24 * 3600, Lane.MARKETING: 48 * 3600}
DEFAULT_SENDER_ID = ""  # of a message that names no sender: each route has a default

# The most that a segment of several has; segments of longer texts are not counted.
_CHARACTERS_PER_SEGMENT = 153

_surrogate = re.compile("[\ud800-\udfff]").search
_is_number = re.compile(r"\+?[1-9][0-9]{7,14}").fullmatch
_is_key = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch

_NUMBER_RULE = "a phone number in international form, 8 to 15 digits, with or without a plus"
_KEY_RULE = "1 to 64 of the characters A-Z a-z 0-9 . _ -"
# A client removes them from the path of a control (RFC 3986 section 5.2.4), so it could not be paused.
_NO_CAMPAIGNS = (".", "..")
_CAMPAIGN_RULE = f"{_KEY_RULE}, and neither . nor .."
_TEXT_RULE = "a text"
_NO_TEXT = "text is missing, both in the row and before recipients (of a CSV: in the query)"
_EXPIRY_RULE = f"a number of seconds from 1 to {MAX_EXPIRY_S}"
MAX_AHEAD_DAYS = 90
_SEND_AT_RULE = (
    f"an instant with its offset, such as 2026-12-01T09:00:00+01:00, at most {MAX_AHEAD_DAYS} days ahead"
)
SPENDING_RULE = "an amount from 0 to 1,000,000,000"
LANGUAGE_RULE = " or ".join(language.value for language in ReportLanguage)
MAIL_RULE = "1 to 10 mail addresses: a list, or a text with commas between them"
_DAY_NS = 86_400 * NS_PER_S
_CLASS_RULE = "one of otp, transactional, marketing"

_AT_FIELD = re.compile(r"at `\$\.([^`.\[]+)")
_PATH = re.compile(r"at `\$\.([^`]+)`")  # of the value where the error is
_PLACES = re.compile(r"\[[^\]]*\]")  # in lists
_FIELD_NAMED = re.compile(r"(?:missing required|unknown) field `([^`]+)`")


class Invalid(Exception):
    """A request, or a row of it, that is refused. ``field`` is empty if the error is not in one field."""

    def __init__(self, code: str, field: str, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.message = message
        self.retry_after_s = retry_after_s


class MessageRequest(Struct, forbid_unknown_fields=True, gc=False):
    """The JSON body of ``POST /v1/messages``: one message."""

    to: str
    text: str
    message_class: Lane
    key: str | None = None
    sender_id: str | None = field(default=None, name="from")
    campaign: str | None = None
    expires_in_s: float | None = None
    send_at: str | None = None
    quiet_hours: Literal["follow", "ignore"] | None = None


class Defaults(Struct, forbid_unknown_fields=True, frozen=True):
    """The fields that a campaign's rows share: JSON fields before ``recipients``, or the query of a CSV
    request.
    """

    message_class: Lane
    campaign: str | None = None
    sender_id: str | None = field(default=None, name="from")
    text: str | None = None
    expires_in_s: float | None = None
    send_at: str | None = None
    quiet_hours: Literal["follow", "ignore"] | None = None
    duplicates: Literal["refuse", "allow"] | None = None
    spending_limit: float | None = None
    report_language: ReportLanguage | None = None
    report_to: str | list[str] | None = None


class Recipient(Struct, forbid_unknown_fields=True, gc=False):
    """One row of a campaign."""

    to: str
    text: str | None = None
    key: str | None = None
    expires_in_s: float | None = None


class Intake:
    """Makes messages from valid requests, each with the next id, and with a new key if the client gave none.

    ``tag`` is the store's, ``start`` a new text for each start of the sender. After a store was restored from
    a backup, ids come again. Keys must not: a provider drops a message whose key it accepted a day ago.
    ``max_segments`` is the lowest limit of all routes, so each route can send each message. ``wall`` is that
    of the gate.
    """

    def __init__(
        self,
        tag: str,
        start: str,
        last_message_id: int,
        max_segments: int,
        quiet_classes: Collection[Lane] = (),
        wall: WallOffset | None = None,
    ) -> None:
        self._wall = wall or WallOffset()
        self._tag = tag
        self._unique = f"{tag}{start}-"
        self._quiet_classes = frozenset(quiet_classes)  # keep opening hours unless the request says otherwise
        self._id = last_message_id
        self._max_segments = max_segments

    def message(self, request: MessageRequest, now_ns: int) -> Message:
        """Raises ``Invalid``."""
        if request.campaign:
            check_campaign(request.campaign)
        return self._message(
            request.to,
            request.text,
            request.key,
            now_ns,
            Terms(
                request.message_class,
                checked_sender_id(request.sender_id),
                request.campaign or "",
                expiry_ns(request.message_class, request.expires_in_s),
                send_at_ns(request.send_at, now_ns + self._wall.ahead_ns),
                self._keeps_hours(request.message_class, request.quiet_hours),
            ),
        )

    def replay(self, message: Message, now_ns: int) -> Message:
        """A dead letter as a new message, with the usual validity of its class."""
        self._id += 1
        return replayed(message, self._id, self._tag, now_ns, DEFAULT_EXPIRY_S[message.lane] * NS_PER_S)

    def row(self, recipient: Recipient, shared: Shared, now_ns: int) -> Message:
        """Raises ``Invalid``."""
        terms = shared.terms
        if recipient.expires_in_s is not None:
            expiry = expiry_ns(terms.lane, recipient.expires_in_s)
            terms = structs.replace(terms, expiry_ns=expiry)
        text = recipient.text
        if text is None:
            if shared.text is None:
                raise Invalid("missing", "text", _NO_TEXT)
            return self._message(recipient.to, shared.text, recipient.key, now_ns, terms, shared.segments)
        return self._message(recipient.to, text, recipient.key, now_ns, terms)

    def shared_part(self, defaults: Defaults, campaign: str, now_ns: int) -> Shared:
        """Raises ``Invalid``."""
        check_campaign(campaign)
        terms = Terms(
            defaults.message_class,
            checked_sender_id(defaults.sender_id),
            campaign,
            expiry_ns(defaults.message_class, defaults.expires_in_s),
            send_at_ns(defaults.send_at, now_ns + self._wall.ahead_ns),
            self._keeps_hours(defaults.message_class, defaults.quiet_hours),
            once=defaults.duplicates != "allow",
        )
        text = defaults.text
        return Shared(terms, text, 0 if text is None else checked_segments(text, self._max_segments))

    def campaign_id(self) -> str:
        """A new campaign id."""
        return f"c{self._unique}{self.new_id()}"

    def new_id(self) -> int:
        """The next id of a message."""
        self._id += 1
        return self._id

    def _message(
        self, to: str, text: str, key: str | None, now_ns: int, terms: Terms, segments: int = 0
    ) -> Message:
        number = checked_number(to, "to")
        if key is not None and _is_key(key) is None:
            raise Invalid("invalid", "key", f"key must be {_KEY_RULE}")
        segments = segments or checked_segments(text, self._max_segments)
        self._id = message_id = self._id + 1
        not_before_ns = terms.not_before_ns
        begins_ns = now_ns if not not_before_ns else max(now_ns, not_before_ns - self._wall.ahead_ns)
        return Message(
            message_id,
            key or f"s{self._unique}{message_id}",
            number,
            text,
            terms.lane,
            terms.sender_id,
            terms.campaign,
            segments,
            now_ns,
            begins_ns + terms.expiry_ns,
            not_before_ns,
            terms.keeps_hours,
            once=terms.once,
        )

    def _keeps_hours(self, lane: Lane, wanted: str | None) -> bool:
        return lane in self._quiet_classes if wanted is None else wanted == "follow"


class Terms(Struct, frozen=True, gc=False):
    """The checked sender, key and text of a message."""

    lane: Lane
    sender_id: str
    campaign: str
    expiry_ns: int
    not_before_ns: int = 0
    keeps_hours: bool = False
    once: bool = False


class Shared(Struct, frozen=True):
    """A campaign's shared part, checked once; ``segments`` are those of its text."""

    terms: Terms
    text: str | None
    segments: int


def checked_number(number: str, name: str, place: int | None = None) -> str:
    """The digits of a phone number in the field ``name``, or at ``place`` of a list. Raises ``Invalid``."""
    if _is_number(number) is None:
        at = name if place is None else f"{name}[{place}]"
        raise Invalid("invalid", name, f"{at} must be {_NUMBER_RULE}")
    return number if number[0] != "+" else number[1:]


def check_campaign(campaign: str) -> None:
    """Raises ``Invalid``."""
    if _is_key(campaign) is None or campaign in _NO_CAMPAIGNS:
        raise Invalid("invalid", "campaign", f"campaign must be {_CAMPAIGN_RULE}")


def checked_sender_id(sender_id: str | None) -> str:
    """Raises ``Invalid``."""
    if sender_id is None:
        return DEFAULT_SENDER_ID
    if is_sender_id(sender_id) is None:
        raise Invalid("invalid", "from", f"from must be {SENDER_RULE}")
    return sender_id


def checked_segments(text: str, max_segments: int) -> int:
    """Raises ``Invalid``."""
    rule = f"text must be a text of 1 to {max_segments} segments"
    if not text or text.isspace():
        raise Invalid("invalid", "text", f"{rule}; it is empty")
    # A half surrogate pair is not a character: JSON can encode it, UTF-8 cannot, and store and provider
    # refuse it.
    if not text.isascii() and _surrogate(text) is not None:
        raise Invalid("invalid", "text", f"{rule}; it holds half a surrogate pair")
    longest = _CHARACTERS_PER_SEGMENT * max(2, max_segments)
    segments = count_segments(text) if len(text) <= longest else max_segments + 1
    if segments > max_segments:
        raise Invalid("too_long", "text", f"{rule}; it takes more")
    return segments


def expiry_ns(lane: Lane, expires_in_s: float | None) -> int:
    """Raises ``Invalid``."""
    if expires_in_s is None:
        return DEFAULT_EXPIRY_S[lane] * NS_PER_S
    if not 1 <= expires_in_s <= MAX_EXPIRY_S:
        raise Invalid("invalid", "expires_in_s", f"expires_in_s must be {_EXPIRY_RULE}")
    return int(expires_in_s * NS_PER_S)


def send_at_ns(send_at: str | None, now_ns: int) -> int:
    """The instant of a schedule in Unix time, as ``now_ns``; 0 for now, also if it has passed. Raises
    ``Invalid``.
    """
    if send_at is None:
        return 0
    try:
        at = datetime.fromisoformat(send_at)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid("invalid", "send_at", f"send_at must be {_SEND_AT_RULE}{plus_hint(send_at)}")
    at_ns = round(at.timestamp() * 1e6) * 1_000
    if at_ns > now_ns + MAX_AHEAD_DAYS * _DAY_NS:
        raise Invalid("invalid", "send_at", f"send_at must be {_SEND_AT_RULE}")
    return at_ns if at_ns > now_ns else 0


def plus_hint(instant: str) -> str:
    """What to do if a plus of an instant became a space in a query."""
    return "; in a query the plus is written %2B" if " " in instant else ""


_RULES = {
    "to": _NUMBER_RULE,
    "text": _TEXT_RULE,
    "message_class": _CLASS_RULE,
    "key": _KEY_RULE,
    "from": SENDER_RULE,
    "campaign": _CAMPAIGN_RULE,
    "expires_in_s": _EXPIRY_RULE,
    "send_at": _SEND_AT_RULE,
    "quiet_hours": "follow or ignore",
    "duplicates": "refuse or allow",
    "spending_limit": SPENDING_RULE,
    "report_language": LANGUAGE_RULE,
    "report_to": MAIL_RULE,
    "numbers": "a list of 1 to 1,000 phone numbers, each a text",
    "ids": "a list of 1 to 1,000 ids of messages, each a text",
    "limit": "a whole number from 1 to 1,000",
    "filter": "an object with the fields of a filter",
    "after": "the id of a message, as a text",
    "dry_run": "true or false",
    "allow_duplicate": "true or false",
}

_request_decoder = msgspec.json.Decoder(MessageRequest)


def read_request(body: bytes) -> MessageRequest:
    """Raises ``Invalid``."""
    try:
        return _request_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise explained(error, MessageRequest) from error


def read_defaults(fields: Mapping[str, Any], strict: bool = True) -> Defaults:
    """``strict`` is False for a query string, in which numbers are text. Raises ``Invalid``."""
    try:
        return msgspec.convert(fields, Defaults, strict=strict)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise explained(error, Defaults, ("recipients",) if strict else ()) from error


def read_recipient(fields: object, strict: bool = True) -> Recipient:
    """``strict`` is False for CSV, in which numbers are text. Raises ``Invalid``."""
    try:
        return msgspec.convert(fields, Recipient, strict=strict)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise explained(error, Recipient) from error


def explained(error: Exception, kind: type[Struct], further: Collection[str] = ()) -> Invalid:
    """A decoder's error as ``Invalid``: the field and the allowed values. An unknown field comes with those
    of ``kind``, or of the field of ``kind`` that has it, and with ``further`` ones.

    A client's own names are shortened: an answer may repeat a hundred thousand of them."""
    text = _shortened(str(error), 200)
    if isinstance(error, UnicodeEncodeError):
        return Invalid("malformed", "", f"a name or value is not Unicode text: {text}")
    if isinstance(error, UnicodeDecodeError):  # Python's position counts within the value
        wrong = f"the byte {error.object[error.start]:02X} in a value is not a character"
        return Invalid("malformed", "", f"the body is not UTF-8: {wrong}")
    if not isinstance(error, msgspec.ValidationError):
        if text == "Input data was truncated":
            return Invalid("malformed", "", "the body is not JSON: it is empty, or ends too early")
        return Invalid("malformed", "", f"the body is not JSON: {text}")
    at = _AT_FIELD.search(text)
    named = _FIELD_NAMED.search(text)
    if named is not None:
        within = f"{at[1]}." if at is not None else ""
        name = within + _shortened(named[1], 64)
        if "unknown" in text:
            known = (*field_names(kind, at[1] if at is not None else ""), *further)
            allowed = f"known: {', '.join(known)}" if known else "this call has no fields"
            return Invalid("unknown_field", name, f"{name} is not a field; {allowed}")
        return Invalid("missing", name, f"{name} must be given: {_RULES.get(name, 'it has no default')}")
    path = _PATH.search(text)
    name = _shortened(_PLACES.sub("", path[1]), 64) if path is not None else ""
    if not name and text.startswith("Expected `object`"):
        fields = ", ".join((*kind.__struct_encode_fields__, *further))
        return Invalid("invalid", "", f"a JSON object must be given; its fields: {fields or 'none'}")
    rule = _RULES.get(name.rpartition(".")[2])
    return Invalid("invalid", name, text if rule is None else f"{name} must be {rule}")


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "..."
