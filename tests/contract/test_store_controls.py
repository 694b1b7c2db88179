"""What every store must do with holds, campaigns, costs, opt-outs, dead letters and old messages."""

from __future__ import annotations

import time

import pytest
from messages import made_message
from msgspec.structs import replace
from store_nodes import OpenStore

from reference_sender.dispatch.values import Change, Lane, Message, State
from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState
from reference_sender.policy.opt_out import OptOut
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.policy.spending import Spent
from reference_sender.store import DeadLetterFilter, Hold, OptIn, Store, StoreError, Work
from reference_sender.store.campaign_reports import ReportMade, ReportOrder
from reference_sender.store.protocol import Control
from reference_sender.store.rule_purge import OldRules, RulePlace

DAY_NS = 86_400_000_000_000


def message(number: int, campaign: str = "may", lane: Lane = Lane.MARKETING, created_ns: int = 10) -> Message:
    return made_message(
        number,
        text="Sale",
        lane=lane,
        sender_id="Shop",
        campaign=campaign,
        created_ns=created_ns,
        expires_ns=10**6,
    )


def ended(number: int, state: State, reason: str = "", at_ns: int = 20) -> Change:
    return Change(number, f"k-{number}", state, reason, None, 1, at_ns)


def test_a_hold_is_kept_with_its_message_and_can_be_changed(open_it: OpenStore) -> None:
    held = replace(message(1), not_before_ns=500, keeps_hours=True)
    scheduled = replace(message(3), not_before_ns=700)
    store = open_it()
    store.commit(Work([held, message(2), scheduled]))
    assert [each.message for each in open_it().unfinished()] == [held, message(2), scheduled]

    open_it().commit(Work(controls=[Hold(1, 900), Hold(2, 900)]))
    found = [each.message for each in open_it().unfinished()]
    assert found == [replace(held, not_before_ns=900), message(2), scheduled]


def test_the_last_of_several_holds_of_a_message_in_a_commit_counts(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([replace(message(n), not_before_ns=500) for n in range(1, 5)]))
    open_it().commit(Work(controls=[Hold(3, 600), Hold(1, 700), Hold(3, 800), Hold(9, 900)]))
    assert [each.message.not_before_ns for each in open_it().unfinished()] == [700, 500, 800, 500]


def test_the_hold_of_a_message_whose_key_is_in_use_is_not_kept(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1)]))
    assert set(store.commit(Work([replace(message(2), key="k-1", not_before_ns=500)]))) == {2}
    store.commit(Work([message(2)]))
    assert [each.message.not_before_ns for each in open_it().unfinished()] == [0, 0]


def test_campaigns_keep_their_last_state(open_it: OpenStore) -> None:
    store = open_it()
    may, june = CampaignChange("may", spending_limit=5_000_000), CampaignChange("june")
    store.commit(Work(controls=[may, june, CampaignChange("may", CampaignState.PAUSED)]))
    store = open_it()
    paused = Campaign("may", CampaignState.PAUSED, 5_000_000)
    assert store.campaigns() == [Campaign("june"), paused]
    assert (store.campaigns("may"), store.campaigns("ma")) == ([paused], [])


def test_a_change_of_a_campaign_leaves_what_it_does_not_name(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work(controls=[CampaignChange("may", CampaignState.PAUSED, 5)]))
    store.commit(Work(controls=[CampaignChange("may", spending_limit=7)]))
    store.commit(Work(controls=[CampaignChange("may")]))
    assert store.campaigns() == [Campaign("may", CampaignState.PAUSED, 7)]
    store.commit(Work(controls=[CampaignChange("may", CampaignState.RUNNING)]))
    assert open_it().campaigns() == [Campaign("may", CampaignState.RUNNING, 7)]


def test_a_cancelled_campaign_stays_cancelled_whatever_another_node_thinks(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work(controls=[CampaignChange("may", CampaignState.CANCELLED, 5)]))
    store.commit(Work(controls=[CampaignChange("may", CampaignState.RUNNING)]))
    assert store.campaigns() == [Campaign("may", CampaignState.CANCELLED, 5)]


def test_the_cost_of_a_message_whose_key_is_in_use_is_in_no_total(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1)], controls=[Spent("may", 1, 7)], reserved=[(1, Spent("may", 1, 7))]))
    work = Work(
        [replace(message(2), key="k-1"), message(3), replace(message(4), key="k-3", campaign="june")],
        controls=[Spent("may", 1, 21), Spent("june", 2, 7)],
        reserved=[(2, Spent("may", 1, 7)), (3, Spent("may", 1, 7)), (4, Spent("june", 2, 7))],
    )
    assert set(store.commit(work)) == {2, 4}
    store = open_it()
    assert [store.spent(campaign) for campaign in ("may", "june")] == [14, 0]


def test_costs_are_totals_by_campaign_and_by_day(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work(controls=[Spent("may", 1, 100), Spent("may", 2, 20), Spent("", 2, 3)]))
    store.commit(Work(controls=[Spent("may", 1, 60)]))
    store = open_it()
    assert [store.spent(campaign) for campaign in ("may", "", "june")] == [80, 3, 0]
    assert set(store.spending()) == {Spent("may", 1, 60), Spent("may", 2, 20), Spent("", 2, 3)}


def test_a_commit_that_fails_keeps_no_control(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1)]))
    with pytest.raises(StoreError):
        other = replace(message(1), key="another key, same id")
        store.commit(
            Work([other], controls=[Spent("may", 1, 5), OptOut("48500100200", 1), CampaignChange("may")])
        )
    store = open_it()
    assert (store.spending(), store.opt_outs("", 9), store.campaigns()) == ([], [], [])


def test_messages_over_a_limit_are_counted_while_they_may_still_be_sent(open_it: OpenStore) -> None:
    store = open_it()
    over = [replace(message(n), not_before_ns=FOREVER + n) for n in range(1, 8)]
    over[2] = replace(over[2], campaign="june")
    over[3] = replace(over[3], campaign="gone")
    over[4] = replace(over[4], expires_ns=500)
    controls: list[Control] = [Hold(6, 7), CampaignChange("gone", CampaignState.CANCELLED)]
    store.commit(Work([*over, replace(message(8), not_before_ns=9), message(9)], controls=controls))
    store.commit(Work(changes=[ended(7, State.FAILED, "opted_out")]))
    assert store.over_limits(500) == {"may": 2, "june": 1}
    assert store.over_limits(499) == {"may": 3, "june": 1}
    assert open_it().over_limits(10**6) == {}


def test_opt_outs_are_listed_in_pages_and_taken_off(open_it: OpenStore) -> None:
    store = open_it()
    numbers = [f"4850010020{digit}" for digit in range(5)]
    store.commit(Work(controls=[OptOut(number, 7) for number in reversed(numbers)]))
    store.commit(Work(controls=[OptIn(numbers[3]), OptOut(numbers[0], 9), OptIn("48999999999")]))
    store = open_it()
    assert store.opt_outs("", 2) == [OptOut(numbers[0], 9), OptOut(numbers[1], 7)]
    assert [each.number for each in store.opt_outs(numbers[1], 9)] == [numbers[2], numbers[4]]


def test_dead_letters_are_filtered_and_paged(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1), message(2), message(3, "june"), message(4, lane=Lane.OTP), message(5)]))
    store.commit(
        Work(
            changes=[
                ended(1, State.FAILED, "error 13"),
                ended(2, State.DELIVERED),
                ended(3, State.EXPIRED, "no_report"),
                ended(4, State.EXPIRED, "expired"),
            ]
        )
    )

    def found(after_id: int = 0, limit: int = 9, **wanted: object) -> list[int]:
        records = store.dead_letters(DeadLetterFilter(**wanted), after_id, limit)  # type: ignore[arg-type]
        return [record.message.message_id for record in records]

    assert found() == [1, 3, 4]
    assert found(limit=2) == [1, 3]
    assert found(after_id=3) == [4]
    assert found(campaign="may") == [1, 4]
    assert found(reason="no_report") == [3]
    assert found(lane=Lane.OTP, campaign="may") == [4]
    assert found(campaign="may", reason="no_report") == []


def test_dead_letters_are_found_by_route_and_time_and_counted_by_reason(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(number) for number in range(1, 6)]))
    changes = [
        replace(ended(1, State.FAILED, "error 13", 100), route="cheap"),
        replace(ended(2, State.FAILED, "error 13", 200), route="fast"),
        replace(ended(3, State.EXPIRED, "expired", 300), route=None),
        replace(ended(4, State.FAILED, "error 8", 300), route="cheap"),
        replace(ended(5, State.DELIVERED, "", 200), route="cheap"),
    ]
    store.commit(Work(changes=changes))

    def found(**wanted: object) -> list[int]:
        which = DeadLetterFilter(**wanted)  # type: ignore[arg-type]
        ids = [record.message.message_id for record in store.dead_letters(which, 0, 9)]
        assert sum(store.count_dead_letters(which).values()) == len(ids)
        return ids

    assert found(route="cheap") == [1, 4]
    assert found(since_ns=200) == [2, 3, 4]
    assert found(until_ns=300) == [1, 2]
    assert found(since_ns=101, until_ns=300, reason="error 13") == [2]
    assert store.count_dead_letters(DeadLetterFilter()) == {"error 13": 2, "expired": 1, "error 8": 1}


def test_second_messages_are_no_dead_letters_and_pages_stay_full(open_it: OpenStore) -> None:
    store = open_it()
    keys = {1: "k-1", 2: "k-1~2", 3: "k-3", 4: "k-3~2", 5: "k-5~20", 6: "k~2-6"}
    store.commit(Work([replace(message(number), key=key) for number, key in keys.items()]))
    changes = [replace(ended(number, State.EXPIRED, "expired"), key=key) for number, key in keys.items()]
    store.commit(Work(changes=changes))

    def found(after_id: int, limit: int) -> list[int]:
        records = store.dead_letters(DeadLetterFilter(campaign="may"), after_id, limit)
        return [record.message.message_id for record in records]

    assert (found(0, 2), found(3, 2)) == ([1, 3], [5, 6])
    assert store.count_dead_letters(DeadLetterFilter()) == {"expired": 4}


def test_messages_are_found_by_their_keys(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1), replace(message(2), key="k-1~2"), message(3)]))
    store.commit(Work(changes=[replace(ended(2, State.EXPIRED, "no_report"), key="k-1~2")]))
    found = {each.message.key: each for each in store.with_keys(["k-1~2", "k-3", "k-9"])}
    assert sorted(found) == ["k-1~2", "k-3"]
    assert (found["k-1~2"].state, found["k-1~2"].reason) == (State.EXPIRED, "no_report")
    assert found["k-3"].state is State.QUEUED
    assert store.with_keys([]) == []


def test_a_purge_removes_old_final_messages_in_steps(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(n, created_ns=n) for n in range(1, 10)]))
    store.commit(Work(changes=[ended(n, State.DELIVERED, at_ns=100) for n in (1, 2, 4, 5, 6, 9)]))
    store.commit(Work(changes=[ended(7, State.FAILED, at_ns=300)]))
    seen, after_id = [], 0
    while True:
        step = store.purge(200, after_id, 3)
        seen.append(step.count)
        if step.last_id is None:
            break
        after_id = step.last_id
    assert seen == [2, 3, 0]
    # 3 and 8 have not ended, 7 ended too late, and the highest id is never removed.
    assert [record.message.message_id for record in open_it().records(0, 99)] == [3, 7, 8, 9]
    assert open_it().purge(5, 0, 3).count == 0


def test_a_purge_leaves_what_was_created_later_and_ids_are_not_given_again(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1, created_ns=5), message(2, created_ns=50)]))
    store.commit(Work(changes=[ended(1, State.DELIVERED, at_ns=6), ended(2, State.DELIVERED, at_ns=6)]))
    step = store.purge(40, 0, 100)
    assert (step.count, step.last_id) == (1, None)
    assert store.purge(1_000, 0, 100).count == 0
    assert open_it().identity().last_message_id >= 2
    # The key of a removed message is free again.
    assert open_it().commit(Work([replace(message(3), key="k-1")])) == {}


def test_a_purge_does_not_end_at_a_message_that_is_dated_later(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(n, created_ns=1_000 if n < 5 else 10) for n in range(1, 9)]))
    store.commit(Work(changes=[ended(n, State.DELIVERED, at_ns=1_000 if n < 5 else 10) for n in range(1, 9)]))
    step = store.purge(100, 0, 2)
    assert (step.count, step.last_id, step.is_young) == (0, 2, True)
    step = store.purge(100, 2, 3)
    assert (step.count, step.last_id, step.is_young) == (1, 5, False)
    assert not store.purge(100, 8, 3).is_young
    assert store.purge(100, 5, 99).count == 2


def test_a_purged_message_leaves_no_hold_behind(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([replace(message(1), not_before_ns=9), message(2)]))
    store.commit(Work(changes=[ended(1, State.FAILED)]))
    assert store.purge(1_000, 0, 10).count == 1
    assert [record.message.message_id for record in open_it().records(0, 9)] == [2]


@pytest.mark.parametrize("reopened", [False, True])
def test_a_change_of_a_purged_message_is_not_kept(open_it: OpenStore, reopened: bool) -> None:
    store = open_it()
    store.commit(Work([message(1), message(2), message(3)], [ended(1, State.EXPIRED, "no_report")]))
    assert store.purge(1_000, 0, 10).count == 1
    if reopened:
        store = open_it()
    late = [ended(number, State.DELIVERED, at_ns=30) for number in (1, 2)]
    store.commit(Work(changes=late))
    states = [(record.message.message_id, record.state) for record in store.records(0, 9)]
    assert states == [(2, State.DELIVERED), (3, State.QUEUED)]
    # A row that was kept would be the state of this message.
    store.commit(Work([replace(message(1), key="k-other")]))
    assert [record.state for record in store.records(0, 1)] == [State.QUEUED]


NOW_NS = time.time_ns()
TODAY = NOW_NS // DAY_NS
NOT_YET, ALL = OldRules(0, 0), OldRules(NOW_NS + DAY_NS, TODAY)


def purge_rules(store: Store, old: OldRules, limit: int = 2) -> int:
    """A whole pass; returns the number of steps."""
    steps = 0
    place: RulePlace | None = RulePlace()
    while place is not None:
        steps, place = steps + 1, store.purge_rules(old, place, limit)
    return steps


def test_old_controls_costs_and_reports_of_campaigns_are_removed_in_steps(open_it: OpenStore) -> None:
    store = open_it()
    names = [f"c-{number}" for number in range(5)]
    changes = [CampaignChange(name, CampaignState.CANCELLED, 5, NOW_NS) for name in names]
    store.commit(Work(controls=changes))
    store.commit(Work(controls=[Spent(name, TODAY - 9, 3) for name in (*names, "")]))
    store.commit(Work(controls=[ReportOrder("c-1", 10), ReportMade("c-1", 10, b"{}", 20, False)]))
    assert purge_rules(store, NOT_YET) > 3
    assert (len(store.campaigns()), len(store.spending())) == (5, 6)
    assert store.campaign_report("c-1") is not None
    assert purge_rules(store, ALL) >= 3 + 2 + 3
    store = open_it()
    assert (store.campaigns(), store.spending(), store.campaign_report("c-1")) == ([], [], None)
    # A new campaign of that name has nothing of the old one.
    store.commit(Work(controls=[CampaignChange("c-1", spending_limit=7)]))
    assert (store.campaigns(), store.spent("c-1")) == ([Campaign("c-1", spending_limit=7)], 0)


def test_a_campaign_stays_while_it_has_messages_a_young_report_or_late_costs(open_it: OpenStore) -> None:
    store = open_it()
    names = ["costs", "made late", "mail", "messages", "old"]
    store.commit(Work([message(1, "messages"), message(2, "")]))
    store.commit(Work(controls=[CampaignChange(name, spending_limit=9) for name in names]))
    store.commit(Work(controls=[ReportOrder(name, 10) for name in ("made late", "mail", "messages")]))
    store.commit(
        Work(
            controls=[
                ReportMade("made late", 10, b"{}", 2 * NOW_NS, False),
                ReportMade("mail", 10, b"{}", NOW_NS, True),
                ReportMade("messages", 10, b"{}", 20, False),
                Spent("costs", TODAY, 4),
                Spent("costs", TODAY - 1, 4),
                Spent("old", TODAY - 1, 4),
            ]
        )
    )
    purge_rules(store, ALL)
    assert [each.name for each in store.campaigns()] == names[:-1]
    assert store.controlled([*names, "other"]) == frozenset(names[:-1])
    # With a spending limit all days count, and without one none of the old ones.
    assert sorted((each.campaign, each.day) for each in store.spending()) == [
        ("costs", TODAY - 1),
        ("costs", TODAY),
    ]
    assert {each.campaign for each in store.reports_waiting()} == {"mail"}
    store.commit(Work(changes=[ended(1, State.DELIVERED)]))
    store.purge(NOW_NS, 0, 10)
    purge_rules(store, ALL)
    assert [each.name for each in store.campaigns()] == ["costs", "made late", "mail"]
    assert store.campaign_report("messages") is None


def test_controls_that_changed_lately_stay(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work(controls=[CampaignChange("may", CampaignState.PAUSED, at_ns=NOW_NS)]))
    purge_rules(store, OldRules(NOW_NS - DAY_NS, TODAY))
    assert [each.name for each in store.campaigns()] == ["may"]


def test_the_costs_of_old_days_go_if_the_campaign_has_no_limit(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1, "may"), message(2, "june")], controls=[CampaignChange("may")]))
    days = [Spent(name, day, 5) for name in ("", "june", "may") for day in range(TODAY - 4, TODAY + 1)]
    store.commit(Work(controls=days))
    purge_rules(store, OldRules(NOW_NS, TODAY - 1), limit=4)
    left = [(name, day) for name in ("", "june", "may") for day in (TODAY - 1, TODAY)]
    assert sorted((each.campaign, each.day) for each in open_it().spending()) == left
