"""Which faults touched a message, for the journal: their names in the order in which they acted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

MAGIC = "magic"  # of a message to a magic number


class FaultMarked(Protocol):
    fault: str


def mark(message: FaultMarked, name: str) -> None:
    """Record that the fault touched this message. Names have no comma; each is recorded once."""
    noted = message.fault
    if not noted:
        message.fault = name
    elif name != noted and name not in noted.split(","):
        message.fault = f"{noted},{name}"


def mark_all(messages: Iterable[FaultMarked], name: str) -> None:
    for message in messages:
        mark(message, name)
