"""Receipts are dated by the wall clock as it is, on a connection that was there before it was set."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from smpplib_client import Connect
from wire_provider import StartProvider

HOUR_S = 3_600


def test_receipts_on_an_old_connection_have_the_time_as_it_is(
    start: StartProvider, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = start(delivery={"latency": {"kind": "fixed", "value_s": 0.0}})
    esme = connect(provider)
    esme.bind()
    true_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: true_ns() + HOUR_S * 1_000_000_000)
    deadline_s = time.monotonic() + 20
    receipts = 0
    while True:
        receipts += 1
        esme.send()
        esme.read(receipts, receipts)
        done = datetime.strptime(esme.receipt_fields(receipts - 1)["done"][:10] + "+0000", "%y%m%d%H%M%z")
        if abs(done.timestamp() - time.time_ns() / 1e9) < 180:
            return
        assert time.monotonic() < deadline_s, "receipts are an hour behind"
