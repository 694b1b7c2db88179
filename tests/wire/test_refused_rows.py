"""Refused messages have a row and count by their key, also if a protocol could not read the request."""

from __future__ import annotations

import base64
import json
import signal
from pathlib import Path
from urllib.parse import urlencode

import pytest
from provider_process import ProviderUnderTest, rows, started_provider
from smpplib import exceptions
from smpplib.client import Client

FAST = {"base": "fast"}
SMSAPI = {"Authorization": "Bearer t"}


def smsapi(provider: ProviderUnderTest, **fields: str) -> None:
    form = {"to": "48500100200", "message": "x", "format": "json"} | fields
    provider.ask("/sms.do", urlencode(form).encode(), **SMSAPI)


def test_each_http_protocol_leaves_a_row_of_a_message_that_it_cannot_read(tmp_path: Path) -> None:
    journal = tmp_path / "provider.arrow"
    with started_provider(tmp_path, FAST, "--journal", str(journal)) as provider:
        smsapi(provider, idx="good")
        smsapi(provider, idx="number", to="48500")
        smsapi(provider, idx="letters", to="not-a-number")
        smsapi(provider, idx="one|two", to="48500100201,12", message="x")
        smsapi(provider, idx="name", **{"from": "x" * 30})
        smsapi(provider, idx="no-text", message="")
        smsapi(provider, message="Hi #Kin-text#", **{"from": "x" * 30})
        wrong = urlencode({"idx": "token", "from": "x" * 30, "format": "json"}).encode()
        provider.ask("/sms.do", wrong, Authorization="Bearer no")
        generic = {"Authorization": "Bearer t", "Content_Type": "application/json"}
        unread = [
            {"to": "48500", "text": "x", "reference": "g-number"},
            {"to": "48500100202", "text": "x", "reference": "g-good"},
        ]
        provider.ask("/v1/messages", json.dumps({"messages": unread}).encode(), **generic)
        invalid = {"messages": [{"to": "48500100203", "text": "Hi #Kg-text#"}], "from": "x" * 30}
        provider.ask("/v1/messages", json.dumps(invalid).encode(), **generic)
        sid = "AC" + "0" * 32
        basic = base64.b64encode(f"{sid}:t".encode()).decode()
        form = urlencode({"To": "+48500", "From": "+48500100200", "Body": "Hi #Kt-number#"}).encode()
        status, _ = provider.ask(
            f"/2010-04-01/Accounts/{sid}/Messages.json", form, Authorization=f"Basic {basic}"
        )
        assert status == 400
        refused = {
            name.removeprefix("messages_refused_"): count
            for name, count in provider.state()["counters"].items()
            if name.startswith("messages_refused_") and count
        }
        provider.process.send_signal(signal.SIGINT)
        provider.process.wait(20)
    found = {row["key"]: row["reason"] for row in rows(journal) if row["state"] == "rejected"}
    number, field = "no_valid_recipient", "invalid_request"
    assert found == {
        "number": number,
        "letters": number,
        "two": number,
        "name": field,
        "no-text": field,
        "in-text": field,
        "token": "unauthorized",
        "g-number": number,
        "g-text": field,
        "t-number": field,
    }  # fmt: skip
    assert refused == {number: 4, field: 5, "unauthorized": 1}
    assert {row["key"] for row in rows(journal) if row["provider_id"]} == {"good", "one", "g-good"}


def test_smpp_leaves_a_row_of_a_message_that_it_cannot_read(tmp_path: Path) -> None:
    journal = tmp_path / "provider.arrow"
    with started_provider(tmp_path, FAST, "--journal", str(journal), "--smpp-port", "0") as provider:
        host, _, port = provider.ready["smpp"].rpartition(":")
        client = Client(host, int(port), timeout=10, allow_unknown_opt_params=True)
        client.connect()
        client.bind_transceiver(system_id="esme", password=provider.ready["smpp_password"])
        for number, source, text in (
            ("48500", "48500100200", b"#Knumber#"),
            ("48500100200", "much-too-long-a-name", b"#Kname#"),
            ("48500100200", "much-too-long-a-name", "ż #Kucs2#".encode("utf-16-be")),
        ):
            coding = 8 if text.startswith(b"\x01") else 0
            client.send_message(
                source_addr_ton=5 if "-" in source else 1,
                source_addr=source,
                dest_addr_ton=1,
                destination_addr=number,
                short_message=text,
                data_coding=coding,
            )
            with pytest.raises(exceptions.PDUError):
                client.read_once()
        client.unbind()
        client.disconnect()
        provider.process.send_signal(signal.SIGINT)
        provider.process.wait(20)
    found = {row["key"]: row["reason"] for row in rows(journal)}
    assert found == {"number": "no_valid_recipient", "name": "invalid_request", "ucs2": "invalid_request"}
