"""The part of SMSAPI that is simulated, described by OpenAPI 3.1 from the types that are encoded."""

from __future__ import annotations

from functools import cache

import msgspec

from mock_provider.protocols.openapi_json import Json
from mock_provider.protocols.smsapi.answers import (
    Balance,
    Ping,
    ProfileBody,
    SentItem,
)
from mock_provider.protocols.smsapi.error_table import MESSAGES
from mock_provider.protocols.smsapi.errors import InvalidNumber, LegacyError, RestError
from mock_provider.protocols.smsapi.openapi_parts import (
    DOWN,
    FLAG,
    INTEGER,
    SCHEMAS,
    SENDER,
    TEXT,
    array_of,
    form,
    json_of,
    object_of,
    query,
    rest,
)
from mock_provider.protocols.smsapi.services.blacklist_rest import BlacklistPhoneNumbers
from mock_provider.protocols.smsapi.services.contacts_rest import ContactBodies
from mock_provider.protocols.smsapi.services.groups_rest import GroupBodies
from mock_provider.protocols.smsapi.services.hlr import BriefLookup, FailedLookup, FullLookup
from mock_provider.protocols.smsapi.services.mfa import CodeBody
from mock_provider.protocols.smsapi.services.openapi_collections import collections_paths
from mock_provider.protocols.smsapi.services.prices import Prices
from mock_provider.protocols.smsapi.services.sender_do import SenderNameBody
from mock_provider.protocols.smsapi.services.sender_names_rest import RestSenderName, RestSenderNames
from mock_provider.protocols.smsapi.services.templates_rest import AvailableTemplates, TemplateBodies

_TYPES = (
    *(SentItem, InvalidNumber, LegacyError, RestError, Balance, Ping, ProfileBody, Prices, CodeBody),
    *(BriefLookup, FailedLookup, FullLookup, SenderNameBody, RestSenderName, RestSenderNames),
    *(BlacklistPhoneNumbers, ContactBodies, GroupBodies, TemplateBodies, AvailableTemplates),
)


@cache
def openapi_document() -> bytes:
    """The document as it is served."""
    _, schemas = msgspec.json.schema_components(
        _TYPES,
        ref_template=SCHEMAS + "{name}",
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
        "paths": {**_legacy_paths(), **_rest_paths(), **_sendernames_paths(), **collections_paths()},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
    return msgspec.json.encode(document)


def _amend(schemas: Json) -> None:
    """Parts of the document that are not in the types: optional members, ranges of codes, alternatives."""
    schemas["LegacyError"]["required"] = ["error", "message"]
    schemas["LegacyError"]["properties"]["error"]["enum"] = sorted(MESSAGES)
    schemas["Sent"] = object_of(
        {"count": INTEGER, "list": array_of("SentItem"), "invalid_numbers": array_of("InvalidNumber")}
        | {"message": TEXT, "length": INTEGER, "parts": INTEGER},
        "count",
        "list",
    )
    schemas["Removed"] = object_of(
        {"count": INTEGER, "list": {"type": "array", "items": object_of({"id": TEXT}, "id")}}, "count", "list"
    )
    schemas["Counted"] = object_of({"count": INTEGER}, "count")
    looked_up = array_of("FullLookup", "FailedLookup")
    schemas["Lookups"] = object_of({"count": INTEGER, "list": looked_up}, "count", "list")
    schemas["BriefLookups"] = array_of("BriefLookup", "FailedLookup")
    schemas["FailedLookup"]["required"] = ["number", "status", "error"]
    schemas["SenderNames"] = {"type": "array", "items": {"$ref": SCHEMAS + "SenderNameBody"}}


_JSON_FORMAT: Json = {"const": "json"}


def _legacy_paths() -> Json:
    send = {
        "to": {"type": "string", "description": "Numbers with country code, separated by commas"},
        "group": {"type": "string", "description": "Names of groups, separated by commas, in place of `to`"},
        "message": {"type": "string"},
        "from": SENDER,
        "idx": {"type": "string", "description": "Own references, separated by |, each up to 255 characters"},
        "notify_url": {"type": "string"},
        "date": {"type": "string", "description": "Unix time or ISO 8601"},
        "expiration_date": {"type": "string"},
        "max_parts": {"type": "string", "pattern": "^([1-9]|10)$"},
        "sch_del": {
            "type": "string",
            "description": "Ids of scheduled messages to remove, in place of a send",
        },
        "status": {"type": "string", "description": "Ids of messages to query, in place of a send"},
        **dict.fromkeys(("param1", "param2", "param3", "param4", "udh", "datacoding", "template"), TEXT),
        **dict.fromkeys(("check_idx", "details", "test", "fast", "flash", "normalize"), FLAG),
        **dict.fromkeys(("nounicode", "allow_duplicates", "skip_foreign", "date_validate", "single"), FLAG),
    }
    sender = {
        "add": TEXT,
        "status": TEXT,
        "delete": TEXT,
        "default": TEXT,
        "list": {"enum": ["True", "true", "1"]},
    }
    number = {"number": TEXT, "idx": TEXT}
    looked_up = ("BriefLookup", "FailedLookup", "BriefLookups")
    return {
        "/sms.do": _legacy("sendSms", "Send, remove or query messages", send, "Sent", "Removed"),
        "/user.do": _legacy("getBalance", "The balance", {"credits": FLAG}, "Balance"),
        "/hlr.do": _legacy("lookUp", "Look numbers up in the network", number, *looked_up, "Lookups"),
        "/hlrsync.do": _legacy("lookUpCounted", "The same, always as a counted list", number, "Lookups"),
        "/sender.do": _legacy(
            "senderNames", "Sender names", sender, "Counted", "SenderNameBody", "SenderNames"
        ),
    }


def _rest_paths() -> Json:
    number = {"type": "string", "pattern": "^[0-9]{9,15}$"}
    create = {"phone_number": number, "from": SENDER}
    create |= {"content": {"type": "string", "pattern": r"\[%code%\]"}, "fast": {"enum": ["0", "1"]}}
    verify = {"phone_number": number, "code": {"type": "string", "minLength": 1}}
    kind = query("type")
    refused = ("400", "401", "403", "429", "503")
    return {
        "/profile": {
            "get": rest("getProfile", "The account", {"200": json_of("The account", "ProfileBody")})
        },
        "/profile/prices": {
            "get": rest("getPrices", "Prices by network", {"200": json_of("Prices", "Prices")}, "400")
            | {"parameters": [kind]}
        },
        "/ping": {
            "get": rest("ping", "Whether the token is valid", {"200": json_of("Always", "Ping")})
            | {"security": _OPTIONAL},
            "head": {
                "operationId": "pingHead",
                "security": _OPTIONAL,
                "responses": {"204": {"description": "Up"}, "503": DOWN},
            },
        },
        "/mfa/codes": {
            "post": rest("createCode", "Send a one-time code", {"201": json_of("Sent", "CodeBody")}, *refused)
            | form(create, "phone_number")
        },
        "/mfa/codes/verifications": {
            "post": rest(
                "verifyCode", "Verify a one-time code", {"204": {"description": "Right"}}, "400", "404", "408"
            )
            | form(verify, "phone_number", "code")
        },
    }


def _sendernames_paths() -> Json:
    one = {"201": json_of("Added", "RestSenderName")}
    name = {"name": "sender", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    gone, done = {"204": {"description": "Removed"}}, {"204": {"description": "Done"}}
    base = "/sms/sendernames"
    return {
        base: {
            "get": rest("listNames", "Sender names", {"200": json_of("All", "RestSenderNames")}),
            "post": rest("addName", "Ask for a sender name", one, "400", "403", "409")
            | form({"sender": SENDER}, "sender"),
        },
        base + "/{sender}": {
            "parameters": [name],
            "get": rest("getName", "One name", {"200": json_of("It", "RestSenderName")}, "404"),
            "delete": rest("removeName", "Remove a sender name", gone, "403", "404"),
        },
        base + "/{sender}/commands/make_default": {
            "parameters": [name],
            "post": rest("makeDefault", "Make a sender name the default", done, "403", "404"),
        },
    }


# Legacy endpoints answer a bad token at HTTP 200, or take it from a field; a ping reports if it is valid.
_OPTIONAL: list[Json] = [{"token": []}, {}]


def _legacy(name: str, summary: str, fields: Json, *answers: str) -> Json:
    """Errors come at HTTP 200 as well; a profile may have 201 for a send and 429 over a limit."""
    kinds = [{"$ref": SCHEMAS + kind} for kind in (*answers, "LegacyError")]
    content = {"application/json": {"schema": {"anyOf": kinds}}, "text/plain": {"schema": TEXT}}
    done = {"description": "Done, or an error by its code", "content": content}
    refused = {"429": json_of("Over a limit", "RestError"), "503": json_of("Outage", "RestError")}
    fields = {"format": _JSON_FORMAT, "access_token": TEXT, "password": TEXT} | fields
    operation = {
        "summary": summary,
        "security": _OPTIONAL,
        "responses": {"200": done, "201": done, "413": {"description": "Too large"}, **refused},
    }
    parameters = [query(field, schema) for field, schema in fields.items()]
    body = form(fields)["requestBody"] | {"required": False}
    return {
        "post": {"operationId": name, **operation, "requestBody": body},
        "get": {"operationId": f"{name}ByGet", **operation, "parameters": parameters},
    }
