"""The page of the report on a campaign, in both languages, on a desktop and on a phone, light and dark."""

from __future__ import annotations

from typing import Literal

import pytest
from campaign_rows import BEGAN_NS, MIXED
from playwright.sync_api import Browser

from reference_sender.campaign_report.page import page
from reference_sender.campaign_report.tally import CampaignTally
from reference_sender.campaign_report.texts import ReportLanguage

SIZES: tuple[tuple[int, Literal["light", "dark"]], ...] = ((1200, "light"), (360, "dark"))
_TEXT_AND_PAGE = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"


@pytest.mark.parametrize("language", list(ReportLanguage))
def test_the_page_fits_and_is_readable(browser: Browser, language: ReportLanguage) -> None:
    tally = CampaignTally()
    tally.add(MIXED)
    html = page(tally.summary("m" * 64, BEGAN_NS, 123_456_789_000_000, "PLN"), language)
    colours = set()
    for width, scheme in SIZES:
        shown = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        shown.set_content(html)
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert shown.locator("h1").inner_text().endswith("m" * 64)
        assert shown.locator("tbody tr").count() == 11
        assert shown.evaluate("window.alert === undefined || document.scripts.length") == 0
        text, ground = shown.evaluate(_TEXT_AND_PAGE)
        assert text != ground
        colours.add(ground)
        shown.close()
    assert len(colours) == 2, "light and dark"
