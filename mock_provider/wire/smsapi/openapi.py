"""The part of SMSAPI that is simulated, described by OpenAPI 3.1 from the types that are encoded."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from mock_provider.wire.smsapi.answers import Balance, Ping, ProfileBody, SentItem
from mock_provider.wire.smsapi.error_table import MESSAGES
from mock_provider.wire.smsapi.errors import InvalidNumber, LegacyError, RestError
from mock_provider.wire.smsapi.hlr import FullLookup
from mock_provider.wire.smsapi.mfa import CodeBody
from mock_provider.wire.smsapi.prices import Prices
from mock_provider.wire.smsapi.sender_names import SenderNameBody
from mock_provider.wire.smsapi.sendernames_rest import RestSenderName, RestSenderNames

_TYPES = (SentItem, InvalidNumber, Balance, Ping, ProfileBody, RestError, FullLookup, Prices, CodeBody)
_SCHEMAS = "#/components/schemas/"

Json = dict[str, Any]


@cache
def openapi_document() -> bytes:
    """The document as it is served."""
    _, schemas = msgspec.json.schema_components(
        (*_TYPES, LegacyError, SenderNameBody, RestSenderName, RestSenderNames),
        ref_template=_SCHEMAS + "{name}",
    )
    _amend(schemas)
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "SMSAPI, as smsbench simulates it",
            "version": "1.0.0",
            "description": "Legacy .do endpoints answer errors at HTTP 200; REST endpoints by status.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}, {"url": "/api"}],
        "security": [{"token": []}],
        "paths": {**_legacy_paths(), **_rest_paths(), **_sendernames_paths()},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
    return msgspec.json.encode(document)


def _amend(schemas: Json) -> None:
    """What the types do not say: optional members, the range of codes, answers of several kinds."""
    schemas["LegacyError"]["required"] = ["error", "message"]
    schemas["LegacyError"]["properties"]["error"]["enum"] = sorted(MESSAGES)
    schemas["Sent"] = _object(
        {"count": _INTEGER, "list": _array("SentItem"), "invalid_numbers": _array("InvalidNumber")}
        | {"message": _TEXT, "length": _INTEGER, "parts": _INTEGER},
        "count",
        "list",
    )
    schemas["Removed"] = _object(
        {"count": _INTEGER, "list": {"type": "array", "items": _object({"id": _TEXT}, "id")}}, "count", "list"
    )
    schemas["Counted"] = _object({"count": _INTEGER}, "count")
    schemas["Lookups"] = _object({"count": _INTEGER, "list": _array("FullLookup")}, "count", "list")
    brief = ("status", "number", "id", "price")
    looked_up = schemas["FullLookup"]["properties"]
    schemas["BriefLookup"] = _object({name: looked_up[name] for name in brief}, *brief)
    schemas["SenderNames"] = {"type": "array", "items": {"$ref": _SCHEMAS + "SenderNameBody"}}


_TEXT: Json = {"type": "string"}
_INTEGER: Json = {"type": "integer"}
_FLAG: Json = {"enum": ["0", "1"]}
_JSON_FORMAT: Json = {"const": "json"}


def _legacy_paths() -> Json:
    send = {
        "to": {"type": "string", "description": "Numbers with country code, separated by commas"},
        "group": {"type": "string", "description": "A group of the profile, in place of `to`"},
        "message": {"type": "string"},
        "from": {"type": "string", "maxLength": 11},
        "idx": {"type": "string", "description": "Own references, separated by |, each up to 255 characters"},
        "notify_url": {"type": "string"},
        "date": {"type": "string", "description": "Unix time or ISO 8601"},
        "expiration_date": {"type": "string"},
        "max_parts": {"type": "string", "pattern": "^([1-9]|10)$"},
        "sch_del": {
            "type": "string",
            "description": "Ids of scheduled messages to remove, in place of a send",
        },
        "status": {"type": "string", "description": "Ids of messages to ask for, in place of a send"},
        **dict.fromkeys(("param1", "param2", "param3", "param4", "udh", "datacoding"), _TEXT),
        **dict.fromkeys(("check_idx", "details", "test", "fast", "flash", "normalize"), _FLAG),
        **dict.fromkeys(("nounicode", "allow_duplicates", "skip_foreign", "date_validate"), _FLAG),
    }
    sender = {
        "add": _TEXT,
        "status": _TEXT,
        "delete": _TEXT,
        "default": _TEXT,
        "list": {"enum": ["True", "true", "1"]},
    }
    number = {"number": _TEXT, "idx": _TEXT}
    return {
        "/sms.do": _legacy("sendSms", "Send, remove or ask for messages", send, "Sent", "Removed"),
        "/user.do": _legacy("getBalance", "The balance", {"credits": _FLAG}, "Balance"),
        "/hlr.do": _legacy("lookUp", "What the network knows of numbers", number, "BriefLookup", "Lookups"),
        "/sender.do": _legacy(
            "senderNames", "Sender names", sender, "Counted", "SenderNameBody", "SenderNames"
        ),
    }


def _rest_paths() -> Json:
    number = {"type": "string", "pattern": "^[0-9]{9,15}$"}
    create = {"phone_number": number, "from": {"type": "string", "maxLength": 11}}
    create |= {"content": {"type": "string", "pattern": r"\[%code%\]"}, "fast": {"enum": ["0", "1"]}}
    verify = {"phone_number": number, "code": {"type": "string", "minLength": 1}}
    kind = {"name": "type", "in": "query", "schema": {"type": "string"}}
    refused = ("400", "401", "403", "429", "503")
    return {
        "/profile": {"get": _rest("getProfile", "The account", {"200": _json("The account", "ProfileBody")})},
        "/profile/prices": {
            "get": _rest("getPrices", "Prices by network", {"200": _json("Prices", "Prices")}, "400")
            | {"parameters": [kind]}
        },
        "/ping": {
            "get": _rest("ping", "Whether the token is good", {"200": _json("Always", "Ping")})
            | {"security": _OPTIONAL},
            "head": {
                "operationId": "pingHead",
                "security": _OPTIONAL,
                "responses": {"204": {"description": "Up"}, "503": _DOWN},
            },
        },
        "/mfa/codes": {
            "post": _rest("createCode", "Send a one-time code", {"201": _json("Sent", "CodeBody")}, *refused)
            | _form(create, "phone_number")
        },
        "/mfa/codes/verifications": {
            "post": _rest(
                "verifyCode", "Verify a one-time code", {"204": {"description": "Right"}}, "400", "404", "408"
            )
            | _form(verify, "phone_number", "code")
        },
    }


def _sendernames_paths() -> Json:
    one = {"201": _json("Added", "RestSenderName")}
    name = {"name": "sender", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    gone, done = {"204": {"description": "Removed"}}, {"204": {"description": "Done"}}
    base = "/sms/sendernames"
    return {
        base: {
            "get": _rest("listNames", "Sender names", {"200": _json("All", "RestSenderNames")}),
            "post": _rest("addName", "Ask for a sender name", one, "400", "403", "409")
            | _form({"sender": {"type": "string", "maxLength": 11}}, "sender"),
        },
        base + "/{sender}": {
            "parameters": [name],
            "get": _rest("getName", "One name", {"200": _json("It", "RestSenderName")}, "404"),
            "delete": _rest("removeName", "Take a name back", gone, "403", "404"),
        },
        base + "/{sender}/commands/make_default": {
            "parameters": [name],
            "post": _rest("makeDefault", "Make it the default", done, "403", "404"),
        },
    }


_DOWN: Json = {"description": "Down"}
# Legacy endpoints answer a bad token at HTTP 200, or take it from a field; a ping says whether it is good.
_OPTIONAL: list[Json] = [{"token": []}, {}]


def _legacy(name: str, summary: str, fields: Json, *answers: str) -> Json:
    """Errors come at HTTP 200 as well; a profile may have 201 for a send and 429 over a limit."""
    kinds = [{"$ref": _SCHEMAS + kind} for kind in (*answers, "LegacyError")]
    content = {"application/json": {"schema": {"anyOf": kinds}}, "text/plain": {"schema": _TEXT}}
    taken = {"description": "Done, or an error by its code", "content": content}
    refused = {"429": _json("Over a limit", "RestError"), "503": _json("Outage", "RestError")}
    fields = {"format": _JSON_FORMAT, "access_token": _TEXT, "password": _TEXT} | fields
    operation = {
        "summary": summary,
        "security": _OPTIONAL,
        "responses": {"200": taken, "201": taken, "413": {"description": "Too large"}, **refused},
    }
    query = [{"name": field, "in": "query", "schema": schema} for field, schema in fields.items()]
    body = _form(fields)["requestBody"] | {"required": False}
    return {
        "post": {"operationId": name, **operation, "requestBody": body},
        "get": {"operationId": f"{name}ByGet", **operation, "parameters": query},
    }


def _rest(name: str, summary: str, answers: Json, *statuses: str) -> Json:
    refused = {status: _json("Refused", "RestError") for status in sorted({*statuses, "401", "503"})}
    return {"operationId": name, "summary": summary, "responses": answers | refused}


def _form(fields: Json, *required: str) -> Json:
    schema = _object(fields, *required)
    content = {kind: {"schema": schema} for kind in ("application/x-www-form-urlencoded", "application/json")}
    return {"requestBody": {"required": True, "content": content}}


def _object(properties: Json, *required: str) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def _array(schema: str) -> Json:
    return {"type": "array", "items": {"$ref": _SCHEMAS + schema}}


def _json(description: str, schema: str) -> Json:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": _SCHEMAS + schema}}},
    }
