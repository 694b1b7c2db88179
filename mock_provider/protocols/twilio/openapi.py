"""The OpenAPI 3.1 document of this protocol, made from the types of its answers."""

from __future__ import annotations

from functools import cache

import msgspec

from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.openapi_json import Json
from mock_provider.protocols.twilio.errors import ERRORS, ErrorBody
from mock_provider.protocols.twilio.phone_numbers import PhoneNumberBody, PhoneNumberPage
from mock_provider.protocols.twilio.resource import (
    API_VERSION,
    BalanceBody,
    MessagePage,
    TwilioAccount,
    TwilioMessage,
)
from mock_provider.protocols.twilio.subresources import OUTCOMES, FeedbackBody, MediaPage

OPENAPI_PATH = "/openapi/twilio.json"

_ACCOUNT = f"/{API_VERSION}/Accounts/{{AccountSid}}"
_MESSAGE = f"{_ACCOUNT}/Messages/{{MessageSid}}"
_STATUSES = [
    "accepted",
    "canceled",
    "delivered",
    "failed",
    "queued",
    "scheduled",
    "sending",
    "sent",
    "undelivered",
]
_COMMON_ERRORS = (401, 404, 405, 503)


@cache
def openapi_reply() -> HttpResponse:
    """The document as it is served."""
    return HttpResponse(200, msgspec.json.encode(document()))


def document() -> Json:
    """The document as one JSON value."""
    types = [
        *(TwilioMessage, MessagePage, MediaPage, FeedbackBody, PhoneNumberBody, PhoneNumberPage),
        *(TwilioAccount, BalanceBody, ErrorBody),
    ]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schemas["TwilioMessage"]["properties"]["status"] = {"type": "string", "enum": _STATUSES}
    schemas["TwilioMessage"]["properties"]["sid"] = _sid("(SM|MM)")
    schemas["FeedbackBody"]["properties"]["outcome"] = {"type": "string", "enum": list(OUTCOMES)}
    schemas["ErrorBody"]["properties"]["code"] = {"type": "integer", "enum": sorted(ERRORS)}
    schemas["CreateMessage"] = _create_schema()
    schemas["UpdateMessage"] = _update_schema()
    schemas["CreateFeedback"] = {
        "type": "object",
        "properties": {"Outcome": {"type": "string", "enum": list(OUTCOMES), "default": OUTCOMES[0]}},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Twilio Messages, as smsbench simulates it",
            "version": API_VERSION,
            "description": "The part of Twilio's REST API that the mock provider speaks (docs/twilio.md).",
        },
        "security": [{"basic": []}],
        "paths": _paths(),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "AccountSid and AuthToken, or an API key's sid and secret.",
                }
            },
        },
    }


def _paths() -> Json:
    text = {"type": "string"}
    return {
        f"{_ACCOUNT}/Messages.json": {"parameters": [_account_parameter()], **_list_and_create()},
        f"{_MESSAGE}.json": {"parameters": [_account_parameter(), _message_parameter()], **_one()},
        f"{_MESSAGE}/Media.json": {
            "parameters": [_account_parameter(), _message_parameter()],
            "get": _operation("listMedia", "Media of a message", 200, "MediaPage", (400,))
            | {"parameters": _paging()},
        },
        f"{_MESSAGE}/Feedback.json": {
            "parameters": [_account_parameter(), _message_parameter()],
            "post": _operation(
                "createFeedback",
                "Report whether the recipient acted on a message",
                201,
                "FeedbackBody",
                (400,),
            )
            | {"requestBody": _form("CreateFeedback", required=False)},
        },
        f"{_ACCOUNT}/IncomingPhoneNumbers.json": {
            "parameters": [_account_parameter()],
            "get": _operation("listNumbers", "The profile's numbers", 200, "PhoneNumberPage", (400,))
            | {"parameters": [_query("PhoneNumber", text), _query("FriendlyName", text), *_paging()]},
        },
        f"{_ACCOUNT}/IncomingPhoneNumbers/{{PhoneNumberSid}}.json": {
            "parameters": [_account_parameter(), _path("PhoneNumberSid", "PN")],
            "get": _operation("fetchNumber", "One number", 200, "PhoneNumberBody"),
        },
        f"{_ACCOUNT}.json": {
            "parameters": [_account_parameter()],
            "get": _operation("fetchAccount", "The account", 200, "TwilioAccount"),
        },
        f"{_ACCOUNT}/Balance.json": {
            "parameters": [_account_parameter()],
            "get": _operation("fetchBalance", "The account's balance", 200, "BalanceBody"),
        },
    }


def _list_and_create() -> Json:
    text = {"type": "string"}
    filters = [
        _query("To", text),
        _query("From", text),
        _query("DateSent", {"type": "string", "format": "date"}),
        _query("DateSent<", {"type": "string", "format": "date"}),
        _query("DateSent>", {"type": "string", "format": "date"}),
        *_paging(),
        _query("PageToken", {"type": "string", "pattern": "^P[AB]"}),
    ]
    return {
        "get": _operation("listMessages", "Messages, newest first", 200, "MessagePage", (400,))
        | {"parameters": filters},
        "post": _operation("createMessage", "Send a message", 201, "TwilioMessage", (400, 403, 409, 429, 500))
        | {"requestBody": _form("CreateMessage")},
    }


def _paging() -> list[Json]:
    return [
        _query("PageSize", {"type": "integer", "minimum": 1, "maximum": 1000}),
        _query("Page", {"type": "integer", "minimum": 0, "maximum": 999_999_999}),
    ]


def _one() -> Json:
    deleted = _operation("deleteMessage", "Delete a final message", 204, None, (409,))
    return {
        "get": _operation("fetchMessage", "One message", 200, "TwilioMessage"),
        "post": _operation(
            "updateMessage",
            "Cancel a scheduled message, or redact its text",
            200,
            "TwilioMessage",
            (400, 409),
        )
        | {"requestBody": _form("UpdateMessage")},
        "delete": deleted,
    }


def _operation(
    name: str, summary: str, status: int, schema: str | None, errors: tuple[int, ...] = ()
) -> Json:
    done: Json = {"description": summary}
    if schema is not None:
        done["content"] = _json_of(schema)
    responses = {str(status): done}
    for error in sorted((*_COMMON_ERRORS, *errors)):
        codes = sorted(code for code, (of_status, _) in ERRORS.items() if of_status == error)
        responses[str(error)] = {
            "description": "Error " + ", ".join(map(str, codes)),
            "content": _json_of("ErrorBody"),
        }
    return {"operationId": name, "summary": summary, "responses": responses}


def _create_schema() -> Json:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["To"],
        "properties": {
            "To": text | {"description": "E.164", "examples": ["+48500100200"]},
            "From": text | {"description": "E.164, a short code or a name", "examples": ["+15017122661"]},
            "MessagingServiceSid": _sid("MG"),
            "Body": text | {"maxLength": 1600, "examples": ["Hello"]},
            "MediaUrl": {"type": "array", "items": text | {"format": "uri"}, "maxItems": 10},
            "StatusCallback": text | {"format": "uri", "maxLength": 4000},
            "ValidityPeriod": {"type": "integer", "minimum": 1, "maximum": 36_000},
            "ScheduleType": {"type": "string", "enum": ["fixed"]},
            "SendAt": text | {"format": "date-time"},
            "SmartEncoded": {"type": "boolean"},
            "MessageIntent": text,
            "ContentSid": text,
        },
    }


def _update_schema() -> Json:
    return {
        "type": "object",
        "properties": {
            "Status": {"type": "string", "enum": ["canceled"]},
            "Body": {"type": "string", "maxLength": 0},
        },
    }


def _form(schema: str, required: bool = True) -> Json:
    content = {"application/x-www-form-urlencoded": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"required": required, "content": content}


def _json_of(schema: str) -> Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _query(name: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "schema": schema}


def _account_parameter() -> Json:
    return _path("AccountSid", "AC")


def _message_parameter() -> Json:
    return _path("MessageSid", "(SM|MM)")


def _path(name: str, prefix: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": _sid(prefix)}


def _sid(prefix: str) -> Json:
    return {"type": "string", "pattern": f"^{prefix}[0-9a-fA-F]{{32}}$"}
