from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from reference_sender.dispatch.lane import LaneQueue
from reference_sender.dispatch.ticket import Ticket
from reference_sender.dispatch.values import State

MakeTicket = Callable[..., Ticket]


def filled(tickets: list[Ticket]) -> LaneQueue:
    lane = LaneQueue()
    for each in tickets:
        lane.put(each)
    return lane


def test_a_batch_keeps_the_order_and_both_limits(ticket: MakeTicket) -> None:
    tickets = [ticket(segments=2) for _ in range(10)]
    lane = filled(tickets)
    assert lane.take(0, max_messages=3, max_segments=100) == tickets[:3]
    assert lane.take(0, max_messages=100, max_segments=5) == tickets[3:5]  # a third would make 6 segments
    assert lane.live == 5


def test_a_batch_holds_one_sender_name(ticket: MakeTicket) -> None:
    lane = filled([ticket(sender_id=name) for name in "ABABAB"])
    names = [{each.message.sender_id for each in lane.take(0, 100, 100)} for _ in range(2)]
    assert names == [{"A"}, {"B"}]
    assert lane.live == 0


def test_a_batch_is_filled_from_several_campaigns(ticket: MakeTicket) -> None:
    lane = filled([ticket(campaign=f"c{number}") for number in range(50)])
    assert len(lane.take(0, 100, 100)) == 50


def test_campaigns_share_by_segments_whatever_their_size_and_sender(ticket: MakeTicket) -> None:
    lane = filled([ticket(campaign="huge") for _ in range(5000)])
    for each in [ticket(campaign="small", sender_id="Other") for _ in range(500)]:
        lane.put(each)
    for each in [ticket(campaign="long", segments=4) for _ in range(500)]:
        lane.put(each)
    got: Counter[str] = Counter()
    for _ in range(30):
        for each in lane.take(0, 20, 1000):
            got[each.message.campaign] += each.message.segments
    assert max(got.values()) - min(got.values()) <= 80  # at most one batch, of 20 messages of 4 segments


def test_single_messages_get_no_more_than_a_fair_share(ticket: MakeTicket) -> None:
    lane = filled([ticket(campaign="bulk") for _ in range(1000)])
    got: Counter[str] = Counter()
    for _ in range(200):
        lane.put(ticket(campaign="drip", sender_id="Other"))  # its queue is empty again after each service
        got.update(each.message.campaign for each in lane.take(0, 1, 10))
    assert abs(got["bulk"] - got["drip"]) <= 2


def test_returned_tickets_are_first_and_in_order(ticket: MakeTicket) -> None:
    tickets = [ticket() for _ in range(5)]
    lane = filled(tickets)
    lane.put_back(lane.take(0, 3, 100))
    assert lane.take(0, 5, 100) == tickets


def test_a_batch_stops_before_an_expired_ticket(ticket: MakeTicket) -> None:
    tickets = [ticket(), ticket(expires_ns=5), ticket()]
    lane = filled(tickets)
    assert lane.take(5, 10, 100) == tickets[:1]
    assert lane.head() is tickets[1]


def test_solo_tickets_go_alone(ticket: MakeTicket) -> None:
    lane = filled([ticket(solo=True) for _ in range(3)] + [ticket() for _ in range(3)])
    assert sorted(len(lane.take(0, 10, 100)) for _ in range(4)) == [1, 1, 1, 3]


def test_tickets_that_ended_are_skipped_and_their_memory_is_given_back(ticket: MakeTicket) -> None:
    tickets = [ticket(campaign=f"c{number % 3}") for number in range(3000)]
    lane = filled(tickets)
    for each in tickets[:-2]:
        each.state = State.EXPIRED
        lane.forget()
    assert lane.kept < 1500
    assert lane.live == 2
    assert lane.take(0, 10, 100) == sorted(tickets[-2:], key=lambda each: each.message.campaign)
    assert lane.head() is None


def test_campaigns_that_are_over_are_forgotten(ticket: MakeTicket) -> None:
    lane = filled([ticket(campaign="endless") for _ in range(3000)])
    for number in range(1000):
        lane.put(ticket(campaign=f"one-{number}"))
        lane.take(0, 2, 10)
    assert lane.campaigns < 200


def test_new_campaigns_do_not_starve_an_old_one(ticket: MakeTicket) -> None:
    lane = filled([ticket(campaign="old") for _ in range(500)])
    got = 0
    for number in range(1000):
        for part in range(2):  # twice what the lane serves
            lane.put(ticket(campaign=f"new-{number}-{part}"))
        got += sum(each.message.campaign == "old" for each in lane.take(0, 1, 10))
    assert got > 3


def test_an_empty_campaign_keeps_its_served_share_when_others_are_removed(ticket: MakeTicket) -> None:
    lane = filled([ticket(campaign="bulk") for _ in range(500)])
    lane.put(ticket(campaign="drip", segments=6))
    while not any(each.message.campaign == "drip" for each in lane.take(0, 1, 6)):
        pass
    for number in range(70):  # more than are remembered for nothing
        lane.put(ticket(campaign=f"one-{number}"))
    lane.put(ticket(campaign="drip", segments=6))
    served: list[str] = []
    while "drip" not in served:
        served += [each.message.campaign for each in lane.take(0, 1, 6)]
    assert served.count("bulk") >= 5  # until it too has had six segments
    assert len(served) > 75


def test_a_new_campaign_starts_where_those_that_wait_stand_by_segments(ticket: MakeTicket) -> None:
    lane = filled([ticket(campaign="bulk") for _ in range(20)])
    lane.put(ticket(campaign="long", segments=6))
    assert [lane.take(0, 1, 6)[0].message.campaign for _ in range(2)] == ["bulk", "long"]
    lane.put(ticket(campaign="new"))
    served: list[str] = []
    while "new" not in served:
        served += [each.message.campaign for each in lane.take(0, 1, 6)]
    # Seven segments were served to two campaigns: the share of each is 3.5, and bulk has had 1.
    assert served == ["bulk"] * 3 + ["new"]


def test_a_batch_is_filled_to_the_last_segment(ticket: MakeTicket) -> None:
    tickets = [ticket(segments=2) for _ in range(3)]
    assert filled(tickets).take(0, 10, max_segments=4) == tickets[:2]
    assert filled(tickets).take(0, 10, max_segments=6) == tickets


def test_many_campaigns_at_once_do_not_make_each_message_search_them(
    ticket: MakeTicket, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[int] = []
    search = LaneQueue.drop_idle_flows

    def counted(lane: LaneQueue) -> None:
        searches.append(1)
        search(lane)

    monkeypatch.setattr(LaneQueue, "drop_idle_flows", counted)
    filled([ticket(campaign=f"c-{number}") for number in range(2000)])
    assert len(searches) <= 6  # at 64 campaigns, and whenever they have doubled
