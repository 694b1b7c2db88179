"""The share of each class among the messages that a finding is about, as evidence."""

from __future__ import annotations

from analysis.arrays import Bools
from analysis.judge.bottlenecks.view import View
from analysis.measure.class_shares import class_shares


def by_class(view: View, found: Bools, among: Bools, what: str) -> list[str]:
    """``not taken: 21 % of class OTP``; empty if the classes hardly differ."""
    shares = class_shares(view.journeys, found, among)
    return [f"{what}: {shares}"] if shares else []
