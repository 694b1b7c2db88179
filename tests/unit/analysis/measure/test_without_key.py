"""Messages of the load that reached the provider without their key."""

from __future__ import annotations

from typing import Any

import pytest
from made_parts import OWN
from run_builder import Build, RunBuilder
from screen_texts import answer_text

from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.judge.check_names import END_OF_RUN
from analysis.judge.losses import PASS_THE_KEY
from analysis.model import PartReport
from analysis.part import analyse_part
from analysis.records import read_manifest
from analysis.report import build_report

BAD_NUMBER: dict[str, Any] = {"state": "rejected", "reason": "no_valid_recipient", "accepted": False}


def analysed(builder: Any, **manifest: Any) -> PartReport:
    run_dir = builder.write(**manifest)
    return analyse_part(run_dir, read_manifest(run_dir), "made")


def test_messages_that_came_without_their_key_are_not_unaccounted(new_run: Build) -> None:
    """A sender that cuts the text loses the key. All its messages reached the provider."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen("" if slot % 10 == 9 else f"m-{slot}", slot / 10 + 0.01, provider_id=f"P-{slot}")
    part = analysed(run, load_s=30.0, end_s=60.0, drain_timeout_s=20.0)
    counted = part.accounting
    assert (counted.without_key, counted.unaccounted, counted.unknown_messages) == (30, 0, 30)
    verdicts = {each.objective: each.verdict for each in part.objectives}
    assert verdicts["loss=0"] == verdicts["unaccounted=0"] == "undecided"
    assert (verdicts["availability>99%"], part.sustained, part.bottlenecks) == ("met", True, ())
    otp = next(each for each in part.objectives if each.objective == "otp.p95<20s")
    assert (otp.verdict, otp.needs) == ("undecided", PASS_THE_KEY)


def cuts_long_texts(run: RunBuilder, refused: int = 0, unseen: int = 0, named: bool = True) -> None:
    """Every fifth message is of marketing and has a long text. Of those, the first ``refused`` have a bad
    number, and the last ``unseen`` have no row.
    """
    for slot in range(600):
        name = "marketing" if slot % 2 else "otp"
        long = slot % 10 in (1, 3)
        run.due(f"m-{slot}", slot / 20, message_class=name)
        if not long:
            run.seen(f"m-{slot}", slot / 20 + 0.01, segments=2 if slot % 10 == 5 else 1)
        elif slot // 5 < 120 - unseen:
            key = f"48500600700-ab-{slot}" if named else ""
            more = BAD_NUMBER if slot // 5 < refused else {"provider_id": f"P-{slot}"}
            run.seen(key, slot / 20 + 0.01, **more)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("refused", "unseen"), [(0, 0), (8, 0), (120, 0), (8, 12)])
def test_a_cut_text_with_a_bad_number_reached_the_provider_too(
    new_run: Build, refused: int, unseen: int, named: bool
) -> None:
    """Each of the 120 was submitted. A message that the provider can neither read nor name has no row."""
    run = new_run("run")
    cuts_long_texts(run, refused, unseen, named)
    made = build_report(run.write(load_s=30.0, end_s=60.0, drain_timeout_s=20.0, target=OWN))
    (part,) = made.parts
    counted = part.accounting
    assert (counted.unknown_messages, counted.unknown_refused) == (120 - unseen, refused)
    assert (counted.without_key, counted.unaccounted, part.bottlenecks) == (120, 0, ())
    verdicts = {each.objective: each.verdict for each in part.objectives}
    assert (verdicts["unaccounted=0"], verdicts["loss=0"], verdicts["duplicates=0"]) == (
        *("undecided", "undecided"),
        "met",
    )
    otp, marketing = (
        next(each for each in part.objectives if each.message_class == name) for name in ("otp", "marketing")
    )
    assert (otp.verdict, marketing.needs) == ("met", PASS_THE_KEY)
    assert (part.cost.other_keys_points, contradictions(first_screen(made), made)) == (0.0, ())
    cut = "; each has one segment, of at most 160 characters" if refused < 120 else ""
    assert as_text(first_screen(made).why) == (
        "No objective was missed. 120 messages reached the provider without their key (40 % of class "
        f"marketing{cut}): my-sender changed or cut the text, or does not pass the reference on. Their loss "
        "cannot be judged."
    )


def test_a_sender_that_loses_the_reference_of_some_messages_does_not_cut_them(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        lost = slot % 3 == 0
        run.seen(f"other-{slot}" if lost else f"m-{slot}", slot / 10 + 0.01, segments=1 + slot // 3 % 2)
    part = analysed(run, load_s=30.0, end_s=60.0)
    assert (part.accounting.without_key, part.without_key_evidence) == (100, "")


def test_fewer_unknown_messages_explain_a_part_of_the_missing_ones(new_run: Build) -> None:
    """Of 30 missing messages 10 may have come with another key, and 20 were dropped."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        if slot % 10 != 9 or slot < 100:
            run.seen("" if slot % 10 == 9 else f"m-{slot}", slot / 10 + 0.01, provider_id=f"P-{slot}")
    made = build_report(run.write(load_s=30.0, end_s=60.0, target=OWN))
    (part,) = made.parts
    counted = part.accounting
    assert (counted.without_key, counted.unaccounted, counted.unknown_messages) == (0, 30, 10)
    unaccounted = next(each for each in part.objectives if each.measure == "unaccounted")
    assert (unaccounted.low, unaccounted.high, unaccounted.verdict) == (20, 30, "missed")
    may_be = "10 messages came with keys that the load did not send: they may be some of these"
    assert unaccounted.measured == "20 to 30" and may_be in unaccounted.why
    assert may_be in next(each for each in part.bottlenecks if each.kind == "sender_unforwarded").evidence
    screen = first_screen(made)
    assert as_text(screen.why).startswith(
        "my-sender accepted 300 messages; at least 20 of them never reached the provider"
    )
    assert contradictions(screen, made) == ()
    assert "30 never seen by the provider under their keys" in answer_text(screen, "wrong")


@pytest.mark.parametrize("sender_rows", [False, True])
def test_no_place_counts_as_lost_what_may_have_come_with_another_key(
    new_run: Build, sender_rows: bool
) -> None:
    """The headline said *at least 40*, while the objective and a check said 60."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        if slot % 5 != 4:
            run.seen(f"m-{slot}", slot / 10 + 0.01)
        elif slot < 100:
            run.seen("", slot / 10 + 0.01, provider_id=f"P-{slot}")
        if sender_rows:
            run.kept(f"m-{slot}", "sent")
    waited: dict[str, Any] = {"drain_timeout_s": 20.0, "exit_reason": "drain_timeout"}
    made = build_report(run.write(load_s=30.0, end_s=60.0, target=OWN, **waited))
    (part,) = made.parts
    assert (part.accounting.unaccounted, part.accounting.unknown_messages) == (60, 20)
    loss = next(each for each in part.objectives if each.measure == "loss")
    assert (loss.low, loss.high) == ((40, 60) if sender_rows else (0, 60))
    assert "60 messages" in loss.why and "under their keys" in loss.why
    assert "20 messages came with keys that the load did not send: they may be some of these" in loss.why
    ending = next(each for each in part.checks if each.name == END_OF_RUN)
    assert ending.advice.endswith("60 messages never reached the provider under their keys")
    assert part.availability is not None
    assert part.availability.why == "60 messages never reached the provider under their keys"
    screen = first_screen(made)
    assert ("under their keys, up to 60 lost, 0 duplicated" in answer_text(screen, "wrong")) is sender_rows
    assert contradictions(screen, made) == ()


@pytest.mark.parametrize(
    ("unknown", "said"), [(0, "60 messages were lost"), (20, "At least 40 messages were lost")]
)
def test_a_headline_on_lost_messages_leaves_out_what_may_have_come_with_another_key(
    new_run: Build, unknown: int, said: str
) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.kept(f"m-{slot}", "sent")
        if slot % 5 != 4:
            run.seen(f"m-{slot}", slot / 10 + 0.01)
        elif slot < 5 * unknown:
            run.seen("", slot / 10 + 0.01, provider_id=f"P-{slot}")
    made = build_report(run.write(load_s=30.0, end_s=60.0), objectives=("loss=0", "unaccounted<100"))
    screen = first_screen(made)
    assert as_text(screen.why).startswith(f"{said}; none may be")
    assert contradictions(screen, made) == ()


def test_the_check_of_files_counts_them_under_their_keys(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        if slot % 5 != 4:
            run.seen(f"m-{slot}", slot / 10 + 0.01)
        elif slot < 100:
            run.seen("", slot / 10 + 0.01, provider_id=f"P-{slot}")
    part = analysed(run, load_s=30.0, end_s=60.0, target={"name": "made"})
    files = next(each for each in part.checks if each.name == "files")
    assert (
        "sender.arrow (60 messages never reached the provider under their keys: they count as open)"
        in files.value
    )


@pytest.mark.parametrize("sender_rows", [False, True])
def test_a_longer_wait_does_not_help_messages_without_their_key(new_run: Build, sender_rows: bool) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}" if slot % 5 else "", slot / 10 + 0.01, provider_id=f"P-{slot}")
        if sender_rows:
            run.kept(f"m-{slot}", "sent")
    part = analysed(run, load_s=30.0, end_s=60.0, drain_timeout_s=20.0, exit_reason="drain_timeout")
    assert (part.accounting.without_key, part.accounting.open) == (60, 60)
    ending = next(each for each in part.checks if each.name == END_OF_RUN)
    assert ending.advice == "let the sender pass the key of each message on: a longer wait changes nothing"


@pytest.mark.parametrize("again", [False, True])
def test_a_row_that_is_written_again_is_one_unknown_message(new_run: Build, again: bool) -> None:
    """Refused first and then accepted, or open first and then delivered."""
    run = new_run("run")
    run.journey("m-1", 1.0, 2.0)
    if again:
        run.seen("other", 2.0, **BAD_NUMBER)
        run.seen("other", 2.0, state="open", provider_id="P-2")
    run.seen("other", 2.0, provider_id="P-2")
    counted = analysed(run).accounting
    assert (counted.unknown_messages, counted.unknown_refused) == (1, 0)


def test_a_refused_message_of_another_program_is_no_copy(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(60):
        run.journey(f"m-{slot}", slot / 10, 2.0)
        run.seen(f"other-{slot}", slot / 10, **BAD_NUMBER)
    part = analysed(run, load_s=6.0, end_s=36.0)
    assert (part.accounting.unknown_messages, part.accounting.unknown_refused) == (60, 60)
    duplicates = next(each for each in part.objectives if each.measure == "duplicates")
    assert (duplicates.verdict, duplicates.high, part.cost.other_keys_points) == ("met", 0.0, 0.0)


def test_repeats_of_one_message_without_a_key_are_one_message(new_run: Build) -> None:
    """The provider makes a key for each of its submits. They explain no dropped message."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 20, message_class="otp")
        if slot % 5:
            run.seen(f"m-{slot}", slot / 20 + 0.01)
    for again in range(54):
        run.seen(f"48500600700-0123456789-{again}", 1.0 + again / 10, **BAD_NUMBER)
    made = build_report(run.write(load_s=15.0, end_s=45.0, drain_timeout_s=20.0, target=OWN))
    (part,) = made.parts
    assert part.accounting.unknown_messages == 1
    assert (part.accounting.without_key, part.accounting.unaccounted) == (0, 60)
