"""Names of validity checks that other modules look up."""

from __future__ import annotations

INSTRUMENT = "instrument"
SCHEDULE_LAG = "schedule lag"
# They check that every message is accounted for, so they decide in every part.
ACCOUNTING = (INSTRUMENT, "accounting", "timestamp order", "unknown messages")
END_OF_RUN = "end of the run"
INDEPENDENCE = "independence"
