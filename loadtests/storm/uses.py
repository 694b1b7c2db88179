"""What a storm makes use of beside faults; it is counted as the faults are."""

from __future__ import annotations

HEDGE = "second_message"
STATUS_QUERY = "status_query"
SCHEDULE = "scheduled_message_sent"
HOURS = "message_sent_in_opening_hours"

USES = (HEDGE, STATUS_QUERY, SCHEDULE, HOURS)
