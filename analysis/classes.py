"""Message classes: their order in tables, and the most urgent one."""

from __future__ import annotations

from collections.abc import Iterable

CLASS_ORDER = ("otp", "transactional", "marketing")
GUARDED_CLASS = "otp"
ALL = "all"  # the messages of all classes together
_WORDS = {"otp": "OTP", ALL: "all messages"}


def in_class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Known classes in the order of their priority, then the others by name."""
    found = set(names)
    known = [name for name in CLASS_ORDER if name in found]
    return (*known, *sorted(found.difference(CLASS_ORDER)))


def class_text(message_class: str) -> str:
    """The name of a class as a reader sees it: ``OTP``, ``marketing``, ``all messages``."""
    return _WORDS.get(message_class, message_class)


def message_of(message_class: str) -> str:
    """One message of the class: ``OTP``, ``marketing message``, ``message``."""
    name = class_text(message_class)
    return "message" if message_class == ALL else name if name.isupper() else f"{name} message"


def messages_of(message_class: str) -> str:
    """``OTPs``, ``marketing messages``, ``messages``."""
    return f"{message_of(message_class)}s"
