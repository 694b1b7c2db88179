"""The generic JSON API over a real socket, every answer held to the document at ``/openapi.json``."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import jsonschema_rs
import pytest
from report_receiver import ReportReceiver
from waiting import eventually
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread

NUMBER, OTHER = "48500100200", "48500100201"
MessageJson = dict[str, Any]


class GenericApiClient:
    """A client that checks each answer's status, media type and body against the provider's own document."""

    def __init__(self, provider: ProviderThread, token: str | None = None) -> None:
        self._provider = provider
        self._token = provider.token if token is None else token
        status, body = provider.request("/openapi.json")
        assert status == 200
        self.document = json.loads(body)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content_Type"] = "application/json"
        status, reply = self._provider.request(path, data, method, **headers)
        decoded = json.loads(reply) if reply else None
        self._check(method, path.partition("?")[0], status, decoded)
        return status, decoded

    def send(self, *messages: MessageJson, **options: Any) -> tuple[int, Any]:
        return self.call("POST", "/v1/messages", {"messages": list(messages), **options})

    def _check(self, method: str, path: str, status: int, body: object) -> None:
        known = self.document["paths"]
        path = path if path in known else "/v1/messages/{id}"
        described = known[path][method.lower()]["responses"][str(status)]
        if "$ref" in described:
            described = self.document["components"]["responses"][described["$ref"].rpartition("/")[2]]
        if body is None:
            assert "content" not in described
            return
        ((_, content),) = described["content"].items()
        schema = content["schema"] | {"components": self.document["components"]}
        jsonschema_rs.Draft202012Validator(schema).validate(body)


@pytest.fixture
def api(provider: ProviderThread) -> GenericApiClient:
    return GenericApiClient(provider)


def message(to: str = NUMBER, text: str = "Hello", **fields: Any) -> MessageJson:
    return {"to": to, "text": text} | fields


def test_one_message_from_its_acceptance_to_its_delivery(api: GenericApiClient) -> None:
    status, sent = api.send(message(f"+{NUMBER}", reference="r-1"), **{"from": "Shop"})
    (result,) = sent["messages"]
    assert (status, sent["accepted"], sent["rejected"]) == (202, 1, 0)
    assert (result["number"], result["to"], result["reference"]) == (NUMBER, f"+{NUMBER}", "r-1")
    path = f"/v1/messages/{result['id']}"

    def stands() -> MessageJson:
        status, view = api.call("GET", path)
        assert status == 200
        assert isinstance(view, dict)
        return view

    eventually(lambda: stands()["state"] == "delivered")
    view = stands()
    assert (view["to"], view["from"], view["text"], view["reference"]) == (NUMBER, "Shop", "Hello", "r-1")
    assert view["accepted_at"] <= view["sent_at"] <= view["done_at"]


def test_many_with_some_that_are_wrong(api: GenericApiClient) -> None:
    status, sent = api.send(message(), message("12"), message(OTHER), message("no number"))
    assert (status, sent["accepted"], sent["rejected"]) == (202, 2, 2)
    assert [m["code"] for m in sent["messages"]] == [None, "no_valid_recipient", None, "no_valid_recipient"]
    status, refused = api.send(message("12"), message("no number"))
    assert (status, refused["code"]) == (422, "no_valid_recipient")
    assert [e["field"] for e in refused["errors"]] == ["messages[0].to", "messages[1].to"]


def test_a_repeat_is_safe(api: GenericApiClient) -> None:
    first = api.send(message(reference="r-1"), unique_references=True)
    status, refused = api.send(message(reference="r-1"), unique_references=True)
    assert (first[0], status, refused["code"]) == (202, 409, "duplicate_ref")
    assert api.send(message(reference="r-1"))[0] == 202


def test_duplicates_of_a_request_can_be_left_out_by_name(start: StartProvider) -> None:
    api = GenericApiClient(start(duplicates={"on_violation": "skip_message"}))
    messages = [message(reference="a"), message(OTHER, reference="a"), message(OTHER, reference="b")]
    _, sent = api.send(*messages, unique_references=True)
    assert [m["code"] for m in sent["messages"]] == [None, "duplicate_ref", None]


def test_a_scheduled_message_can_be_cancelled_once(start: StartProvider) -> None:
    api = GenericApiClient(start(account={"price_per_segment": 0.5, "balance_points": 10.0}))
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3_600))
    _, sent = api.send(message(), send_at=at)
    path = f"/v1/messages/{sent['messages'][0]['id']}"
    assert api.call("GET", path)[1]["state"] == "scheduled"
    assert api.call("GET", "/v1/account")[1]["balance"] == 9.5
    assert api.call("DELETE", path) == (204, None)
    assert api.call("GET", path)[1]["state"] == "cancelled"
    assert api.call("GET", "/v1/account") == (200, {"name": "demo", "balance": 10.0})
    assert api.call("DELETE", path)[1]["code"] == "not_scheduled"
    assert api.call("DELETE", "/v1/messages/unknown")[0] == 404


def test_pages_newest_first_and_by_number(api: GenericApiClient) -> None:
    for index in range(5):
        api.send(message(OTHER if index % 2 else NUMBER, f"text {index}"))

    def page(query: str) -> tuple[list[str], str | None]:
        status, listed = api.call("GET", f"/v1/messages?{query}")
        assert status == 200
        return [m["text"] for m in listed["messages"]], listed["next_cursor"]

    texts, cursor = page("limit=2")
    assert texts == ["text 4", "text 3"]
    api.send(message(text="a newer one"))
    texts, cursor = page(f"limit=2&cursor={cursor}")
    assert texts == ["text 2", "text 1"]
    assert page(f"limit=2&cursor={cursor}") == (["text 0"], None)
    assert page(f"number=%2B{OTHER}") == (["text 3", "text 1"], None)
    for query, field in (("limit=0", "limit"), ("cursor=x", "cursor"), ("number=12", "number"), ("q=1", "q")):
        status, refused = api.call("GET", f"/v1/messages?{query}")
        assert (status, refused["errors"][0]["field"]) == (400, field)


def test_messages_of_another_protocol_are_not_its_own(
    api: GenericApiClient, provider: ProviderThread
) -> None:
    body = f"to={NUMBER}&message=x&format=json&access_token={provider.token}".encode()
    sent = json.loads(provider.request("/sms.do", body)[1])["list"][0]
    assert api.call("GET", "/v1/messages")[1]["messages"] == []
    assert api.call("GET", f"/v1/messages/{sent['id']}")[0] == 404


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"throttle": {"requests": {"rate_per_s": 0.001, "burst": 1}}}, 429, "throttled_requests"),
        ({"account": {"price_per_segment": 0.6, "balance_points": 1.0}}, 402, "no_credit"),
        ({"account": {"suspended": True}}, 403, "account_suspended"),
        ({"account": {"sender_names": ["Bank"]}}, 403, "sender_not_allowed"),
        ({"protocol": {"generic": {"max_recipients_per_request": 1}}}, 422, "too_many_recipients"),
        ({"faults": [{"kind": "outage"}]}, 503, "unavailable"),
        ({"faults": [{"kind": "error_rate", "share": 1.0}]}, 500, "internal_error"),
    ],
)
def test_refusals(start: StartProvider, changes: dict[str, Any], status: int, code: str) -> None:
    provider = start()
    document = GenericApiClient(provider)  # an outage hides the document as well
    provider.admin("/profile", changes, "PATCH")
    if code in ("throttled_requests", "no_credit"):
        assert document.send(message())[0] == 202
    got, problem = document.send(message(), *([message(OTHER)] if code == "too_many_recipients" else []))
    assert (got, problem["code"], problem["status"]) == (status, code, status)
    if code == "too_many_recipients":
        assert problem["errors"] == [{"field": "messages", "message": "are 2; allowed: 1 in a request"}]


def test_an_unknown_account_is_refused_before_anything_else(provider: ProviderThread) -> None:
    for token in ("", "wrong"):
        api = GenericApiClient(provider, token)
        for method, path, body in (
            ("POST", "/v1/messages", {"messages": [message()]}),
            ("POST", "/v1/messages", b"{"),
            ("GET", "/v1/messages?limit=x", None),
            ("GET", "/v1/messages/x", None),
            ("DELETE", "/v1/messages/x", None),
            ("GET", "/v1/account", None),
        ):
            status, problem = api.call(method, path, body)
            assert (status, problem["code"]) == (401, "unauthorized"), (method, path)


def test_methods_that_are_not_there(provider: ProviderThread) -> None:
    for path in ("/v1/messages", "/v1/messages/x", "/v1/account", "/openapi.json"):
        assert provider.request(path, b"", "PUT")[0] == 405


def test_signed_reports_of_many_messages_in_one_call(start: StartProvider, receiver: ReportReceiver) -> None:
    receiver.answers = [(204, b"")]
    provider = start(
        reports={"max_per_call": 10, "linger_s": 0.05},
        delivery={"latency": {"kind": "fixed", "value_s": 0.0}},
    )
    api = GenericApiClient(provider)
    _, sent = api.send(*(message(reference=f"r-{n}") for n in range(3)), report_url=receiver.url)
    eventually(lambda: len(receiver.posts) == 1)
    headers, body = receiver.posts[0]
    assert headers["content-type"] == "application/json"
    signature = hmac.new(provider.token.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-signature"] == "sha256=" + signature
    reports = json.loads(body)["reports"]
    schema = {"$ref": "#/components/schemas/ReportList", "components": api.document["components"]}
    jsonschema_rs.Draft202012Validator(schema).validate(json.loads(body))
    assert {(r["id"], r["reference"]) for r in reports} == {
        (m["id"], m["reference"]) for m in sent["messages"]
    }
    assert {r["state"] for r in reports} == {"delivered"}
    eventually(lambda: provider.state()["counters"]["reports_confirmed"] == 3)  # 204 confirms


def test_progress_is_reported_where_it_is_wanted(start: StartProvider, receiver: ReportReceiver) -> None:
    api = GenericApiClient(start())
    api.send(message(), report_url=receiver.url, report_progress=True)
    eventually(lambda: len(receiver.posts) == 2)
    states = [json.loads(body)["reports"][0]["state"] for _, body in receiver.posts]
    assert sorted(states) == ["delivered", "sent"]


def test_the_document_lists_every_code(api: GenericApiClient) -> None:
    schemas = api.document["components"]["schemas"]
    assert {"unauthorized", "throttled_segments", "invalid_request", "not_scheduled"} <= set(
        schemas["Problem"]["properties"]["code"]["enum"]
    )
    jsonschema_rs.validator_for(schemas["SendBody"] | {"components": api.document["components"]})
