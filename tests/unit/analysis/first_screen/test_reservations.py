"""What the page says of checks that warn."""

from __future__ import annotations

import msgspec
from made_reports import lag_check, part, report

from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import words


def test_how_the_run_ended_is_the_first_reservation() -> None:
    names = ("schedule lag", "sample size", "independence", "end of the run")
    warned = tuple(lag_check(name=name, state="warn", value=f"the {name}") for name in names)
    made = msgspec.structs.replace(report(part()), checks=warned, validity="warn")
    said = words(first_screen(made).trust)
    assert said.startswith("Valid, with reservations: how it ended: the end of the run; the bench sent late")
    assert "effective sample size" not in said


def test_a_reservation_names_its_part_if_there_are_several() -> None:
    few = lag_check(name="independence", state="warn", value="500 messages (of 700)", part="06-burst")
    parts = part("05-day-500k"), part("06-burst", title="a burst", messages_per_day=None)
    made = msgspec.structs.replace(report(*parts), checks=(few,), validity="warn")
    assert words(first_screen(made).trust) == (
        "Valid, with reservations: effective sample size: 500 messages (of 700; part: a burst)."
    )
    one = msgspec.structs.replace(report(parts[1]), checks=(few,), validity="warn")
    assert words(first_screen(one).trust).endswith("effective sample size: 500 messages (of 700).")
