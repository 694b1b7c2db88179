"""Plain send requests, read the short way: a text, and one number or many, with a reference each or none.

Nearly every request is one. What is more than that, or has anything to refuse, is read in full by ``send``,
with the same outcome.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mock_provider.engine.segments import GSM7_JOINED, segments_of
from mock_provider.engine.values import Outbound, Submit
from mock_provider.http.receivers import LONGEST_URL, report_url_allowed
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.journey_key import text_key
from mock_provider.protocols.smsapi.dates import expires_at
from mock_provider.protocols.smsapi.fields import (
    Fields,
    count_of,
    is_set,
    text_of,
)
from mock_provider.protocols.smsapi.numbers import read_msisdn
from mock_provider.settings.protocols import SmsapiSettings

PROTOCOL_NAME = "smsapi"
DEFAULT_SENDER = "Test"
MAX_IDX_CHARACTERS = 255
MOST_PARTS = 10  # that a profile or ``max_parts`` may allow
LONGEST_TEXT = MOST_PARTS * GSM7_JOINED  # characters; of a longer one the parts need not be counted

_PLAIN_FIELDS = frozenset(
    [
        *("to", "message", "from", "format", "encoding", "idx", "check_idx", "notify_url"),
        *("fast", "allow_duplicates", "expiration_date"),
    ]
)
# Numbers that are their own MSISDN whatever the settings say: Polish mobile ones, and foreign ones,
# but not of nine digits, which are read as national.
_MOBILE = "48(?:45|5[0137]|6[069]|7[2389]|88)[0-9]{7}"
_FOREIGN = "(?!48)[1-9](?:[0-9]{7}|[0-9]{9,14})(?![0-9])"
are_msisdns = re.compile(f"(?:(?:{_MOBILE}|{_FOREIGN})(?:,|$))+(?<!,)").fullmatch
# SMSAPI's OpenAPI document, schema Sender.
_is_sender_name = re.compile(r"[0-9]{8,16}|[\w.\-&@ %!+]{1,11}", re.ASCII).fullmatch
_SENDER_CHARACTERS = 64  # what is longer is no sender name either when it is cut there
_NANOSECONDS = 1_000_000_000


def read_plain(
    fields: Fields,
    token: str,
    request_id: int,
    at: Instants,
    settings: SmsapiSettings,
    recipients_limit: int,
) -> Submit | None:
    """None where there is more to the request than the short way reads.

    Raises ``SmsapiError`` for an expiry that SMSAPI refuses.
    """
    if not _PLAIN_FIELDS.issuperset(fields):
        return None
    to, text, references = fields.get("to"), fields.get("message"), fields.get("idx")
    if not to or type(text) is not str or not text or text.isspace():
        return None
    if len(text) > LONGEST_TEXT:
        return None
    segments = segments_of(text)
    sender, url = fields.get("from", ""), fields.get("notify_url", "")
    if segments > settings.max_parts or type(sender) is not str or type(url) is not str:
        return None
    sender_id = shared_sender(sender)
    report_url = _shared_url(url, settings.report_hosts)
    if sender_id is None or report_url is None:
        return None
    if type(to) is str and "," not in to:
        messages = _one(to, text, segments, references, settings)
    else:
        messages = _many(to, text, segments, references, fields, settings, recipients_limit)
    if messages is None:
        return None
    expires_ns = None
    if expiry := text_of(fields, "expiration_date"):
        expires_ns = engine_time(expires_at(expiry, at.wall_s, settings), at)
    fast, unique = is_set(fields, "fast"), is_set(fields, "check_idx")
    url_or_none = report_url or None
    return Submit(
        request_id,
        PROTOCOL_NAME,
        token,
        sender_id,
        messages,
        fast,
        unique,
        False,
        url_or_none,
        None,
        expires_ns,
    )


def engine_time(unix_s: float, at: Instants) -> int:
    """An instant of the wall's clock on the engine's."""
    return at.now_ns + int((unix_s - at.wall_s) * _NANOSECONDS)


def _one(
    to: str, text: str, segments: int, reference: str | list[str] | None, settings: SmsapiSettings
) -> tuple[Outbound, ...] | None:
    number = to.strip()
    msisdn = number if are_msisdns(number) else read_msisdn(number, settings)
    if msisdn is None or type(reference) is list:
        return None
    assert not isinstance(reference, list)
    if reference is not None and ("|" in reference or not 0 < len(reference) <= MAX_IDX_CHARACTERS):
        return None
    return (Outbound(msisdn, number, text, segments, text_key(text) or reference or "", reference),)


def _many(
    to: str | list[str],
    text: str,
    segments: int,
    references: str | list[str] | None,
    fields: Fields,
    settings: SmsapiSettings,
    recipients_limit: int,
) -> tuple[Outbound, ...] | None:
    count = count_of(fields, "to", ",")
    if count > recipients_limit:
        return None
    joined, numbers = (to, to.split(",")) if isinstance(to, str) else (",".join(to), to)
    # A comma within a listed number shows in the count of commas.
    if not are_msisdns(joined) or joined.count(",") != count - 1:
        return None
    may_repeat = not settings.deduplicate_recipients or is_set(fields, "allow_duplicates")
    if not may_repeat and len(set(numbers)) != count:
        return None
    key = text_key(text)
    if references is None:
        return tuple([Outbound(n, n, text, segments, key) for n in numbers])
    if count_of(fields, "idx", "|") != count:
        return None
    given = references.split("|") if isinstance(references, str) else references
    if "" in given or max(map(len, given)) > MAX_IDX_CHARACTERS:
        return None
    return tuple([Outbound(n, n, text, segments, key or r, r) for n, r in zip(numbers, given, strict=True)])


# These give the same object back each time: a million messages share a string rather than have one each.


def shared_sender(sender: str) -> str | None:
    """The sender name in ``from``: the default one for none, None for what is no sender name."""
    return _sender(sender if len(sender) <= _SENDER_CHARACTERS else sender.strip()[:_SENDER_CHARACTERS])


@lru_cache(maxsize=256)
def _sender(sender: str) -> str | None:
    sender = sender.strip()
    if not sender:
        return DEFAULT_SENDER
    return sender if _is_sender_name(sender) else None


def _shared_url(url: str, hosts: tuple[str, ...]) -> str | None:
    return _url(url, hosts) if len(url) <= LONGEST_URL else None


@lru_cache(maxsize=256)
def _url(url: str, hosts: tuple[str, ...]) -> str | None:
    return url if not url or report_url_allowed(url, hosts) else None
