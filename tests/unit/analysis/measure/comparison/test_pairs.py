"""Two parts that were given the same messages, compared message by message."""

from __future__ import annotations

from typing import Any

import pytest
from run_builder import Build, RunBuilder, Suite

from analysis import records
from analysis.report import build_report


def scenario(counterpart: str = "", fifo: bool = False, **more: Any) -> records.RecordedScenario:
    parameters = {"fifo": True} if fifo else {}
    return records.RecordedScenario(
        name="bench", title="the peak", counterpart=counterpart, parameters=parameters, **more
    )


def slow_every_tenth(run: RunBuilder, slower_s: float, count: int = 200) -> None:
    for slot in range(count):
        run.journey(f"m-{slot}", slot / 10, 2.0 + slot / 1_000 + slower_s)


def test_pairs_are_compared_message_by_message(new_run: Build, write_suite: Suite) -> None:
    live, simulated = new_run("01-live"), new_run("02-simulated")
    slow_every_tenth(simulated, 0.0)
    simulated.write(load_s=20.0, end_s=60.0, mode="simulated", scenario=scenario(decides=False))
    for slot in range(200):
        # 10 ms in the sender's API for all, 0.5 s more on the air for the last two (1 %).
        more = 0.5 if slot >= 198 else 0.0
        live.journey(
            f"m-{slot}",
            slot / 10,
            2.01 + slot / 1_000 + more,
            api_s=0.011,
            radio_s=1.889 + slot / 1_000 + more,
        )
    live.write(load_s=20.0, end_s=60.0, scenario=scenario("02-simulated"))
    report = build_report(write_suite("01-live", "02-simulated"))
    (comparison,) = report.comparisons
    assert (comparison.part, comparison.counterpart) == ("01-live", "02-simulated")
    assert comparison.kind == "live_vs_simulated"
    assert comparison.title == "the peak: live minus simulated"
    (otp,) = comparison.classes
    assert (otp.message_class, otp.pairs, otp.unpaired) == ("otp", 200, 0)
    assert otp.median_s == pytest.approx(0.01)
    # Nearest rank 198 of 200: the largest that is not one of the two.
    assert otp.p99_abs_s == pytest.approx(0.01)
    assert otp.mean_s == pytest.approx(0.01 + 2 * 0.5 / 200)
    # Rank 190 of 200 in either: 2.199 s and 2.189 s.
    assert (otp.part_p95_s, otp.counterpart_p95_s) == pytest.approx((2.199, 2.189))
    assert otp.p95_difference_s == pytest.approx(0.01)
    stages = dict(otp.by_stage_s)
    assert stages["sender API"] == pytest.approx(0.01)
    assert stages["radio"] == pytest.approx(2 * 0.5 / 200)
    assert sum(stages.values()) == pytest.approx(otp.mean_s)


def test_the_largest_differences_are_split_by_stage_in_their_own_direction(
    new_run: Build, write_suite: Suite
) -> None:
    """Two of 200 got another reply delay: one 0.4 s slower, one 0.3 s faster."""
    live, simulated = new_run("01-live"), new_run("02-simulated")
    for run, replies_s in ((live, (0.5, 0.1)), (simulated, (0.1, 0.4))):
        for slot in range(200):
            reply_s = replies_s[slot - 198] if slot >= 198 else 0.05
            radio_s = 1.0 + (0.01 if run is live and slot == 0 else 0.0)
            run.due(f"m-{slot}", slot / 10)
            # 0.02 s between the provider's reply and its planned instant, in both parts.
            run.seen(
                f"m-{slot}",
                slot / 10 + 0.002,
                provider_s=reply_s + 0.02,
                reply_drawn_s=reply_s,
                radio_s=radio_s,
            )
    live.write(load_s=20.0, end_s=60.0, scenario=scenario("02-simulated"))
    simulated.write(load_s=20.0, end_s=60.0, mode="simulated", scenario=scenario(decides=False))
    (comparison,) = build_report(write_suite("01-live", "02-simulated")).comparisons
    (otp,) = comparison.classes
    tail = otp.tail
    # Rank 198 of 200 is the message that was 0.01 s longer on the radio.
    assert otp.p99_abs_s == pytest.approx(0.01)
    assert (tail.pairs, tail.split) == (3, 3)
    assert (tail.later, tail.other_reply) == (2, 2)
    stages = dict(tail.by_stage_s)
    assert stages["reply as drawn"] == pytest.approx(0.7 / 3)
    assert stages["provider"] == pytest.approx(0.0, abs=1e-9)
    assert stages["radio"] == pytest.approx(0.01 / 3)
    assert tail.size_s == pytest.approx(0.71 / 3)
    assert tail.size_s == pytest.approx(sum(stages.values()))


def test_a_pair_without_a_timestamp_is_not_split(new_run: Build, write_suite: Suite) -> None:
    """Earlier versions did not record the drawn reply."""
    live, simulated = new_run("01-live"), new_run("02-simulated")
    for run in (live, simulated):
        for slot in range(100):
            run.due(f"m-{slot}", slot / 10)
            more = 0.3 if run is live and slot == 99 else 0.0
            run.seen(f"m-{slot}", slot / 10 + 0.002, provider_s=0.05 + more)
            if slot == 99:
                row = run.provider[-1]
                place = [field.name for field in records.PROVIDER_SCHEMA].index("reply_ns")
                run.provider[-1] = (*row[:place], None, *row[place + 1 :])
    live.write(load_s=20.0, end_s=60.0, scenario=scenario("02-simulated"))
    simulated.write(load_s=20.0, end_s=60.0, mode="simulated", scenario=scenario(decides=False))
    (comparison,) = build_report(write_suite("01-live", "02-simulated")).comparisons
    tail = comparison.classes[0].tail
    assert (tail.pairs, tail.split, tail.other_reply) == (2, 1, 0)
    assert tail.size_s == pytest.approx(0.0)


def test_messages_that_one_part_lacks_or_did_not_deliver_are_no_pairs(
    new_run: Build, write_suite: Suite
) -> None:
    ours, theirs = new_run("01-ours"), new_run("02-theirs")
    for slot in range(100):
        ours.journey(f"m-{slot}", slot / 10, 2.0)
        if slot < 90:  # ten were never due there
            theirs.due(f"m-{slot}", slot / 10)
            theirs.seen(f"m-{slot}", slot / 10 + 0.01, state="open" if slot < 5 else "delivered")
    ours.write(load_s=10.0, end_s=60.0, scenario=scenario("02-theirs"))
    theirs.write(load_s=10.0, end_s=60.0, scenario=scenario())
    (comparison,) = build_report(write_suite("01-ours", "02-theirs")).comparisons
    assert comparison.kind == "what_if"
    assert [(each.pairs, each.unpaired) for each in comparison.classes] == [(85, 5)]


def test_a_part_without_priorities_shows_their_effect(new_run: Build, write_suite: Suite) -> None:
    usual, fifo = new_run("01-burst"), new_run("02-fifo")
    slow_every_tenth(usual, 0.0)
    usual.write(load_s=20.0, end_s=60.0, mode="simulated", scenario=scenario())
    slow_every_tenth(fifo, 9.0)
    fifo.write(
        load_s=20.0,
        end_s=60.0,
        mode="simulated",
        scenario=scenario("01-burst", fifo=True, decides=False, what_if="no priorities"),
    )
    report = build_report(write_suite("01-burst", "02-fifo"))
    (comparison,) = report.comparisons
    assert (comparison.kind, comparison.title) == (
        "priorities_vs_fifo",
        "the peak: no priorities minus unchanged",
    )
    (otp,) = comparison.classes
    assert otp.p95_difference_s == pytest.approx(9.0) and otp.p95_claimed
    # It decides nothing: 11 s would miss no objective here, but it is not even asked.
    assert {each.part for each in report.objectives if each.limit_s is not None} == {"01-burst"}


def test_a_counterpart_that_was_not_run_is_not_compared_with(new_run: Build, write_suite: Suite) -> None:
    for name in ("01-a", "02-b"):
        run = new_run(name)
        slow_every_tenth(run, 0.0)
        run.write(load_s=20.0, end_s=60.0, scenario=scenario("03-c"))
    assert build_report(write_suite("01-a", "02-b")).comparisons == ()
