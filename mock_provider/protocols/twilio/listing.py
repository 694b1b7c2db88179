"""The list of Messages: filters, and pages that do not shift when new messages come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from urllib.parse import urlencode

from msgspec import Struct

from mock_provider.protocols.lookups import CapturedMessage, MessageFilter
from mock_provider.protocols.twilio.addresses import read_sender
from mock_provider.protocols.twilio.errors import TwilioError
from mock_provider.protocols.twilio.memo import read_memo
from mock_provider.protocols.twilio.resource import API_VERSION, MessagePage, bodies
from mock_provider.protocols.twilio.times import read_day_s, read_instant_s

_DEFAULT_PAGE_SIZE, _MOST_PAGE_SIZE = 50, 1_000
_MOST_DIGITS = 9  # int() raises for thousands of digits
_FILTERS = ("To", "From", "DateSent", "DateSent<", "DateSent>")
# A token names the message a page begins after (``PA``) or ends before (``PB``).
_AFTER, _BEFORE = "PA", "PB"


class ListQuery(Struct, frozen=True):
    """The parameters of a list request. Times in unix seconds; None: not given."""

    wanted: MessageFilter
    sent_from_s: float | None
    sent_before_s: float | None
    nothing: bool  # a filter that no message can meet
    page: int
    page_size: int
    token: str
    filters: tuple[tuple[str, str], ...]


def read_list_query(fields: Mapping[str, str], protocol: str) -> ListQuery:
    """Raises ``TwilioError`` 20001 with the parameter that is wrong."""
    to, sender = fields.get("To", "").strip(), fields.get("From", "").strip()
    nothing = False
    if sender:
        try:
            sender = read_sender(sender)
        except TwilioError:
            nothing = True
    sent_from_s, sent_before_s = _sent_between(fields)
    token = fields.get("PageToken", "")
    if token and token[:2] not in (_AFTER, _BEFORE):
        raise TwilioError(20001, "PageToken")
    page, page_size = read_page(fields)
    return ListQuery(
        wanted=MessageFilter(protocol, to.lstrip("+"), sender),
        sent_from_s=sent_from_s,
        sent_before_s=sent_before_s,
        nothing=nothing,
        page=page,
        page_size=page_size,
        token=token,
        filters=tuple((name, fields[name]) for name in _FILTERS if fields.get(name)),
    )


def read_page(fields: Mapping[str, str]) -> tuple[int, int]:
    """``Page`` from 0, and ``PageSize`` limited to 1 to 1,000. Raises ``TwilioError`` 20001."""
    page_size = min(max(1, _whole(fields, "PageSize", _DEFAULT_PAGE_SIZE)), _MOST_PAGE_SIZE)
    return _whole(fields, "Page", 0), page_size


def page_by_offset(
    address: Callable[[int], str], page: int, size: int, total: int
) -> tuple[int, int, int, int, str, str, str | None, str | None]:
    """The fields of ``ListPage``; ``address`` gives a page's URI."""
    start = page * size
    taken = max(0, min(size, total - start))
    return (
        page,
        size,
        start,
        start + max(0, taken - 1),
        address(page),
        address(0),
        address(page + 1) if start + size < total else None,
        address(page - 1) if page else None,
    )


def list_page(
    messages: Iterable[CapturedMessage], account_sid: str, query: ListQuery, price_unit: str
) -> MessagePage:
    """One page of ``messages``, newest first, with the addresses of its neighbours."""
    size = query.page_size
    found: Iterator[CapturedMessage] = iter(()) if query.nothing else _found(messages, account_sid, query)
    token = query.token
    if token.startswith(_BEFORE):
        taken = list(_until(found, token[2:], size))
        more = True
    else:
        begun = _after(found, token[2:]) if token else islice(found, query.page * size, None)
        taken = list(islice(begun, size + 1))
        more = len(taken) > size
        del taken[size:]
    page, start = query.page, query.page * size
    stem = f"/{API_VERSION}/Accounts/{account_sid}/Messages.json"

    def address(number: int, to_token: str = "") -> str:
        paging = [("PageSize", str(size)), ("Page", str(number))]
        if to_token:
            paging.append(("PageToken", to_token))
        return f"{stem}?{urlencode([*query.filters, *paging])}"

    return MessagePage(
        messages=bodies(taken, price_unit),
        page=page,
        page_size=size,
        start=start,
        end=start + max(0, len(taken) - 1),
        uri=address(page, token),
        first_page_uri=address(0),
        next_page_uri=address(page + 1, _AFTER + taken[-1].provider_id) if more and taken else None,
        previous_page_uri=address(page - 1, _BEFORE + taken[0].provider_id) if page > 0 and taken else None,
    )


def _found(
    messages: Iterable[CapturedMessage], account_sid: str, query: ListQuery
) -> Iterator[CapturedMessage]:
    sent_from_s, sent_before_s = query.sent_from_s, query.sent_before_s
    for message in messages:
        if read_memo(message.memo).account_sid != account_sid:
            continue
        sent_s = message.carrier_unix_s
        if sent_from_s is not None and (sent_s is None or sent_s < sent_from_s):
            continue
        if sent_before_s is not None and (sent_s is None or sent_s >= sent_before_s):
            continue
        yield message


def _after(messages: Iterable[CapturedMessage], sid: str) -> Iterator[CapturedMessage]:
    """Messages after ``sid``; none if the inbox has dropped it, since all older ones are dropped too."""
    remaining = iter(messages)
    for message in remaining:
        if message.provider_id == sid:
            break
    return remaining


def _until(messages: Iterable[CapturedMessage], sid: str, size: int) -> deque[CapturedMessage]:
    kept: deque[CapturedMessage] = deque(maxlen=size)
    for message in messages:
        if message.provider_id == sid:
            break
        kept.append(message)
    return kept


def _sent_between(fields: Mapping[str, str]) -> tuple[float | None, float | None]:
    """``DateSent`` is a day; ``DateSent>`` and ``DateSent<`` (both inclusive) are days or instants."""
    sent_from_s = sent_before_s = None
    if text := fields.get("DateSent", ""):
        sent_from_s, sent_before_s = _day(text, "DateSent")
    if text := fields.get("DateSent>", ""):
        sent_from_s = _day(text, "DateSent>")[0] if len(text) <= 10 else _instant_s(text, "DateSent>")
    if text := fields.get("DateSent<", ""):
        # Whole seconds are shown, so the second of an instant counts to its end.
        sent_before_s = _day(text, "DateSent<")[1] if len(text) <= 10 else _instant_s(text, "DateSent<") + 1
    return sent_from_s, sent_before_s


def _day(text: str, name: str) -> tuple[float, float]:
    day = read_day_s(text)
    if day is None:
        raise TwilioError(20001, name)
    return day


def _instant_s(text: str, name: str) -> float:
    instant_s = read_instant_s(text)
    if instant_s is None:
        raise TwilioError(20001, name)
    return instant_s


def _whole(fields: Mapping[str, str], name: str, default: int) -> int:
    text = fields.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise TwilioError(20001, name)
    return int(text)
