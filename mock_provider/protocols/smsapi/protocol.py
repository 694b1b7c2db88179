"""SMSAPI's endpoints: the action of each request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from mock_provider.engine.values import (
    Answer,
    Refused,
    SendProgress,
    SendReports,
    Submit,
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
from mock_provider.protocols.lookups import AccountView, Lookups
from mock_provider.protocols.smsapi.answers import (
    AnswerStyle,
    render_balance,
    render_ping,
    render_profile,
    render_removal,
    render_send,
    render_status,
)
from mock_provider.protocols.smsapi.auth import (
    REST_UNAUTHORIZED,
    field_token,
    header_token,
    unauthorized,
)
from mock_provider.protocols.smsapi.error_table import MESSAGES
from mock_provider.protocols.smsapi.errors import (
    InvalidNumber,
    SmsapiError,
    error_reply,
    legacy_error,
    not_allowed,
    refusal_reply,
)
from mock_provider.protocols.smsapi.field_names import OF_SEND, OF_USER
from mock_provider.protocols.smsapi.fields import (
    Fields,
    MalformedRequestError,
    count_of,
    flat_list_of,
    is_set,
    read_fields,
)
from mock_provider.protocols.smsapi.limits import PROTOCOL_NAME
from mock_provider.protocols.smsapi.refusal_text import refusal_text
from mock_provider.protocols.smsapi.reports import report_calls
from mock_provider.protocols.smsapi.send import read_send, send_keys, wants_json
from mock_provider.protocols.smsapi.services.endpoints import Services
from mock_provider.protocols.smsapi.services.groups import with_group_members, with_template_text
from mock_provider.protocols.smsapi.services.state import SmsapiState
from mock_provider.settings.protocols import SmsapiSettings
from mock_provider.settings.values import Refusal

_SMS_PATHS = frozenset(("/sms.do", "/api/sms.do"))
_USER_PATHS = frozenset(("/user.do", "/api/user.do"))
_PROFILE_PATHS = frozenset(("/profile", "/api/profile"))
_PING_PATHS = frozenset(("/ping", "/api/ping"))
_PATHS = _SMS_PATHS | _USER_PATHS | _PROFILE_PATHS | _PING_PATHS | Services.paths
_MAX_ID_CHARACTERS = 64
_OF_PLAIN_SENDS = OF_SEND - {"sch_del", "status", "group", "template"}  # most requests have no other field


class _SendRenderer(Struct, frozen=True, gc=False):
    """``render_send`` with its arguments: a partial that the garbage collector does not track."""

    settings: SmsapiSettings
    style: AnswerStyle

    def __call__(self, answer: Answer) -> HttpResponse:
        return render_send(self.settings, self.style, answer)


class Smsapi:
    """The protocol under one profile. ``state`` is kept when the profile changes."""

    name = PROTOCOL_NAME
    paths = _PATHS
    prefixes = Services.prefixes

    def __init__(self, profile: Profile, state: SmsapiState) -> None:
        self._settings = profile.protocol.smsapi
        self._price_per_part = profile.account.price_per_segment
        self._services = Services(profile, state)
        self._state = state
        unavailable = refusal_reply(Refused(Refusal.UNAVAILABLE), True, self._settings)
        self.errors = ErrorReplies(unavailable, INTERNAL_ERROR, refusal_text)

    def read(self, request: HttpRequest, request_id: int, at: Instants) -> HttpAction:
        path = request.path
        try:
            if path in _SMS_PATHS:
                return self._read_sms(request, request_id, at)
            if path in _USER_PATHS:
                return self._read_user(request)
            if path in Services.paths or path.startswith(Services.prefixes):
                return self._services.read(request, request_id, at)
        except MalformedRequestError as error:
            return legacy_error(8, error.as_json, detail=str(error))
        if path in _PING_PATHS and request.method == "HEAD":
            return HttpResponse(204, b"")
        if request.method not in ("GET", "HEAD"):
            return not_allowed("GET, HEAD")
        token = header_token(request.authorization)
        if path in _PING_PATHS:
            return QueryAction(lambda lookups: render_ping(lookups.account(token)))
        settings = self._settings
        return for_account(token, REST_UNAUTHORIZED, lambda _, account: render_profile(settings, account))

    def keys(self, request: HttpRequest) -> tuple[str, ...]:
        if request.path not in _SMS_PATHS:
            return ()
        try:
            return send_keys(read_fields(request))
        except MalformedRequestError:
            return ()

    def report_calls(self, effect: SendReports | SendProgress, wall_offset_ns: int) -> Sequence[ReportCall]:
        if not isinstance(effect, SendReports):
            return ()  # SMSAPI has a status for it (403 SENT); no callback with that status was observed
        return report_calls(effect.address, effect.reports, wall_offset_ns, self._settings)

    def _read_sms(self, request: HttpRequest, request_id: int, at: Instants) -> HttpAction:
        if request.method not in ("POST", "GET"):
            return not_allowed("GET, POST")
        fields = read_fields(request)
        token = header_token(request.authorization) or field_token(fields)
        as_json = wants_json(fields)
        settings = self._settings
        limit = (
            settings.max_recipients_get if request.method == "GET" else settings.max_recipients_per_request
        )
        try:
            if not _OF_PLAIN_SENDS.issuperset(fields):
                self._state.unread.note("sms.do", fields.keys() - OF_SEND)
                if max(count_of(fields, name, ",") for name in ("sch_del", "status", "group")) > limit:
                    raise SmsapiError(19)
                if "sch_del" in fields:
                    return _read_removal(fields, token, as_json)
                if "status" in fields:
                    return self._read_status(fields, token, as_json)
                if "group" in fields:
                    fields = with_group_members(fields, settings, self._state.contacts)
                if "template" in fields:
                    fields = with_template_text(fields, self._state.templates)
            send = read_send(fields, token, request_id, at, settings, limit)
        except SmsapiError as error:
            return reply_for_account(token, unauthorized(as_json), error_reply(error, as_json))
        date_s = int(at.wall_s) if send.date_s is None else int(send.date_s)
        submit, style = send.submit, AnswerStyle(as_json, date_s, send.details)
        if self._state.blacklist:
            submit, style = self._with_blocked(submit, style, at.wall_s)
        return SubmitAction(submit, _SendRenderer(settings, style))

    def _with_blocked(self, submit: Submit, style: AnswerStyle, wall_s: float) -> tuple[Submit, AnswerStyle]:
        """Both, with the numbers of the submit that are on the account's blacklist."""
        blocked = self._state.blacklist.among((m.msisdn for m in submit.messages), wall_s)
        if not blocked:
            return submit, style
        named = (
            InvalidNumber(m.msisdn, m.submitted_number, MESSAGES[57], 57)
            for m in submit.messages
            if m.msisdn in blocked
        )
        return replace(submit, blocked=blocked), replace(style, blocked=tuple(named))

    def _read_status(self, fields: Fields, token: str, as_json: bool) -> HttpAction:
        ids = tuple(i.strip() for i in flat_list_of(fields, "status"))
        if not ids or not all(i.isascii() and i.isalnum() and len(i) <= _MAX_ID_CHARACTERS for i in ids):
            return reply_for_account(token, unauthorized(as_json), legacy_error(400, as_json))
        settings = self._settings

        def answer(lookups: Lookups, _account: AccountView) -> HttpResponse:
            views = [lookups.view(provider_id) for provider_id in ids]
            return render_status(settings, as_json, ids, views, lookups.wall_offset_ns)

        return for_account(token, unauthorized(as_json), answer)

    def _read_user(self, request: HttpRequest) -> HttpAction:
        if request.method not in ("POST", "GET"):
            return not_allowed("GET, POST")
        fields = read_fields(request)
        self._state.unread.note("user.do", fields.keys() - OF_USER)
        token = header_token(request.authorization) or field_token(fields)
        as_json = wants_json(fields)
        if not is_set(fields, "credits"):
            # Sub-users (add_user, set_user, list …) are not simulated.
            return reply_for_account(token, unauthorized(as_json), legacy_error(110, as_json))
        price = self._price_per_part
        return for_account(
            token, unauthorized(as_json), lambda _, account: render_balance(price, as_json, account)
        )


def _read_removal(fields: Fields, token: str, as_json: bool) -> HttpAction:
    ids = tuple(flat_list_of(fields, "sch_del"))
    return for_account(
        token,
        unauthorized(as_json),
        lambda lookups, _: render_removal(as_json, lookups.cancel(token, ids)),
    )


def start(context: ProtocolContext) -> Callable[[Profile], Smsapi]:
    """See ``http_protocol.Start``."""
    state = SmsapiState(context.seed, context.unread_fields)
    return lambda profile: Smsapi(profile, state)
