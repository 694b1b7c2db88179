"""The API's endpoints: the action of each request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from mock_provider.engine.values import SendProgress, SendReports
from mock_provider.http.messages import (
    INTERNAL_ERROR,
    JSON,
    HttpRequest,
    HttpResponse,
    ReportCall,
)
from mock_provider.profiles import Profile
from mock_provider.protocols.actions import (
    ErrorReplies,
    Instants,
    QueryAction,
    SubmitAction,
    for_account,
    reply_for_account,
)
from mock_provider.protocols.generic.lookups import (
    Lookup,
    account_reply,
    cancel_message,
    list_messages,
    message_reply,
)
from mock_provider.protocols.generic.openapi import openapi_document
from mock_provider.protocols.generic.problems import UNAUTHORIZED, ProblemError, problem, refusal_text
from mock_provider.protocols.generic.reports import report_call
from mock_provider.protocols.generic.send import (
    PROTOCOL_NAME,
    SentRequest,
    read_send,
    render_send,
    send_keys,
)
from mock_provider.protocols.http_protocol import HttpAction, ProtocolContext
from mock_provider.settings.values import Refusal

_MESSAGES, _ACCOUNT, _OPENAPI = "/v1/messages", "/v1/account", "/openapi.json"
_ONE_MESSAGE = "/v1/messages/"


class GenericApi:
    """The protocol under one profile. It has no state."""

    name = PROTOCOL_NAME
    paths = frozenset((_MESSAGES, _ACCOUNT, _OPENAPI))
    prefixes = (_ONE_MESSAGE,)
    errors = ErrorReplies(problem(Refusal.UNAVAILABLE.value), INTERNAL_ERROR, refusal_text)

    def __init__(self, profile: Profile) -> None:
        self._settings = profile.protocol.generic
        self._throttle = profile.throttle
        tokens = profile.account.tokens
        self._signing_token = tokens[0] if tokens and self._settings.sign_reports else ""

    def read(self, request: HttpRequest, request_id: int, at: Instants) -> HttpAction:
        path, method = request.path, request.method
        token = _bearer(request.authorization)
        try:
            if path == _MESSAGES:
                if method == "POST":
                    return self._read_send(request, token, request_id, at)
                if method in ("GET", "HEAD"):
                    return _query(token, list_messages(request.query, PROTOCOL_NAME))
                return _not_allowed("GET, HEAD, POST")
            return self._read_rest(path, method, token)
        except ProblemError as error:
            return reply_for_account(token, UNAUTHORIZED, problem(error.code, error.errors))

    def keys(self, request: HttpRequest) -> tuple[str, ...]:
        return send_keys(request.body) if request.path == _MESSAGES and request.method == "POST" else ()

    def report_calls(self, effect: SendReports | SendProgress, wall_offset_ns: int) -> Sequence[ReportCall]:
        reports = (effect.report,) if isinstance(effect, SendProgress) else effect.reports
        return (report_call(effect.address, reports, wall_offset_ns, self._signing_token),)

    def _read_send(
        self, request: HttpRequest, token: str, request_id: int, at: Instants
    ) -> SubmitAction[HttpResponse]:
        if request.content_type.partition(";")[0].strip().lower() != JSON:
            raise ProblemError("unsupported_media_type")
        submit, messages, places = read_send(request.body, token, request_id, at, self._settings)
        sent = SentRequest(messages, places, submit.options.validate_only, self._throttle)
        return SubmitAction(submit, partial(render_send, sent))

    def _read_rest(self, path: str, method: str, token: str) -> HttpAction:
        reads = method in ("GET", "HEAD")
        if path == _ACCOUNT:
            return _query(token, account_reply) if reads else _not_allowed("GET, HEAD")
        if path == _OPENAPI:
            document = openapi_document(self._settings)
            return HttpResponse(200, document) if reads else _not_allowed("GET, HEAD")
        provider_id = path[len(_ONE_MESSAGE) :]
        if reads:
            return _query(token, partial(message_reply, provider_id, PROTOCOL_NAME))
        if method == "DELETE":
            return _query(token, partial(cancel_message, provider_id, PROTOCOL_NAME, token))
        return _not_allowed("DELETE, GET, HEAD")


def _query(token: str, lookup: Lookup) -> QueryAction[HttpResponse]:
    return for_account(token, UNAUTHORIZED, lookup)


def _not_allowed(methods: str) -> HttpResponse:
    return problem("method_not_allowed", (), (("Allow", methods),))


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def start(_context: ProtocolContext) -> Callable[[Profile], GenericApi]:
    """See ``http_protocol.Start``."""
    return GenericApi
