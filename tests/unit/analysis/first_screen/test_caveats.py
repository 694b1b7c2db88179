"""What the page says of checks that warn."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest
from made_reports import lag_check, part, report

from analysis.first_screen.caveats import PLAIN_CHECKS
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import words
from analysis.judge import checks, checks_environment
from analysis.report import build_report

ROOT = Path(__file__).parents[4]


def test_how_the_run_ended_is_the_first_reservation() -> None:
    names = ("schedule lag", "sample size", "independence", "end of the run")
    warned = tuple(lag_check(name=name, state="warn", value=f"the {name}") for name in names)
    made = msgspec.structs.replace(report(part()), checks=warned, validity="warn")
    said = words(first_screen(made).trust)
    assert said.startswith(
        "Valid, with warnings. How the run ended: the end of the run. A message without a final state "
        "counts with its age at the end. The bench sent late: the schedule lag. The delivery times include "
    )
    assert "slow together" not in said  # there is room for three


def test_a_reservation_names_its_part_if_there_are_several() -> None:
    few = lag_check(name="independence", state="warn", value="500 messages (of 700)", part="06-burst")
    parts = part("05-day-500k"), part("06-burst", title="a burst", messages_per_day=None)
    made = msgspec.structs.replace(report(*parts), checks=(few,), validity="warn")
    assert words(first_screen(made).trust) == (
        "Valid, with warnings. Messages that were slow together, as in one queue: 500 messages (of 700; "
        "part: a burst). The intervals are wider for it, and the verdicts include that."
    )
    one = msgspec.structs.replace(report(parts[1]), checks=(few,), validity="warn")
    assert words(first_screen(one).trust).count("in one queue: 500 messages (of 700). The intervals") == 1


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
    made = msgspec.structs.replace(report(part()), checks=(warned,), validity="warn")
    screen = first_screen(made)
    found = PLAIN_CHECKS[name]
    lead = f"{found.checked[:1].upper()}{found.checked[1:]}"
    assert words(screen.trust) == f"Valid, with warnings. {lead}: 12 of 400. {found.meaning}."
    assert contradictions(screen, made) == ()
