"""What a rule is compared with."""

from __future__ import annotations

from msgspec import Struct

from reference_sender.alerts.rules import FloorRule, Rule

_COUNTED = ("messages", "reports", "routes")


class Value(Struct, frozen=True):
    """One value of one rule. ``name``: the rule, with the class, the route or the campaign that it is about.
    ``text``: a sentence for a person, with ``{}`` for the value. ``unit``: of the value and its limit;
    "" is a unit that only the provider knows. ``is_share``: the value is a part of 1.
    """

    name: str
    rule: Rule | FloorRule
    value: float
    text: str
    unit: str = ""
    is_share: bool = False

    @property
    def description(self) -> str:
        """The sentence with the value."""
        before, _, after = self.text.partition("{}")
        return before + as_text(self.value, self.is_share) + after  # the text has the unit


def as_text(value: float, is_share: bool) -> str:
    """A number in a sentence; a part of 1 in percent."""
    if is_share:
        value *= 100
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # and not 1.234e+04
    return f"{text} %" if is_share else text


def limit_text(limit: float, is_share: bool, unit: str) -> str:
    """A limit with its unit."""
    if limit == 1 and unit in _COUNTED:
        unit = unit.removesuffix("s")
    return f"{as_text(limit, is_share)} {unit}".rstrip()


def beyond(limit: str, floor: bool) -> str:
    """On which side of ``limit`` the value of an alert is when it begins. ``floor``: a lower limit."""
    return f"{'below' if floor else 'above'} the limit of {limit}"
