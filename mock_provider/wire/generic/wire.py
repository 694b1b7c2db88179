"""The API's endpoints: which call a request is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mock_provider.engine.values import Refusal, SendProgress, SendReports
from mock_provider.profiles import Profile
from mock_provider.wire.calls import (
    JSON,
    Call,
    Consult,
    Desk,
    Instants,
    ReportCall,
    Send,
    WireReply,
    WireRequest,
)
from mock_provider.wire.generic.lookups import (
    Lookup,
    account,
    answered_to_owner,
    cancelled,
    list_of_messages,
    one_message,
)
from mock_provider.wire.generic.openapi import openapi_document
from mock_provider.wire.generic.problems import ProblemError, problem
from mock_provider.wire.generic.reports import report_call
from mock_provider.wire.generic.send import WIRE_NAME, Sent, phrase_send, read_send

_MESSAGES, _ACCOUNT, _OPENAPI = "/v1/messages", "/v1/account", "/openapi.json"
_ONE_MESSAGE = "/v1/messages/"


class Generic:
    """The JSON API: translates requests and replies. It holds settings and no state."""

    name = WIRE_NAME
    paths = frozenset((_MESSAGES, _ACCOUNT, _OPENAPI))
    prefixes = (_ONE_MESSAGE,)

    def __init__(self, profile: Profile) -> None:
        self._settings = profile.wire.generic
        self._throttle = profile.throttle
        tokens = profile.account.tokens
        self._signing_token = tokens[0] if tokens and self._settings.sign_reports else ""

    def read(self, request: WireRequest, request_id: int, at: Instants) -> Call:
        path, method = request.path, request.method
        token = _bearer(request.authorization)
        try:
            if path == _MESSAGES:
                if method == "POST":
                    return self._read_send(request, token, request_id, at)
                if method in ("GET", "HEAD"):
                    return _consult(token, list_of_messages(request.query, WIRE_NAME))
                return _not_allowed("GET, HEAD, POST")
            return self._read_rest(path, method, token)
        except ProblemError as error:
            return _consult(token, _constant(problem(error.code, error.errors)))

    def report_calls(self, effect: SendReports, wall_offset_ns: int) -> Sequence[ReportCall]:
        return (report_call(effect.url, effect.reports, wall_offset_ns, self._signing_token),)

    def progress_call(self, effect: SendProgress, wall_offset_ns: int) -> ReportCall:
        return report_call(effect.url, (effect.report,), wall_offset_ns, self._signing_token)

    def unavailable(self) -> WireReply:
        return problem(Refusal.UNAVAILABLE.value)

    def _read_send(self, request: WireRequest, token: str, request_id: int, at: Instants) -> Send:
        if request.content_type.partition(";")[0].strip().lower() != JSON:
            raise ProblemError("unsupported_media_type")
        submit, messages, places = read_send(request.body, token, request_id, at, self._settings)
        sent = Sent(messages, places, submit.validate_only, self._throttle)
        return Send(submit, partial(phrase_send, sent))

    def _read_rest(self, path: str, method: str, token: str) -> Call:
        reads = method in ("GET", "HEAD")
        if path == _ACCOUNT:
            return _consult(token, partial(account, token)) if reads else _not_allowed("GET, HEAD")
        if path == _OPENAPI:
            document = openapi_document(self._settings)
            return WireReply(200, document) if reads else _not_allowed("GET, HEAD")
        provider_id = path[len(_ONE_MESSAGE) :]
        if reads:
            return _consult(token, partial(one_message, provider_id, WIRE_NAME))
        if method == "DELETE":
            return _consult(token, partial(cancelled, provider_id, WIRE_NAME, token))
        return _not_allowed("DELETE, GET, HEAD")


def _consult(token: str, lookup: Lookup) -> Consult:
    return Consult(answered_to_owner(token, lookup))


def _constant(reply: WireReply) -> Lookup:
    def answer(_desk: Desk) -> WireReply:
        return reply

    return answer


def _not_allowed(methods: str) -> WireReply:
    return problem("method_not_allowed", (), (("Allow", methods),))


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
