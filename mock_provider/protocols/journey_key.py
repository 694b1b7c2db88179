"""The journey key that a sender without a field for it carries in the text."""

from __future__ import annotations

import re

_TEXT_KEY = re.compile(r"#K([A-Za-z0-9._-]{1,64})#")


def text_key(text: str) -> str:
    """The journey key in a text, ``#K<key>#``, or "".

    It goes before the client's own reference (SMSAPI's ``idx``): a sender without a field for the key may
    well give references of its own.
    """
    if "#K" not in text:
        return ""
    found = _TEXT_KEY.search(text)
    return found.group(1) if found else ""
