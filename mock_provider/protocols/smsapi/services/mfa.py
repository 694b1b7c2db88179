"""``/mfa/codes``: a one-time code made, sent and verified by SMSAPI (its OpenAPI document, section mfa)."""

from __future__ import annotations

from functools import partial

import msgspec
from msgspec import Struct

from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.segments import count_segments
from mock_provider.engine.values import Accepted, Answer, MessageClass, Outbound, Submit, SubmitOptions
from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.protocols.actions import (
    Instants,
    QueryAction,
    SubmitAction,
    for_account,
    reply_for_account,
)
from mock_provider.protocols.journey_key import text_key
from mock_provider.protocols.lookups import AccountView, Lookups
from mock_provider.protocols.smsapi.auth import REST_UNAUTHORIZED, field_token, header_token
from mock_provider.protocols.smsapi.errors import SmsapiError, invalid_value, rest_error
from mock_provider.protocols.smsapi.field_names import OF_CODE, OF_VERIFICATION
from mock_provider.protocols.smsapi.fields import (
    Fields,
    MalformedRequestError,
    is_set,
    read_fields,
    text_of,
)
from mock_provider.protocols.smsapi.limits import LONGEST_TEXT, PROTOCOL_NAME
from mock_provider.protocols.smsapi.numbers import read_msisdn
from mock_provider.protocols.smsapi.send import read_sender
from mock_provider.protocols.smsapi.services.one_time_codes import CodeVerdict
from mock_provider.protocols.smsapi.services.rest_refusals import rest_refusal
from mock_provider.protocols.smsapi.services.state import SmsapiState
from mock_provider.settings.protocols import SmsapiSettings

_PLACEHOLDER = "[%code%]"
_DEFAULT_CONTENT = f"Your verification code: {_PLACEHOLDER}"

_encoder = msgspec.json.Encoder()


class CodeBody(Struct, frozen=True, gc=False, rename={"from_": "from"}):
    """Answer to ``POST /mfa/codes``."""

    id: str
    code: str
    phone_number: str
    from_: str | None


class _Created(Struct, frozen=True, gc=False):
    msisdn: str
    code: str
    sender: str | None  # as in the request
    expires_ns: int


def read_code_request(
    request: HttpRequest, request_id: int, at: Instants, settings: SmsapiSettings, state: SmsapiState
) -> SubmitAction[HttpResponse] | QueryAction[HttpResponse]:
    """Send a code as a priority message (unless ``fast`` is 0); it is valid from its acceptance on."""
    token, fields = _fields(request)
    if fields is None:
        return _refused(token, "The body cannot be read", "")
    state.unread.note("mfa/codes", fields.keys() - OF_CODE)
    msisdn = read_msisdn(text_of(fields, "phone_number").strip(), settings)
    if msisdn is None:
        return _refused(token, "The value is not valid mobile number.", "phone_number")
    content = text_of(fields, "content") or _DEFAULT_CONTENT
    if _PLACEHOLDER not in content:
        return _refused(token, f"It must contain {_PLACEHOLDER}", "content")
    too_long = _refused(token, f"It takes more than {settings.max_parts} parts", "content")
    if len(content) > 2 * LONGEST_TEXT:  # a code has at least half the placeholder's characters
        return too_long
    code = state.codes.draw(msisdn, settings.mfa_code_digits)
    text = content.replace(_PLACEHOLDER, code)
    segments = count_segments(text).segments
    if segments > settings.max_parts:
        return too_long
    try:
        sender = read_sender(fields)
    except SmsapiError:
        return _refused(token, "It is not a sender name", "from")
    outbound = Outbound(msisdn, text_of(fields, "phone_number"), text, segments, text_key(text))
    fast = "fast" not in fields or is_set(fields, "fast")
    submit = Submit(
        *(request_id, PROTOCOL_NAME, token, sender, (outbound,)),
        options=SubmitOptions(fast, message_class=MessageClass.OTP),
        blocked=state.blacklist.among((msisdn,), at.wall_s),
    )
    expires_ns = at.now_ns + int(settings.mfa_expiry_s * NS_PER_S)
    created = _Created(msisdn, code, text_of(fields, "from").strip() or None, expires_ns)
    return SubmitAction(submit, partial(_render_created, created, settings, state))


def _render_created(
    created: _Created, settings: SmsapiSettings, state: SmsapiState, answer: Answer
) -> HttpResponse:
    if not isinstance(answer, Accepted):
        return rest_refusal(answer, settings)
    state.codes.issue(created.msisdn, created.code, created.expires_ns)
    provider_id = answer.messages[0].provider_id
    return HttpResponse(
        201, _encoder.encode(CodeBody(provider_id, created.code, created.msisdn, created.sender))
    )


def read_verification(
    request: HttpRequest, at: Instants, settings: SmsapiSettings, state: SmsapiState
) -> QueryAction[HttpResponse]:
    """204 for the right code, 404 for a wrong one, 408 for one that has expired."""
    token, fields = _fields(request)
    if fields is None:
        return _refused(token, "The body cannot be read", "")
    state.unread.note("mfa/codes/verifications", fields.keys() - OF_VERIFICATION)
    msisdn = read_msisdn(text_of(fields, "phone_number").strip(), settings)
    if msisdn is None:
        return _refused(token, "The value is not valid mobile number.", "phone_number")
    code = text_of(fields, "code").strip()
    if not code:
        return _refused(token, "MFA code cannot be empty", "code")
    if not (code.isascii() and code.isdigit()):
        return _refused(token, "MFA code has invalid format", "code")

    def answer(_lookups: Lookups, _account: AccountView) -> HttpResponse:
        verdict = state.codes.verify(msisdn, code, at.now_ns)
        if verdict is CodeVerdict.RIGHT:
            return HttpResponse(204, b"")
        if verdict is CodeVerdict.EXPIRED:
            return rest_error(408, "The code has expired")
        return rest_error(404, "Not found")

    return for_account(token, REST_UNAUTHORIZED, answer)


def _fields(request: HttpRequest) -> tuple[str, Fields | None]:
    token = header_token(request.authorization)
    try:
        fields = read_fields(request)
    except MalformedRequestError:
        return token, None
    return token or field_token(fields), fields


def _refused(token: str, message: str, field: str) -> QueryAction[HttpResponse]:
    """Which field is wrong and why, at HTTP 400."""
    return reply_for_account(token, REST_UNAUTHORIZED, invalid_value(message, field))
