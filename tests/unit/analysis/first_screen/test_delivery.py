"""How fast messages arrive: what the sentences below the rows say."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from made_reports import part, report, split, timed
from page_reading import disagreements, rendered
from screen_texts import answer_text

from analysis.findings import DelaySplit, FaultBand, ReachKind
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.model import RunReport
from analysis.render.tables_findings import handsets

replace = msgspec.structs.replace
OUTAGE = FaultBand(name="outage", kind="outage", title="outage", from_s=5.0, to_s=9.0, messages=0)


def same_percentiles(sender_s: float, contract_s: float = 0.0) -> DelaySplit:
    """The percentiles without a share are those of the total, to three digits. The means are not."""
    found = split("otp", 8.0, sender_s)
    means_s = {"sender": sender_s, "contract": contract_s}
    shares = tuple(
        replace(each, without=found.total, mean_s=means_s.get(each.name, each.mean_s))
        for each in found.shares
    )
    return replace(found, shares=shares, network_only=split("otp", 7.99, 0.0).total)


def made_with(found: DelaySplit) -> RunReport:
    return report(part(delay_splits=(found,)))


def test_a_share_that_rounding_hides_is_given_as_a_mean(tmp_path: Path) -> None:
    made = made_with(same_percentiles(0.0024, 0.00013))
    said = answer_text(made, "delivery")
    assert "without contract limits: 95 % within 7.99 s; on average the sender adds 2.40 ms" in said
    assert "and the contract's limits 130 µs." in said
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []


@pytest.mark.parametrize("missing", ["sender", "contract"])
def test_shares_that_are_not_both_known_are_left_out(missing: str) -> None:
    found = same_percentiles(0.0024)
    kept = tuple(each for each in found.shares if each.name != missing)
    said = answer_text(made_with(replace(found, shares=kept)), "delivery")
    assert "95 % within 7.99 s." in said and "adds" not in said


def test_a_row_has_the_part_with_the_highest_figure() -> None:
    """14.1 s of a simulated part, whose interval ended higher, were shown instead of 14.2 s."""
    made = []
    for slug, p95_s, spread in (("a", 14.1, 0.3), ("b", 14.2, 0.05)):
        each = replace(timed("otp", p95_s, 30.0, spread), part=slug)
        made.append(part(slug, title=f"part {slug}", p95_s={"otp": p95_s}, objectives=(each,)))
    found = report(*made, objectives=tuple(one for each in made for one in each.objectives))
    said = answer_text(found, "delivery")
    assert "95 % within 14.2 s" in said and "Part of each row: OTP: part b" in said


def with_faults(faults_s: dict[str, float], decides: bool = True, named: bool = True) -> RunReport:
    """A part without faults (8 s and 14 s) and one with faults."""
    made = []
    for slug, times_s, bands in (("a", {"otp": 8.0, "transactional": 14.0}, ()), ("b", faults_s, (OUTAGE,))):
        judged = tuple(
            replace(timed(name, p95_s, 60.0), part=slug, decides=decides or slug == "a")
            for name, p95_s in times_s.items()
        )
        made.append(
            part(slug, title=f"part {slug}", p95_s=times_s, objectives=judged, faults=bands if named else ())
        )
    return report(*made, objectives=tuple(one for each in made for one in each.objectives))


def test_a_higher_figure_with_faults_is_named_below_the_rows(tmp_path: Path) -> None:
    """The rows have the parts without faults, and the page did not say that another one was slower."""
    made = with_faults({"otp": 9.0, "transactional": 15.3})
    said = answer_text(made, "delivery")
    assert "Part of each row: OTP: part a; transactional: part a." in said
    assert (
        "With injected faults: OTP: 95 % within 9.00 s (part: part b); "
        "transactional: 95 % within 15.3 s (part: part b)."
    ) in said
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []
    assert contradictions(first_screen(made), made) == ()


def test_only_classes_that_were_slower_with_faults_are_named() -> None:
    said = answer_text(with_faults({"otp": 7.0, "transactional": 15.3}), "delivery")
    assert "With injected faults: transactional: 95 % within 15.3 s" in said
    assert "With injected faults" not in answer_text(with_faults({"otp": 7.0}), "delivery")
    assert "With injected faults" not in answer_text(with_faults({"otp": 9.0}, decides=False), "delivery")
    # Without faults it is the row itself.
    named = answer_text(with_faults({"otp": 9.0}, named=False), "delivery")
    assert "95 % within 9.00 s" in named and "With injected faults" not in named


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("", "without the contract's share of the delay"),
        ("negotiate", "without the contract's share of the delay"),
        ("sufficient", "which the send order caused"),
        ("send_order", "which the send order caused"),
    ],
)
def test_the_contracts_share_is_that_of_the_send_order_if_the_contract_is_sufficient(
    kind: ReachKind, words: str
) -> None:
    """One sentence says that an ideal sender meets the limit in the same contract. The next one may not put
    the delay down to the contract.
    """
    found = split("otp", 30.0, 0.0)
    shares = tuple(
        replace(each, without=split("otp", 8.0, 0.0).total, mean_s=22.0) if each.name == "contract" else each
        for each in found.shares
    )
    late = replace(timed("otp", 30.0, 15.0), reach="It is so.", reach_kind=kind)
    made = part(p95_s={"otp": 30.0}, objectives=(late,), delay_splits=(replace(found, shares=shares),))
    said = answer_text(report(made), "delivery")
    wordings = {"without the contract's share of the delay", "which the send order caused"}
    assert {each for each in wordings if each in said} == {words}


def test_a_time_just_over_its_limit_has_the_same_digits_with_an_ideal_sender() -> None:
    """95 % of the OTPs within 10.004 s, with a limit of 10 s and no share of sender or contract."""
    over, ideal = (split("otp", 10.004, 0.0) for _ in range(2))
    shares = tuple(replace(each, without=over.total, mean_s=0.0) for each in over.shares)
    found = replace(over, shares=shares, network_only=ideal.total)
    said = answer_text(report(part(p95_s={"otp": 10.004}, delay_splits=(found,))), "delivery")
    assert said.count("95 % within 10.004 s") == 2 and "10.0 s" not in said


@pytest.mark.parametrize(("message_class", "named"), [("otp", True), ("marketing", False)])
def test_only_a_class_that_needs_the_flag_is_said_to_lack_it(message_class: str, named: bool) -> None:
    found = replace(split(message_class, 8.0, 0.0), without_flag=900)
    made = part(objectives=(timed(message_class, 8.0, 15.0),), delay_splits=(found,))
    said = answer_text(report(made), "delivery")
    assert "from an ideal sender without contract limits" in said
    assert ("without the provider's priority flag" in said) == named


def test_the_time_with_an_ideal_sender_says_that_faults_are_in_it() -> None:
    told = "from an ideal sender without contract limits, with the injected faults: "
    made = part(delay_splits=(same_percentiles(0.0024),))
    assert told not in answer_text(report(made), "delivery")
    assert told in answer_text(report(replace(made, faults=(OUTAGE,))), "delivery")


def test_shares_of_the_messages_that_arrived_say_so() -> None:
    """The row counts messages that never arrived, the shares cannot."""
    made = made_with(replace(same_percentiles(0.0024), count=940))
    assert made.parts[0].delivery[0].count == 1000
    said = answer_text(made, "delivery")
    assert "Of the 940 that arrived: OTP from an ideal sender without contract limits" in said
    assert "that arrived" not in answer_text(made_with(same_percentiles(0.0024)), "delivery")


def test_an_ideal_time_without_the_shares_is_a_contradiction() -> None:
    made = made_with(same_percentiles(0.0024))
    screen = first_screen(made)
    assert contradictions(screen, made) == ()
    answers = tuple(
        replace(
            each,
            sentences=tuple(
                (*said[:2], "; sender and contract add no measurable delay.") if "adds" in str(said) else said
                for said in each.sentences
            ),
        )
        for each in screen.answers
    )
    (found,) = contradictions(replace(screen, answers=answers), made)
    assert "does not say what sender and contract add" in found


def test_unreachable_phones_and_the_accounting_do_not_share_a_word(tmp_path: Path) -> None:
    """*expired* of the accounting is the final state of any message: it can be 0 beside the other count."""
    made = report(part())
    assert "40 arrived later, 6 given up by the network, 2 still waiting" in answer_text(made, "delivery")
    table = handsets(made, 0)
    names = [column.name for column in table.columns]
    assert "given up by the network" in names and "expired" not in names
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []
