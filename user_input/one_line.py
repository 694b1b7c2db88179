"""Texts that a settings file gives for one line: names, titles, credentials."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

# Line and control characters, NUL included (C0, DEL, C1, and Unicode's two separators).
_ENDS_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(text: str) -> str:
    """``text``. Raises ``ValueError``, which does not show it, if it has one of these, or nothing visible."""
    if not text.strip():
        raise ValueError("must have a visible character")
    if _ENDS_LINE.search(text):
        raise ValueError("must be one line without control characters")
    return text


OneLine = Annotated[str, AfterValidator(one_line)]
