"""The values of the rules on the store and its nodes."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from reference_sender.alerts.rules import AlertRules
from reference_sender.alerts.value import Value


class StoreTrouble(Struct, frozen=True):
    """Why nothing can be stored, and for how long that has been so. "": the store works. Beside it, what is
    wrong between its nodes.
    """

    reason: str = ""
    lasted_s: float = 0.0
    differing: tuple[str, ...] = ()  # routes for which another node has other limits


WORKS = StoreTrouble()


def store_values(rules: AlertRules, trouble: StoreTrouble) -> Iterator[Value]:
    """The values of ``store_failed`` and ``limits_differ``."""
    reason = f": {trouble.reason}" if trouble.reason else ""
    text = f"the store has kept nothing for {{}} s{reason}"
    yield Value("store_failed", rules.store_failed, trouble.lasted_s, text, "s")
    names = f": {', '.join(trouble.differing)}" if trouble.differing else ""
    text = f"routes with other limits at another node: {{}}{names}"
    yield Value("limits_differ", rules.limits_differ, float(len(trouble.differing)), text, "routes")
