"""Why messages did not arrive: a reason for each message once, and none for one that arrived."""

from __future__ import annotations

from pathlib import Path

from run_builder import Build

from analysis.report import build_report


def listed(run_dir: Path) -> list[tuple[str, str, int, int]]:
    (part,) = build_report(run_dir).parts
    return [(each.source, each.reason, each.count, each.accepted) for each in part.reasons]


def test_a_message_that_did_not_arrive_is_listed_once(new_run: Build) -> None:
    run = new_run("run")
    # The sender repeats what the provider's report said.
    run.due("told", 1.0)
    run.seen("told", 1.1, state="undelivered", reason="absent_subscriber")
    run.kept("told", "failed", "absent_subscriber")
    # Refused by the provider and then given up by the sender.
    run.due("refused", 2.0)
    run.seen("refused", 2.1, state="rejected", reason="too_many", accepted=False)
    run.kept("refused", "failed", "gave_up: too_many")
    # Only the sender knows: never submitted; given up before; and open at the provider.
    run.due("queued", 3.0)
    run.kept("queued", "queued")
    run.kept("queued", "expired", "too_late")
    run.due("open", 4.0)
    run.seen("open", 4.1, state="open")
    run.kept("open", "expired", "no_report")
    # Delivered, though its report never came: it did arrive.
    run.journey("arrived", 5.0, 1.0)
    run.kept("arrived", "expired", "no_report")
    assert sorted(listed(run.write())) == [
        ("provider", "rejected: too_many", 1, 1),
        ("provider", "undelivered: absent_subscriber", 1, 1),
        ("sender", "expired: no_report", 1, 1),
        ("sender", "expired: too_late", 1, 1),
    ]


def test_the_answer_of_the_api_is_the_reason_only_if_provider_and_sender_have_none(new_run: Build) -> None:
    run = new_run("run")
    run.journey("taken", 1.0, 1.0)
    # The API did not answer in time: one arrived nevertheless, others are on their way or failed later.
    run.journey("arrived", 2.0, 1.0, outcome="failed")
    run.due("on its way", 3.0, "failed")
    run.seen("on its way", 3.1, state="open")
    run.due("queued", 4.0, "failed")
    run.kept("queued", "queued")
    run.due("off", 5.0, "failed")
    run.seen("off", 5.1, state="undelivered", reason="absent_subscriber")
    run.due("too late", 6.0, "failed")
    run.kept("too late", "expired", "too_late")
    run.due("gone", 7.0, "failed")
    # Refused for a phone number that the provider had refused, and for the sender's own limit.
    run.due("bad number", 8.0, "refused")
    run.seen("bad number", 8.1, state="rejected", reason="no_valid_recipient", accepted=False)
    run.due("limit", 9.0, "refused")
    assert sorted(listed(run.write())) == [
        ("provider", "rejected: no_valid_recipient", 1, 0),
        ("provider", "undelivered: absent_subscriber", 1, 0),
        ("sender", "expired: too_late", 1, 0),
        ("sender API", "failed: no reply", 1, 0),
        ("sender API", "refused: HTTP 429", 1, 0),
    ]


def test_without_a_journal_the_sender_knows_what_arrived(new_run: Build) -> None:
    run = new_run("run")
    run.due("arrived", 1.0, "failed")
    run.kept("arrived", "delivered")
    run.due("submitted", 2.0, "failed")
    run.kept("submitted", "sent")
    run.due("gone", 3.0, "failed")
    assert listed(run.write(provider_file=False)) == [("sender API", "failed: no reply", 1, 0)]


def test_with_a_journal_a_message_that_only_the_sender_saw_leave_did_not_arrive(new_run: Build) -> None:
    run = new_run("run")
    run.journey("taken", 1.0, 1.0)
    run.due("lost", 2.0, "failed")
    run.kept("lost", "sent")
    assert listed(run.write()) == [("sender API", "failed: no reply", 1, 0)]


def test_the_last_state_that_the_sender_stored_counts(new_run: Build) -> None:
    run = new_run("run")
    run.due("m", 1.0)
    run.kept("m", "failed", "first")
    run.kept("m", "expired", "last")
    assert listed(run.write()) == [("sender", "expired: last", 1, 1)]


def test_the_most_frequent_reason_goes_first_and_a_state_without_a_reason_is_one(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(5):
        run.due(f"m-{slot}", 1.0 + slot)
        why = "" if slot < 3 else "network_error"
        run.seen(f"m-{slot}", 1.1 + slot, state="undelivered", reason=why)
    assert listed(run.write()) == [
        ("provider", "undelivered", 3, 3),
        ("provider", "undelivered: network_error", 2, 2),
    ]
