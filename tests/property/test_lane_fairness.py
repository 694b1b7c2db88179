"""Fairness of a lane over any mix of campaigns: few or many, short messages or long, emptied or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from reference_sender.dispatch.lane import LaneQueue
from reference_sender.dispatch.ticket import TRANSACTIONAL, Ticket
from reference_sender.dispatch.values import Lane, Message

ROUNDS = 40  # turns a campaign has on average
MANY = 50  # more than one turn takes


class WaitingCampaign(Struct, frozen=True):
    """``waiting`` messages wait at any time: with 1, its queue is empty after each service."""

    segments: int
    waiting: int
    sender_id: str


campaigns = st.builds(
    WaitingCampaign,
    segments=st.integers(1, 6),
    waiting=st.sampled_from([1, 1, 2, MANY]),
    sender_id=st.sampled_from(["Shop", "Bank", "Taxi"]),
)


def ticket(campaign: WaitingCampaign, number: int) -> Ticket:
    message = Message(
        *(0, "k", "48500100200", "x", Lane.TRANSACTIONAL, campaign.sender_id, f"c{number}"),
        *(campaign.segments, 0, 10**9),
    )
    return Ticket(message, TRANSACTIONAL, TRANSACTIONAL, message.expires_ns)


def served(
    found: Sequence[WaitingCampaign], max_messages: int, max_segments: int, turns: int
) -> Counter[int]:
    """Segments served by campaign, each of which always wants more."""
    lane = LaneQueue()
    got: Counter[int] = Counter(dict.fromkeys(range(len(found)), 0))
    waiting = [0] * len(found)

    def fill() -> None:
        for number, campaign in enumerate(found):
            while waiting[number] < campaign.waiting:
                lane.put(ticket(campaign, number))
                waiting[number] += 1

    fill()
    for _ in range(turns):
        for taken in lane.take(0, max_messages, max_segments):
            number = int(taken.message.campaign[1:])
            waiting[number] -= 1
            got[number] += taken.message.segments
        fill()
    return got


def most_in_one_turn(campaign: WaitingCampaign, max_messages: int, max_segments: int) -> int:
    return min(campaign.segments * min(campaign.waiting, max_messages), max_segments)


@settings(max_examples=60, deadline=None)
@given(
    found=st.lists(campaigns, min_size=2, max_size=90),
    max_messages=st.sampled_from([1, 3, 20]),
    max_segments=st.sampled_from([6, 25]),
)
@example([WaitingCampaign(6, 50, "Shop")] + [WaitingCampaign(1, 1, "Shop")] * 89, 1, 6)
@example([WaitingCampaign(6, 1, "Shop")] + [WaitingCampaign(1, 50, "Bank")] * 89, 1, 6)
@example(
    [WaitingCampaign(5, 1, "Shop"), WaitingCampaign(1, 50, "Bank"), WaitingCampaign(2, 2, "Taxi")], 3, 25
)
def test_no_campaign_gets_more_than_its_share_in_segments(
    found: list[WaitingCampaign], max_messages: int, max_segments: int
) -> None:
    got = served(found, max_messages, max_segments, ROUNDS * len(found))
    largest = max(most_in_one_turn(each, max_messages, max_segments) for each in found)
    always = [got[number] for number, each in enumerate(found) if each.waiting == MANY]
    drips = [got[number] for number, each in enumerate(found) if each.waiting < MANY]
    if always:  # a drip may want less than its share, but never gets more
        assert max(always) - min(always) <= 2 * largest, (got, largest)
        assert max(drips, default=0) - min(always) <= 2 * largest, (got, largest)


@settings(max_examples=40, deadline=None)
@given(found=st.lists(campaigns, min_size=2, max_size=90))
@example(
    [
        WaitingCampaign(6, 2, "Taxi"),
        WaitingCampaign(6, 50, "Taxi"),
        WaitingCampaign(6, 1, "Taxi"),
        WaitingCampaign(1, 1, "Bank"),
    ]
)
@example([WaitingCampaign(6, 1, "Shop")] * 45 + [WaitingCampaign(1, 1, "Bank")] * 45)
def test_a_campaign_that_runs_empty_after_each_message_still_gets_half_its_share(
    found: list[WaitingCampaign],
) -> None:
    got = served(found, 1, 6, ROUNDS * len(found))
    assert min(got.values()) >= max(got.values()) / 2 - 6, got
