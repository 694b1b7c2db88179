"""Building blocks of the OpenAPI document of this protocol."""

from __future__ import annotations

from mock_provider.protocols.openapi_json import Json

SCHEMAS = "#/components/schemas/"
TEXT: Json = {"type": "string"}
INTEGER: Json = {"type": "integer"}
FLAG: Json = {"enum": ["0", "1"]}
SENDER: Json = {"type": "string", "pattern": r"^([0-9]{8,16}|[A-Za-z0-9_.\-&@ %!+]{1,11})$"}
DOWN: Json = {"description": "Down"}


def rest(name: str, summary: str, answers: Json, *statuses: str) -> Json:
    """An operation of a REST endpoint: its answers, and its errors besides 401 and 503."""
    refused = {status: json_of("Refused", "RestError") for status in sorted({*statuses, "401", "503"})}
    return {"operationId": name, "summary": summary, "responses": answers | refused}


def form(fields: Json, *required: str) -> Json:
    """A body of these fields, as a form or as JSON."""
    schema = object_of(fields, *required)
    content = {kind: {"schema": schema} for kind in ("application/x-www-form-urlencoded", "application/json")}
    return {"requestBody": {"required": True, "content": content}}


def object_of(properties: Json, *required: str) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def array_of(*schemas: str) -> Json:
    kinds = [{"$ref": SCHEMAS + schema} for schema in schemas]
    return {"type": "array", "items": kinds[0] if len(kinds) == 1 else {"anyOf": kinds}}


def json_of(description: str, schema: str) -> Json:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": SCHEMAS + schema}}},
    }


def query(name: str, schema: Json = TEXT) -> Json:
    return {"name": name, "in": "query", "schema": schema}


def in_path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
