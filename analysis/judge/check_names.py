"""Names of validity checks that others look up."""

from __future__ import annotations

INSTRUMENT = "instrument"
SCHEDULE_LAG = "schedule lag"
# Checks that every message is accounted for: what fails them in a probe is no answer to its question.
ACCOUNTING = (INSTRUMENT, "accounting", "timestamp order", "unknown messages")
