"""What the page says of checks that warn."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest
from made_reports import lag_check, part, report, timed

from analysis.first_screen.caveats import PLAIN_CHECKS
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.judge import checks, checks_environment
from analysis.report import build_report

ROOT = Path(__file__).parents[4]


def capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


UNDECIDED = (timed("otp", None, 20.0),)


def warned_of(*names: str) -> str:
    """What the page says of these checks, which an undecided report has in this order."""
    checks = tuple(lag_check(name=name, state="warn", value=f"the {name}") for name in names)
    made = msgspec.structs.replace(report(part(objectives=UNDECIDED)), checks=checks, validity="warn")
    return as_text(first_screen(made).trust)


@pytest.mark.parametrize("p95_s", [8.0, 30.0])
def test_dependent_messages_are_no_warning_beside_a_decided_verdict(p95_s: float) -> None:
    """Each interval has them already, so that no answer changes."""
    few = lag_check(name="independence", state="warn", value="500 of 700")
    late = lag_check(name="provider's event loop", state="warn", value="at most 13.6 ms")
    decided = part(objectives=(timed("otp", p95_s, 20.0),))
    made = msgspec.structs.replace(report(decided), checks=(few, lag_check()), validity="warn")
    assert as_text(first_screen(made).trust).startswith("Valid: the bench was on time (99 % of messages")
    made = msgspec.structs.replace(report(decided), checks=(few, late), validity="warn")
    assert as_text(first_screen(made).trust).startswith(
        "Valid, with a warning. The mock provider was late: at most 13.6 ms."
    )


def test_how_the_run_ended_is_the_first_warning() -> None:
    said = warned_of("schedule lag", "sample size", "independence", "end of the run")
    assert said.startswith(
        "Valid, with warnings. How the run ended: the end of the run. A message without a final state "
        "counts with its age at the end. Number of messages: the sample size. "
    )
    assert "slow together" not in said  # there is room for three


def test_what_can_change_a_count_goes_before_a_busy_machine() -> None:
    """On a busy machine three checks warn of it, and hid messages that this load did not send."""
    busy = "schedule lag", "machine CPU", "provider's event loop", "generator CPU"
    for name in ("unknown messages", "accounting", "files", "closed connections"):
        said = warned_of(*busy, name)
        assert said.startswith(f"Valid, with warnings. {capital(PLAIN_CHECKS[name].checked)}: the {name}.")
        assert "The bench sent late: the schedule lag." in said


def test_the_checks_that_are_not_shown_are_counted() -> None:
    names = tuple(PLAIN_CHECKS)
    assert "more check" not in warned_of(*names[:3])
    assert warned_of(*names[:4]).endswith(". One more check warns: see the table Validity.")
    assert warned_of(*names[:4], names[3]).endswith(". One more check warns: see the table Validity.")
    assert warned_of(*names[:5]).endswith(". Two more checks warn: see the table Validity.")
    assert warned_of(*names).endswith(". Several more checks warn: see the table Validity.")


def test_a_reservation_names_its_part_if_there_are_several() -> None:
    few = lag_check(name="independence", state="warn", value="500 messages (of 700)", part="06-burst")
    parts = (
        part("05-day-500k", objectives=UNDECIDED),
        part("06-burst", title="a burst", messages_per_day=None, objectives=UNDECIDED),
    )
    made = msgspec.structs.replace(report(*parts), checks=(few,), validity="warn")
    assert as_text(first_screen(made).trust) == (
        "Valid, with a warning. Messages that were slow together, as in one queue: 500 messages (of 700; "
        "part: a burst). So the intervals are wider, and the verdicts include that."
    )
    one = msgspec.structs.replace(report(parts[1]), checks=(few,), validity="warn")
    assert (
        as_text(first_screen(one).trust).count("in one queue: 500 messages (of 700). So the intervals") == 1
    )


def names_of_checks() -> set[str]:
    """The names that the modules of the checks give to checks, and those of a report."""
    found = {each.name for each in build_report(ROOT / "tests" / "golden" / "run").checks}
    for module in (checks, checks_environment):
        for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "name" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
    return found


def test_every_check_has_plain_words_and_a_meaning() -> None:
    """One without them was shown by its name, such as *timestamp order*."""
    names = names_of_checks()
    assert len(names) > 12
    assert names == set(PLAIN_CHECKS)


@pytest.mark.parametrize("name", sorted(PLAIN_CHECKS))
def test_a_reservation_says_what_was_found_and_what_it_means(name: str) -> None:
    warned = lag_check(name=name, state="warn", value="12 of 400")
    made = msgspec.structs.replace(report(part(objectives=UNDECIDED)), checks=(warned,), validity="warn")
    screen = first_screen(made)
    found = PLAIN_CHECKS[name]
    lead = capital(found.checked)
    assert as_text(screen.trust) == f"Valid, with a warning. {lead}: 12 of 400. {found.meaning}."
    assert contradictions(screen, made) == ()
