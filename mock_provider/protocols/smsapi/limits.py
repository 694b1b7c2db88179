"""Names and limits that sends and services share."""

from __future__ import annotations

from mock_provider.engine.segments import GSM7_JOINED

PROTOCOL_NAME = "smsapi"
DEFAULT_SENDER = "Test"
MAX_IDX_CHARACTERS = 255
MOST_PARTS = 10  # the largest value of a profile or of ``max_parts``
LONGEST_TEXT = MOST_PARTS * GSM7_JOINED  # characters; a longer text is refused without counting its parts
