"""The provider's page, in a browser: messages as they come, their journey, and the provider under control."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect
from watched_page import Watched

ROOT = Path(__file__).parents[2]
# Chromium writes every refused request to the console, also one whose refusal the page shows.
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 40[04] ")
MARKUP = "<img src=x onerror=alert(1)>"


class InboxProvider:
    """A provider process; its ready line holds the tokens it made."""

    def __init__(self, ready: dict[str, str]) -> None:
        self.url = ready["url"]
        self.token, self.admin_token = ready["token"], ready["admin_token"]

    def send(self, to: str, text: str, **fields: str) -> dict[str, Any]:
        form = urllib.parse.urlencode({"to": to, "message": text, "format": "json"} | fields).encode()
        return self._call("/sms.do", self.token, form)

    def admin(self, path: str, value: object = None, method: str | None = None) -> dict[str, Any]:
        body = None if value is None else json.dumps(value).encode()
        return self._call("/admin" + path, self.admin_token, body, method)

    def _call(self, path: str, token: str, body: bytes | None, method: str | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            answer: dict[str, Any] = json.load(reply)
            return answer


@pytest.fixture(scope="module")
def running() -> Iterator[InboxProvider]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mock_provider", "--profile", "fast"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    yield InboxProvider(json.loads(process.stdout.readline()))
    process.terminate()
    assert process.wait(20) == 0
    process.stdout.close()


@pytest.fixture
def provider(running: InboxProvider) -> InboxProvider:
    """The one process of this module, as it was when it started."""
    running.admin("/profile/restore", {}, "POST")
    running.admin("/reset", {}, "POST")
    return running


@pytest.fixture
def inbox(watched: Watched, provider: InboxProvider) -> Iterator[Any]:
    """The page, open and live. At the end: no error in it, and nothing asked of any other host."""
    page = watched.page
    page.goto(f"{provider.url}/#token={provider.admin_token}")
    page.get_by_text("live", exact=True).wait_for()
    # The title of the profile comes later, and moves the links beside it: a click would miss them.
    expect(page.locator("#profile")).not_to_be_empty()
    yield page
    assert [error for error in watched.errors if not REFUSED.match(error)] == []
    assert all(url.startswith((provider.url, "data:")) for url in watched.requested)
    assert not [url for url in watched.requested if provider.admin_token in url.partition("#")[0]]


def row(page: Page, text: str) -> Any:
    return page.locator("#messages li", has_text=text)


def cut_buttons(page: Page) -> list[str]:
    """Labels of the buttons that are narrower than their text, or reach beyond their box."""
    script = """buttons => buttons.filter(button => button.scrollWidth > button.clientWidth + 1
      || button.getBoundingClientRect().right > button.parentElement.getBoundingClientRect().right + 1)
      .map(button => button.textContent)"""
    labels: list[str] = page.locator(".facts button").evaluate_all(script)
    return labels


def test_messages_arrive_by_themselves_and_are_found(inbox: Page, provider: InboxProvider) -> None:
    inbox.get_by_text("Nothing here yet").wait_for()
    assert f"{provider.url}/sms.do" in inbox.locator("#empty pre").inner_text()
    provider.send("48600100200", "Your code is 123456")
    provider.send("48600100201", "Spring sale", **{"from": "Shop"})
    row(inbox, "Your code is 123456").wait_for()
    row(inbox, "Spring sale").get_by_text("delivered").wait_for()  # its state changed while it was shown
    inbox.get_by_label("Filter by number").fill("100201")
    row(inbox, "Your code").wait_for(state="detached")
    assert inbox.locator("#messages li").count() == 1
    provider.send("48600100201", "once more")  # a filtered list grows too
    row(inbox, "once more").wait_for()
    inbox.get_by_label("Filter by number").fill("")
    inbox.get_by_label("Filter by text").fill("SHOP")
    row(inbox, "once more").wait_for(state="detached")
    assert row(inbox, "Spring sale").count() == inbox.locator("#messages li").count() == 1
    inbox.get_by_label("Filter by text").fill("")
    inbox.get_by_label("Filter by state").select_option("expired")
    inbox.get_by_text("No captured message matches.").wait_for()
    inbox.get_by_label("Filter by state").select_option("delivered")
    row(inbox, "Your code is 123456").wait_for()


def test_one_message_with_its_journey_segments_and_a_link_of_its_own(
    inbox: Page, provider: InboxProvider
) -> None:
    sent = provider.send("48600100200", "Zażółć " + "x" * 70, idx="order-17-of-customer-4711-repeated")
    row(inbox, "Zażółć").wait_for()
    inbox.keyboard.press("j")
    detail = inbox.get_by_role("region", name="Message", exact=True)
    detail.locator("li.done", has_text="On the handset").wait_for()
    shown = detail.locator(".journey li.done")
    assert [each.split("\n")[0] for each in shown.all_inner_texts()] == [
        "Submitted",
        "Reply left",
        "Left the carrier's queue",
        "On the handset",
    ]
    assert re.search(r"\+ [0-9.]+.(ms|s)", shown.last.inner_text())
    assert [each.strip() for each in detail.locator(".segments .units").all_inner_texts()] == [
        "67 of 67",
        "10 of 67",
    ]
    assert "U+017C latin small letter z with dot above" in detail.locator(".foreign").inner_text()
    assert "order-17-of-customer-4711-repeated" in detail.locator(".facts").inner_text()
    assert cut_buttons(inbox) == []
    address = inbox.url
    assert address.endswith("#/m/" + sent["list"][0]["id"])
    inbox.keyboard.press("Escape")
    detail.get_by_text("Choose a message").wait_for()
    inbox.goto(address)
    inbox.reload()  # the token stays with the tab
    detail.locator("li.done", has_text="On the handset").wait_for()


def test_markup_in_a_message_is_text(inbox: Page, provider: InboxProvider) -> None:
    sent = provider.send("48600100200", f"<b>Sale</b> {MARKUP}", idx=MARKUP)
    assert "error" not in sent  # SMSAPI refuses markup in the sender's name
    row(inbox, MARKUP).click()
    detail = inbox.get_by_role("region", name="Message", exact=True)
    detail.get_by_text(f"<b>Sale</b> {MARKUP}").first.wait_for()
    detail.locator(".facts").get_by_text(MARKUP).first.wait_for()
    assert inbox.locator("img, #messages b, .said b, .facts i").count() == 0
    inbox.goto(f"{provider.url}/#/m/{urllib.parse.quote(MARKUP)}")  # the address is no markup either
    inbox.get_by_text("the inbox has no message of this id").wait_for()
    assert inbox.locator("img").count() == 0


def test_a_limit_set_by_the_controls_is_in_force(inbox: Page, provider: InboxProvider) -> None:
    inbox.get_by_role("link", name="Controls").click()
    inbox.get_by_label("requests per second").first.fill("0.001")
    inbox.get_by_label("burst of requests").fill("1")
    inbox.get_by_role("form", name="Limits").get_by_role("button", name="Apply").click()
    inbox.locator("#now-in-force").get_by_text("0.001 per second, burst 1").wait_for()
    assert inbox.locator("#now-in-force dd").first.inner_text().startswith("Fast: ")  # and not "fast: Fast: "
    assert [provider.send("48600100200", "x").get("error") for _ in range(2)] == [None, 202]
    latency = inbox.get_by_role("form", name="Reply latency")
    latency.get_by_label("Reply latency: kind").select_option("uniform")
    latency.get_by_label("Reply latency: from").fill("30")
    latency.get_by_label("Reply latency: to").fill("20")
    latency.get_by_role("button", name="Apply").click()
    inbox.get_by_role("alert").get_by_text("low_s must not exceed high_s").wait_for()
    latency.get_by_label("Reply latency: from").fill("10")
    latency.get_by_role("button", name="Apply").click()
    inbox.locator("#now-in-force").get_by_text(re.compile("10.ms to 20.ms")).wait_for()
    assert provider.admin("/profile")["reply"]["latency"] == {
        "kind": "uniform",
        "low_s": 0.01,
        "high_s": 0.02,
    }
    failures = inbox.get_by_role("form", name="Failures on the way")
    failures.get_by_role("button", name="Add a line").click()
    failures.get_by_label("Failures on the way: share in percent").fill("12.5")
    failures.get_by_role("button", name="Apply").click()
    inbox.locator("#now-in-force").get_by_text(re.compile("12.5.% undelivered")).wait_for()
    inbox.get_by_role("button", name="Back to the profile as started").click()
    inbox.locator("#now-in-force").get_by_text("no limit").first.wait_for()
    assert provider.admin("/faults")["as_started"] is True


def test_a_fault_is_started_seen_and_ended(inbox: Page, provider: InboxProvider) -> None:
    inbox.get_by_role("link", name="Controls").click()
    kinds = inbox.get_by_label("Kind of fault")
    inbox.get_by_role("button", name="20 % internal errors").wait_for()
    known = provider.admin("/faults")["kinds"].keys()
    assert kinds.locator("option").evaluate_all("all => all.map(each => each.value)") == list(known)
    inbox.get_by_label("burst of requests").fill("77")
    kinds.select_option("error_rate")
    form = inbox.get_by_role("form", name="Start a fault")
    form.get_by_label("share").fill("1")
    form.get_by_label("refusal").select_option("queue_full")
    form.get_by_role("button", name="Start the fault").click()
    active = inbox.get_by_role("region", name="Active faults")
    active.get_by_text("100 % queue_full").wait_for()
    active.get_by_text(re.compile(r"\d+.s left")).wait_for()
    assert provider.send("48600100200", "x")["error"] == 200
    assert inbox.get_by_label("burst of requests").input_value() == "77"  # what is being typed stays
    active.get_by_role("button", name="End error_rate").click()
    active.wait_for(state="hidden")
    assert provider.send("48600100200", "x").get("error") is None


def test_charts_have_data_with_their_history(inbox: Page, provider: InboxProvider) -> None:
    provider.send("48600100200", "x")
    expect(inbox.locator("#accepted")).to_have_text("1")
    inbox.reload()
    inbox.get_by_role("link", name="Traffic").click()
    accepted = inbox.locator("path[data-name=accepted]")
    expect(accepted).to_have_attribute("d", re.compile("L.+L"))  # three seconds at least
    rising = accepted.get_attribute("d")
    heights = {point.split(" ")[1] for point in re.findall(r"[ML]([0-9.]+ [0-9.]+)", rising)}
    assert len(heights) > 1  # the message that was sent before the page was reloaded
    titles = inbox.locator("figcaption").all_inner_texts()
    assert titles[:2] == ["Traffic messages per second", "Queue per carrier messages waiting"]
    inbox.locator("svg.chart").first.hover()
    inbox.locator(".tip", has_text="accepted").wait_for()


def test_pausing_holds_the_list_and_clearing_empties_it(inbox: Page, provider: InboxProvider) -> None:
    provider.send("48600100200", "before")
    row(inbox, "before").wait_for()
    inbox.get_by_role("button", name="Pause").click()
    provider.send("48600100200", "meanwhile")
    inbox.get_by_text("paused, 1 new").wait_for()
    assert row(inbox, "meanwhile").count() == 0
    inbox.get_by_role("button", name="Follow").click()
    row(inbox, "meanwhile").wait_for()
    inbox.once("dialog", lambda dialog: dialog.dismiss())
    inbox.get_by_role("button", name="Clear").click()
    assert inbox.locator("#messages li").count() == 2
    inbox.once("dialog", lambda dialog: dialog.accept())
    inbox.get_by_role("button", name="Clear").click()
    inbox.get_by_text("Nothing here yet").wait_for()
    assert provider.admin("/messages") == {"messages": []}


def test_a_message_that_comes_while_the_list_is_fetched_stays(
    watched: Watched, provider: InboxProvider
) -> None:
    page = watched.page
    held: list[tuple[Route, APIResponse]] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))  # the list as it is before the message

    page.route(re.compile(r"/admin/messages\?"), hold_the_first)
    page.goto(f"{provider.url}/#token={provider.admin_token}")
    page.get_by_text("live", exact=True).wait_for()
    while not held:
        page.evaluate("() => new Promise(requestAnimationFrame)")
    provider.send("48600100200", "between")
    row(page, "between").wait_for()  # by the event
    route, old_list = held[0]
    with page.expect_response(re.compile(r"/admin/messages\?")) as answered:
        route.fulfill(response=old_list)
    answered.value.finished()
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    row(page, "between").wait_for()


def test_thousands_of_messages_leave_a_short_list_and_the_newest_on_top(
    inbox: Page, provider: InboxProvider
) -> None:
    for batch in range(10):
        numbers = ",".join(f"48600{batch:02d}{n:04d}" for n in range(200))
        provider.send(numbers, f"batch {batch}")
    row(inbox, "batch 9").first.wait_for()
    expect(inbox.locator("#accepted")).to_have_text("2\u202f000")
    expect(inbox.locator("#messages li").first).to_contain_text("batch 9")
    expect(inbox.locator("#messages li")).to_have_count(200)
    inbox.get_by_role("button", name="Show older messages").click()
    expect(inbox.locator("#messages li")).to_have_count(400)
    inbox.get_by_role("button", name="Pause").click()
    with inbox.expect_response(re.compile(r"/admin/messages\?")) as newest:
        inbox.get_by_role("button", name="Follow").click()  # fetches the newest messages again
    newest.value.finished()
    inbox.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(inbox.locator("#messages li")).to_have_count(400)
    assert len(set(inbox.locator("#messages a").evaluate_all("all => all.map(a => a.href)"))) == 400
    inbox.get_by_label("Text").fill("batch 3")
    expect(inbox.locator("#messages li")).to_have_count(200)


def test_older_messages_stay_when_the_holes_of_a_flood_are_filled(
    inbox: Page, provider: InboxProvider
) -> None:
    held: list[Route] = []
    released = False

    def hold_the_newest(route: Route) -> None:
        if released or "before=" in route.request.url:
            route.continue_()
        else:
            held.append(route)

    inbox.get_by_text("Nothing here yet").wait_for()
    inbox.route(re.compile(r"/admin/messages\?"), hold_the_newest)
    for batch in range(3):  # an event has 100 of each batch, so the list has holes
        provider.send(",".join(f"48600{batch:02d}{n:04d}" for n in range(200)), f"batch {batch}")
        row(inbox, f"batch {batch}").first.wait_for()
    expect(inbox.locator("#messages li")).to_have_count(200)
    with inbox.expect_response(re.compile(r"/admin/messages\?.*before=")) as older:
        inbox.get_by_role("button", name="Show older messages").click()
        while not held:
            inbox.evaluate("() => new Promise(requestAnimationFrame)")
        released = True
        for route in held:
            route.continue_()
    older.value.finished()
    with inbox.expect_response(re.compile(r"/admin/messages\?")) as newest:
        inbox.get_by_role("button", name="Pause").click()
        inbox.get_by_role("button", name="Follow").click()
    newest.value.finished()
    inbox.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(inbox.locator("#messages li")).to_have_count(400)
    assert len(set(inbox.locator("#messages a").evaluate_all("all => all.map(a => a.href)"))) == 400


@pytest.mark.parametrize("width", [360, 320])
def test_on_a_phone_nothing_is_wider_than_the_screen(
    inbox: Page, provider: InboxProvider, width: int
) -> None:
    provider.send("48600100200", "x" * 200 + " ł", idx="a-reference-without-a-place-to-break-" * 4)
    row(inbox, "xxx").wait_for()
    inbox.set_viewport_size({"width": width, "height": 740})
    for view in ("Messages", "Traffic", "Controls"):
        inbox.get_by_role("link", name=view, exact=True).click()
        assert inbox.evaluate("document.documentElement.scrollWidth") <= width, view
    inbox.get_by_role("link", name="Messages").click()
    row(inbox, "xxx").click()
    inbox.locator("li.done", has_text="On the handset").wait_for()
    assert row(inbox, "xxx").is_hidden()  # the message takes the list's place
    assert inbox.evaluate("document.documentElement.scrollWidth") <= width


def test_a_wrong_token_shows_nothing_and_the_right_one_opens(
    watched: Watched, provider: InboxProvider
) -> None:
    provider.send("48600100200", "secret words")
    page = watched.page
    page.goto(provider.url + "/#token=wrong")
    page.get_by_text("not the admin token").wait_for()
    assert page.get_by_text("secret words").count() == 0
    page.get_by_label("Admin token").fill("żółty")  # no header can carry it
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_label("Admin token")).to_have_value("")
    expect(page.get_by_role("status")).to_contain_text("not the admin token")
    page.get_by_label("Admin token").fill(provider.admin_token)
    page.get_by_role("button", name="Open").click()
    page.get_by_text("secret words").wait_for()
    assert "token" not in page.url
