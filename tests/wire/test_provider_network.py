"""The network behind the provider over real sockets: the wall's hours, and outcomes by number."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from waiting import eventually
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread

CARRIERS = [{"name": "any", "country": "*"}]
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def send(provider: ProviderThread, msisdn: str, **fields: Any) -> tuple[int, Any]:
    form = "&".join(f"{name}={value}" for name, value in ({"to": msisdn, "message": "Sale"} | fields).items())
    status, body = provider.request(
        "/sms.do", f"{form}&format=json".encode(), Authorization=f"Bearer {provider.token}"
    )
    return status, json.loads(body)


def test_hours_are_those_of_the_wall(start: StartProvider) -> None:
    """One country is open on the days around now, the other on all others: midnight may pass meanwhile."""
    today = datetime.now(UTC).weekday()
    near = [WEEK[today], WEEK[(today + 1) % 7]]
    far = [day for day in WEEK if day not in near]

    def all_day(days: list[str]) -> dict[str, Any]:
        return {"timezone": "UTC", "start": "00:00", "end": "24:00", "days": days}

    provider = start(
        carriers=CARRIERS,
        rules=[
            {"country": "PL", "marketing_hours": all_day(near)},
            {"country": "DE", "marketing_hours": all_day(far)},
            {"country": "FR", "marketing_hours": all_day(far) | {"outside": "delay"}},
        ],
        traffic={"default_message_class": "marketing"},
    )
    assert "list" in send(provider, "48600100200")[1]
    assert send(provider, "4915112345678")[1]["error"] == 74
    assert "list" in send(provider, "4915112345678", fast=1)[1]
    assert "list" in send(provider, "33612345678")[1]
    state = provider.state()
    assert state["counters"]["delayed"] == 1
    assert state["counters"]["refused_quiet_hours"] == 1


@pytest.mark.parametrize(("digits", "code"), [("20", 103), ("21", 202), ("22", 201), ("23", 57), ("24", 59)])
def test_a_magic_number_is_refused_in_the_wires_own_words(
    start: StartProvider, digits: str, code: int
) -> None:
    provider = start(numbers={"magic": True})
    assert send(provider, f"481000000{digits}")[1]["error"] == code
    assert "list" in send(provider, "48100000000")[1]


def test_an_accepted_magic_number_cuts_the_connection(start: StartProvider) -> None:
    provider = start(numbers={"magic": True})
    with pytest.raises(OSError, match=r"closed|reset|Remote end"):
        send(provider, "48100000032")
    eventually(lambda: provider.state()["counters"]["delivered"] == 1)
    assert provider.state()["accepted"] == 1


def test_a_country_table_may_be_taken_up_while_it_runs(start: StartProvider) -> None:
    provider = start(carriers=CARRIERS)
    status, _ = provider.admin("/profile", {"countries": ["US"]}, "PATCH")
    assert status == 200
    assert send(provider, "12025550123", **{"from": "Shop"})[1]["error"] == 14
    assert "list" in send(provider, "48600100200", **{"from": "Shop"})[1]
    assert "queue_carrier_Verizon" in provider.state()["gauges"]
