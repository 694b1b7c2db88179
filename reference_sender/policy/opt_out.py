"""Recipients who refuse messages of some classes."""

from __future__ import annotations

from msgspec import Struct


class OptOut(Struct, frozen=True, gc=False):
    """A number on the opt-out list, digits only, and since when."""

    number: str
    since_ns: int
