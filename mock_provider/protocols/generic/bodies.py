"""The JSON of the API: what a client sends and what it gets. ``openapi.py`` describes these same types."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from mock_provider.http.messages import BYTE_ORDER_MARK
from mock_provider.protocols.generic.problems import FieldError, ProblemError

# A name of up to eleven characters or a number, as handsets show a sender (3GPP TS 23.040 §9.1.2.5).
SENDER_PATTERN = r"^([A-Za-z0-9 ._&-]{1,11}|\+?[0-9]{3,15})$"
LONGEST_VALIDITY_S = 30 * 86_400

MessageStateName = Literal[
    "scheduled",
    "queued",
    "sent",
    "delivered",
    "undelivered",
    "expired",
    "rejected",
    "cancelled",
    "unknown",
]
ClassName = Literal["otp", "transactional", "marketing"]


class MessageBody(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One message to send."""

    to: Annotated[str, Meta(min_length=1, max_length=32, description="E.164, with or without plus")]
    text: Annotated[str, Meta(min_length=1)]
    reference: (
        Annotated[str, Meta(min_length=1, max_length=255, description="Your own; comes back in reports")]
        | None
    ) = None


class SendBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A request to send. All fields but ``messages`` apply to each message."""

    messages: Annotated[list[MessageBody], Meta(min_length=1)]
    from_: Annotated[str, Meta(pattern=SENDER_PATTERN)] | None = msgspec.field(default=None, name="from")
    message_class: ClassName | None = None
    priority: Annotated[bool, Meta(description="The top-priority route, at its price")] = False
    send_at: Annotated[datetime, Meta(tz=True, description="Not before; in the past: immediately")] | None = (
        None
    )
    expires_at: Annotated[datetime, Meta(tz=True, description="Expires then")] | None = None
    validity_s: (
        Annotated[float, Meta(ge=1, le=LONGEST_VALIDITY_S, description="Expires this time after sending")]
        | None
    ) = None
    report_url: (
        Annotated[
            str,
            Meta(max_length=2_000, pattern="^https?://", description="Where delivery reports are posted"),
        ]
        | None
    ) = None
    report_progress: Annotated[
        bool, Meta(description="Report also when a message is handed to its carrier")
    ] = False
    unique_references: Annotated[
        bool, Meta(description="Refuse a reference that was accepted before: safe repeats")
    ] = False
    validate_only: Annotated[bool, Meta(description="Validate and answer, neither charge nor send")] = False


class MessageResult(Struct, frozen=True, gc=False):
    """The result of one message of a request, in the request's order. ``code``: why it was rejected."""

    status: Literal["accepted", "rejected"]
    to: str
    reference: str | None
    id: str | None
    number: str | None
    segments: int
    price: float
    code: str | None = None


class SendReply(Struct, frozen=True, gc=False):
    accepted: int
    rejected: int
    price: float
    messages: list[MessageResult]


class MessageResource(Struct, frozen=True, gc=False, rename={"from_": "from"}):
    """The present state of one message."""

    id: str
    to: str
    from_: str
    text: str
    reference: str | None
    state: MessageStateName
    reason: str
    segments: int
    price: float
    accepted_at: datetime
    sent_at: datetime | None
    done_at: datetime | None


class MessageList(Struct, frozen=True, gc=False):
    """Newest first. ``next_cursor`` selects the older ones; null: there are none."""

    messages: list[MessageResource]
    next_cursor: str | None


class AccountBody(Struct, frozen=True, gc=False):
    name: str
    balance: float


class ReportItem(Struct, frozen=True, gc=False):
    """One message's delivery report."""

    id: str
    reference: str | None
    to: str
    state: MessageStateName
    reason: str
    segments: int
    price: float
    sent_at: datetime
    done_at: datetime
    mcc: str
    mnc: str


class ReportList(Struct, frozen=True, gc=False):
    """The body of a report call."""

    reports: list[ReportItem]


_FIELDS = {
    "message": ", ".join(MessageBody.__struct_encode_fields__),
    "request": ", ".join(SendBody.__struct_encode_fields__),
}
_decoder = msgspec.json.Decoder(SendBody)
_PLACE = re.compile(r"^(.*?)(?: - at `\$\.?(.*)`)?$", re.DOTALL)
_NAMED = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)
_PATTERN = re.compile(r"Expected `str` matching regex .*", re.DOTALL)


def decode_send(body: bytes) -> SendBody:
    """Raises ``ProblemError`` naming the field and what is allowed."""
    try:
        return _decoder.decode(body.removeprefix(BYTE_ORDER_MARK))
    except msgspec.ValidationError as error:
        raise ProblemError("invalid_request", (_described(str(error)),)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError("malformed_json", (FieldError("", str(error)),)) from None


def _described(error: str) -> FieldError:
    """An error text of msgspec, which ends in the field's path, as field and allowed values."""
    found = _PLACE.match(error)
    assert found is not None  # the pattern matches every text
    words, place = found.group(1), found.group(2) or ""
    named = _NAMED.match(words)
    if named is not None:
        field = f"{place}.{named.group(2)}" if place else named.group(2)
        if named.group(1) == "missing required":
            return FieldError(field, "is required")
        known = _FIELDS["message" if place.startswith("messages") else "request"]
        return FieldError(field, f"is not known; known here: {known}")
    if place == "report_url":
        words = "must be an http or https URL of at most 2000 characters"
    elif _PATTERN.match(words):
        words = "must be a name of 1 to 11 letters, digits, spaces, . _ & - or a number of 3 to 15 digits"
    elif words.startswith("Invalid enum value"):
        words += "; allowed: otp, transactional, marketing"
    return FieldError(place, words)
