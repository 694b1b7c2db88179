"""The API's endpoints: which call a request is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mock_provider.engine.values import SendProgress, SendReports
from mock_provider.http.messages import (
    JSON,
    HttpRequest,
    HttpResponse,
    ReportCall,
)
from mock_provider.profiles import Profile
from mock_provider.protocols.actions import (
    Action,
    Instants,
    QueryAction,
    SubmitAction,
)
from mock_provider.protocols.json_api.lookups import (
    Lookup,
    account,
    answered_to_owner,
    cancelled,
    list_of_messages,
    one_message,
)
from mock_provider.protocols.json_api.openapi import openapi_document
from mock_provider.protocols.json_api.problems import ProblemError, problem
from mock_provider.protocols.json_api.reports import report_call
from mock_provider.protocols.json_api.send import (
    PROTOCOL_NAME,
    SentRequest,
    read_send,
    render_send,
)
from mock_provider.protocols.lookups import Lookups
from mock_provider.settings.values import Refusal

_MESSAGES, _ACCOUNT, _OPENAPI = "/v1/messages", "/v1/account", "/openapi.json"
_ONE_MESSAGE = "/v1/messages/"


class JsonApi:
    """The JSON API: translates requests and replies. It holds settings and no state."""

    name = PROTOCOL_NAME
    paths = frozenset((_MESSAGES, _ACCOUNT, _OPENAPI))
    prefixes = (_ONE_MESSAGE,)

    def __init__(self, profile: Profile) -> None:
        self._settings = profile.wire.generic
        self._throttle = profile.throttle
        tokens = profile.account.tokens
        self._signing_token = tokens[0] if tokens and self._settings.sign_reports else ""

    def read(self, request: HttpRequest, request_id: int, at: Instants) -> Action:
        path, method = request.path, request.method
        token = _bearer(request.authorization)
        try:
            if path == _MESSAGES:
                if method == "POST":
                    return self._read_send(request, token, request_id, at)
                if method in ("GET", "HEAD"):
                    return _consult(token, list_of_messages(request.query, PROTOCOL_NAME))
                return _not_allowed("GET, HEAD, POST")
            return self._read_rest(path, method, token)
        except ProblemError as error:
            return _consult(token, _constant(problem(error.code, error.errors)))

    def report_calls(self, effect: SendReports, wall_offset_ns: int) -> Sequence[ReportCall]:
        return (report_call(effect.url, effect.reports, wall_offset_ns, self._signing_token),)

    def progress_call(self, effect: SendProgress, wall_offset_ns: int) -> ReportCall:
        return report_call(effect.url, (effect.report,), wall_offset_ns, self._signing_token)

    def unavailable(self) -> HttpResponse:
        return problem(Refusal.UNAVAILABLE.value)

    def _read_send(self, request: HttpRequest, token: str, request_id: int, at: Instants) -> SubmitAction:
        if request.content_type.partition(";")[0].strip().lower() != JSON:
            raise ProblemError("unsupported_media_type")
        submit, messages, places = read_send(request.body, token, request_id, at, self._settings)
        sent = SentRequest(messages, places, submit.validate_only, self._throttle)
        return SubmitAction(submit, partial(render_send, sent))

    def _read_rest(self, path: str, method: str, token: str) -> Action:
        reads = method in ("GET", "HEAD")
        if path == _ACCOUNT:
            return _consult(token, partial(account, token)) if reads else _not_allowed("GET, HEAD")
        if path == _OPENAPI:
            document = openapi_document(self._settings)
            return HttpResponse(200, document) if reads else _not_allowed("GET, HEAD")
        provider_id = path[len(_ONE_MESSAGE) :]
        if reads:
            return _consult(token, partial(one_message, provider_id, PROTOCOL_NAME))
        if method == "DELETE":
            return _consult(token, partial(cancelled, provider_id, PROTOCOL_NAME, token))
        return _not_allowed("DELETE, GET, HEAD")


def _consult(token: str, lookup: Lookup) -> QueryAction:
    return QueryAction(answered_to_owner(token, lookup))


def _constant(reply: HttpResponse) -> Lookup:
    def answer(_lookups: Lookups) -> HttpResponse:
        return reply

    return answer


def _not_allowed(methods: str) -> HttpResponse:
    return problem("method_not_allowed", (), (("Allow", methods),))


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
