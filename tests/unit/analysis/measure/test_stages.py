from __future__ import annotations

import json

import pytest
from run_builder import Build, RunBuilder

from analysis.part import analyse_part
from analysis.records import PROVIDER_SCHEMA, read_manifest
from analysis.render import tables_part
from analysis.render.report_files import write_report
from analysis.report import build_report

ANSWERED = PROVIDER_SCHEMA.get_field_index("t_answered_ns")


def test_stages_have_their_known_lengths_and_add_up(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(10):
        run.due(f"m-{slot}", slot, lag_s=0.002, api_s=0.005)
        run.seen(f"m-{slot}", slot + 0.107, provider_s=0.02, carrier_s=0.3, radio_s=2.0, report_s=0.5)
    run_dir = run.write()
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    (breakdown,) = part.stages
    means = {stage.name: stage.mean_s for stage in breakdown.stages}
    assert means == pytest.approx(
        {
            "generator lag": 0.002,
            "sender API": 0.005,
            "sender queue": 0.1,
            "provider": 0.02,
            "carrier queue": 0.3,
            "radio": 2.0,
            "report": 0.501,
        }
    )
    del means["report"]
    assert sum(means.values()) == pytest.approx(breakdown.end_to_end.mean_s)
    assert breakdown.end_to_end.p50_s == pytest.approx(2.427)
    assert breakdown.end_to_end.p95_s is breakdown.end_to_end.p99_s is None  # of 10 messages
    assert tables_part.stages(part).rows[-2] == ("delivery time", "2.43 s", "2.43 s", "needs 72", "needs 368")
    assert part.timestamp_order.wrong == 0


def test_a_negative_stage_says_why(new_run: Build) -> None:
    """The sender submits before it answers the load, and the carrier is faster than the provider's answer."""
    run = new_run("run")
    for slot in range(10):
        run.due(f"m-{slot}", slot, api_s=0.1)
        run.seen(f"m-{slot}", slot + 0.04, provider_s=0.02, carrier_s=-0.01, radio_s=2.0)
    run_dir = run.write()
    names = [row[0] for row in tables_part.stages(analyse_part(run_dir, read_manifest(run_dir), "made")).rows]
    assert names[2] == "sender queue (negative: messages were submitted before the load had the answer)"
    assert names[4] == "carrier queue (negative: the carrier had messages before the provider's answer)"
    assert names[5] == "radio"


def test_the_time_that_the_sender_set_has_a_stage(new_run: Build) -> None:
    """One of two messages is scheduled: it waits 9.5 s of the mean's 4.75 s, and no carrier has that time."""
    run = new_run("run")
    for key, scheduled_s in (("now", None), ("later", 11.0)):
        run.due(key, 1.0)
        run.seen(key, 1.5, provider_s=0.0, scheduled_s=scheduled_s, carrier_s=0.25, radio_s=2.0)
    run_dir = run.write()
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    (breakdown,) = part.stages
    means = {stage.name: stage.mean_s for stage in breakdown.stages}
    assert list(means)[3:6] == ["provider", "until the time that the sender set", "carrier queue"]
    assert (means["until the time that the sender set"], means["carrier queue"]) == (4.75, 0.25)
    del means["report"]
    assert sum(means.values()) == pytest.approx(breakdown.end_to_end.mean_s)


def test_a_submit_before_the_reply_was_read_keeps_its_sign(new_run: Build) -> None:
    run = new_run("run")
    run.due("early", 1.0, api_s=0.010)
    run.seen("early", 1.004)
    run_dir = run.write()
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    queue = next(stage for stage in part.stages[0].stages if stage.name == "sender queue")
    assert queue.mean_s == pytest.approx(-0.006)
    assert part.timestamp_order.wrong == 0
    assert part.timeline.peak_unsubmitted == 0


def test_timestamps_that_contradict_each_other_are_counted_once_per_message(new_run: Build) -> None:
    run = new_run("run")
    run.journey("good", 1.0, 3.0)
    run.due("wrong", 2.0, lag_s=-0.5)
    run.seen("wrong", 1.2, provider_s=-0.1, radio_s=-1.0)
    run_dir = run.write()
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    assert (part.timestamp_order.checked, part.timestamp_order.wrong) == (2, 1)
    assert next(each.state for each in part.checks if each.name == "timestamp order") == "invalid"


def without_reply(
    run: RunBuilder, key: str, due_s: float, radio_s: float, message_class: str = "otp"
) -> None:
    """A delivered message whose reply from the provider was lost."""
    run.due(key, due_s, lag_s=0.002, api_s=0.005, message_class=message_class)
    run.seen(key, due_s + 0.107, radio_s=radio_s)
    row = list(run.provider[-1])
    row[ANSWERED] = None
    run.provider[-1] = tuple(row)


def test_messages_whose_reply_was_lost_have_means_of_their_own_and_every_mean_adds_up(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(10):
        run.due(f"whole-{slot}", slot, lag_s=0.002, api_s=0.005)
        run.seen(f"whole-{slot}", slot + 0.107, radio_s=2.0)
    for slot in range(6):
        without_reply(run, f"lost-{slot}", slot, radio_s=20.0)
    without_reply(run, "m-lost", 3.0, radio_s=5.0, message_class="marketing")
    run_dir = run.write()
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    assert [each.message_class for each in part.stages] == ["otp", "all"]
    (merged,) = part.stages_merged
    assert {each.message_class: each.count for each in merged} == {"otp": 6, "marketing": 1, "all": 7}
    for breakdown in (*part.stages, *merged):
        means = {stage.name: stage.mean_s for stage in breakdown.stages if stage.name != "report"}
        assert sum(means.values()) == pytest.approx(breakdown.end_to_end.mean_s)
    names = [stage.name for stage in merged[0].stages]
    assert names == [
        *("generator lag", "sender API", "sender queue", "provider + carrier queue", "radio", "report")
    ]
    assert merged[0].stages[3].mean_s == pytest.approx(0.11)  # 0.01 s at the provider, 0.1 s to the carrier
    otp, marketing = part.stage_coverage
    assert (otp.delivered, otp.covered, otp.elsewhere, otp.left_out) == (16, 10, 6, 0)
    assert (marketing.delivered, marketing.covered, marketing.elsewhere, marketing.left_out) == (1, 0, 1, 0)


def test_every_rendering_counts_the_messages_that_lack_a_mark(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(10):
        run.journey(f"whole-{slot}", slot, 2.0)
    for slot in range(6):
        without_reply(run, f"lost-{slot}", slot, radio_s=20.0)
    run_dir = run.write()
    write_report(build_report(run_dir), run_dir / "report")
    markdown = (run_dir / "report" / "summary.md").read_text(encoding="utf-8")
    assert "| OTP | 16 | 10 | 6 | 0 | 0 |" in markdown
    assert "provider + carrier queue" in markdown
    page = (run_dir / "report" / "index.html").read_text(encoding="utf-8")
    assert "Stages of messages that lack a timestamp" in page
    assert "10 of 16" in page  # on the chart
    summary = json.loads((run_dir / "report" / "summary.json").read_text(encoding="utf-8"))
    assert summary["parts"][0]["stage_coverage"] == [
        {
            "message_class": "otp",
            "delivered": 16,
            "covered": 10,
            "elsewhere": 6,
            "left_out": 0,
            "unreachable": 0,
        }
    ]


def test_a_delivery_on_the_senders_word_alone_is_counted_as_left_out(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(3):
        run.due(f"m-{slot}", slot)
        run.kept(f"m-{slot}", "delivered")
    run_dir = run.write(provider_file=False)
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    assert (part.stages, part.stages_merged) == ((), ())
    (otp,) = part.stage_coverage
    assert (otp.delivered, otp.left_out) == (3, 3)


def test_a_journal_that_never_knows_a_carrier_still_has_stages(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(5):
        run.due(f"m-{slot}", slot)
        run.seen(f"m-{slot}", slot + 0.1, at_carrier=False)
    run_dir = run.write()
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    assert [stage.name for stage in part.stages[0].stages][4] == "carrier queue + radio"
    assert part.stage_coverage[0].covered == 5
