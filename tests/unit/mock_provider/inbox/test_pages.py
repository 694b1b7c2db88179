"""The page's files: complete, from nowhere else, and never old."""

from __future__ import annotations

import re

import pytest
from msgspec import Struct

from mock_provider.engine.views import NumberView
from mock_provider.inbox.admin.fault_windows import FaultWindow
from mock_provider.inbox.admin.journeys import Detail, Journey, JourneyTimestamp
from mock_provider.inbox.inspection import Foreign, Inspected, Segment
from mock_provider.inbox.pages import load_pages
from mock_provider.inbox.traffic import Tick, TrafficTotals
from mock_provider.protocols.lookups import CapturedMessage


def test_every_file_the_page_names_is_there_and_none_is_from_elsewhere() -> None:
    pages = load_pages()
    index = pages["/"].body.decode()
    named = re.findall(r'(?:src|href)="(/page/[^"]+)"', index)
    assert len(named) >= 2
    assert set(named) <= pages.keys()
    for path, page in pages.items():
        text = page.body.decode()
        for module in re.findall(r'from "\./([^"]+)"', text):
            assert path.rsplit("/", 1)[0] + "/" + module in pages
        foreign = [url for url in re.findall(r"https?://[^\s\"'`<)]+", text) if "www.w3.org" not in url]
        assert foreign == [], path
        assert "innerHTML" not in text
        assert "insertAdjacentHTML" not in text


def test_types_caching_and_a_policy_that_allows_nothing_inline() -> None:
    for path, page in load_pages().items():
        headers = dict(page.headers)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        kind = "html" if path == "/" else {"js": "javascript"}.get(path.rsplit(".")[-1], path.rsplit(".")[-1])
        assert page.content_type.startswith(f"text/{kind}")
        assert headers["Cache-Control"] == (
            "no-cache" if path == "/" else "public, max-age=31536000, immutable"
        )
        assert not re.search(r"<style|style=|<script>|\son\w+=", page.body.decode()) or path != "/"


PAYLOADS = (
    CapturedMessage,
    TrafficTotals,
    Tick,
    JourneyTimestamp,
    Journey,
    Segment,
    Foreign,
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
