"""The OpenAPI document of the Twilio wire is true: every answer, good or bad, meets its schema."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs
import pytest
from waiting import eventually
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread

ACCOUNT = "AC" + "0" * 32
BASE = f"/2010-04-01/Accounts/{ACCOUNT}"
WANTED = {"To": "+48500100200", "From": "+15017122661", "Body": "x"}


class TwilioApiClient:
    """Asks the provider, and holds each answer against the document."""

    def __init__(self, provider: ProviderThread) -> None:
        self._provider = provider
        status, body = provider.request("/openapi/twilio.json")
        assert status == 200
        self.document = json.loads(body)

    def ask(
        self, method: str, path: str, template: str = "", token: str = "", **fields: str
    ) -> tuple[int, Any]:
        credentials = base64.b64encode(f"{ACCOUNT}:{token or self._provider.token}".encode()).decode()
        body = urlencode(fields).encode() if method == "POST" else None
        status, reply = self._provider.request(path, body, method, Authorization=f"Basic {credentials}")
        operation = self.document["paths"][template or path.replace(ACCOUNT, "{AccountSid}")]
        described = operation[method.lower()]["responses"][str(status)]
        if status == 204:
            assert reply == b""
            return status, None
        decoded = json.loads(reply)
        schema = described["content"]["application/json"]["schema"]
        jsonschema_rs.validator_for(schema | {"components": self.document["components"]}).validate(decoded)
        return status, decoded


@pytest.fixture
def api(provider: ProviderThread) -> TwilioApiClient:
    return TwilioApiClient(provider)


def test_every_answer_meets_the_document(api: TwilioApiClient) -> None:
    messages, one = f"{BASE}/Messages.json", "/2010-04-01/Accounts/{AccountSid}/Messages/{MessageSid}.json"
    status, created = api.ask("POST", messages, **WANTED)
    assert status == 201
    mine = f"{BASE}/Messages/{created['sid']}.json"
    eventually(lambda: api.ask("GET", mine, one)[1]["status"] == "delivered")
    assert api.ask("POST", messages, token="wrong", **WANTED)[0] == 401
    assert api.ask("POST", messages, **(WANTED | {"To": "1"}))[1]["code"] == 21211
    assert api.ask("GET", messages)[1]["messages"][0]["sid"] == created["sid"]
    assert api.ask("GET", mine.replace(created["sid"], "SM" + "0" * 32), one)[0] == 404
    assert api.ask("GET", mine.replace(".json", "/Media.json"), one.replace(".json", "/Media.json"))[0] == 200
    below = mine.replace(".json", "/Feedback.json"), one.replace(".json", "/Feedback.json")
    assert api.ask("POST", *below, Outcome="confirmed")[0] == 201
    assert api.ask("POST", *below, Outcome="perhaps")[0] == 400
    assert api.ask("GET", f"{BASE}/IncomingPhoneNumbers.json")[0] == 200
    media = api.ask("POST", messages, **WANTED, MediaUrl="http://127.0.0.1/a.png")[1]["sid"]
    listed = mine.replace(created["sid"], media).replace(".json", "/Media.json")
    assert len(api.ask("GET", listed, one.replace(".json", "/Media.json"))[1]["media_list"]) == 1
    assert api.ask("POST", mine, one, Status="canceled")[0] == 409
    assert api.ask("POST", mine, one, Status="sent")[0] == 400
    assert api.ask("DELETE", mine, one)[0] == 204
    assert api.ask("GET", f"{BASE}.json")[0] == 200
    assert api.ask("GET", f"{BASE}/Balance.json")[0] == 200


def test_a_throttled_request_names_the_concurrency(start: StartProvider) -> None:
    provider = start(throttle={"requests": {"rate_per_s": 0.001, "burst": 1}})
    api = TwilioApiClient(provider)
    assert api.ask("POST", f"{BASE}/Messages.json", **WANTED)[0] == 201
    assert api.ask("POST", f"{BASE}/Messages.json", **WANTED)[1] == {
        "code": 20429,
        "message": "Too Many Requests",
        "more_info": "https://www.twilio.com/docs/errors/20429",
        "status": 429,
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", f"{BASE}/Messages.json", 405),
        ("POST", f"{BASE}/Balance.json", 405),
        ("GET", f"{BASE}/Calls.json", 404),
        ("GET", "/2010-04-01/Accounts/AC1/Messages.json", 404),
        ("GET", "/2010-04-01/", 404),
    ],
)
def test_what_is_not_there(provider: ProviderThread, method: str, path: str, status: int) -> None:
    credentials = base64.b64encode(f"{ACCOUNT}:{provider.token}".encode()).decode()
    answered, body = provider.request(path, method=method, Authorization=f"Basic {credentials}")
    assert (answered, json.loads(body)["status"]) == (status, status)
    # Without credentials the answer shows nothing of an account.
    if status == 405:
        assert provider.request(path, method=method)[0] == 401
