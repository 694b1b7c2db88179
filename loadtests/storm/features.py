"""Features that a storm uses in addition to faults. They are counted in the same way."""

from __future__ import annotations

from reference_sender.dispatch.values import Outcome

HEDGE = "second_message"
HEDGING_ENDS = "start_without_second_messages"  # after a process that made them
STATUS_QUERY = "status_query"
SCHEDULE = "scheduled_message_sent"
HOURS = "message_sent_in_opening_hours"

CAMPAIGN_LIMIT = "message_over_campaign_limit"
DAILY_LIMIT = "message_over_daily_limit"
NUMBER_LIMIT = "message_over_limit_of_number"
PURGE = "message_purged"
CONTROLS_PURGE = "controls_of_campaign_purged"
CONTROLS_AGAIN = "purged_controls_stored_again"
COSTS_PURGE = "costs_purged"
REPLAY = "dead_letter_replayed"
REPLAY_AGAIN = "dead_letter_replayed_before"
DUPLICATE = "duplicate_refused"

ANSWERS = {outcome: f"answer_{outcome.value}" for outcome in Outcome}  # to a message of a request

FEATURES = (
    HEDGE,
    HEDGING_ENDS,
    STATUS_QUERY,
    SCHEDULE,
    HOURS,
    CAMPAIGN_LIMIT,
    DAILY_LIMIT,
    NUMBER_LIMIT,
    PURGE,
    CONTROLS_PURGE,
    CONTROLS_AGAIN,
    COSTS_PURGE,
    REPLAY,
    REPLAY_AGAIN,
    DUPLICATE,
    *ANSWERS.values(),
)
