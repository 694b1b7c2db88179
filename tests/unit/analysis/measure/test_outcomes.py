"""What became of each message, the accounting's sums, the joins behind them."""

from __future__ import annotations

from typing import Any

import pytest
from run_builder import Build

from analysis.measure.frames import read_frames
from analysis.model import PartReport
from analysis.part import analyse_part
from analysis.records import read_manifest


def analysed(builder: Any, **manifest: Any) -> PartReport:
    run_dir = builder.write(**manifest)
    return analyse_part(run_dir, read_manifest(run_dir), "made")


def state_of(part: PartReport, check: str) -> str:
    return next(each.state for each in part.checks if each.name == check)


def test_every_outcome_is_counted_once(new_run: Build) -> None:
    run = new_run("run")
    run.journey("ok", 1.0, 3.0)
    run.due("dead", 2.0)
    run.seen("dead", 2.1, state="undelivered", reason="absent")
    run.due("late", 3.0)
    run.seen("late", 3.1, state="expired")
    run.due("waits", 4.0)
    run.seen("waits", 4.1, state="open")
    run.due("queued", 5.0)
    run.kept("queued", "queued")
    run.due("old", 6.0)
    run.kept("old", "expired")
    run.due("spent", 7.0)
    run.kept("spent", "failed", "gave_up: http_500")
    run.due("nowhere", 8.0)
    for slot, outcome in enumerate(("refused", "failed", "dropped", "unfinished")):
        run.due(f"not-taken-{slot}", 9.0 + slot, outcome)
    accounting = analysed(run).accounting
    assert (accounting.planned, accounting.sent, accounting.dropped) == (12, 11, 1)
    assert (accounting.answered, accounting.unfinished) == (10, 1)
    assert (accounting.accepted, accounting.refused, accounting.failed_at_api) == (8, 1, 1)
    outcomes = (accounting.delivered, accounting.failed, accounting.expired, accounting.open, accounting.lost)
    assert outcomes == (1, 2, 2, 2, 1)


def test_without_sender_rows_an_unseen_message_is_open_and_loss_cannot_be_told(new_run: Build) -> None:
    run = new_run("run")
    run.journey("ok", 1.0, 3.0)
    run.due("nowhere", 8.0)
    part = analysed(run)
    assert (part.accounting.open, part.accounting.lost, part.accounting.unknown_to_both) == (1, 0, 1)
    lost = next(each for each in part.objectives if each.name == "lost messages")
    assert lost.verdict == "undecided"
    assert state_of(part, "files") == "warn"


def test_messages_given_up_count_as_never_delivered_and_refused_ones_do_not_count(
    new_run: Build,
) -> None:
    run = new_run("run")
    for slot in range(80):
        run.journey(f"ok-{slot}", slot / 10, 2.0)
    for slot in range(4):
        run.due(f"spent-{slot}", 9.0)
        run.kept(f"spent-{slot}", "expired")
        run.due(f"queued-out-{slot}", 9.0)
        run.seen(f"queued-out-{slot}", 9.1, state="expired", at_carrier=False)
    for slot in range(4):
        run.due(f"dead-{slot}", 9.5)
        run.seen(f"dead-{slot}", 9.6, state="undelivered")
        run.due(f"bad-number-{slot}", 9.5)
        run.kept(f"bad-number-{slot}", "failed", "invalid_number")
    (otp,) = analysed(run).delivery
    assert (otp.count, otp.never_count, otp.open_count) == (88, 8, 0)
    assert {quantile.percentile: quantile.state for quantile in otp.quantiles}[95.0] == "never"


def test_a_message_that_runs_out_of_time_on_the_radio_never_arrived(new_run: Build) -> None:
    """A sender that holds its messages until their validity has nearly passed must not look fast."""
    run = new_run("run")
    for slot in range(80):
        run.journey(f"ok-{slot}", slot / 10, 2.0)
    for slot in range(8):
        run.due(f"held-{slot}", 9.0)  # 0.5 s of its validity are left at the carrier, the radio takes 3 s
        run.seen(f"held-{slot}", 69.0, state="expired", radio_s=0.5, radio_drawn_s=3.0)
        run.due(f"off-{slot}", 9.0)
        run.seen(f"off-{slot}", 9.1, state="expired", radio_s=60.0, handset_s=60.0, reason="handset_off")
        run.due(f"drawn-{slot}", 9.0)  # the network failed it, and said so when its validity had passed
        run.seen(f"drawn-{slot}", 9.1, state="expired", radio_s=60.0, radio_drawn_s=3.0)
    (otp,) = analysed(run).delivery
    assert (otp.count, otp.never_count) == (88, 8)
    assert {quantile.percentile: quantile.state for quantile in otp.quantiles}[95.0] == "never"


def test_the_last_row_of_a_provider_id_counts(new_run: Build) -> None:
    run = new_run("run")
    run.due("twice-written", 1.0)
    run.seen("twice-written", 1.1, state="open")
    run.seen("twice-written", 1.1, state="delivered", radio_s=2.0)
    part = analysed(run)
    assert (part.accounting.delivered, part.accounting.open, part.accounting.duplicates) == (1, 0, 0)
    assert part.cost.points == 0.5


def test_two_provider_ids_of_one_key_are_a_duplicate(new_run: Build) -> None:
    run = new_run("run")
    run.due("duplicate", 1.0)
    run.seen("duplicate", 1.1, provider_id="A", radio_s=9.0, submits=2, accepts=2, price=0.5)
    run.seen("duplicate", 1.1, provider_id="B", radio_s=2.0, submits=2, accepts=2, price=0.75)
    run.journey("single", 2.0, 3.0, price=0.5)
    part = analysed(run)
    assert (part.accounting.duplicates, part.accounting.submits, part.accounting.resubmitted) == (1, 3, 1)
    # The copy that arrived first speaks for the message; the other was paid for nothing.
    assert part.delivery[0].min_s == pytest.approx(2.21)
    assert (part.cost.points, part.cost.duplicates_points) == (1.75, 0.5)
    assert part.cost.per_1000_delivered_points == 1000 * 1.75 / 2
    duplicates = next(each for each in part.objectives if each.name == "duplicate deliveries")
    assert duplicates.verdict == "missed"


def test_a_message_that_arrived_without_an_acceptance_was_paid_for_and_delivered(new_run: Build) -> None:
    run = new_run("run")
    run.journey("taken", 1.0, 3.0, price=0.5)
    run.due("timed-out", 1.0, outcome="failed")
    run.seen("timed-out", 1.1, radio_s=2.0, price=0.5)
    part = analysed(run)
    assert (part.accounting.delivered, part.accounting.delivered_unacknowledged) == (1, 1)
    assert part.cost.per_1000_delivered_points == 500.0


def test_money_for_messages_that_did_not_arrive(new_run: Build) -> None:
    run = new_run("run")
    run.journey("ok", 1.0, 3.0, price=0.5)
    run.due("dead", 2.0)
    run.seen("dead", 2.1, state="undelivered", price=0.5, segments=3)
    cost = analysed(run).cost
    assert (cost.undelivered_points, cost.segments, cost.segments_per_message) == (0.5, 4, 2.0)


def test_an_acknowledgement_the_load_never_read_is_not_a_loss(new_run: Build) -> None:
    run = new_run("run")
    run.due("unread", 1.0, "failed")
    run.seen("unread", 1.2)
    found = analysed(run).accounting
    assert (found.delivered, found.delivered_unacknowledged, found.lost) == (0, 1, 0)


def test_parts_of_a_long_message_are_paid_for_and_are_known(new_run: Build) -> None:
    run = new_run("run")
    run.journey("long", 1.0, 3.0, price=0.5)
    run.seen("long/2", 1.0, price=0.5)
    run.seen("long/3", 1.0, price=0.5)
    run.seen("other/2", 1.0, price=0.5)
    part = analysed(run)
    found = part.accounting
    assert (found.delivered, found.duplicates, found.unknown_messages) == (1, 0, 1)
    assert (part.cost.points, part.cost.other_keys_points, part.cost.segments) == (2.0, 0.5, 3)


def test_the_parts_of_a_copy_are_paid_for_twice(new_run: Build) -> None:
    """The journal has a row for each part that the provider accepted, of the message and of its copy."""
    run = new_run("run")
    run.due("long", 1.0)
    for copy in ("a", "b"):
        run.seen("long", 1.0 if copy == "a" else 1.5, price=0.5, provider_id=f"{copy}-1", accepts=2)
        for number in (2, 3):
            run.seen(f"long/{number}", 1.0, price=0.25, provider_id=f"{copy}-{number}", accepts=2)
    paid = analysed(run).cost
    assert (paid.segments, paid.duplicates_segments, paid.segments_per_message) == (3, 3, 3.0)
    assert (paid.points, paid.duplicates_points) == (2.0, 1.0)


def test_rows_of_others_are_seen_and_their_price_is_apart(new_run: Build) -> None:
    run = new_run("run")
    run.journey("ours", 1.0, 3.0)
    run.seen("theirs", 1.0, price=100.0)
    part = analysed(run)
    assert part.accounting.unknown_messages == 1
    assert (part.cost.points, part.cost.other_keys_points) == (100.5, 100.0)
    assert state_of(part, "unknown messages") == "warn"


@pytest.mark.parametrize(("carried", "state"), [(0, "invalid"), (4, "invalid"), (6, "warn"), (500, "ok")])
def test_a_key_that_is_not_carried_makes_the_run_invalid(new_run: Build, carried: int, state: str) -> None:
    run = new_run("run")
    for slot in range(500):
        run.due(f"m-{slot}", 1.0 + slot / 10)
        run.seen(f"m-{slot}" if slot < carried else f"made-up-{slot}", 1.1 + slot / 10)
    part = analysed(run)
    check = next(each for each in part.checks if each.name == "unknown messages")
    assert check.state == state
    assert ("{key}" in check.advice and "#K<key>#" in check.advice) == (state == "invalid")


@pytest.mark.parametrize("planned", [4, 2])
def test_an_accounting_that_does_not_balance_makes_the_run_invalid(new_run: Build, planned: int) -> None:
    run = new_run("run")
    for slot in range(3):
        run.journey(f"m-{slot}", 1.0 + slot, 3.0)
    part = analysed(run, planned=planned)
    assert state_of(part, "accounting") == "invalid"
    assert part.validity == "invalid"


def test_an_arrival_of_the_schedule_without_a_row_makes_the_run_invalid(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(3):
        run.journey(f"m-{slot}", 1.0 + slot, 3.0)
    # Sent though marked as dropped: counted on both sides, it would replace the missing one.
    run.load[0] = (*run.load[0][:7], "dropped", 0, "")
    part = analysed(run, planned=4)
    accounting = next(each for each in part.checks if each.name == "accounting")
    assert accounting.state == "invalid"
    assert "planned = rows of the load is off by 1" in accounting.value


def test_a_key_used_twice_makes_the_run_invalid(new_run: Build) -> None:
    run = new_run("run")
    run.journey("same", 1.0, 3.0)
    run.journey("same", 2.0, 3.0)
    assert state_of(analysed(run), "accounting") == "invalid"


@pytest.mark.parametrize("word", ["sent", "delivered"])
def test_what_the_sender_says_was_sent_and_the_provider_never_saw_is_lost(new_run: Build, word: str) -> None:
    run = new_run("run")
    for slot in range(10):
        run.due(f"m-{slot}", 1.0 + slot)
        run.kept(f"m-{slot}", word)
        if slot >= 3:
            run.seen(f"m-{slot}", 1.1 + slot)
    part = analysed(run)
    assert (part.accounting.delivered, part.accounting.lost, part.accounting.open) == (7, 3, 0)
    assert part.delivery[0].never_count == 3
    assert next(each for each in part.objectives if each.name == "lost messages").verdict == "missed"


def test_without_a_journal_the_sender_is_believed(new_run: Build) -> None:
    run = new_run("run")
    run.due("m", 1.0)
    run.kept("m", "sent")
    part = analysed(run, provider_file=False)
    assert (part.accounting.open, part.accounting.lost) == (1, 0)


@pytest.mark.parametrize(
    ("says", "outcome", "unaccounted"),
    [
        ("queued", "open", 0),
        ("submitting", "open", 0),
        ("failed", "failed", 0),
        ("expired", "expired", 0),
        ("sent", "lost", 1),
        ("delivered", "lost", 1),
        ("", "lost", 1),  # the sender has rows of others, and none of it
        (None, "open", 1),  # the sender has no rows at all
    ],
)
def test_what_the_provider_never_saw_is_unaccounted_unless_the_sender_answers_for_it(
    new_run: Build, says: str | None, outcome: str, unaccounted: int
) -> None:
    run = new_run("run")
    run.journey("ok", 1.0, 3.0)
    run.due("unseen", 2.0)
    if says is not None:
        run.kept("ok", "delivered")
    if says:
        run.kept("unseen", says)
    accounting = analysed(run).accounting
    assert accounting.unaccounted == unaccounted
    assert (accounting.delivered, getattr(accounting, outcome)) == (1, 1)
    assert accounting.accepted == accounting.found + 1 == 2


def test_a_sender_of_the_users_own_is_not_asked_for_rows_that_it_cannot_have(new_run: Build) -> None:
    run = new_run("run")
    run.journey("ok", 1.0, 3.0)
    run.due("nowhere", 8.0)
    own = analysed(run, target={"name": "mine", "kind": "http"})
    files = next(each for each in own.checks if each.name == "files")
    assert (files.state, files.value) == ("ok", "complete; a sender of your own writes no sender.arrow")
    other = next(each for each in analysed(run).checks if each.name == "files")
    assert other.advice == "write the sender's last states as sender.arrow (docs/run-directory.md)"


def test_unaccounted_messages_are_listed_by_the_export(new_run: Build) -> None:
    run = new_run("run")
    run.journey("ok", 1.0, 3.0)
    run.due("nowhere", 8.0)
    (why,) = (each.why for each in analysed(run).objectives if each.name == "messages unaccounted for")
    assert "smsbench report RUN_DIR --export csv" in why
    messages = read_frames(run.run_dir).messages
    assert messages.loc[messages["unaccounted"], "key"].tolist() == ["nowhere"]


def test_what_the_provider_refused_or_the_api_did_not_take_is_no_unaccounted_message(new_run: Build) -> None:
    run = new_run("run")
    run.journey("ok", 1.0, 3.0)
    run.due("refused-1", 2.0)
    run.seen("refused-1", 2.1, state="rejected", accepted=False, reason="unauthorized")
    for slot, outcome in enumerate(("refused", "failed", "dropped", "unfinished")):
        run.due(f"not-taken-{slot}", 3.0 + slot, outcome)
    assert analysed(run).accounting.unaccounted == 0


def test_without_a_journal_nothing_can_be_called_unaccounted(new_run: Build) -> None:
    run = new_run("run")
    run.due("m", 1.0)
    part = analysed(run, provider_file=False)
    assert (part.accounting.open, part.accounting.unknown_to_both, part.accounting.unaccounted) == (1, 1, 0)


@pytest.mark.parametrize("side", ["provider", "sender"])
def test_the_runners_probe_is_no_part_of_the_run(new_run: Build, side: str) -> None:
    run = new_run("run")
    run.journey("ok", 1.0, 3.0)
    run.kept("ok", "delivered")
    if side == "provider":
        run.seen("probe-1a2b.1", 0.5, price=100.0)
    else:
        run.kept("probe-1a2b.1", "queued")
    part = analysed(run)
    assert (part.accounting.unknown_messages, part.accounting.open, part.accounting.delivered) == (0, 0, 1)
    assert part.cost.points < 100.0


def test_messages_that_never_came_and_refused_ones_have_different_words(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(600):
        run.journey(f"m-{slot}", slot / 10, 3.0)
    for slot in range(3):
        run.due(f"lost-{slot}", 25.0 + slot)
    run.due("given-up", 25.0)
    run.seen("given-up", 25.1, state="rejected", reason="throttled_requests", accepted=False, throttled=1)
    part = analysed(run, end_s=400.0)
    assert part.availability is not None
    assert part.availability.why == (
        "3 messages never reached the provider and the provider accepted no submit of 1 message"
    )
