"""A decimal comma in an option whose entries are separated by commas."""

from __future__ import annotations

import re

_COMMA = re.compile(r"(?<![\w.,])(\d+),(\d+)", re.ASCII)


def decimal_comma(text: str) -> str:
    """``write 5.5: a number has a decimal point``, for ``otp=5,5``; "" without such a number.

    An entry begins with a letter, or ends with a unit, so that a comma between two digits separates nothing.
    """
    found = _COMMA.search(text)
    return f"write {found[1]}.{found[2]}: a number has a decimal point" if found else ""
