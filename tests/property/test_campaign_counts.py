"""The dashboard's counts of campaigns, in any order of events and with more campaigns than it keeps."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from dispatch_steps import ticket_of
from messages import made_message
from msgspec import structs

from reference_sender.dispatch import campaign_figures
from reference_sender.dispatch.awaiting import Sent
from reference_sender.dispatch.campaign_figures import CampaignCounts, CountedCampaigns
from reference_sender.dispatch.ticket import lane_index
from reference_sender.dispatch.values import Lane, Message, State

KEPT = 8
NAMES = ["", *(f"c-{number}" for number in range(KEPT + 4))]
ENDS = [State.DELIVERED, State.FAILED, State.EXPIRED]
STEPS = ["new"] * 3 + ["second"] + ["sent"] * 4 + ["ended"] * 4 + ["unsent"]


class CampaignsModel:
    """The counts, and the messages that they are of."""

    def __init__(self) -> None:
        self.figures = CountedCampaigns([])
        self.figures.expect_seconds()
        self.states: dict[Message, State] = {}

    def new(self, name: str, key: str) -> None:
        lane = Lane.OTP if key.endswith("~2") else Lane.MARKETING
        message = made_message(
            len(self.states),
            key=key,
            to="48100200300",
            lane=lane,
            sender_id="",
            campaign=name,
            segments=2,
            expires_ns=9,
        )
        self.figures.accepted([message])
        self.states[message] = State.QUEUED

    def sent(self, message: Message) -> None:
        if self.states[message] is State.QUEUED:
            self.figures.accepted_by_provider([ticket_of(message)], None)
            self.states[message] = State.SENT

    def unsent(self, message: Message, state: State) -> None:
        if self.states[message] is State.QUEUED and state is not State.DELIVERED:
            self.figures.ended_unsent(message, state)
            self.states[message] = state

    def ended(self, message: Message, state: State) -> None:
        before = self.states[message]
        if before is State.SENT or (before in (State.FAILED, State.EXPIRED) and state is State.DELIVERED):
            lane, name = lane_index(message.lane), campaign_figures.counted_under(message)
            sent = Sent(message.message_id, 1, None, 0, lane, 0, before, campaign=name)
            self.figures.ended([sent], state)
            self.states[message] = state

    def check(self) -> None:
        shown = self.figures.newest(99)
        rest = structs.asdict(self.figures.total)
        for counts in shown:
            of_campaign = {key: value for key, value in structs.asdict(counts).items() if key != "name"}
            assert min(of_campaign.values()) >= 0, counts
            for key, value in of_campaign.items():
                rest[key] -= value
        del rest["name"]
        assert min(rest.values()) >= 0, rest
        self.check_sums(self.figures.total)

    def check_campaigns(self) -> None:
        """No campaign has more messages than it was given, and its second messages are none of it."""
        firsts = Counter(each.campaign for each in self.states if not each.key.endswith("~2"))
        assert all(counts.messages <= firsts[counts.name] for counts in self.figures.newest(99))

    def check_sums(self, total: CampaignCounts) -> None:
        states = list(self.states.values())
        assert total.messages == len(states)
        assert (total.waiting, total.sent) == (states.count(State.QUEUED), states.count(State.SENT))
        assert total.waiting_segments == 2 * total.waiting
        assert (total.delivered, total.failed, total.expired) == tuple(states.count(end) for end in ENDS)


@pytest.mark.parametrize("seed", range(20))
def test_no_count_is_ever_negative_and_each_message_is_in_one(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_figures, "MOST_CAMPAIGNS", KEPT)
    draws = Random(seed)
    world = CampaignsModel()
    for number in range(400):
        what, messages = draws.choice(STEPS), list(world.states)
        if what in ("new", "second") or not messages:
            world.new(draws.choice(NAMES), f"k-{number}" + ("~2" if what == "second" else ""))
        else:
            message, end = draws.choice(messages), draws.choice(ENDS)
            if what == "sent":
                world.sent(message)
            elif what == "unsent":
                world.unsent(message, end)
            else:
                world.ended(message, end)
        world.check()
    world.check_campaigns()
