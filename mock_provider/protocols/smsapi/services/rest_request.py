"""A request to a REST collection, and functions that the handlers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.smsapi.errors import invalid_value, rest_error
from mock_provider.protocols.smsapi.fields import Fields, text_of
from mock_provider.protocols.smsapi.services.state import SmsapiState
from mock_provider.settings.protocols import SmsapiSettings

DEFAULT_LIMIT = 5  # SMSAPI's OpenAPI document, parameter limit
MOST_LISTED = 200
_MOST_DIGITS = 9
T = TypeVar("T")

_encoder = msgspec.json.Encoder()


class RestRequest(Struct, frozen=True):
    """``ids`` are those in the path, in its order; ``at_s`` is the moment, unix seconds."""

    fields: Fields
    ids: tuple[str, ...]
    at_s: float
    settings: SmsapiSettings
    state: SmsapiState

    def text(self, name: str) -> str:
        return text_of(self.fields, name).strip()

    def shown_time(self, unix_s: float) -> str:
        """ISO 8601 with the offset of the account's time zone; in UTC at the limits of the calendar."""
        try:
            moment = datetime.fromtimestamp(int(unix_s), ZoneInfo(self.settings.timezone))
        except (ValueError, OverflowError):
            moment = datetime.fromtimestamp(int(unix_s), UTC)
        return moment.isoformat()


VisitHandler = Callable[[RestRequest], HttpResponse]


class RestRefusalError(Exception):
    """A REST request that is refused by this reply."""

    def __init__(self, reply: HttpResponse) -> None:
        super().__init__(reply.status)
        self.reply = reply


def shown(value: object, status: int = 200) -> HttpResponse:
    return HttpResponse(status, _encoder.encode(value))


def done(status: int = 204) -> HttpResponse:
    """A reply without a body."""
    return HttpResponse(status, b"")


def page(request: RestRequest, found: Sequence[T]) -> Sequence[T]:
    """The part of a collection that ``offset`` and ``limit`` select. Raises ``RestRefusalError``."""
    offset = _whole(request, "offset", 0)
    limit = min(_whole(request, "limit", DEFAULT_LIMIT), MOST_LISTED)
    return found[offset : offset + limit]


def too_many(what: str) -> HttpResponse:
    return rest_error(403, f"There are too many {what}")


def _whole(request: RestRequest, name: str, default: int) -> int:
    text = request.text(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise RestRefusalError(invalid_value("The value must be a whole number.", name, text))
    return int(text)
