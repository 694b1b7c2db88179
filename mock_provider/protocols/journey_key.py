"""The journey key in the text, for senders without a field for it."""

from __future__ import annotations

import re

_TEXT_KEY = re.compile(r"#K([A-Za-z0-9._-]{1,64})#")


def text_key(text: str) -> str:
    """The journey key in a text, ``#K<key>#``, or "".

    It takes precedence over the client's reference (SMSAPI's ``idx``), since a sender without a field for the
    key may use its own references.
    """
    if "#K" not in text:
        return ""
    found = _TEXT_KEY.search(text)
    return found.group(1) if found else ""
