"""The admin API: look at a running provider, and change how it behaves."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from waiting import eventually
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread


def send(provider: ProviderThread, **fields: str) -> tuple[int, bytes]:
    body = urlencode({"to": "48500100200", "message": "Hi", "format": "json"} | fields).encode()
    status, reply = provider.request("/sms.do", body, Authorization=f"Bearer {provider.token}")
    return status, reply


def error_of(reply: tuple[int, bytes]) -> int | None:
    error: int | None = json.loads(reply[1]).get("error")
    return error


@pytest.mark.parametrize("path", ["/state", "/profile", "/faults", "/messages", "/reset", "/nothing"])
def test_nothing_without_the_admin_token(provider: ProviderThread, path: str) -> None:
    for header in (
        "",
        "Bearer wrong",
        f"Bearer {provider.token}",
        f"Basic {provider.admin_token}",
        "Bearer żółć",
    ):
        sent = header.encode().decode("latin-1")
        status, body = provider.request("/admin" + path, Authorization=sent)
        assert (status, json.loads(body)) == (401, {"errors": ["the admin token is missing or wrong"]})


def test_the_state(provider: ProviderThread) -> None:
    send(provider)
    send(provider, to="12")
    state = provider.state()
    assert (state["accepted"], state["profile"]) == (1, "fast")
    assert state["totals"]["refused"] == state["counters"]["refused_no_valid_recipient"] == 1
    assert state["open"] in (0, 1)
    assert {"loop_lag_ms", "replies_waiting", "report_batches_pending", "on_air"} <= state["gauges"].keys()
    eventually(lambda: provider.state()["totals"]["delivered"] == 1)
    assert provider.state()["open"] == 0


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/profile"), ("PUT", "/profile"), ("POST", "/faults")]
)
def test_a_body_may_begin_with_a_byte_order_mark(provider: ProviderThread, method: str, path: str) -> None:
    body = {"/profile": provider.admin("/profile")[1], "/faults": {"kind": "outage", "start_s": 1_000}}[path]
    status, reply = provider.request(
        "/admin" + path,
        json.dumps(body).encode("utf-8-sig"),
        method,
        Authorization=f"Bearer {provider.admin_token}",
    )
    assert status < 300, reply


def test_limits_change_while_it_runs(provider: ProviderThread) -> None:
    assert error_of(send(provider)) is None
    limit = {"throttle": {"requests": {"rate_per_s": 0.001, "burst": 1}}}
    status, profile = provider.admin("/profile", limit, "PATCH")
    assert (status, profile["throttle"]["requests"]) == (200, {"rate_per_s": 0.001, "burst": 1})
    assert [error_of(send(provider)) for _ in range(2)] == [None, 202]
    assert (
        provider.admin("/profile", {"protocol": {"smsapi": {"throttle_answer": "http_429"}}}, "PATCH")[0]
        == 200
    )
    assert send(provider)[0] == 429
    # Null sets a key back to its default (RFC 7386): no limit.
    assert provider.admin("/profile", {"throttle": {"requests": None}}, "PATCH")[0] == 200
    assert error_of(send(provider)) is None
    assert provider.state()["accepted"] == 3


def test_a_latency_of_another_kind_takes_the_place_of_the_present_one(provider: ProviderThread) -> None:
    change = {"delivery": {"latency": {"kind": "fixed", "value_s": 0.0}}}
    status, profile = provider.admin("/profile", change, "PATCH")
    assert (status, profile["delivery"]["latency"]) == (200, {"kind": "fixed", "value_s": 0.0})
    status, profile = provider.admin("/profile", {"delivery": {"latency": {"value_s": 1.0}}}, "PATCH")
    assert (status, profile["delivery"]["latency"]) == (200, {"kind": "fixed", "value_s": 1.0})


def test_a_bad_change_is_refused_whole_with_every_reason(provider: ProviderThread) -> None:
    before = provider.admin("/profile")[1]
    change = {
        "throttle": {"requests": {"rate_per_s": -1, "burst": 1}},
        "reports": {"max_per_call": 0},
        "delivery": {"validity_s": 60},
        "nonsense": 1,
    }
    status, refused = provider.admin("/profile", change, "PATCH")
    assert status == 400
    assert [line.partition(":")[0] for line in sorted(refused["errors"])] == [
        "nonsense",
        "reports.max_per_call",
        "throttle.requests.rate_per_s",
    ]
    assert provider.admin("/profile")[1] == before


def test_a_profile_is_replaced_whole_and_shows_no_token(provider: ProviderThread) -> None:
    profile = {"name": "mine", "carriers": [{"name": "one", "country": "*"}]}
    status, shown = provider.admin("/profile", profile, "PUT")
    assert (status, shown["name"]) == (200, "mine")
    assert "tokens" not in shown["account"]
    assert error_of(send(provider)) is None
    # What GET shows can be sent back: tokens that are not shown are kept.
    assert provider.admin("/profile", shown, "PUT")[0] == 200
    assert error_of(send(provider)) is None
    assert provider.admin("/profile", {"name": "mine"}, "PUT")[0] == 400


def test_the_times_of_a_fault_are_answered_as_they_are_given_from_now(provider: ProviderThread) -> None:
    wanted = {"kind": "outage", "start_s": 500, "duration_s": 100}
    (added,) = provider.admin("/faults", wanted, "POST")[1]["faults"]
    (listed,) = provider.admin("/faults")[1]["faults"]
    provider.admin("/faults", {"kind": "hang"}, "POST")
    left, endless = provider.admin("/faults", {"kind": "error_rate", "share": 1.0}, "POST")[1]["faults"][:2]
    for fault in (added, listed, left):
        assert 0 < fault["start_s"] <= 500
        assert fault["end_s"] - fault["start_s"] == pytest.approx(100)
        assert "clock" not in fault
    assert endless["start_s"] <= 0
    assert endless["end_s"] is None


def test_faults_begin_and_end_at_run_time(provider: ProviderThread) -> None:
    status, faults = provider.admin("/faults", {"kind": "outage", "duration_s": 60}, "POST")
    assert (status, [f["kind"] for f in faults["faults"]]) == (200, ["outage"])
    assert send(provider)[0] == 503
    assert provider.admin("/faults", {"kind": "error_rate", "share": 1.0}, "POST")[0] == 200
    assert [f["kind"] for f in provider.admin("/faults?kind=outage", method="DELETE")[1]["faults"]] == [
        "error_rate"
    ]
    assert error_of(send(provider)) == 201
    assert provider.admin("/faults", method="DELETE") == (200, {"faults": []})
    assert error_of(send(provider)) is None
    later = provider.admin("/faults", {"kind": "outage", "start_s": 3600, "end_s": 3700}, "POST")
    assert later[0] == 200
    assert error_of(send(provider)) is None
    for wrong in (
        {"kind": "flood"},
        {"kind": "outage", "start_s": -1},
        {"kind": "outage", "end_s": 1, "duration_s": 1},
    ):
        assert provider.admin("/faults", wrong, "POST")[0] == 400


def test_a_hang_holds_the_reply_and_a_cut_ends_the_connection(provider: ProviderThread) -> None:
    provider.admin("/faults", {"kind": "outage", "answer": "disconnect"}, "POST")
    with pytest.raises(OSError, match=r"reset|closed"):
        send(provider)
    provider.admin("/faults", method="DELETE")
    provider.admin("/faults", {"kind": "hang", "accepted": True}, "POST")
    failed = []

    def wait_for_it() -> None:
        try:
            send(provider)
        except OSError as error:
            failed.append(error)

    patient = threading.Thread(target=wait_for_it)
    patient.start()
    eventually(lambda: provider.state()["gauges"]["replies_waiting"] == 1)
    # The message was accepted; only the reply is lost.
    eventually(lambda: provider.state()["totals"]["delivered"] == 1)
    provider.stop_soon()
    patient.join(10)
    assert len(failed) == 1


def test_captured_messages_newest_first_by_number_or_text(provider: ProviderThread) -> None:
    for number, text in (("500100200", "one"), ("500100201", "two ŁÓDŹ"), ("500100202", "three")):
        send(provider, to=number, message=text)

    def texts(**query: str) -> list[str]:
        _, found = provider.admin("/messages?" + urlencode(query))
        return [m["text"] for m in found["messages"]]

    assert texts() == ["three", "two ŁÓDŹ", "one"]
    assert texts(limit="1") == ["three"]
    assert texts(number="+48500100201") == texts(number="+48 500-100-201") == ["two ŁÓDŹ"]
    assert texts(text="łódź") == ["two ŁÓDŹ"]
    assert texts(number="9999") == []
    for limit in ("0", "1001", "x", "-1"):
        assert provider.admin(f"/messages?limit={limit}")[0] == 400


def test_reset_forgets_messages_and_keeps_the_profile(provider: ProviderThread) -> None:
    provider.admin("/profile", {"duplicates": {"window_s": 60}}, "PATCH")
    send(provider, idx="a", check_idx="1")
    assert error_of(send(provider, idx="a", check_idx="1")) == 53
    assert provider.admin("/reset", method="POST") == (200, {"reset": True})
    assert provider.admin("/messages")[1] == {"messages": []}
    state = provider.state()
    assert (state["accepted"], state["open"]) == (0, 0)
    assert error_of(send(provider, idx="a", check_idx="1")) is None
    assert provider.admin("/profile")[1]["duplicates"]["window_s"] == 60


def test_wrong_methods_and_bodies(provider: ProviderThread) -> None:
    assert provider.admin("/state", {}, "POST")[0] == 405
    assert provider.admin("/nothing")[0] == 404
    for body in (b"{", b"[]", b"1", b"\xff"):
        status, _ = provider.request(
            "/admin/profile", body, "PATCH", Authorization=f"Bearer {provider.admin_token}"
        )
        assert status == 400


def test_an_outage_affects_every_endpoint_except_the_admin_api(provider: ProviderThread) -> None:
    calls = (
        ("GET", "/ping"),
        ("HEAD", "/ping"),
        ("GET", "/profile"),
        ("GET", "/user.do?credits=1"),
        ("GET", "/sms.do?status=1"),
        ("GET", "/sms.do?sch_del=1"),
        ("GET", "/sms.do?to=48500100200&message=x&from=far-too-long-a-name"),
    )

    def statuses() -> set[int]:
        header = f"Bearer {provider.token}"
        return {provider.request(path, method=method, Authorization=header)[0] for method, path in calls}

    provider.admin("/faults", {"kind": "outage"}, "POST")
    assert statuses() == {503}
    assert send(provider)[0] == 503
    provider.admin("/faults", method="DELETE")
    assert statuses() == {200, 204}
    provider.admin("/faults", {"kind": "outage", "answer": "disconnect"}, "POST")
    for method, path in calls:
        with pytest.raises(OSError, match=r"reset|closed"):
            provider.request(path, method=method)
    assert provider.admin("/state")[0] == 200


def test_absurd_values_are_refused_and_the_provider_continues(provider: ProviderThread) -> None:
    before = provider.admin("/profile")[1]
    for wrong in ({"start_s": 1e300}, {"duration_s": 1e300}, {"end_s": 1e10}, {"start_s": 10**400}):
        assert provider.admin("/faults", {"kind": "outage"} | wrong, "POST")[0] == 400
    assert (
        provider.admin("/profile", {"protocol": {"smsapi": {"timezone": "Nowhere/Land"}}}, "PATCH")[0] == 400
    )
    assert provider.admin("/messages?limit=000000001" + "0" * 5_000)[0] == 400
    assert provider.admin("/profile")[1] == before
    assert provider.admin("/reset", method="POST")[0] == 200
    soon = f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%dT%H:%M:%S}"  # read by the profile's time zone
    assert error_of(send(provider, date=soon)) is None


def test_a_rate_of_almost_nothing_leaves_the_engine_as_it_was(provider: ProviderThread) -> None:
    before = provider.admin("/profile")[1]
    change = {"throttle": {"requests": {"rate_per_s": 1e-300, "burst": 1}}}
    status, answer = provider.admin("/profile", change, "PATCH")
    assert status == 400
    assert answer["errors"][0].startswith("throttle.requests.rate_per_s: 1e-300: ")
    assert "(allowed: number at least 0.000001 and at most 10000000)" in answer["errors"][0]
    assert provider.admin("/profile")[1] == before
    assert send(provider)[0] == 200


def test_a_fault_that_is_over_does_not_bind_the_profile_to_its_carrier(provider: ProviderThread) -> None:
    assert (
        provider.admin("/faults", {"kind": "carrier_down", "carriers": ["any"], "duration_s": 0.5})[0] == 200
    )
    eventually(lambda: provider.admin("/faults")[1]["windows"][0]["phase"] == "ended")
    status, profile = provider.admin("/profile", {"carriers": [{"name": "other", "country": "*"}]}, "PATCH")
    assert (status, profile["carriers"][0]["name"]) == (200, "other")
    assert [span["name"] for span in provider.admin("/faults")[1]["log"]] == ["carrier_down"]


def test_what_does_not_fit_together_is_said_line_by_line(provider: ProviderThread) -> None:
    faults = [{"kind": "carrier_down", "carriers": [name]} for name in ("x", "y")]
    status, reply = provider.admin("/profile", {"faults": faults}, "PATCH")
    assert status == 400
    assert reply["errors"] == [
        f"faults[{n}].carriers: no carrier {name} (allowed: any)" for n, name in enumerate("xy")
    ]


def test_refusals_are_shown_also_those_that_leave_no_row(start: StartProvider) -> None:
    provider = start(numbers={"magic": True})
    form = b"to=48600100200&message=Hi&format=json"
    provider.request("/sms.do", form, Authorization="Bearer wrong")
    provider.request("/sms.do", b"status=x-1&format=json", Authorization="Bearer wrong")  # no submit
    provider.request("/send-sms", form, Authorization=f"Bearer {provider.token}")
    provider.request(
        "/sms.do", b"to=48100000020&idx=k-1&message=Hi&format=json", Authorization=f"Bearer {provider.token}"
    )
    provider.request("/sms.do", form, Authorization=f"Bearer {provider.token}")  # this one is accepted
    status, shown = provider.admin("/refusals")
    assert status == 200
    seen = [(each["where"], each["status"], each["reason"], each["key"]) for each in shown["refusals"]]
    assert [(where, status, reason) for where, status, reason, _ in seen] == [
        ("smsapi", 200, "unauthorized"),
        ("/sms.do", 200, "unauthorized"),
        ("/send-sms", 404, ""),
        ("smsapi", 200, "no_credit"),
    ]
    assert seen[3][3] == "k-1"
    errors = [json.loads(each["answered"])["error"] for each in shown["refusals"]]
    assert errors == [101, 101, "http_404", 103]
    assert [each["code"] for each in shown["refusals"]] == [str(code) for code in errors]
    assert shown["refusals"][2]["text"] == "Not found"
    assert shown["report_failure"] == ""
    assert provider.admin("/reset", {}, "POST")[0] == 200
    assert provider.admin("/refusals")[1]["refusals"] == []
