"""Names and limits that sends and services share."""

from __future__ import annotations

from mock_provider.engine.segments import GSM7_JOINED

PROTOCOL_NAME = "smsapi"
DEFAULT_SENDER = "Test"
MAX_IDX_CHARACTERS = 255
MOST_PARTS = 10  # that a profile or ``max_parts`` may allow
LONGEST_TEXT = MOST_PARTS * GSM7_JOINED  # characters; a longer text is refused without counting its parts
