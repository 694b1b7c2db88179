"""Numbers that no provider can have: each is refused with its field and what is allowed, or can be run."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
from nanoseconds import S

from mock_provider.engine import Engine
from mock_provider.engine.values import Outbound, ReportsWanted, Submit, SubmitOptions
from mock_provider.profiles import Profile, ProfileError, parse_profile
from mock_provider.testing import VirtualDriver

WINDOW = {"start_s": 1.0, "end_s": 2.0}
LOGNORMAL = {"kind": "lognormal", "median_s": 0.5, "p99_s": 1.0}
LIMIT = {"rate_per_s": 5.0, "burst": 3}
SENDER = {"segments_per_s": 2.0, "queue_segments": 5}
FAILURES = [{"state": "undelivered", "reason": "x", "share": 0.1}]
ABSENT = {
    "kind": "absent_subscriber",
    "body": {"kind": "uniform", "low_s": 0.1, "high_s": 0.2},
    "absent_share": 0.5,
    "found_share": 0.5,
    "retries": [{"every_s": 60, "times": 3}],
}
EMPIRICAL = {"kind": "empirical", "percentiles_s": [[0, 0.5], [50, 1.0], [100, 2.0]]}
DOCUMENT: dict[str, Any] = {
    "name": "p",
    "account": {
        "tokens": ["t"],
        "balance_points": 1e6,
        "price_per_segment": 0.1,
        "priority_price_factor": 1.5,
        "route_segments_per_s": 5.0,
        "daily_messages": 1000,
        "low_balance_points": 5.0,
    },
    "throttle": {
        "requests": LIMIT,
        "segments": LIMIT,
        "concurrent_requests": 100,
        "per_sender": dict.fromkeys(("long_code", "short_code", "toll_free", "alphanumeric"), SENDER),
    },
    "accept_queue": {"drain_segments_per_s": 5.0, "capacity_segments": 100},
    "reply": {"latency": LOGNORMAL, "errors": [{"refusal": "internal_error", "share": 0.1}]},
    "duplicates": {"window_s": 100.0, "remembered_keys": 100},
    "flood": {"limit": 10, "window_s": 60.0},
    "numbers": {"invalid_share": 0.1, "ported_share": 0.1},
    "delivery": {
        "validity_s": 1000.0,
        "latency": ABSENT,
        "priority_latency": EMPIRICAL,
        "failures": FAILURES,
    },
    "rules": [{"country": "PL", "max_segments": 5, "price_per_segment": 0.2, "ported_share": 0.1}],
    "carriers": [
        {
            "name": "a",
            "country": "PL",
            "share": 1.0,
            "segments_per_s": 5.0,
            "queue_segments": 50,
            "price_per_segment": 0.1,
            "latency": LOGNORMAL,
            "priority_latency": {"kind": "fixed", "value_s": 1.0},
            "failures": FAILURES,
        },
        {"name": "b", "country": "PL", "share": 2.0},
    ],
    "reports": {
        "delay": LOGNORMAL,
        "max_per_call": 5,
        "linger_s": 1.0,
        "retry_after_s": [60.0, 5.0],
        "give_up_after_s": 1000.0,
        "loss_share": 0.1,
    },
    "faults": [
        {"kind": "error_rate", "share": 0.5} | WINDOW,
        {"kind": "error_rate", "codes": [{"refusal": "internal_error", "share": 0.1}]} | WINDOW,
        {"kind": "added_latency", "factor": 2.0, "plus_s": 1.0, "ramp_s": 0.1} | WINDOW,
        {"kind": "hang", "share": 0.1} | WINDOW,
        {"kind": "lost_reply", "share": 0.1} | WINDOW,
        {"kind": "cut_after_accept", "share": 0.1} | WINDOW,
        {"kind": "rate_reduction", "share": 0.5} | WINDOW,
        {"kind": "rate_reduction", "rate_per_s": 1.0, "burst": 2, "limit": "segments"} | WINDOW,
        {"kind": "accept_then_lose", "share": 0.1} | WINDOW,
        {"kind": "report_loss", "share": 0.1} | WINDOW,
        {"kind": "report_duplicate", "share": 0.1, "after_s": 1.0} | WINDOW,
        {"kind": "report_delay", "share": 0.1, "delay": LOGNORMAL} | WINDOW,
        {"kind": "report_reorder", "share": 0.1, "within_s": 1.0} | WINDOW,
        {"kind": "report_storm", "release_per_s": 1.0} | WINDOW,
    ],
    "protocol": {
        "smsapi": {
            "max_recipients_per_request": 10,
            "max_recipients_get": 10,
            "max_parts": 3,
            "report_url_bytes": 7500,
            "hlr_price": 0.1,
            "mfa_code_digits": 6,
            "mfa_expiry_s": 300.0,
        },
        "twilio": {
            "max_body_characters": 100,
            "default_validity_s": 100,
            "schedule_min_s": 10,
            "schedule_max_s": 100,
        },
        "smpp": {
            "max_binds": 1,
            "receipts_kept": 10,
            "receipts_kept_s": 60.0,
            "max_connections": 2,
            "window": 3,
            "receipt_window": 4,
            "session_init_s": 1.0,
            "enquire_link_s": 1.0,
            "inactivity_s": 1.0,
            "response_s": 1.0,
            "max_pdu_bytes": 2048,
            "max_parts": 4,
        },
        "generic": {"max_recipients_per_request": 4, "max_segments": 4},
    },
}

HOSTILE = (
    math.nan, math.inf, -math.inf, "nan", "inf",
    0, -1, 0.5, 5e-324, 1e-300, -1e-300, 1e-9, 1e-6, 1e300, 10**30, 10**400, 10**5000,
)  # fmt: skip
NEVER = (math.nan, math.inf, -math.inf, "nan", "inf", -1e-300, 1e300, 10**400, 10**5000)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    elif isinstance(value, int | float):
        yield path


def changed(path: tuple[Any, ...], value: object) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    table: Any = document
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    return document


def written(path: tuple[Any, ...]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")


def submit(number: int, key: str) -> Submit:
    outbound = Outbound(f"4860010{number:04d}", "", "hi", 1, key, key)
    sender = ("Test", "123456", "+48600100200", "18005551234")[number % 4]
    return Submit(
        *(number, "smsapi", "t", sender, (outbound,)),
        options=SubmitOptions(priority=number % 2 == 0),
        reports=ReportsWanted("http://127.0.0.1/"),
    )


def run_with(profile: Profile) -> None:
    """An engine that is given this profile while it runs; anything it raises fails the test."""
    engine = Engine(parse_profile(DOCUMENT), 1)
    driver = VirtualDriver(engine, lambda _now_ns, _effect: None)
    for number in range(3):
        driver.submit(submit(number, f"before{number}"), S)
    driver.carry_out(engine.reconfigure(driver.now_ns, profile))
    for number in range(3, 60):
        driver.submit(submit(number, f"after{number}"), driver.now_ns + S // 20)
    driver.run()
    engine.state()
    engine.take_rows()


@pytest.mark.parametrize("path", list(leaves(DOCUMENT)), ids=written)
def test_a_number_is_refused_by_its_name_or_can_be_run(path: tuple[Any, ...]) -> None:
    for value in HOSTILE:
        try:
            profile = parse_profile(changed(path, value))
        except ProfileError as error:
            assert any(written(path[:2]) in line for line in error.errors), (value, error.errors)
            continue
        assert value not in NEVER
        run_with(profile)


def test_the_document_has_every_number_of_a_profile() -> None:
    """So that a number that is added to the schema is asked here too."""

    def numbers(node: dict[str, Any], name: str) -> Iterator[str]:
        for option in (node, *node.get("anyOf", ()), *node.get("prefixItems", ()), node.get("items", {})):
            if option.get("type") in ("number", "integer"):
                yield name

    tables = Profile.model_json_schema()["$defs"].values()
    known = {
        n for table in tables for key, node in table.get("properties", {}).items() for n in numbers(node, key)
    }
    asked = {key for path in leaves(DOCUMENT) for key in path if isinstance(key, str)}
    assert known - asked == {"send_status"}  # one of two, which is no range
