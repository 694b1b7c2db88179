"""The types of the page are those of the server."""

from __future__ import annotations

import re

import pytest
from msgspec import Struct

from mock_provider.engine.views import NumberView
from mock_provider.inbox.admin.fault_windows import FaultWindow
from mock_provider.inbox.admin.journeys import Detail, Journey, JourneyTimestamp
from mock_provider.inbox.inspection import ForeignCharacter, Inspected, Segment
from mock_provider.inbox.pages import load_pages
from mock_provider.inbox.traffic import Tick, TrafficTotals
from mock_provider.protocols.lookups import CapturedMessage

PAYLOADS = (
    CapturedMessage,
    TrafficTotals,
    Tick,
    JourneyTimestamp,
    Journey,
    Segment,
    ForeignCharacter,
    Inspected,
    NumberView,
    Detail,
    FaultWindow,
)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.__name__)
def test_the_pages_types_have_the_fields_of_the_payloads(payload: type[Struct]) -> None:
    text = next(page.body.decode() for path, page in load_pages().items() if path.endswith("/payloads.js"))
    (typedef,) = re.findall(rf"@typedef {{object}} {payload.__name__}\n(.*?)\*/", text, re.DOTALL)
    assert re.findall(r"@property {.+?} (\w+)", typedef) == list(payload.__struct_fields__)
