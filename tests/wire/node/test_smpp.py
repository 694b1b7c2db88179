"""node-smpp, unmodified, against the provider: PDUs the Python clients do not have, and several binds."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any, Protocol

import pytest
from node_scripts import RunNode
from smpplib_client import captured
from waiting import eventually
from wire_provider import StartProvider

from mock_provider.protocols.smpp import requests
from mock_provider.testing import ProviderThread

FAST = {"delivery": {"latency": {"kind": "fixed", "value_s": 0.0}}, "reports": {"linger_s": 0.0}}
PduFields = dict[str, Any]
FROM: PduFields = {"source_addr_ton": 5, "source_addr": "Shop"}
TO: PduFields = {"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": "48500100200"}
LATER: PduFields = {"schedule_delivery_time": "000001000000000R"}
# Statuses of SMPP 3.4, §5.1.3.
RINVDSTADR, RINVMSGID, RCANCELFAIL, RREPLACEFAIL, RINVDLNAME, RQUERYFAIL = 0x0B, 0x0C, 0x11, 0x13, 0x34, 0x67
RINVEXPIRY = 0x62
ENROUTE, DELETED = 1, 4  # message_state

ClientStep = dict[str, Any]


class TakeSteps(Protocol):
    def __call__(self, provider: ProviderThread, *steps: ClientStep) -> Any: ...


def bind(session: str = "a", how: str = "transceiver", **fields: Any) -> ClientStep:
    return {"session": session, "command": f"bind_{how}", "fields": fields}


def ask(command: str, session: str = "a", **fields: Any) -> ClientStep:
    return {"session": session, "command": command, "fields": fields}


def submit(session: str = "a", text: str = "hello", **fields: Any) -> ClientStep:
    return ask(
        "submit_sm", session, **(FROM | TO | {"short_message": text, "registered_delivery": 1} | fields)
    )


def receipts(count: int, session: str = "a") -> ClientStep:
    return {"session": session, "receipts": count}


def close(session: str) -> ClientStep:
    return {"session": session, "close": True}


@pytest.fixture
def run(run_node: RunNode) -> TakeSteps:
    """Take these steps; answers and receipts."""

    def steps(provider: ProviderThread, *steps: ClientStep) -> Any:
        return run_node("smpp_steps.js", str(provider.smpp_port), provider.smpp_password, json.dumps(steps))

    return steps


def statuses(done: Any) -> list[int]:
    return [answer["command_status"] for answer in done["answers"] if answer is not None]


def id_in(receipt: Any) -> str:
    return str(receipt["short_message"]).split("id:")[1].split(" ")[0]


def test_submit_multi_has_one_id_and_names_the_destinations_it_refused(
    start: StartProvider, run: TakeSteps
) -> None:
    provider = start(**FAST)
    good = [{"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": f"4850010020{n}"} for n in range(3)]
    bad = [{"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": "12"}, {"dl_name": "friends"}]
    done = run(
        provider,
        bind(),
        ask("submit_multi", dest_address=[*good, *bad], short_message="to all #Kmulti-1#",
            registered_delivery=1, user_message_reference=77, **FROM),
        receipts(3),
    )  # fmt: skip
    answer, found = done["answers"][1], done["receipts"]["a"]
    assert answer["command_status"] == 0
    refused = [(each["destination_addr"], each["error_status_code"]) for each in answer["unsuccess_sme"]]
    assert refused == [("12", RINVDSTADR), ("friends", RINVDLNAME)]
    assert {id_in(receipt) for receipt in found} == {answer["message_id"]}
    assert {receipt["receipted_message_id"] for receipt in found} == {answer["message_id"]}
    assert {receipt["source_addr"] for receipt in found} == {to["destination_addr"] for to in good}
    assert {receipt["user_message_reference"] for receipt in found} == {77}
    keys = sorted(message["key"] for message in captured(provider))
    assert keys == ["multi-1", "multi-1/d2", "multi-1/d3"]


def test_submit_multi_to_nobody_it_could_reach_is_refused(start: StartProvider, run: TakeSteps) -> None:
    done = run(
        start(**FAST),
        bind(),
        ask("submit_multi", dest_address=[{"dl_name": "friends"}], short_message="x", **FROM),
        ask("submit_multi", dest_address=[TO | {"destination_addr": "12"}], short_message="x", **FROM),
    )
    assert statuses(done) == [0, RINVDLNAME, RINVDSTADR]


def test_a_scheduled_submit_multi_is_cancelled_by_its_one_id(start: StartProvider, run: TakeSteps) -> None:
    provider = start(**FAST)
    to = [TO | {"destination_addr": f"4850010020{n}"} for n in range(2)]
    done = run(
        provider,
        bind(),
        ask("submit_multi", dest_address=to, short_message="to all", **FROM, **LATER),
        ask("query_sm", message_id="$1.message_id", **FROM),
        ask("cancel_sm", message_id="$1.message_id", **FROM),
        ask("query_sm", message_id="$1.message_id", **FROM),
    )
    assert statuses(done) == [0, 0, 0, 0, 0]
    assert [done["answers"][n]["message_state"] for n in (2, 4)] == [ENROUTE, DELETED]
    assert provider.state()["gauges"]["scheduled"] == 0


def test_data_sm_is_a_message_with_a_receipt(start: StartProvider, run: TakeSteps) -> None:
    provider = start(**FAST)
    done = run(
        provider,
        bind(),
        ask("data_sm", registered_delivery=1, message_payload={"hex": b"by data".hex()},
            user_message_reference=513, **FROM, **TO),
        receipts(1),
    )  # fmt: skip
    answer, (receipt,) = done["answers"][1], done["receipts"]["a"]
    assert (answer["command"], answer["command_status"]) == ("data_sm_resp", 0)
    assert id_in(receipt) == answer["message_id"]
    assert receipt["user_message_reference"] == 513
    assert captured(provider)[0]["text"] == "by data"


def test_replace_sm_changes_a_message_that_waits_and_keeps_its_id(
    start: StartProvider, run: TakeSteps
) -> None:
    provider = start(**FAST)
    name = {"message_id": "$1.message_id"}
    done = run(
        provider,
        bind(),
        submit(text="first", registered_delivery=0, user_message_reference=9, **LATER),
        ask("replace_sm", short_message="other", source_addr="Other", source_addr_ton=5, **name),
        ask("replace_sm", short_message="second", registered_delivery=1, **name, **FROM),
        ask("query_sm", **name, **FROM),
        ask("replace_sm", short_message="third", registered_delivery=1,
            schedule_delivery_time="000000000000000R", **name, **FROM),
        receipts(1),
        ask("replace_sm", short_message="too late", **name, **FROM),
        ask("replace_sm", short_message="of nobody", message_id="none", **FROM),
    )  # fmt: skip
    assert statuses(done) == [0, 0, RREPLACEFAIL, 0, 0, 0, RREPLACEFAIL, RINVMSGID]
    message_id = done["answers"][1]["message_id"]
    assert done["answers"][4]["message_id"] == message_id
    (receipt,) = done["receipts"]["a"]
    assert id_in(receipt) == message_id
    assert receipt["user_message_reference"] == 9
    states = {message["text"]: message["state"] for message in captured(provider)}
    assert states == {"first": "rejected", "second": "rejected", "third": "delivered"}
    assert provider.state()["accepted"] == 3  # what came too late was not sent either


def test_a_message_is_not_found_under_another_source_address(start: StartProvider, run: TakeSteps) -> None:
    name = {"message_id": "$1.message_id"}
    other: PduFields = {"source_addr": "Other", "source_addr_ton": 5}
    done = run(
        start(**FAST),
        bind(),
        submit(service_type="CMT", **LATER),
        ask("query_sm", **name, **other),
        ask("cancel_sm", **name, **other),
        ask("query_sm", **name),
        ask("query_sm", source_addr="Shop", source_addr_ton=1, **name),
        ask("cancel_sm", destination_addr="48500100201", dest_addr_ton=1, **name, **FROM),
        ask("cancel_sm", service_type="OTA", **name, **FROM),
        ask("query_sm", source_addr="Shop", **name),
        ask("cancel_sm", service_type="CMT", **name, **FROM, **TO),
    )
    fails = [RQUERYFAIL, RCANCELFAIL, RQUERYFAIL, RQUERYFAIL, RCANCELFAIL, RCANCELFAIL]
    assert statuses(done) == [0, 0, *fails, 0, 0]


def test_a_replacement_keeps_the_times_it_does_not_give(start: StartProvider, run: TakeSteps) -> None:
    provider = start(**FAST)
    name = {"message_id": "$1.message_id"}
    done = run(
        provider,
        bind(),
        submit(validity_period="000002000000000R", **LATER),
        ask("replace_sm", short_message="a", registered_delivery=1, **name, **FROM),
        ask("replace_sm", short_message="b", validity_period="000000010000000R", **name, **FROM),
        ask("replace_sm", short_message="c", validity_period="000003000000000R", **name, **FROM),
        ask("query_sm", **name, **FROM),
    )
    assert statuses(done) == [0, 0, 0, RINVEXPIRY, 0, 0]  # the second would end before it is sent
    newest = provider.admin("/messages?limit=1")[1]
    newest = newest["messages"] if isinstance(newest, dict) else newest
    assert (newest[0]["text"], newest[0]["stage"]) == ("c", "SCHEDULED")


def test_one_of_two_is_sent_when_a_replacement_comes_at_the_last_moment(
    start: StartProvider, run: TakeSteps
) -> None:
    """The old one's time comes while the answer to replace_sm is held back, unless this machine is slow."""
    provider = start(**FAST, reply={"latency": {"kind": "fixed", "value_s": 0.7}})
    run(
        provider,
        bind(),
        submit(schedule_delivery_time="000000000001000R", validity_period="000000010000000R"),
        ask("replace_sm", message_id="$1.message_id", short_message="second", registered_delivery=1, **FROM),
    )
    eventually(lambda: provider.state()["open"] == 0)
    assert provider.state()["counters"]["delivered"] == 1


def test_a_replacement_goes_at_the_old_one_s_time_by_a_clock_that_was_set(
    start: StartProvider, run: TakeSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = start(**FAST)
    scheduled = run(provider, bind(), submit(**LATER))["answers"][1]["message_id"]
    true_ns, ahead_s = time.time_ns, [0]
    monkeypatch.setattr(time, "time_ns", lambda: true_ns() + ahead_s[0] * 1_000_000_000)

    def set_ahead(seconds: int) -> None:
        """Until receipts of what is sent now have the new date: the provider has seen it."""
        ahead_s[0] = seconds

        def seen() -> bool:
            done = run(provider, bind(), submit(destination_addr="48500100299"), receipts(1))
            date = done["receipts"]["a"][0]["short_message"].split("done date:")[1][:10]
            shown = datetime.strptime(f"{date}+0000", "%y%m%d%H%M%z").timestamp()
            return abs(shown - time.time_ns() / 1e9) < 600

        eventually(seen)

    set_ahead(12 * 3_600)
    done = run(provider, bind(), ask("replace_sm", message_id=scheduled, short_message="second", **FROM))
    assert statuses(done) == [0, 0]
    assert provider.state()["gauges"]["scheduled"] == 1
    set_ahead(25 * 3_600)
    eventually(lambda: provider.state()["gauges"]["scheduled"] == 0)


def test_the_id_of_a_message_that_came_by_http_is_unknown_in_smpp(
    start: StartProvider, run: TakeSteps
) -> None:
    provider = start(**FAST)
    form = f"to=48500100200&message=by%20HTTP&format=json&access_token={provider.token}".encode()
    sent = provider.request(
        "/sms.do",
        form,
        Content_Type="application/x-www-form-urlencoded",
        Authorization=f"Bearer {provider.token}",
    )
    message_id = json.loads(sent[1])["list"][0]["id"]
    done = run(provider, bind(), ask("query_sm", message_id=message_id, **FROM))
    assert statuses(done) == [0, RINVMSGID]


def test_a_reset_forgets_which_messages_shared_an_id(start: StartProvider, run: TakeSteps) -> None:
    provider = start(**FAST)
    to = [TO | {"destination_addr": f"4850010020{n}"} for n in range(2)]
    run(provider, bind(), ask("submit_multi", dest_address=to, short_message="hello", **FROM))
    assert provider.admin("/reset", {}, "POST")[0] == 200
    done = run(provider, bind(), submit(text="hello", destination_addr="48500100201"), receipts(1))
    assert id_in(done["receipts"]["a"][0]) == done["answers"][1]["message_id"]


def test_cancel_sm_without_an_id_takes_all_between_two_addresses(
    start: StartProvider, run: TakeSteps
) -> None:
    provider = start(**FAST)
    elsewhere = {"destination_addr": "48500100299"}
    done = run(
        provider,
        bind(),
        submit(service_type="CMT", **LATER),
        submit(service_type="CMT", **LATER),
        submit(service_type="OTA", **LATER),
        submit(service_type="CMT", **LATER, **elsewhere),
        ask("cancel_sm", service_type="CMT", **FROM, **TO),
        ask("query_sm", message_id="$1.message_id", **FROM),
        ask("query_sm", message_id="$3.message_id", **FROM),
        ask("cancel_sm", **FROM, **TO),
        ask("cancel_sm", **FROM, **TO),
        ask("cancel_sm", **FROM),
    )
    assert statuses(done)[5:] == [0, 0, 0, 0, RCANCELFAIL, RCANCELFAIL]
    assert [done["answers"][n]["message_state"] for n in (6, 7)] == [DELETED, ENROUTE]
    assert provider.state()["gauges"]["scheduled"] == 1


@pytest.mark.parametrize("version", [0x00, 0x33])
def test_an_older_client_is_sent_no_optional_parameter(
    start: StartProvider, run: TakeSteps, version: int
) -> None:
    done = run(start(**FAST), bind(interface_version=version), submit(user_message_reference=1), receipts(1))
    (receipt,) = done["receipts"]["a"]
    assert id_in(receipt) == done["answers"][1]["message_id"]
    tlvs = {"receipted_message_id", "message_state", "network_error_code", "user_message_reference"}
    assert not tlvs & receipt.keys()
    assert "sc_interface_version" not in done["answers"][0]
    modern = run(start(**FAST), bind(), submit(user_message_reference=1), receipts(1))
    assert tlvs <= modern["receipts"]["a"][0].keys()


def test_receipts_go_to_any_live_bind_and_wait_while_there_is_none(
    start: StartProvider, run: TakeSteps
) -> None:
    done = run(
        start(**FAST),
        bind("sender", "transmitter"),
        bind("one", "receiver"),
        bind("two", "receiver"),
        submit("sender"),
        submit("sender"),
        receipts(1, "one"),
        receipts(1, "two"),
        close("one"),
        submit("sender"),
        submit("sender"),
        receipts(3, "two"),
        close("two"),
        submit("sender"),
        bind("three", "transceiver"),
        receipts(1, "three"),
    )
    sent = [answer["message_id"] for answer in done["answers"] if answer and "message_id" in answer]
    came = [id_in(receipt) for session in ("one", "two", "three") for receipt in done["receipts"][session]]
    assert sorted(came) == sorted(sent)


@pytest.mark.parametrize(
    ("coding", "octets", "text"),
    [
        (0x10, b"flash \x1be", "flash €"),
        (0x18, "flash żółw".encode("utf-16-be"), "flash żółw"),
        (0xC8, b"voice\x00mail", "voice@mail"),
        (0xD8, b"2 new messages", "2 new messages"),
        (0xE8, "wiadomość".encode("utf-16-be"), "wiadomość"),
        (0xF5, b"\x01\x02", "0102"),
        (0xFF, b"\x01\x02", "0102"),
    ],
)
def test_codings_that_gateways_pass_on(
    start: StartProvider, run: TakeSteps, coding: int, octets: bytes, text: str
) -> None:
    provider = start(**FAST)
    # node-smpp recodes what it takes for text: the octets go as they are in message_payload.
    done = run(
        provider,
        bind(),
        ask("submit_sm", data_coding=coding, message_payload={"hex": octets.hex()}, **FROM, **TO),
    )
    assert statuses(done) == [0, 0]
    assert captured(provider)[0]["text"] == text


def test_cancel_sm_without_an_id_takes_more_than_a_turn_s_worth(
    start: StartProvider, run: TakeSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "CANCELLED_AT_ONCE", 2)
    provider = start(**FAST)
    done = run(
        provider,
        bind(),
        *(submit(text=f"{n}", **LATER) for n in range(5)),
        ask("cancel_sm", **FROM, **TO),
        ask("cancel_sm", **FROM, **TO),
    )
    assert statuses(done) == [0, *[0] * 5, 0, RCANCELFAIL]
    assert provider.state()["counters"]["cancelled"] == 5
