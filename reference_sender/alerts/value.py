"""What a rule is compared with."""

from __future__ import annotations

from msgspec import Struct

from reference_sender.alerts.rules import FloorRule, Rule


class Value(Struct, frozen=True):
    """One value of one rule. ``name``: the rule, with the class, the route or the campaign that it is about.
    ``text``: a sentence for a person, with ``{}`` for the value. ``is_share``: the value is a part of 1."""

    name: str
    rule: Rule | FloorRule
    value: float
    text: str
    is_share: bool = False

    @property
    def description(self) -> str:
        """The sentence with the value."""
        before, _, after = self.text.partition("{}")
        return before + as_text(self.value, self.is_share) + after


def as_text(value: float, is_share: bool) -> str:
    """A value or a limit in a sentence; a part of 1 in percent."""
    if is_share:
        value *= 100
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # and not 1.234e+04
    return f"{text} %" if is_share else text


def beyond(limit: float, is_share: bool, floor: bool) -> str:
    """How the value of an alert that begins is to its limit, which is a lower one if ``floor``."""
    return f"{'below' if floor else 'above'} the limit of {as_text(limit, is_share)}"
