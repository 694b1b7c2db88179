"""Which session a receipt goes to, and what the engine hears of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mock_provider.engine.values import DeliveryReport, MessageState, SendProgress, SendReports
from mock_provider.protocols.smpp.effects import Answered
from mock_provider.protocols.smpp.group_ids import GroupIds
from mock_provider.protocols.smpp.pdu import read_short_message
from mock_provider.protocols.smpp.receipts import ReceiptWriter
from mock_provider.settings.protocols import SmppSettings
from mock_provider.smpp.receipts import ReceiptLinks

MEMO = "\x12\x01\x0148500100200\0\x05\0X\x002611221200\0text"


class FakeLink:
    """A session with room for this number of receipts."""

    knows_tlvs = True

    def __init__(self, room: int) -> None:
        self.room = room
        self.tags: list[object] = []
        self.bodies: list[bytes] = []

    def deliver(self, tag: object, body: bytes) -> None:
        self.room -= 1
        self.tags.append(tag)
        self.bodies.append(body)


class AnsweredReceipts:
    """Links, and the batches that they answered and deferred."""

    def __init__(self, most_waiting: int = 100) -> None:
        self.answered: list[tuple[int, bool]] = []
        self.deferred: list[Callable[[], None]] = []
        self.now_ns = 0
        self.links = ReceiptLinks(
            lambda batch_id, confirmed: self.answered.append((batch_id, confirmed)),
            self.deferred.append,
            lambda: self.now_ns,
        )
        self.links.use(ReceiptWriter(SmppSettings(), 0, GroupIds()), most_waiting)


def reports(batch_id: int, *states: MessageState, url: str = "esme") -> SendReports:
    found = tuple(
        DeliveryReport(
            provider_id=f"{n:x}",
            client_ref=None,
            msisdn="48500100200",
            sender_id="X",
            state=state,
            reason="",
            t_state_ns=0,
            segments=1,
            price=0.1,
            mcc="",
            mnc="",
            t_sent_ns=0,
            memo=MEMO,
        )
        for n, state in enumerate(states)
    )
    return SendReports(batch_id, url, found, 1, "smpp")


OK, FAILED = MessageState.DELIVERED, MessageState.UNDELIVERED


def test_a_batch_is_confirmed_when_all_its_receipts_were_taken() -> None:
    bench, link = AnsweredReceipts(), FakeLink(10)
    bench.links.add("esme", link)
    bench.links.deliver(reports(1, OK, OK))
    bench.links.answered(Answered(link.tags[0], True))
    assert bench.answered == []
    bench.links.answered(Answered(link.tags[1], True))
    assert bench.answered == [(1, True)]


def test_one_receipt_refused_is_a_batch_to_send_again() -> None:
    bench, link = AnsweredReceipts(), FakeLink(10)
    bench.links.add("esme", link)
    bench.links.deliver(reports(1, OK, OK))
    bench.links.answered(Answered(link.tags[0], False))
    bench.links.answered(Answered(link.tags[1], True))
    assert bench.answered == [(1, False)]


def test_sessions_take_turns_as_far_as_their_windows_reach() -> None:
    bench, one, two = AnsweredReceipts(), FakeLink(1), FakeLink(2)
    bench.links.add("esme", one)
    bench.links.add("esme", two)
    bench.links.deliver(reports(1, OK, OK, OK, OK))
    assert (len(one.tags), len(two.tags), bench.links.queued) == (1, 2, 1)
    one.room = 5
    bench.links.send_on("esme")
    assert (len(one.tags), bench.links.queued) == (2, 0)
    bench.links.deliver(reports(2, OK))
    bench.links.remove("esme", one)
    bench.links.deliver(reports(3, OK))
    assert bench.links.queued == 1


def test_receipts_of_a_system_id_without_a_session_wait_for_one() -> None:
    bench, stranger, link = AnsweredReceipts(), FakeLink(9), FakeLink(9)
    bench.links.add("other", stranger)
    bench.links.deliver(reports(1, OK))
    assert bench.links.queued == 1
    bench.links.add("esme", link)
    assert (len(stranger.tags), len(link.tags)) == (0, 1)


def test_receipts_of_a_session_that_closed_go_to_another_in_their_order() -> None:
    bench, one, two = AnsweredReceipts(), FakeLink(2), FakeLink(0)
    bench.links.add("esme", one)
    bench.links.add("esme", two)
    bench.links.deliver(reports(1, OK, OK, OK))
    bench.links.remove("esme", one)
    two.room = 9
    bench.links.take_back("esme", one.tags)
    assert two.tags[:2] == one.tags
    assert (len(two.tags), bench.links.queued) == (3, 0)
    for tag in two.tags:
        bench.links.answered(Answered(tag, True))
    assert bench.answered == [(1, True)]


def test_receipts_of_the_last_session_that_closed_wait_for_the_next() -> None:
    bench, one, two = AnsweredReceipts(), FakeLink(2), FakeLink(2)
    bench.links.add("esme", one)
    bench.links.deliver(reports(1, OK))
    bench.links.remove("esme", one)
    bench.links.take_back("esme", one.tags)
    assert (bench.links.queued, bench.answered) == (1, [])
    bench.links.add("esme", two)
    assert two.tags == one.tags


def test_above_its_bound_a_receipt_goes_back_to_the_engine_s_schedule() -> None:
    bench = AnsweredReceipts(most_waiting=2)
    bench.links.deliver(reports(1, OK, OK))
    bench.links.deliver(reports(2, OK))
    (report,) = reports(3, MessageState.OPEN).reports
    bench.links.deliver(SendProgress("esme", report, "smpp"))
    assert (bench.links.queued, bench.answered, len(bench.deferred)) == (2, [], 1)
    bench.deferred[0]()
    assert bench.answered == [(2, False)]


@pytest.mark.parametrize("knows_tlvs", [True, False])
def test_each_session_gets_the_form_its_peer_knows(knows_tlvs: bool) -> None:
    bench, link = AnsweredReceipts(), FakeLink(9)
    link.knows_tlvs = knows_tlvs
    bench.links.add("esme", link)
    bench.links.deliver(reports(1, OK))
    assert bool(read_short_message(link.bodies[0]).tlvs) is knows_tlvs


def test_receipts_that_waited_too_long_are_given_back_to_the_engine() -> None:
    bench = AnsweredReceipts()
    bench.links.deliver(reports(1, OK))
    bench.now_ns = 10
    bench.links.deliver(reports(2, OK))
    bench.links.expire(10)
    assert bench.answered == [(1, False)]
    assert bench.links.queued == 1


def test_an_intermediate_notification_needs_no_answer() -> None:
    bench, link = AnsweredReceipts(), FakeLink(9)
    bench.links.add("esme", link)
    (report,) = reports(1, MessageState.OPEN).reports
    bench.links.deliver(SendProgress("esme", report, "smpp"))
    bench.links.answered(Answered(link.tags[0], False))
    assert bench.answered == []


def test_a_reset_forgets_what_waits() -> None:
    bench = AnsweredReceipts()
    bench.links.deliver(reports(1, OK))
    bench.links.drop_queued()
    bench.links.expire(100)
    assert (bench.links.queued, bench.answered) == (0, [])
