"""Held messages are fitted in the order of their ids, at a cost that does not grow with their number."""

from __future__ import annotations

import heapq
from typing import Any

import pytest

from reference_sender.policy import to_fit
from reference_sender.policy.to_fit import ToFit


def test_ids_are_taken_in_their_order_whatever_their_campaign() -> None:
    fits = ToFit()
    fits.replace("may", [2, 7])
    for campaign, number in (("june", 5), ("june", 6), ("june", 3), ("may", 1), ("june", 3), ("may", 4)):
        fits.add(campaign, number)
    assert [fits.pop() for _ in range(8)] == [1, 2, 3, 4, 5, 6, 7, None]
    assert not fits


def test_a_campaign_that_waits_behind_another_costs_no_more_with_each_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[Any] = []

    def take(heap: list[Any]) -> Any:
        taken.append(heapq.heappop(heap))
        return taken[-1]

    fits = ToFit()
    fits.replace("first", [1])
    for number in range(2, 1002):
        fits.add("second", number)
    monkeypatch.setattr(to_fit, "heappop", take)
    assert [fits.pop() for _ in range(4)] == [1, 2, 3, 4]
    assert len(taken) == 2 * 4, "an id and its entry for each"
