"""The value of the rule on the store."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from reference_sender.alerts.rules import AlertRules
from reference_sender.alerts.value import Value


class StoreTrouble(Struct, frozen=True):
    """Why nothing can be stored, and for how long that has been so. "": the store works."""

    reason: str = ""
    lasted_s: float = 0.0


WORKS = StoreTrouble()


def store_values(rules: AlertRules, trouble: StoreTrouble) -> Iterator[Value]:
    """The value of ``store_failed``."""
    reason = f": {trouble.reason}" if trouble.reason else ""
    text = f"the store has kept nothing for {{}} s{reason}"
    yield Value("store_failed", rules.store_failed, trouble.lasted_s, text)
