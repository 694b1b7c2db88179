"""The API's description (OpenAPI 3.1), made from the types that are decoded and encoded."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from mock_provider.protocols.generic.bodies import (
    AccountBody,
    MessageList,
    MessageResource,
    ReportList,
    SendBody,
    SendReply,
)
from mock_provider.protocols.generic.lookups import DEFAULT_LIMIT, MAX_LIMIT
from mock_provider.protocols.generic.problems import (
    OTHERS,
    PROBLEM_JSON,
    REFUSALS,
    Problem,
)
from mock_provider.protocols.openapi_json import Json
from mock_provider.settings.protocols import GenericSettings

_TYPES = (SendBody, SendReply, MessageResource, MessageList, AccountBody, ReportList, Problem)
_SCHEMAS = "#/components/schemas/"
_DESCRIPTION = (
    "Sends short messages through the mock provider of smsbench. Every error is a problem document "
    "(RFC 9457) whose `code` is one of a fixed list. A limit answers 429 with Retry-After and RateLimit."
)


@lru_cache(maxsize=4)
def openapi_document(settings: GenericSettings) -> bytes:
    """The document for these settings, as it is served."""
    _, schemas = msgspec.json.schema_components(_TYPES, ref_template=_SCHEMAS + "{name}")
    schemas["SendBody"]["properties"]["messages"]["maxItems"] = settings.max_recipients_per_request
    schemas["Problem"]["properties"]["code"]["enum"] = sorted([*OTHERS, *(r.value for r in REFUSALS)])
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "smsbench generic SMS API",
            "version": "1.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": {
            "/v1/messages": {"post": _send_operation(), "get": _list_operation()},
            "/v1/messages/{id}": {
                "parameters": [_id_parameter()],
                "get": _operation(
                    "getMessage",
                    "The present state of a message",
                    {"200": _json("The message", "MessageResource")},
                    "404",
                ),
                "delete": _operation(
                    "cancelMessage",
                    "Cancel a scheduled message; its price is refunded",
                    {"204": {"description": "Cancelled"}},
                    "404",
                    "409",
                ),
            },
            "/v1/account": {
                "get": _operation(
                    "getAccount", "The account and its balance", {"200": _json("The account", "AccountBody")}
                )
            },
        },
        "components": {
            "schemas": schemas,
            "responses": {"Problem": _problem("A problem")},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
    return msgspec.json.encode(document)


def _send_operation() -> Json:
    answers = {
        "202": _json("Accepted; the result of each message, in the order of the request", "SendReply"),
        "200": _json("Validated only (`validate_only`)", "SendReply"),
    }
    statuses = ("400", "402", "403", "409", "413", "415", "422", "429", "500")
    operation = _operation("sendMessages", "Send one message or many", answers, *statuses)
    operation["responses"]["429"] = _problem("A limit is reached") | {"headers": _limit_headers()}
    sent = {"parameters": {"id": "$response.body#/messages/0/id"}}
    operation["responses"]["202"]["links"] = {
        name: {"operationId": name, **sent} for name in ("getMessage", "cancelMessage")
    }
    operation["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": _SCHEMAS + "SendBody"}, "examples": _examples()}},
    }
    operation["callbacks"] = {
        "deliveryReport": {"{$request.body#/report_url}": {"post": _report_operation()}}
    }
    return operation


def _list_operation() -> Json:
    operation = _operation(
        "listMessages", "Messages, newest first", {"200": _json("A page", "MessageList")}, "400"
    )
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    number = {"type": "string", "pattern": r"^\+?[1-9][0-9]{7,14}$"}
    operation["parameters"] = [
        _query("limit", "Largest number of messages", limit),
        _query("cursor", "next_cursor of the previous page", {"type": "string", "format": "uuid"}),
        _query("number", "Only messages to this number, in international form", number),
    ]
    return operation


def _report_operation() -> Json:
    signature = {
        "name": "X-Signature",
        "in": "header",
        "description": "sha256= and the hexadecimal HMAC-SHA256 of the body under the account's token",
        "schema": {"type": "string", "pattern": "^sha256=[0-9a-f]{64}$"},
    }
    return {
        "summary": "Delivery reports, one or many",
        "security": [],
        "parameters": [signature],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _SCHEMAS + "ReportList"}}},
        },
        "responses": {"2XX": {"description": "Received; after any other answer the report is repeated"}},
    }


def _operation(name: str, summary: str, answers: Json, *problems: str) -> Json:
    """``problems`` beyond those of every operation: an unknown token, an outage."""
    statuses = sorted({*problems, "401", "503"})
    refused: Json = {status: {"$ref": "#/components/responses/Problem"} for status in statuses}
    if "413" in refused:
        # Answered while the body is still being read, before it is known whose request it is.
        refused["413"] = {"description": "The body is too large", "content": {"application/json": {}}}
    return {"operationId": name, "summary": summary, "responses": answers | refused}


def _json(description: str, schema: str) -> Json:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": _SCHEMAS + schema}}},
    }


def _problem(description: str) -> Json:
    return {"description": description, "content": {PROBLEM_JSON: {"schema": {"$ref": _SCHEMAS + "Problem"}}}}


def _id_parameter() -> Json:
    return {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _limit_headers() -> Json:
    return {
        "Retry-After": {"description": "Whole seconds", "schema": {"type": "integer", "minimum": 1}},
        "RateLimit": {"description": "What is left of the limit", "schema": {"type": "string"}},
        "RateLimit-Policy": {"description": "The limit", "schema": {"type": "string"}},
    }


def _examples() -> Json:
    one = {"messages": [{"to": "48500100200", "text": "Your code is 123456", "reference": "otp-1"}]}
    many = {
        "messages": [{"to": "48500100201", "text": "Sale"}, {"to": "+48500100202", "text": "Sale"}],
        "from": "Shop",
        "message_class": "marketing",
        "report_url": "http://127.0.0.1:9000/reports",
    }
    return {"one": {"value": one}, "many": {"value": many}}
