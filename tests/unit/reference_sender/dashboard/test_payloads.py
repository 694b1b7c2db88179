"""The types of the page are those of the server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import Struct

from reference_sender.dashboard.values import (
    AlertRow,
    ClassRow,
    ErrorRow,
    History,
    Overview,
    Point,
    RouteRow,
    ShownCampaign,
)

PAYLOADS = (Point, ClassRow, ShownCampaign, RouteRow, ErrorRow, AlertRow, Overview, History)
TEXT = (Path(__file__).parents[4] / "reference_sender" / "dashboard" / "page" / "payloads.js").read_text()


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.__name__)
def test_the_pages_types_have_the_fields_of_the_payloads(payload: type[Struct]) -> None:
    (typedef,) = re.findall(rf"@typedef {{object}} {payload.__name__}\n(.*?)\*/", TEXT, re.DOTALL)
    assert re.findall(r"@property {.+?} (\w+)", typedef) == list(payload.__struct_fields__)
