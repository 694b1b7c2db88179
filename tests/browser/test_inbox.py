"""The provider's page, in a browser: what was sent is there to be read."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def provider() -> Iterator[dict[str, str]]:
    """The ready line of a provider process, which holds the tokens it made."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mock_provider", "--profile", "fast"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.terminate()
    assert process.wait(20) == 0
    process.stdout.close()


def send(provider: dict[str, str], to: str, text: str) -> None:
    form = urllib.parse.urlencode({"to": to, "message": text, "format": "json"}).encode()
    request = urllib.request.Request(
        provider["url"] + "/sms.do", form, {"Authorization": f"Bearer {provider['token']}"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert json.load(reply)["count"] == 1


def test_the_inbox_shows_what_was_sent_and_finds_it(watched, provider) -> None:
    page = watched.page
    page.goto(provider["url"] + "/")
    page.get_by_label("Admin token").fill(provider["admin_token"])
    page.get_by_role("button", name="Open").click()
    page.locator("#board").wait_for(state="visible")
    send(provider, "48600100200", "Your code is 123456")
    send(provider, "48600100201", "<b>Sale</b> & more")
    page.get_by_text("Your code is 123456").wait_for()
    page.get_by_text("<b>Sale</b> & more").wait_for()  # as text, not as markup
    page.get_by_label("Filter by number").fill("100201")
    page.get_by_text("Your code is 123456").wait_for(state="detached")
    assert page.locator("#messages li").count() == 1
    page.locator("#accepted", has_text="2").wait_for()
    assert watched.errors == []
    assert all(url.startswith((provider["url"], "data:")) for url in watched.requested)


def test_a_wrong_token_shows_nothing(watched, provider) -> None:
    send(provider, "48600100200", "secret words")
    page = watched.page
    page.goto(provider["url"] + "/#token=wrong")
    page.get_by_label("Admin token").wait_for(state="visible")
    assert page.get_by_text("secret words").count() == 0
