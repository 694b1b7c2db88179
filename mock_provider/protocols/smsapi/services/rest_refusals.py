"""The engine's refusals at REST endpoints, which answer by HTTP status where ``.do`` endpoints answer 200."""

from __future__ import annotations

from mock_provider.engine.values import Refused
from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.smsapi.errors import rest_error, retry_after
from mock_provider.settings.protocols import SmsapiSettings
from mock_provider.settings.values import Refusal

# The official document names 400, 401, 403, 404, 408, 409, 429 and 503; the mapping of refusals to them is an
# assumption.
REST_STATUS: dict[Refusal, int] = {
    Refusal.UNAUTHORIZED: 401,
    Refusal.ACCOUNT_SUSPENDED: 403,
    Refusal.NO_CREDIT: 403,
    Refusal.SENDER_NOT_ALLOWED: 400,
    Refusal.NO_VALID_RECIPIENT: 400,
    Refusal.TOO_MANY_RECIPIENTS: 400,
    Refusal.DUPLICATE_REF: 409,
    Refusal.RECIPIENT_FLOOD: 429,
    Refusal.THROTTLED_REQUESTS: 429,
    Refusal.THROTTLED_SEGMENTS: 429,
    Refusal.THROTTLED_CONCURRENCY: 429,
    Refusal.QUEUE_FULL: 503,
    Refusal.SENDER_QUEUE_FULL: 503,
    Refusal.COUNTRY_NOT_ALLOWED: 403,
    Refusal.SENDER_FORM_NOT_ALLOWED: 400,
    Refusal.SENDER_NOT_REGISTERED: 400,
    Refusal.QUIET_HOURS: 400,
    Refusal.OPT_OUT_MISSING: 400,
    Refusal.TOO_MANY_SEGMENTS: 400,
    Refusal.DAILY_CAP: 403,
    Refusal.RECIPIENT_BLOCKED: 403,
    Refusal.RECIPIENT_OPTED_OUT: 403,
    Refusal.REJECTED: 400,
    Refusal.INTERNAL_ERROR: 503,
    Refusal.UNAVAILABLE: 503,
}


def rest_refusal(refused: Refused, settings: SmsapiSettings) -> HttpResponse:
    """By HTTP status; the body names the refusal."""
    status = REST_STATUS[refused.reason]
    if refused.reason is Refusal.UNAUTHORIZED:
        return rest_error(status, "Authorization failed")
    message = refused.reason.value.replace("_", " ").capitalize()
    return rest_error(status, message, retry_after(refused, settings), refused.reason.value)
