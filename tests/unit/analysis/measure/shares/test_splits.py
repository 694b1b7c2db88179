"""Runs whose rows are given, so that every share can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nanoseconds import S
from run_builder import Build, RunBuilder

from analysis.fault_effects import RecordedEffect
from analysis.findings import Reach
from analysis.first_screen.values import as_text
from analysis.measure.outcomes import judge
from analysis.measure.shares.delays import split_run
from analysis.measure.shares.why_missed import to_negotiate, why_missed
from analysis.model import PartReport
from analysis.part import analyse_part
from analysis.quantile import Quantile
from analysis.read.journeys import read_journeys
from analysis.records import RecordedFault, Timing, read_manifest
from analysis.render import tables_findings
from analysis.report import build_report

START_NS = 7_000 * S
DRAIN = {"accept_queue": {"drain_segments_per_s": 1.0}}


def analysed(run: RunBuilder, **manifest: Any) -> PartReport:
    run_dir = run.write(**manifest)
    return analyse_part(run_dir, read_manifest(run_dir), "made")


def shares_s(run: RunBuilder, **manifest: Any) -> list[dict[str, float]]:
    """Each message's shares in seconds, in the order of the load's rows."""
    run_dir = run.write(**manifest)
    read = read_manifest(run_dir)
    journeys = read_journeys(run_dir, read)
    split = split_run(journeys, judge(journeys), read)
    for total, *parts in zip(
        split.total.tolist(), *(each.tolist() for each in split.of.values()), strict=True
    ):
        assert sum(parts) == total  # to the nanosecond
    return [
        {name: values.tolist()[i] / S for name, values in split.of.items()}
        for i in range(len(split.times.place))
    ]


def test_lag_answer_and_radio_of_a_message_that_nothing_kept(new_run: Build) -> None:
    run = new_run("run")
    run.due("m", 1.0, lag_s=0.25)
    run.seen("m", 1.75, provider_s=0.5, carrier_s=0.0, radio_s=2.0)
    assert shares_s(run) == [{"network": 2.5, "contract": 0.0, "sender": 0.5, "bench": 0.25}]


def test_the_wait_for_a_time_that_the_sender_set_is_its_own(new_run: Build) -> None:
    """Due at 1 s, accepted at 1.5 s, answered at 2 s, scheduled for 9 s, then 4 s in queues."""
    run = new_run("run")
    run.due("m", 1.0)
    run.seen("m", 1.5, provider_s=0.5, scheduled_s=9.0, carrier_s=4.0, radio_s=2.0)
    assert shares_s(run) == [{"network": 2.5, "contract": 4.0, "sender": 7.5, "bench": 0.0}]


def test_a_time_before_the_answer_delays_nothing(new_run: Build) -> None:
    run = new_run("run")
    run.due("m", 1.0)
    run.seen("m", 1.5, provider_s=0.5, scheduled_s=1.75, carrier_s=4.0, radio_s=2.0)
    assert shares_s(run) == [{"network": 2.5, "contract": 4.0, "sender": 0.5, "bench": 0.0}]


def test_scheduled_messages_are_in_the_accept_queue_when_their_time_has_come(new_run: Build) -> None:
    """Two messages of one instant, of which the second is scheduled: it waits in no queue of 1 segment/s."""
    run = new_run("run")
    run.due("now", 1.0)
    run.seen("now", 1.0, provider_s=0.5, carrier_s=0.0)
    run.due("later", 1.0)
    run.seen("later", 1.0, provider_s=0.5, scheduled_s=20.0, carrier_s=0.0)
    found = shares_s(run, profile=DRAIN)
    assert [each["contract"] for each in found] == [0.0, 0.0]
    assert [each["sender"] for each in found] == [0.0, 18.5]


def test_a_reply_that_left_later_than_drawn_is_the_benchs(new_run: Build) -> None:
    run = new_run("run")
    run.due("m", 1.0)
    run.seen("m", 1.0, provider_s=0.75, reply_drawn_s=0.5, carrier_s=0.0, radio_s=2.0)
    assert shares_s(run) == [{"network": 2.5, "contract": 0.0, "sender": 0.0, "bench": 0.25}]


def test_the_wait_in_the_providers_queue_is_the_contracts(new_run: Build) -> None:
    run = new_run("run")
    run.due("m", 1.0)
    run.seen("m", 1.0, provider_s=0.5, carrier_s=4.0, radio_s=2.0)
    assert shares_s(run, profile=DRAIN) == [{"network": 2.5, "contract": 4.0, "sender": 0.0, "bench": 0.0}]


def paced(run: RunBuilder, waits_s: list[float]) -> None:
    """Messages that all come at 10 s and are submitted after their waits; no queue behind that."""
    for slot, wait_s in enumerate(waits_s):
        run.due(f"m-{slot}", 10.0)
        run.seen(f"m-{slot}", 10.0 + wait_s, provider_s=0.0, carrier_s=0.0, radio_s=1.0)


def test_pacing_of_an_ideal_sender_belongs_to_the_contract_and_the_excess_to_the_sender(
    new_run: Build,
) -> None:
    run = new_run("run")
    paced(run, [0.0, 1.0, 5.0])
    found = shares_s(run, profile=DRAIN)
    assert [each["contract"] for each in found] == [0.0, 1.0, 2.0]
    assert [each["sender"] for each in found] == [0.0, 0.0, 3.0]


def test_without_the_limit_the_same_pacing_is_the_senders(new_run: Build) -> None:
    run = new_run("run")
    paced(run, [0.0, 1.0, 5.0])
    assert [each["sender"] for each in shares_s(run, profile={})] == [0.0, 1.0, 5.0]


def test_the_same_wait_is_not_counted_at_the_sender_and_in_the_queue(new_run: Build) -> None:
    """An ideal sender's third message waits 2 s; this one waited 1.5 s in the queue and 1.5 s before."""
    run = new_run("run")
    for slot, (wait_s, queue_s) in enumerate([(0.0, 0.0), (0.0, 1.0), (1.5, 1.5)]):
        run.due(f"m-{slot}", 10.0)
        run.seen(f"m-{slot}", 10.0 + wait_s, provider_s=0.0, carrier_s=queue_s, radio_s=1.0)
    third = shares_s(run, profile=DRAIN)[2]
    assert (third["contract"], third["sender"]) == (2.0, 1.0)


def test_a_refusal_for_the_rate_and_the_pause_after_it(new_run: Build) -> None:
    """The limit lets the second message pass after 1 s; its sender came back after 4 s."""
    run = new_run("run")
    run.due("first", 10.0)
    run.seen("first", 10.0, provider_s=0.25, carrier_s=0.0)
    run.due("again", 10.0)
    run.seen("again", 10.0, accepted_s=14.0, provider_s=4.25, reply_drawn_s=0.25, carrier_s=0.0, throttled=1)
    limit = {"throttle": {"requests": {"rate_per_s": 1.0, "burst": 1}}}
    again = shares_s(run, profile=limit)[1]
    assert again == {"network": 1.25, "contract": 1.0, "sender": 3.0, "bench": 0.0}


def test_a_refusal_for_the_rate_is_in_the_stage_of_the_senders_queue(new_run: Build) -> None:
    run = new_run("run")
    run.due("again", 10.0, api_s=0.0)
    run.seen("again", 10.0, accepted_s=14.0, provider_s=4.25, reply_drawn_s=0.25, carrier_s=0.0)
    (breakdown,) = analysed(run).stages
    means = {stage.name: stage.mean_s for stage in breakdown.stages}
    assert [means["sender queue"], means["provider"]] == pytest.approx([4.0, 0.25])
    assert sum(mean for name, mean in means.items() if name != "report") == pytest.approx(
        breakdown.end_to_end.mean_s
    )


def test_an_outage_counts_for_the_network_only(new_run: Build) -> None:
    """Down from 9 s to 20 s: an ideal sender is taken at 20 s, this one came back at 23 s."""
    run = new_run("run")
    run.due("m", 10.0)
    run.seen("m", 10.0, accepted_s=23.0, provider_s=13.5, reply_drawn_s=0.5, carrier_s=0.0, radio_s=1.0)
    span = RecordedFault("down", "outage", "down", START_NS + 9 * S, START_NS + 20 * S)
    assert shares_s(run, faults=(span,)) == [{"network": 11.5, "contract": 0.0, "sender": 3.0, "bench": 0.0}]
    half = {"faults": [{"name": "down", "kind": "outage", "host": "primary"}]}
    assert shares_s(run, faults=(span,), profile=half)[0]["sender"] == 13.0


@pytest.mark.parametrize(
    ("kind", "effect"), [("carrier_down", None), ("country_down", None), ("a_new_kind", "held_messages")]
)
def test_a_queue_that_a_network_outage_holds_is_the_networks(
    new_run: Build, kind: str, effect: RecordedEffect | None
) -> None:
    run = new_run("run")
    for key, fault in (("held", "slow,net"), ("queued", "")):
        run.due(key, 10.0)
        run.seen(key, 10.0, provider_s=0.0, carrier_s=9.0, radio_s=1.0, fault=fault)
    span = RecordedFault("net", kind, "down", START_NS + 12 * S, START_NS + 18 * S, effect)
    held, queued = shares_s(run, faults=(span,))
    assert held == {"network": 7.0, "contract": 3.0, "sender": 0.0, "bench": 0.0}
    assert queued == {"network": 1.0, "contract": 9.0, "sender": 0.0, "bench": 0.0}


def test_an_answer_that_never_left_has_its_time_as_drawn(new_run: Build) -> None:
    run = new_run("run")
    run.due("m", 1.0)
    run.seen("m", 1.0, provider_s=0.5, carrier_s=2.0, radio_s=1.0)
    row = list(run.provider[0])
    row[10] = None  # t_answered_ns
    run.provider[0] = tuple(row)
    assert shares_s(run) == [{"network": 1.5, "contract": 2.0, "sender": 0.0, "bench": 0.0}]


def test_phones_that_were_off_and_messages_without_a_mark_are_not_in_the_split(new_run: Build) -> None:
    run = new_run("run")
    run.journey("fine", 1.0, 3.0)
    run.journey("off", 2.0, 65.0, handset_s=60.0)
    run.journey("unmarked", 3.0, 3.0)
    row = list(run.provider[-1])
    row[20] = None  # reply_ns
    run.provider[-1] = tuple(row)
    part = analysed(run)
    (split,) = part.delay_splits
    assert (split.count, split.left_out) == (1, 1)
    assert [each.unreachable for each in part.stage_coverage] == [1]
    (breakdown,) = part.stages
    assert breakdown.count == 2


def test_means_add_up_and_percentiles_come_with_and_without_each_share(new_run: Build) -> None:
    run = new_run("run")
    for slot, radio in enumerate(np.random.default_rng(8).permutation(np.arange(400)).tolist()):
        run.due(f"m-{slot}", 10.0 + slot * 0.1, lag_s=0.001)
        run.seen(f"m-{slot}", 10.101 + slot * 0.1, carrier_s=0.05, radio_s=1.0 + radio / 400)
    (split,) = analysed(run, load_s=60.0).delay_splits
    assert sum(share.mean_s for share in split.shares) == pytest.approx(split.total_mean_s, abs=1e-12)
    assert [each.name for each in split.shares] == ["network", "contract", "sender", "bench"]
    p95 = {each.percentile: each for each in split.total}[95.0]
    assert p95.value_s == pytest.approx(0.001 + 0.1 + 0.01 + 0.05 + 1.0 + 379 / 400)
    by_name = {share.name: share for share in split.shares}
    without = {each.percentile: each for each in by_name["sender"].without}[95.0]
    assert without.value_s == pytest.approx(p95.value_s - 0.1)
    assert by_name["sender"].p99_s == pytest.approx(0.1)
    network = {each.percentile: each for each in split.network_only}[95.0]
    assert network.value_s == pytest.approx(0.01 + 1.0 + 379 / 400)
    assert (split.limit, split.limit_names) == ("", ())


@pytest.mark.parametrize(
    ("per_s", "limit"),
    [
        ((1.0, 1.0, 90.0), "1 segment/s at the carriers b and a"),
        ((1.2, 1.0, 90.0), "1 segment/s at the carrier b and 1.2 segments/s at the carrier a"),
        ((90.0, 1.0, 90.0), "1 segment/s at the carrier b"),
    ],
)
def test_every_carrier_with_long_waits_is_named(
    new_run: Build, per_s: tuple[float, float, float], limit: str
) -> None:
    run = new_run("run")
    left_s = dict.fromkeys("abc", 0.0)
    for slot in range(300):  # ten per second: three to a, four to b, three to c
        name = "abcbabcbac"[slot % 10]
        left_s[name] = max(left_s[name], slot / 10) + 1 / per_s["abc".index(name)]
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10, provider_s=0.0, carrier=name, carrier_s=left_s[name] - slot / 10)
    profile = {
        "carriers": [{"name": name, "segments_per_s": rate} for name, rate in zip("abc", per_s, strict=True)]
    }
    (split,) = analysed(run, load_s=30.0, end_s=300.0, profile=profile).delay_splits
    assert (split.limit, split.limit_names) == (limit, ("carrier",))


def test_few_messages_have_means_and_no_percentile_of_their_own(new_run: Build) -> None:
    run = new_run("run")
    run.journey("m", 1.0, 3.0)
    part = analysed(run)
    (split,) = part.delay_splits
    assert split.shares[0].mean_s > 2.5 and split.shares[0].p95_s is None
    assert split.total[1].state == "withheld"


def test_a_day_with_a_scaled_provider_has_no_split(new_run: Build) -> None:
    run = new_run("run")
    run.journey("m", 1.0, 3.0)
    assert analysed(run, timing=Timing(provider_scale=10.0)).delay_splits == ()


@pytest.mark.parametrize(
    ("profile", "target", "without", "routes"),
    [
        ({"delivery": {"priority_latency": {"kind": "fixed", "value_s": 1.0}}}, {}, 2, 1),
        ({}, {}, 0, 1),  # the profile does not know the flag
        ({}, {"routes": [{}, {}]}, 0, 2),
    ],
)
def test_messages_without_the_flag_and_routes_are_counted(
    new_run: Build, profile: dict[str, Any], target: dict[str, Any], without: int, routes: int
) -> None:
    run = new_run("run")
    for slot, flag in enumerate((True, False, False)):
        run.due(f"m-{slot}", float(slot))
        run.seen(f"m-{slot}", slot + 0.1, priority=flag)
    (split,) = analysed(run, profile=profile, target=target).delay_splits
    assert (split.without_flag, split.routes) == (without, routes)


def test_no_limit_is_named_when_an_ideal_sender_meets_the_objective(new_run: Build) -> None:
    """Marketing fills the provider's queue at once; codes that come after it wait behind it."""
    run = new_run("run")
    for slot in range(400):
        run.due(f"news-{slot}", 0.0, message_class="marketing")
        run.seen(f"news-{slot}", 0.02, carrier_s=slot / 40.0, radio_s=1.0)
    for slot, place in enumerate(np.random.default_rng(9).permutation(np.arange(100)).tolist()):
        run.due(f"code-{slot}", 1.0 + slot / 1000)
        run.seen(f"code-{slot}", 1.02 + slot / 1000, carrier_s=9.0 + place / 40.0, radio_s=1.0)
    profile = {"accept_queue": {"drain_segments_per_s": 40.0}}
    part = analysed(run, profile=profile)
    split = next(each for each in part.delay_splits if each.message_class == "otp")
    ideal_s = split.ideal_of_run_s[1]
    assert ideal_s is not None and ideal_s < 4.0  # 100 codes at 40 a second, and the network
    # They are one queue, so that 100 of them say little of another load.
    assert split.ideal[1].state == "withheld" and split.ideal[1].needed > 1_000
    text = to_negotiate(part.delay_splits, "otp", 95.0, 5.0).text
    assert "The contract is sufficient" in text and "negotiate" not in text
    # A backlog that grew until the end would miss it in a longer load.
    assert "negotiate" in to_negotiate(part.delay_splits, "otp", 95.0, 5.0, backlog_grew=True).text
    # A fault window caused a part of the waits.
    assert why_missed(part.delay_splits, "otp", 95.0, 2.0, faults=True) == Reach()
    # It would have missed 2 s, too: then the limit is to be negotiated.
    assert "The limit to negotiate: 40" in to_negotiate(part.delay_splits, "otp", 95.0, 2.0).text


@pytest.mark.parametrize(
    ("code_wait_s", "news", "limit_s", "by_order"),
    [
        (8.0, True, 5.0, True),  # in the sender, behind the news
        (8.0, True, 1.0, False),  # the network alone takes longer
        (1.0, True, 1.5, False),  # far less than the news waited: not their queue
        (2.0, True, 1.5, False),  # those that arrived waited less than half as long as the news
        (8.0, False, 5.0, False),  # no class has to wait for the contract
    ],
)
def test_a_class_that_waited_because_of_the_send_order_needs_no_other_contract(
    new_run: Build, code_wait_s: float, news: bool, limit_s: float, by_order: bool
) -> None:
    """The sender obeys the limit of 40 a second and sends in the order of arrival. Its backlog grows."""
    run = new_run("run")
    for slot in range(400 if news else 10):
        run.due(f"news-{slot}", 0.0, message_class="marketing")
        run.seen(f"news-{slot}", 0.02 + slot / 40.0, carrier_s=0.01, radio_s=1.0)
    for slot in range(100):
        due_s = slot / 10
        run.due(f"code-{slot}", due_s)
        run.seen(f"code-{slot}", due_s + code_wait_s, carrier_s=0.01, radio_s=1.0)
    profile = {"accept_queue": {"drain_segments_per_s": 40.0}}
    splits = analysed(run, profile=profile).delay_splits
    assert to_negotiate(splits, "otp", 95.0, limit_s, backlog_grew=True) == Reach()
    text = why_missed(splits, "otp", 95.0, limit_s, backlog_grew=True).text
    assert ("they waited in the sender among messages of other classes." in text) is by_order
    # Those that never arrive waited longest, and have no time. The others waited longer than the limit.
    never = Quantile(95.0, "never", None, None, None, 72)
    text = why_missed(splits, "otp", 95.0, limit_s, True, measured=never).text
    assert ("among messages of other classes." in text) is (by_order or (news and code_wait_s == 2.0))
    assert why_missed(splits, "otp", 95.0, 100.0, backlog_grew=True) == Reach()  # it is met
    assert (
        "other classes" not in why_missed(splits, "otp", 95.0, limit_s, backlog_grew=True, faults=True).text
    )


@pytest.mark.parametrize("lacking", [0, 1])
def test_messages_that_are_still_open_are_excluded_and_counted(new_run: Build, lacking: int) -> None:
    run = new_run("run")
    for slot in range(5):
        run.journey(f"m-{slot}", float(slot), 2.0)
    for slot in range(3):
        run.due(f"open-{slot}", 6.0)
        run.seen(f"open-{slot}", 6.1, state="open", handset_s=9.0 if slot == 2 else 0.0)
    if lacking:
        run.due("no-carrier", 7.0)
        run.seen("no-carrier", 7.1, at_carrier=False)
    report = build_report(run.write())
    (split,) = report.parts[0].delay_splits
    assert (split.count, split.still_open, split.left_out) == (5, 2, lacking)  # one waits for its phone
    ((_, table),) = tables_findings.delay_splits(report, 0)
    (counts,) = [row[1] for row in table.rows if row[0] == "messages"]
    assert not isinstance(counts, str)
    assert as_text(counts) == "5, excluded: 2 still open" + (", 1 without a timestamp" if lacking else "")


def test_messages_of_one_queue_have_the_interval_of_the_objective(new_run: Build) -> None:
    """A queue that fills and drains, ten times: neighbours wait alike. The network draws each delay.

    The split's total had the interval of independent messages, beside the objective's wider one.
    """
    run, chance = new_run("run"), np.random.default_rng(10)
    for slot in range(2_000):
        wait_s = 5.0 * abs(slot % 200 - 100) / 100
        due_s = slot * 0.03
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", due_s + 0.001 + wait_s, carrier_s=0.01, radio_s=float(chance.uniform(1.0, 2.0)))
    part = analysed(run, load_s=60.0)
    (split,) = part.delay_splits
    shown = next(each for each in part.delivery if each.measure == "delivery_time")
    assert shown.effective_count < 0.5 * shown.count
    measured = {each.percentile: each for each in shown.quantiles}
    for each in split.total:
        there = measured[each.percentile]
        assert each.state == there.state
        assert each.needed == pytest.approx(there.needed, rel=0.001)
        ends = (each.low_s, each.value_s, each.high_s)
        assert ends == pytest.approx((there.low_s, there.value_s, there.high_s), abs=1e-6)
    network = {each.percentile: each for each in split.network_only}[95.0]
    without_sender = next(share for share in split.shares if share.name == "sender").without
    assert network.needed == 72 == {each.percentile: each for each in without_sender}[95.0].needed
