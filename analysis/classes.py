"""Message classes: their order in tables, and the most urgent one."""

from __future__ import annotations

from collections.abc import Iterable

CLASS_ORDER = ("otp", "transactional", "marketing")
GUARDED_CLASS = "otp"
ALL = "all"  # the messages of all classes together


def in_class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Known classes in the order of their priority, then the others by name."""
    found = set(names)
    known = [name for name in CLASS_ORDER if name in found]
    return (*known, *sorted(found.difference(CLASS_ORDER)))


def messages_of(message_class: str) -> str:
    """``otp messages``; ``messages`` of all classes together."""
    return "messages" if message_class == ALL else f"{message_class} messages"
