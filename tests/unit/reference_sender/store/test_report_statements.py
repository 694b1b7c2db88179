"""The statements that both stores share."""

from __future__ import annotations

import re

import pytest

from reference_sender.store import report_statements as statements
from reference_sender.store.campaign_reports import ReportMade, ReportMailed, ReportOrder

CONTROLS = (ReportOrder("c", 1), ReportMade("c", 1, None, 2, False), ReportMailed("c", 2))


@pytest.mark.parametrize(
    "statement",
    [
        *(statements.written(control)[0] for control in CONTROLS),
        *(statements.WAITING, statements.OF_CAMPAIGN, statements.ROWS, statements.PROGRESS),
    ],
)
def test_each_parameter_occurs_once_and_in_order(statement: str) -> None:
    """SQLite gets them by position: it has no numbered ones for a sequence from Python 3.12 on."""
    numbers = [int(number) for number in re.findall(r"\$(\d+)", statement)]
    assert numbers == list(range(1, len(numbers) + 1))
