"""The sender's dashboard, in a browser: figures that change by themselves, and campaigns under control."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Locator, Page, expect
from sender_thread import TOKEN, SenderThread
from watched_page import Watched

from mock_provider.app import ProviderConfig
from mock_provider.testing import ProviderThread
from mock_provider.testing.running import changed_profile
from reference_sender.alerts.rules import AlertRules, AlertSettings, Rule
from reference_sender.policy.settings import NO_POLICY, SpendingLimits
from reference_sender.routes.url import read_route
from reference_sender.store import StoreError
from reference_sender.store.sqlite import SqliteStore

# Chromium writes every failed request to the console, also one whose failure the page shows.
EXPECTED = re.compile(r"Failed to load resource: (the server responded with a status of 401|net::ERR_)")
# An alert begins and ends within seconds: of failed messages, in a window of two.
RULES = AlertRules(every_s=0.2, window_s=2, least_messages=5, error_rate=Rule(above=0.5, clear=0.1, for_s=0))
# The profile ``lab`` decides by the last digits of the number.
DELIVERED, UNDELIVERED = 48100000000, 48100000001

# On how many lines a date and time of an element is.
LINES_OF_DATE = r"""element => {
  const text = document.createNodeIterator(element, NodeFilter.SHOW_TEXT), range = document.createRange();
  let node, found = null;
  while (!found && (node = text.nextNode())) found = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/.exec(node.data);
  range.setStart(node, found.index);
  range.setEnd(node, found.index + found[0].length);
  return new Set([...range.getClientRects()].map(each => each.top)).size;
}"""

OpenSender = Callable[..., SenderThread]


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderThread]:
    with ProviderThread(ProviderConfig(changed_profile("lab"), stop_grace_s=0.5)) as running:
        yield running


@pytest.fixture
def open_sender(provider: ProviderThread, tmp_path: Path) -> Iterator[OpenSender]:
    """Starts a sender on one store; each further call stops the one before it."""
    with ExitStack() as running:

        def start(
            port: int = 0, price: float | None = None, rules: AlertRules = RULES, **options: object
        ) -> SenderThread:
            running.close()
            query = "&".join(f"{name}={value}" for name, value in ({"name": "main"} | options).items())
            route = read_route(
                f"smsapi+http://{provider.token}@{provider.url.removeprefix('http://')}?{query}"
            )
            settings = AlertSettings(rules=rules)
            policy = NO_POLICY.model_copy(update={"spending": SpendingLimits(cost_per_segment=price)})
            sender = SenderThread(
                tmp_path / "s.db", port, routes=(route,), alerts=settings, drain_s=1, policy=policy
            )
            return running.enter_context(sender)

        yield start


def opened(watched: Watched, sender: SenderThread) -> Page:
    page = watched.page
    page.goto(f"{sender.url}/#token={TOKEN}")
    page.get_by_text("live", exact=True).wait_for()
    return page


def campaign(page: Page, name: str) -> Locator:
    return page.get_by_label(f"Campaign {name}", exact=True)


def one_by_one(sender: SenderThread, number: int, count: int) -> None:
    for _ in range(count):
        sender.call("POST", "/v1/messages", {"to": str(number), "text": "Hi", "message_class": "otp"})


def test_figures_change_by_themselves(watched: Watched, open_sender: OpenSender) -> None:
    sender = open_sender(price=0.25)
    page = opened(watched, sender)
    page.get_by_text("No campaign since the sender was started.").wait_for()
    page.get_by_text("No message has failed or expired.").wait_for()
    sender.campaign("may", 4, DELIVERED, step=0, duplicates="allow")
    one_by_one(sender, UNDELIVERED, 2)
    row = campaign(page, "may")
    row.get_by_text("100\u202f% of 4 messages sent or ended").wait_for()
    expect(page.locator("#cost")).to_have_text("1.50")
    errors = page.get_by_role("row", name=re.compile("undelivered"))
    expect(errors.get_by_role("cell").last).to_have_text("2")
    otp = page.get_by_label("Class otp")
    expect(otp.locator("dd").nth(2)).to_have_text("2")  # failed
    otp.get_by_text("0 deliveries: too few").wait_for()
    page.get_by_label("Route main").get_by_text("ok", exact=True).wait_for()
    expect(page.locator("path[data-name=sent]")).to_have_attribute("d", re.compile("L"))
    assert watched.errors == []
    assert all(url.startswith((sender.url, "data:")) for url in watched.requested)
    assert not [url for url in watched.requested if TOKEN in url.partition("#")[0]]
    assert TOKEN not in page.url


def test_a_held_campaign_says_why_and_until_when(watched: Watched, open_sender: OpenSender) -> None:
    sender = open_sender()
    page = opened(watched, sender)
    send_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = {"campaign": "later", "message_class": "marketing", "text": "Sale", "send_at": send_at}
    sender.call("POST", "/v1/campaigns", body | {"recipients": [{"to": "48500100200"}]})
    held = campaign(page, "later").get_by_text("held by schedule or daily limit until 2")
    held.wait_for()
    assert sender.call("GET", "/v1/campaigns/later")["held"]["reason"] == "later"
    for width in range(320, 480, 8):
        page.set_viewport_size({"width": width, "height": 740})
        assert held.evaluate(LINES_OF_DATE) == 1, f"the date is broken at {width} px"


def test_a_campaign_is_paused_resumed_and_cancelled(watched: Watched, open_sender: OpenSender) -> None:
    sender = open_sender(requests_per_s=2, max_batch=1)
    page = opened(watched, sender)
    sender.campaign("slow", 500)
    row = campaign(page, "slow")
    row.get_by_text(re.compile(r"time left: \d+\u202f(s|min) at [\d.]+ / s")).wait_for()
    row.get_by_role("button", name="Pause").click()
    row.get_by_text("paused", exact=True).wait_for()
    row.get_by_text(re.compile("49[0-9] held")).wait_for()
    assert sender.call("GET", "/v1/campaigns/slow")["state"] == "paused"
    row.get_by_role("button", name="Resume").click()
    row.get_by_text("running", exact=True).wait_for()
    page.once("dialog", lambda dialog: dialog.dismiss())
    row.get_by_role("button", name="Cancel…").click()
    row.get_by_text("running", exact=True).wait_for()
    page.once("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Cancel…").click()
    row.get_by_text("cancelled", exact=True).wait_for()
    row.get_by_text(re.compile("4[0-9][0-9] failed")).wait_for()
    assert row.get_by_role("button").count() == 0
    assert watched.errors == []


def test_an_alert_is_shown_and_cleared(watched: Watched, open_sender: OpenSender) -> None:
    sender = open_sender()
    page = opened(watched, sender)
    page.get_by_text("No alert is active.").wait_for()
    one_by_one(sender, UNDELIVERED, 10)
    alert = page.locator("#alerts .alert", has_text="error_rate")
    alert.get_by_text(
        re.compile(r"[\d.]+ % of the ended messages failed or expired, above the limit of [\d.]+ %")
    ).wait_for()
    expect(page).to_have_title("(1) SMS sender")
    one_by_one(sender, DELIVERED, 120)  # 8 % failed; without messages it stays
    alert.wait_for(state="detached")
    page.get_by_text(re.compile("error_rate ended")).wait_for()
    expect(page).to_have_title("SMS sender")


def test_a_route_that_cannot_be_used_says_why(
    watched: Watched, open_sender: OpenSender, provider: ProviderThread
) -> None:
    rule = Rule(above=0, clear=0, for_s=0)
    sender = open_sender(rules=RULES.model_copy(update={"unusable_route": rule}))
    page = opened(watched, sender)
    provider.admin("/faults", {"kind": "outage", "answer": "disconnect", "duration_s": 20}, "POST")
    one_by_one(sender, DELIVERED, 30)
    route = page.get_by_label("Route main")
    # The time to the next attempt; the alert has the time since the fault began.
    route.get_by_text(re.compile(r"^breaker open, next attempt in \d+\u202fs$")).first.wait_for()
    route.get_by_text("Last error: no_answer").wait_for()
    alert = page.locator("#alerts .alert", has_text="unusable_route.main")
    alert.get_by_text(re.compile("route main has not been usable for .* s: no_answer")).wait_for()
    provider.admin("/faults", method="DELETE")
    route.get_by_text("ok", exact=True).wait_for()
    expect(route.get_by_text("Last error")).to_be_hidden()


def test_after_a_restart_of_the_sender_the_page_is_live_again(
    watched: Watched, open_sender: OpenSender
) -> None:
    sender = open_sender(requests_per_s=4, max_batch=1)
    page = opened(watched, sender)
    sender.campaign("long", 200)
    row = campaign(page, "long")
    row.get_by_text(re.compile(r"[1-9][0-9]* (delivered|failed)")).wait_for()
    port = int(sender.url.rpartition(":")[2])
    again = open_sender(port, requests_per_s=4, max_batch=1)
    expect(page.locator("#about")).to_contain_text(", 0 accepted")  # by the new process
    page.get_by_text("live", exact=True).wait_for()
    row.get_by_text("200 messages").wait_for()  # those that ended before the restart are counted
    states = again.call("GET", "/v1/campaigns/long")["states"]
    assert states["queued"] < 200
    assert [error for error in watched.errors if not EXPECTED.match(error)] == []


def test_a_store_that_fails_is_a_banner_until_it_works_again(
    watched: Watched, open_sender: OpenSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise StoreError("the disk is full")

    sender = open_sender()
    page = opened(watched, sender)
    banner = page.get_by_role("alert").filter(has_text="Nothing can be stored")
    expect(banner).to_have_count(0)
    with monkeypatch.context() as patched:
        for name in ("commit", "probe"):
            patched.setattr(SqliteStore, name, fails)
        with pytest.raises(HTTPError, match="503"):
            one_by_one(sender, DELIVERED, 1)
        expect(banner).to_have_text("Nothing can be stored: the disk is full")
        expect(banner).to_be_visible()
    one_by_one(sender, DELIVERED, 1)
    expect(banner).to_have_count(0)
    assert watched.errors == []


@pytest.mark.parametrize("width", [360, 320])
def test_on_a_phone_nothing_is_wider_than_the_screen(
    watched: Watched, open_sender: OpenSender, width: int
) -> None:
    # At 2 messages per second a window of 2 s often has fewer than 5: the alert would end before it is shown.
    rules = RULES.model_copy(update={"window_s": 10.0})
    route = "a-route-whose-name-has-no-place-to-break"
    sender = open_sender(requests_per_s=2, max_batch=1, price=0.03, rules=rules, name=route)
    watched.page.set_viewport_size({"width": width, "height": 740})
    page = opened(watched, sender)
    name = "a-campaign-whose-name-has-no-place-to-break-" + "x" * 18
    sender.campaign(name, 300)
    one_by_one(sender, UNDELIVERED, 6)
    campaign(page, name).get_by_text("time left").wait_for()
    page.locator("#alerts .alert").wait_for()
    page.get_by_label(f"Route {route}").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cut = "all => all.filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.textContent)"
    assert page.locator("button, .badge, .figures dd, .figures dt").evaluate_all(cut) == []


def test_a_wrong_token_shows_nothing_and_the_right_one_opens(
    watched: Watched, open_sender: OpenSender
) -> None:
    sender = open_sender()
    sender.campaign("secret-plan", 1, first=DELIVERED)
    page = watched.page
    page.goto(sender.url + "/#token=wrong")
    page.get_by_text("not the client token").wait_for()
    assert page.get_by_text("secret-plan").count() == 0
    page.get_by_label("Client token").fill(TOKEN)
    page.get_by_role("button", name="Open").click()
    campaign(page, "secret-plan").wait_for()
    assert [error for error in watched.errors if not EXPECTED.match(error)] == []
