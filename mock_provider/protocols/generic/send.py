"""A send request as the engine's Submit, and the engine's answer as the reply to it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec
from msgspec import Struct

from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.numbers import normalise
from mock_provider.engine.segments import count_segments
from mock_provider.engine.values import (
    Accepted,
    Answer,
    MessageClass,
    Outbound,
    Refused,
    ReportsWanted,
    Submit,
    SubmitOptions,
    UnparsableNumber,
)
from mock_provider.http.messages import HttpResponse
from mock_provider.http.receivers import report_url_allowed
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.generic.bodies import (
    LONGEST_VALIDITY_S,
    MessageBody,
    MessageResult,
    SendBody,
    SendReply,
    decode_send,
)
from mock_provider.protocols.generic.problems import FieldError, ProblemError, refusal_problem
from mock_provider.protocols.journey_key import text_key
from mock_provider.settings.protocols import GenericSettings
from mock_provider.settings.sections import Throttle
from mock_provider.settings.values import Refusal

PROTOCOL_NAME = "generic"

_MAX_NAMED_NUMBERS = 100
_MOST_KEYS = 10_000  # of a request that cannot be read
_LONGEST_KEY = 255
_LONGEST_WAIT_S = 92 * 86_400.0
_CLASSES = {None: MessageClass.UNSPECIFIED} | {t.value: t for t in MessageClass if t.value}
_NO_RECIPIENT = Refusal.NO_VALID_RECIPIENT.value

_encoder = msgspec.json.Encoder()


class _UnreadMessage(Struct, frozen=True):
    text: object = ""
    reference: object = ""


class _Unread(Struct, frozen=True):
    """A request whose other fields may be invalid."""

    messages: list[_UnreadMessage] = []


class SentRequest(Struct, frozen=True, gc=False):
    """A request that the engine handles. ``places`` maps the Submit's messages to the request's."""

    messages: list[MessageBody]
    places: list[int] | None  # None: one to one
    validate_only: bool
    throttle: Throttle


def read_send(
    body: bytes, token: str, request_id: int, at: Instants, settings: GenericSettings
) -> tuple[Submit, list[MessageBody], list[int] | None]:
    """Raises ``ProblemError``."""
    request = decode_send(body)
    limit = settings.max_recipients_per_request
    if len(request.messages) > limit:
        error = FieldError("messages", f"are {len(request.messages)}; allowed: {limit} in a request")
        raise ProblemError(Refusal.TOO_MANY_RECIPIENTS.value, (error,))
    outbound: list[Outbound] = []
    places: list[int] | None = None
    unparsable: list[UnparsableNumber] = []
    counted_text, segments, key = "", 0, ""
    for place, message in enumerate(request.messages):
        text = message.text
        if text != counted_text:
            counted_text, segments, key = text, count_segments(text).segments, text_key(text)
            if segments > settings.max_segments:
                allowed = f"takes {segments} segments; allowed: {settings.max_segments}"
                error = FieldError(f"messages[{place}].text", allowed)
                raise ProblemError(Refusal.TOO_MANY_SEGMENTS.value, (error,))
        to = message.to
        msisdn = normalise(to)
        if msisdn is None:
            if places is None:
                places = list(range(place))
            unparsable.append(UnparsableNumber(to, key or message.reference or ""))
            continue
        if places is not None:
            places.append(place)
        reference = message.reference
        outbound.append(Outbound(msisdn, to, text, segments, key or reference or "", reference))
    scheduled_ns, expires_ns = _instants(request, at)
    submit = Submit(
        request_id,
        PROTOCOL_NAME,
        token,
        request.from_ or settings.default_sender,
        tuple(outbound),
        unparsable=tuple(unparsable),
        options=SubmitOptions(
            request.priority,
            request.unique_references,
            request.validate_only,
            _CLASSES[request.message_class],
        ),
        reports=_reports(request, settings),
        scheduled_ns=scheduled_ns,
        expires_ns=expires_ns,
    )
    return submit, request.messages, places


def send_keys(body: bytes) -> tuple[str, ...]:
    """The journey keys of a request that cannot be read, as far as it is JSON."""
    try:
        found = msgspec.json.decode(body, type=_Unread)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    keys = (text_key(str(each.text)) or each.reference for each in found.messages[:_MOST_KEYS])
    return tuple(key for key in keys if isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY)


def _reports(request: SendBody, settings: GenericSettings) -> ReportsWanted:
    url = request.report_url
    if url is None or report_url_allowed(url, settings.report_hosts):
        return _reports_to(url or "", request.report_progress)
    words = "must be an http or https URL of a loopback host, or of one named in the profile's report_hosts"
    raise ProblemError("invalid_request", (FieldError("report_url", words),))


@lru_cache(maxsize=256)
def _reports_to(url: str, progress: bool) -> ReportsWanted:
    """Equal values are one object."""
    return ReportsWanted(url, progress=progress)


def _instants(request: SendBody, at: Instants) -> tuple[int | None, int | None]:
    if request.send_at is None and request.expires_at is None and request.validity_s is None:
        return None, None
    start_ns, scheduled_ns = at.now_ns, None
    if request.send_at is not None:
        ahead_s = request.send_at.timestamp() - at.wall_s
        if ahead_s > _LONGEST_WAIT_S:
            raise _invalid("send_at", "is more than 92 days ahead")
        if ahead_s > 0:
            start_ns = scheduled_ns = at.now_ns + int(ahead_s * NS_PER_S)
    if request.validity_s is not None:
        if request.expires_at is not None:
            raise _invalid("validity_s", "cannot be given together with expires_at")
        return scheduled_ns, start_ns + int(request.validity_s * NS_PER_S)
    if request.expires_at is None:
        return scheduled_ns, None
    validity_ns = at.now_ns + int((request.expires_at.timestamp() - at.wall_s) * NS_PER_S) - start_ns
    if not 0 < validity_ns <= LONGEST_VALIDITY_S * NS_PER_S:
        raise _invalid("expires_at", "must be later than the time of sending, by at most 30 days")
    return scheduled_ns, start_ns + validity_ns


def _invalid(field: str, words: str) -> ProblemError:
    return ProblemError("invalid_request", (FieldError(field, words),))


def render_send(sent: SentRequest, answer: Answer) -> HttpResponse:
    """202, or 200 for ``validate_only``: a result for each message, in the request's order."""
    if isinstance(answer, Refused):
        return refusal_problem(answer, sent.throttle, _invalid_numbers(sent.messages, answer))
    if len(answer.messages) == len(sent.messages):
        results = [
            MessageResult(
                "accepted",
                m.submitted_number,
                m.client_ref,
                m.provider_id or None,
                m.msisdn,
                m.segments,
                m.price,
            )
            for m in answer.messages
        ]
    else:
        results = _results_of_part(sent, answer)
    price = sum([m.price for m in answer.messages])
    accepted = len(answer.messages)
    reply = SendReply(accepted, len(results) - accepted, round(price, 6), results)
    return HttpResponse(200 if sent.validate_only else 202, _encoder.encode(reply))


def _results_of_part(sent: SentRequest, answer: Accepted) -> list[MessageResult]:
    """For a partly accepted request: the protocol left out unreadable numbers, the engine others with a
    reason.
    """
    places = sent.places
    reasons = {place if places is None else places[place]: why for place, why in answer.left_out}
    in_engine = None if places is None else frozenset(places)
    accepted = iter(answer.messages)
    results = []
    for place, message in enumerate(sent.messages):
        if in_engine is not None and place not in in_engine:
            code = _NO_RECIPIENT
        elif place in reasons:
            code = reasons[place].value
        else:
            m = next(accepted)
            result = MessageResult(
                "accepted",
                message.to,
                message.reference,
                m.provider_id or None,
                m.msisdn,
                m.segments,
                m.price,
            )
            results.append(result)
            continue
        results.append(
            MessageResult(
                status="rejected",
                to=message.to,
                reference=message.reference,
                id=None,
                number=None,
                segments=0,
                price=0.0,
                code=code,
            )
        )
    return results


def _invalid_numbers(messages: Sequence[MessageBody], refused: Refused) -> tuple[FieldError, ...]:
    invalid = frozenset(refused.invalid_numbers)
    if not invalid:
        return ()
    places = [place for place, message in enumerate(messages) if message.to in invalid]
    words = "is not a number that can receive messages"
    return tuple(FieldError(f"messages[{place}].to", words) for place in places[:_MAX_NAMED_NUMBERS])
