"""Each message of a campaign is in one count, and its cost counts when a provider accepts it."""

from __future__ import annotations

from typing import Any

import pytest
from dispatch_steps import Make, MakeDispatcher, MakeLimits, accepted, all_with, only, ticket_of
from msgspec.structs import asdict, replace
from nanoseconds import S

from reference_sender.dispatch.awaiting import Sent
from reference_sender.dispatch.campaign_figures import CampaignCounts, CountedCampaigns
from reference_sender.dispatch.values import (
    EndedMessage,
    Hedge,
    Lane,
    Message,
    Outcome,
    Recovered,
    Report,
    State,
)


def counts(figures: CountedCampaigns, name: str) -> dict[str, int]:
    """Those that are not 0."""
    (found,) = [each for each in figures.newest(99) if each.name == name]
    return {name: value for name, value in asdict(found).items() if name != "name" and value}


def test_a_campaign_from_acceptance_to_a_late_delivery(
    dispatcher: MakeDispatcher, message: Make, limits: MakeLimits
) -> None:
    core = dispatcher(limits(cost_per_segment=0.03))
    figures = core.campaigns
    sale = [message(campaign="sale", segments=2) for _ in range(3)]
    other = message(campaign="other", lane=Lane.OTP)
    single = message()
    figures.accepted([*sale, other, single])
    assert counts(figures, "sale") == {"waiting": 3, "waiting_segments": 6}
    batch = only(core.offer(0, sale))
    core.answered(S, batch.batch_id, accepted(batch))
    assert counts(figures, "sale") == {"sent": 3, "sent_segments": 6, "cost": 180_000}
    first, second, _ = (each.key for each in sale)
    core.reported(2 * S, [Report(f"p-{first}", first, State.DELIVERED, "")])
    core.reported(2 * S, [Report(f"p-{second}", second, State.FAILED, "undelivered")])
    assert counts(figures, "sale") == {
        "sent": 1,
        "delivered": 1,
        "failed": 1,
        "sent_segments": 6,
        "cost": 180_000,
    }
    core.reported(3 * S, [Report(f"p-{second}", second, State.DELIVERED, "")])
    assert (counts(figures, "sale")["delivered"], figures.total.failed) == (2, 0)
    assert counts(figures, "other") == {"waiting": 1, "waiting_segments": 1}
    assert (figures.total.messages, figures.total.waiting, figures.total.cost) == (5, 2, 180_000)


def test_a_message_that_no_provider_accepts_costs_nothing(
    dispatcher: MakeDispatcher, message: Make, limits: MakeLimits
) -> None:
    core = dispatcher(limits(cost_per_segment=0.03))
    refused, cancelled = message(campaign="sale"), message(campaign="sale")
    core.campaigns.accepted([refused, cancelled])
    batch = only(core.offer(0, [refused]))
    core.answered(S, batch.batch_id, all_with(Outcome.PERMANENT, batch, reason="no"))
    core.end(S, [(cancelled, State.FAILED, "cancelled")])
    assert counts(core.campaigns, "sale") == {"failed": 2}


def test_a_price_list_replaces_the_prices_of_the_routes(
    dispatcher: MakeDispatcher, message: Make, limits: MakeLimits
) -> None:
    core = dispatcher(limits(cost_per_segment=0.03))
    assert core.campaigns.lowest_price == 30_000
    core.campaigns.price_by(lambda each: 7 * each.segments, 5)
    sale = message(campaign="sale", segments=3)
    core.campaigns.accepted([sale])
    batch = only(core.offer(0, [sale]))
    core.answered(S, batch.batch_id, accepted(batch))
    assert counts(core.campaigns, "sale")["cost"] == 21
    assert core.campaigns.lowest_price == 5
    assert dispatcher().campaigns.lowest_price is None  # no prices at all


def test_a_restart_continues_the_counts(
    dispatcher: MakeDispatcher, message: Make, limits: MakeLimits
) -> None:
    core = dispatcher(limits(cost_per_segment=0.03))
    queued, sent = message(campaign="sale"), message(campaign="sale", segments=2)
    recovered = [
        Recovered(queued, State.QUEUED, 0, None, None),
        Recovered(sent, State.SENT, 1, "p-9", 0, "a"),
    ]
    core.campaigns.recovered(recovered)
    core.campaigns.earlier(CampaignCounts("sale", delivered=7, failed=1, sent_segments=8, cost=240_000))
    core.recover(S, recovered)
    assert counts(core.campaigns, "sale") == {
        "waiting": 1,
        "sent": 1,
        "delivered": 7,
        "failed": 1,
        "waiting_segments": 1,
        "sent_segments": 10,
        "cost": 300_000,
    }
    assert core.campaigns.total.cost == 0  # this process has spent nothing
    core.reported(2 * S, [Report("p-9", sent.key, State.DELIVERED, "")])
    assert counts(core.campaigns, "sale")["delivered"] == 8


@pytest.fixture
def figures() -> CountedCampaigns:
    return CountedCampaigns([])


def of(name: str, **changes: Any) -> Message:
    values: dict[str, Any] = {"message_id": 1, "key": "k", "to": "48100200300", "text": "x"}
    values |= {"lane": Lane.MARKETING, "sender_id": "", "segments": 1, "created_ns": 0, "expires_ns": S}
    return Message(campaign=name, **values | changes)


def test_open_campaigns_come_first_and_the_newest_first(figures: CountedCampaigns) -> None:
    for name in ("one", "two", "three", "four"):
        figures.accepted([of(name)])
    for name in ("two", "four"):
        figures.ended_unsent(of(name), State.EXPIRED)
    assert [each.name for each in figures.newest(9)] == ["three", "one", "four", "two"]
    assert [each.name for each in figures.newest(3)] == ["three", "one", "four"]


def test_the_number_of_campaigns_is_limited(figures: CountedCampaigns) -> None:
    for number in range(1_000):
        figures.accepted([of(f"c-{number}")])
    figures.accepted([of("one more")])
    assert len(figures) == 1_000  # none has ended: one more is not counted
    for number in range(500):
        figures.ended_unsent(of(f"c-{number}"), State.EXPIRED)
    figures.accepted([of("one more")])
    assert len(figures) == 1_000  # it has an open message in the rest, so the next ones are there too
    for _ in range(2):
        figures.ended_unsent(of("one more"), State.EXPIRED)
    figures.accepted([of("one more")])
    assert counts(figures, "one more") == {"waiting": 1, "waiting_segments": 1}
    assert figures.newest(1)[0].name == "one more"
    assert len(figures) == 876
    assert (figures.total.waiting, figures.total.expired) == (501, 502)


def test_more_open_campaigns_than_are_kept_have_no_negative_count(figures: CountedCampaigns) -> None:
    figures.accepted([of(f"c-{number}") for number in range(1_000)])
    big = [of("big", message_id=number) for number in range(100)]
    figures.accepted(big[:50])
    figures.accepted_by_provider([ticket_of(of("c-0"))], None)
    figures.ended([Sent(1, 1, "p", 1, 2, 0, campaign="c-0")], State.DELIVERED)
    figures.accepted(big[50:])
    figures.accepted_by_provider(list(map(ticket_of, big)), None)
    assert [each for each in figures.newest(2_000) if min(each.waiting, each.sent) < 0] == []
    assert (figures.total.waiting, figures.total.sent) == (999, 100)


def test_a_late_report_of_a_campaign_that_began_again_is_counted_where_its_message_is(
    figures: CountedCampaigns,
) -> None:
    figures.accepted([of("old")])
    figures.ended_unsent(of("old"), State.EXPIRED)
    figures.accepted([of(f"c-{number}") for number in range(1_000)])  # "old" is in the rest now
    figures.ended_unsent(of("c-0"), State.EXPIRED)
    figures.accepted([of("old")])
    figures.ended([Sent(1, 1, "p", 1, 2, 0, State.EXPIRED, campaign="old")], State.DELIVERED)
    assert counts(figures, "old") == {"waiting": 1, "waiting_segments": 1}
    assert (figures.total.expired, figures.total.delivered) == (1, 1)


def test_a_second_message_is_in_no_campaign_and_its_cost_is(
    dispatcher: MakeDispatcher, message: Make, limits: MakeLimits
) -> None:
    routes = [limits(name=name, cost_per_segment=0.03) for name in ("a", "b")]
    core = dispatcher(*routes, hedge_otp_after_s=15)
    otp = message(campaign="logins", lane=Lane.OTP)
    core.campaigns.accepted([otp])
    batch = only(core.offer(0, [otp]))
    core.answered(0, batch.batch_id, accepted(batch))
    (hedge,) = [each.message for each in core.advance(15 * S) if isinstance(each, Hedge)]
    second = replace(hedge, message_id=99)
    core.campaigns.accepted([second])
    assert counts(core.campaigns, "logins") == {"sent": 1, "sent_segments": 1, "cost": 30_000}
    batch = only(core.offer(15 * S, [second]))
    core.answered(16 * S, batch.batch_id, accepted(batch))
    spent = {"sent_segments": 2, "cost": 60_000}
    assert counts(core.campaigns, "logins") == {"sent": 1} | spent
    core.reported(17 * S, [Report(f"p-{second.key}", second.key, State.DELIVERED, "")])
    assert counts(core.campaigns, "logins") == {"delivered": 1} | spent
    assert (core.campaigns.total.messages, core.campaigns.total.delivered) == (2, 2)


def test_a_batch_may_have_messages_of_several_campaigns_and_second_messages(
    message: Make, limits: MakeLimits
) -> None:
    together, alone = (CountedCampaigns([limits(cost_per_segment=0.03)]) for _ in range(2))
    first = [message(campaign=name, lane=Lane.OTP, segments=2) for name in ("may", "may", "june", "", "may")]
    second = [replace(each, key=f"{each.key}~2") for each in first]
    batch = [each for pair in zip(first, second, strict=True) for each in pair]
    for figures in (together, alone):
        figures.expect_seconds()
        figures.accepted(batch)
    together.accepted_by_provider(list(map(ticket_of, batch)), "a")
    for each in batch:
        alone.accepted_by_provider([ticket_of(each)], "a")
    assert together.newest(9) == alone.newest(9)
    assert together.total == alone.total
    assert counts(together, "may") == {"sent": 3, "sent_segments": 12, "cost": 360_000}
    assert (together.total.sent, together.total.waiting, together.total.cost) == (10, 0, 600_000)


@pytest.mark.parametrize("state", [State.QUEUED, State.SENT])
def test_a_second_message_of_an_earlier_process_is_in_no_campaign(
    dispatcher: MakeDispatcher, message: Make, limits: MakeLimits, state: State
) -> None:
    core = dispatcher(limits(name="a", cost_per_segment=0.03), limits(name="b"))
    otp = message(campaign="logins", lane=Lane.OTP)
    second = replace(otp, message_id=99, key=f"{otp.key}~2")
    recovered = [
        Recovered(otp, State.SENT, 1, "p-1", 0, "b"),
        Recovered(second, state, 1, "p-2" if state is State.SENT else None, 0, "a"),
    ]
    core.campaigns.recovered(recovered)
    core.recover(S, recovered)
    core.reported(2 * S, [Report("p-2", second.key, State.DELIVERED, "")])
    core.reported(2 * S, [Report("p-1", otp.key, State.DELIVERED, "")])
    assert counts(core.campaigns, "logins") == {"delivered": 1, "sent_segments": 2, "cost": 30_000}
    assert (core.campaigns.total.delivered, core.campaigns.total.sent) == (2, 0)


def test_a_late_report_of_another_process_counts_the_message_once(figures: CountedCampaigns) -> None:
    for name in ("may", "june"):
        figures.accepted([of(name)])
    figures.earlier(CampaignCounts("may", failed=2))
    for name in ("may", "june", ""):
        figures.ended_elsewhere(name, State.FAILED)
        figures.ended([Sent(1, 1, "p", 1, 2, 0, State.FAILED, campaign=name)], State.DELIVERED)
    assert counts(figures, "may") == {"waiting": 1, "waiting_segments": 1, "failed": 1, "delivered": 1}
    assert counts(figures, "june") == {"waiting": 1, "waiting_segments": 1, "delivered": 1}
    assert (figures.total.delivered, figures.total.failed) == (3, 0)


@pytest.mark.parametrize(("ended_s", "times"), [(2, 1), (0, 2)])
def test_a_late_report_of_a_message_that_is_kept_no_longer_counts_it_once(
    dispatcher: MakeDispatcher, message: Make, ended_s: int, times: int
) -> None:
    """This process ended it and has counted it. One that ended before is of an earlier process."""
    core = dispatcher(late_reports=2)
    sale = [message(campaign="sale") for _ in range(4)]
    core.campaigns.accepted(sale)
    batch = only(core.offer(0, sale))
    core.answered(S, batch.batch_id, accepted(batch))
    for number, each in enumerate(sale):
        core.reported((2 + number) * S, [Report(f"p-{each.key}", each.key, State.FAILED, "undelivered")])
    late = Report(f"p-{sale[0].key}", sale[0].key, State.DELIVERED, "")
    core.reported(9 * S, [late])
    assert core.campaigns.total.delivered == 0, "it is not kept"
    ended = EndedMessage(sale[0], State.FAILED, 1, late.provider_id, "a", ended_s * S)
    core.found_ended(9 * S, [ended], [late])
    total = core.campaigns.total
    assert (total.delivered, total.failed, total.messages) == (1, 2 + times, 3 + times)
