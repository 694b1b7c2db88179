"""What a rule is compared with."""

from __future__ import annotations

from msgspec import Struct

from reference_sender.alerts.rules import FloorRule, Rule


class Value(Struct, frozen=True):
    """One value of one rule. ``name``: the rule, with the class, the route or the campaign that it is about.
    ``description``: what the value is, for a person."""

    name: str
    rule: Rule | FloorRule
    value: float
    description: str
