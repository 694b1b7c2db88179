"""The name or number that a phone shows as the sender of a message."""

from __future__ import annotations

import re

SENDER_RULE = "1 to 11 of the characters A-Z a-z 0-9 space . _ & -, or a number of 3 to 15 digits"

is_sender_id = re.compile(r"[A-Za-z0-9 ._&-]{1,11}|\+?[0-9]{3,15}").fullmatch
