"""What messages cost, and the limits on it. Amounts are integers: millionths of the currency.

The cost of a message is reserved when the message is accepted, on the day on which it may be sent. So a limit
holds whatever happens later, and the counters need no write when a message is sent. A cancelled message's
reservation is returned.
"""

from __future__ import annotations

from msgspec import Struct

UNIT = 1_000_000  # of the amounts in one unit of the currency


class Spent(Struct, frozen=True, gc=False):
    """An amount to add to the cost of ``campaign`` ("": none) on ``day``. A negative one is returned."""

    campaign: str
    day: int  # days since 1970-01-01 in the zone of the policy
    amount: int
