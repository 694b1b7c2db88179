"""The times of a node."""

from __future__ import annotations

from msgspec import Struct


class NodeTimes(Struct, frozen=True):
    """``early_report_ns``: for how long an early report may wait for the answer to its submit; less than
    a provider's time limit."""

    linger_ns: int = 2_000_000
    retry_ns: int = 1_000_000_000
    early_report_ns: int = 5_000_000_000


DEFAULT_TIMES = NodeTimes()
