"""Counters of the HTTP API."""

from __future__ import annotations

from msgspec import Struct


class ApiCounters(Struct):
    """Counters of the HTTP API since the process began."""

    accepted: int = 0  # messages
    repeated: int = 0  # repeats: messages whose key the sender had already
    invalid: int = 0  # messages refused because of their content
    refused_by_policy: int = 0  # messages: opt-out list, limits, duplicates, closed hours
    conflicts: int = 0  # messages refused because another message has the key
    queue_full: int = 0  # messages refused because the queue is full
    store_failed: int = 0  # messages refused because the store failed
    unauthorized: int = 0  # requests
    report_calls: int = 0
    reports: int = 0
    reports_put_off: int = 0  # report calls that the provider must repeat
    campaigns: int = 0
