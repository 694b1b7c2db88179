"""What can you observe: pages and files, and what no part of the bench checks."""

from __future__ import annotations

import pytest
from made_reports import part, report
from screen_texts import answer_text

from analysis.first_screen.screen import first_screen


@pytest.mark.parametrize(
    ("mode", "kind", "said"),
    [("real", "http", True), ("real", "reference_sender", False), ("simulated", "reference_sender", False)],
)
def test_a_page_of_an_own_sender_says_that_texts_are_not_checked(mode: str, kind: str, said: bool) -> None:
    """A sender that cuts texts at 100 characters gets a YES."""
    made = report(part(mode=mode, target={"name": "it", "kind": kind}), simulated=mode == "simulated")
    unchecked = "The bench does not check that texts arrive whole."
    assert (unchecked in answer_text(first_screen(made), "seen")) is said
