"""The memory that the report of a simulation needs, from the number of its messages (docs/simulate.md).

A report has the columns of one part in memory at a time. The simulation itself needs less.
"""

from __future__ import annotations

from loadtests.arrivals.processes import arrival_count
from loadtests.scenario import Scenario

REPORT_BYTES = 200_000_000
# As measured, rounded up. tests/unit/analysis/test_memory.py holds the analysis to it.
REPORT_BYTES_PER_MESSAGE = 1_000
_GB = 1_000_000_000


def report_bytes(messages: int) -> int:
    """The memory that a report of a part with so many messages needs."""
    return REPORT_BYTES + REPORT_BYTES_PER_MESSAGE * messages


def most_messages(scenario: Scenario) -> int:
    """The messages of the scenario's largest part."""
    counts = (sum(arrival_count(each.process) for each in part.streams) for part in scenario.parts)
    return max(counts)


def too_little_memory(scenario: Scenario, available_bytes: int) -> str:
    """A warning if the report needs more memory than is available; else ""."""
    messages = most_messages(scenario)
    wanted = report_bytes(messages)
    if wanted <= available_bytes:
        return ""
    return (
        f"the report of {messages:,} messages needs about {_gigabytes(wanted)} of memory, and "
        f"{_gigabytes(available_bytes)} are available. The rows are written in any case; smsbench report "
        "makes the report on a machine with more memory. A shorter load (--duration) or a lower --scale "
        "needs less"
    )


def _gigabytes(count: int) -> str:
    value = count / _GB
    return f"{value:.0f} GB" if value >= 10 else f"{value:.1f} GB"
