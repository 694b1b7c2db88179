"""Fault storms with equal messages to one number, which a lookup cannot distinguish."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from loadtests.storm import process
from loadtests.storm.outcome import storm
from loadtests.storm.plan import draw_plan
from reference_sender.dispatch.lookups import PendingLookups

MOST_SEEDS = 200


def do_not_ask_the_store(patch: pytest.MonkeyPatch) -> None:
    """A lookup may take the id of a message that has ended, or that an earlier process sent."""
    patch.setattr(process, "untaken", lambda store, message, found: found)


def forget_equal_messages(patch: pytest.MonkeyPatch) -> None:
    """A lookup takes what it finds, although another message without an answer may be the one."""
    patch.setattr(PendingLookups, "others", lambda lookups, ticket, in_flight: 0)


@pytest.mark.parametrize(
    ("bug", "first"),
    [(do_not_ask_the_store, 4_000), (forget_equal_messages, 700)],
)
def test_a_lookup_that_takes_another_message_is_found(
    bug: Callable[[pytest.MonkeyPatch], None], first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``first``: not the seed 1, since two equal messages of which one is lost are rare."""
    with monkeypatch.context() as patch:
        bug(patch)
        seeds = range(first, first + MOST_SEEDS)
        seed = next((each for each in seeds if storm(draw_plan(each)).invariants & {"seen"}), None)
    assert seed is not None, f"no storm of {MOST_SEEDS} finds it"
    assert not storm(draw_plan(seed)).failed  # the bug fails, not the storm
