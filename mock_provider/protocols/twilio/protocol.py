"""Twilio's endpoints: the action of each request."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from msgspec import Struct

from mock_provider.engine.values import (
    Answer,
    Refused,
    SendProgress,
    SendReports,
)
from mock_provider.http.messages import INTERNAL_ERROR, HttpRequest, HttpResponse, ReportCall
from mock_provider.profiles import Profile
from mock_provider.protocols.actions import (
    ErrorReplies,
    Instants,
    QueryAction,
    SubmitAction,
    for_account,
    reply_for_account,
)
from mock_provider.protocols.http_protocol import HttpAction, ProtocolContext
from mock_provider.protocols.journey_key import text_key
from mock_provider.protocols.lookups import AccountView, CapturedMessage, Lookups
from mock_provider.protocols.twilio.credentials import Credentials, read_credentials
from mock_provider.protocols.twilio.edits import MessageEdits
from mock_provider.protocols.twilio.errors import (
    RequestFacts,
    TwilioError,
    error_reply,
    refusal_reply,
    refusal_text,
)
from mock_provider.protocols.twilio.form import MalformedFormError, count_of, parse_form
from mock_provider.protocols.twilio.listing import list_page, read_list_query, read_page
from mock_provider.protocols.twilio.memo import read_memo
from mock_provider.protocols.twilio.openapi import OPENAPI_PATH, openapi_reply
from mock_provider.protocols.twilio.phone_numbers import (
    find_number,
    numbers_of,
    numbers_page,
    read_numbers_query,
)
from mock_provider.protocols.twilio.reports import progress_callback, status_callbacks
from mock_provider.protocols.twilio.resource import (
    BalanceBody,
    Created,
    account_body,
    created_reply,
    encode,
    message_body,
)
from mock_provider.protocols.twilio.send import PROTOCOL_NAME, read_create
from mock_provider.protocols.twilio.statuses import outcome_of
from mock_provider.protocols.twilio.subresources import feedback_body, media_page, read_outcome
from mock_provider.settings.values import Refusal

_PREFIX = "/2010-04-01/"
_PATH = re.compile(
    r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})"
    r"(?:/(?:(Balance)|(IncomingPhoneNumbers)(?:/(PN[0-9a-fA-F]{32}))?"
    r"|(Messages)(?:/((?:SM|MM)[0-9a-fA-F]{32})(?:/(Media|Feedback))?)?))?\.json"
)
_CHALLENGE = (("WWW-Authenticate", 'Basic realm="Twilio API"'),)
_UNFINISHED = frozenset(("accepted", "queued", "scheduled", "sending"))


class _Target(Struct, frozen=True, gc=False):
    """``kind`` is a key of ``_METHODS``; ``sid`` that of the one message or number, "" for a list."""

    kind: str
    account_sid: str
    sid: str


_METHODS = {
    "account": ("GET", "HEAD"),
    "balance": ("GET", "HEAD"),
    "messages": ("GET", "HEAD", "POST"),
    "message": ("GET", "HEAD", "POST", "DELETE"),
    "media": ("GET", "HEAD"),
    "feedback": ("POST",),
    "numbers": ("GET", "HEAD"),
    "number": ("GET", "HEAD"),
}


@lru_cache(maxsize=256)
def _target(path: str) -> _Target | None:
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    account_sid, balance, numbers, number_sid, messages, message_sid, below = found.groups()
    kind = "account"
    if balance:
        kind = "balance"
    elif numbers:
        kind = "number" if number_sid else "numbers"
    elif below:
        kind = below.lower()
    elif messages:
        kind = "message" if message_sid else "messages"
    return _Target(kind, account_sid, number_sid or message_sid or "")


class Twilio:
    """The protocol under one profile. ``edits`` are kept when the profile changes."""

    name = PROTOCOL_NAME
    paths = frozenset((OPENAPI_PATH,))
    prefixes: tuple[str, ...] = (_PREFIX,)
    errors = ErrorReplies(error_reply(20503), INTERNAL_ERROR, refusal_text)

    def __init__(self, profile: Profile, edits: MessageEdits) -> None:
        self._settings = settings = profile.protocol.twilio
        self._edits = edits
        self._concurrent_requests = profile.throttle.concurrent_requests or 1  # named in error 20429
        account = profile.account
        # Twilio always signs with the account's token, also for requests with an API key.
        self._auth_token = account.tokens[0] if account.tokens else ""
        self._numbers = numbers_of(settings, account)

    def read(self, request: HttpRequest, request_id: int, at: Instants) -> HttpAction:
        path, method = request.path, request.method
        if path == OPENAPI_PATH:
            return openapi_reply() if method in ("GET", "HEAD") else _not_allowed(("GET", "HEAD"))
        target = _target(path)
        if target is None:
            return error_reply(20404, path)
        credentials = read_credentials(request.authorization, target.account_sid, self._settings.account_sid)
        if not credentials.token:
            return _unauthorized()
        methods = _METHODS[target.kind]
        if method not in methods:
            return _reply_for(credentials, _not_allowed(methods))
        try:
            if method == "POST":
                if target.kind == "messages":
                    return self._read_create(request, credentials, request_id, at)
                if target.kind == "feedback":
                    return self._read_feedback(request, target, credentials, int(at.wall_s))
                return self._read_update(request, target, credentials)
            return self._read_query(request, target, credentials)
        except TwilioError as error:
            return _reply_for(credentials, error_reply(error.code, error.value))
        except MalformedFormError as error:
            return _reply_for(credentials, error_reply(20001, str(error)))

    def keys(self, request: HttpRequest) -> tuple[str, ...]:
        target = _target(request.path)
        if target is None or target.kind != "messages" or request.method != "POST":
            return ()
        try:
            key = text_key(parse_form(request.body).get("Body", ""))
        except MalformedFormError:
            return ()
        return (key,) if key else ()

    def report_calls(self, effect: SendReports | SendProgress, wall_offset_ns: int) -> Sequence[ReportCall]:
        if isinstance(effect, SendProgress):
            return (progress_callback(effect.address, effect.report, effect.reached, self._auth_token),)
        return status_callbacks(effect.address, effect.reports, wall_offset_ns, self._auth_token)

    def _read_create(
        self, request: HttpRequest, credentials: Credentials, request_id: int, at: Instants
    ) -> HttpAction:
        fields = parse_form(request.body)
        media = count_of(request.body, b"MediaUrl") if "MediaUrl" in fields else 0
        create = read_create(fields, media, credentials, request_id, at, self._settings)
        return SubmitAction(create.submit, partial(self._render_create, create.created, fields["To"]))

    def _render_create(self, created: Created, to: str, answer: Answer) -> HttpResponse:
        settings = self._settings
        if not isinstance(answer, Refused):
            return created_reply(created, answer.messages[0], settings.price_unit)
        if answer.reason is Refusal.UNAUTHORIZED:
            return _unauthorized()
        limits = settings.max_body_characters, self._concurrent_requests
        return refusal_reply(answer, RequestFacts(to, created.sender, *limits))

    def _read_update(self, request: HttpRequest, target: _Target, credentials: Credentials) -> HttpAction:
        fields = parse_form(request.body)
        status, text = fields.get("Status"), fields.get("Body")
        if status is not None and status != "canceled":
            raise TwilioError(20001, "Status: canceled is allowed")
        if text:
            raise TwilioError(20001, "Body: only an empty one is allowed; it redacts the message")
        unit = self._settings.price_unit

        def update(lookups: Lookups, message: CapturedMessage) -> HttpResponse:
            if status is not None and not lookups.cancel(credentials.token, (target.sid,)):
                return error_reply(30409)
            if text is not None:
                self._edits.redact(target.sid)
            return _ok(message_body(self._find(lookups, target.sid) or message, unit))

        return self._of_message(request.path, target, credentials, update)

    def _read_query(self, request: HttpRequest, target: _Target, credentials: Credentials) -> HttpAction:
        unit, path = self._settings.price_unit, request.path
        fields = parse_form(request.query.encode("utf-8", "surrogateescape"))
        if target.kind == "messages":
            query = read_list_query(fields, PROTOCOL_NAME)

            def listed(lookups: Lookups, _account: AccountView) -> HttpResponse:
                messages = self._edits.applied_to_all(lookups.inbox.matching(query.wanted))
                return _ok(list_page(messages, target.account_sid, query, unit))

            return for_account(credentials.token, _unauthorized(), listed)
        if target.kind in ("account", "balance"):
            return for_account(
                credentials.token,
                _unauthorized(),
                lambda _, account: _ok(_account_body(target, unit, account)),
            )
        if target.kind == "media":
            page, size = read_page(fields)
            return self._of_message(
                path, target, credentials, lambda _, message: _ok(media_page(message, page, size))
            )
        if target.kind in ("numbers", "number"):
            return _reply_for(credentials, self._answer_numbers(path, target, fields))
        if request.method == "DELETE":
            return self._of_message(path, target, credentials, self._delete)
        return self._of_message(
            path, target, credentials, lambda lookups, message: _ok(message_body(message, unit))
        )

    def _answer_numbers(self, path: str, target: _Target, fields: dict[str, str]) -> HttpResponse:
        if target.kind == "numbers":
            return _ok(numbers_page(self._numbers, target.account_sid, read_numbers_query(fields)))
        found = find_number(self._numbers, target.account_sid, target.sid)
        return error_reply(20404, path) if found is None else _ok(found)

    def _read_feedback(
        self, request: HttpRequest, target: _Target, credentials: Credentials, unix_s: int
    ) -> HttpAction:
        outcome = read_outcome(parse_form(request.body))
        body = feedback_body(target.account_sid, target.sid, outcome, unix_s)
        return self._of_message(
            request.path, target, credentials, lambda _, __: HttpResponse(201, encode(body))
        )

    def _of_message(
        self,
        path: str,
        target: _Target,
        credentials: Credentials,
        answer: Callable[[Lookups, CapturedMessage], HttpResponse],
    ) -> HttpAction:
        """``answer`` gets the message of the request; 404 if the account has no such message."""

        def found(lookups: Lookups, _account: AccountView) -> HttpResponse:
            message = self._find(lookups, target.sid)
            if message is None or read_memo(message.memo).account_sid != target.account_sid:
                return error_reply(20404, path)
            return answer(lookups, message)

        return for_account(credentials.token, _unauthorized(), found)

    def _find(self, lookups: Lookups, sid: str) -> CapturedMessage | None:
        message = lookups.inbox.find(sid)
        if message is None or message.protocol != PROTOCOL_NAME:
            return None
        return self._edits.applied_to(message)

    def _delete(self, _lookups: Lookups, message: CapturedMessage) -> HttpResponse:
        in_service = bool(read_memo(message.memo).service_sid)
        if outcome_of(message.state, message.reason, message.stage, in_service).status in _UNFINISHED:
            return error_reply(20009)
        self._edits.delete(message.provider_id)
        return HttpResponse(204, b"")


def _reply_for(credentials: Credentials, reply: HttpResponse) -> QueryAction[HttpResponse]:
    return reply_for_account(credentials.token, _unauthorized(), reply)


def _account_body(target: _Target, unit: str, account: AccountView) -> Struct:
    if target.kind == "balance":
        return BalanceBody(target.account_sid, f"{account.points:.2f}", unit)
    return account_body(target.account_sid, account)


def _ok(body: Struct) -> HttpResponse:
    return HttpResponse(200, encode(body))


def _unauthorized() -> HttpResponse:
    return error_reply(20003, headers=_CHALLENGE)


def _not_allowed(methods: Sequence[str]) -> HttpResponse:
    return error_reply(20004, headers=(("Allow", ", ".join(methods)),))


def start(_context: ProtocolContext) -> Callable[[Profile], Twilio]:
    """See ``http_protocol.Start``."""
    edits = MessageEdits()
    return lambda profile: Twilio(profile, edits)
