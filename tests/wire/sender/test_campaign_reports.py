"""A campaign that ends gets one report: stored, answered over HTTP, mailed by a real SMTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from any_hour import policy_at_any_hour
from msgspec.structs import replace
from sender_world import RunWorld, SenderWorld
from smtp_mailbox import Mailbox, listening_mailbox
from waiting import eventually_in_loop

from reference_sender.campaign_report.report_mail import letter
from reference_sender.campaign_report.settings import CampaignReportSettings, ReportEmail
from reference_sender.campaign_report.values import CampaignSummary
from reference_sender.notices import campaign_ends
from reference_sender.notices.campaign_ends import SMALL_STEPS, CampaignEnds, EndSteps
from reference_sender.store.campaign_reports import CampaignProgress, StoredReport

ORDERED = "ann@example.org"
PRICED = policy_at_any_hour(recipients={"messages": 0}, spending={"cost_per_segment": 0.5})


def settings(port: int = 25, quiet_s: float = 0.0, **more: Any) -> CampaignReportSettings:
    email = ReportEmail(
        host="127.0.0.1", port=port, mail_from="sms@example.org", recipients=("all@example.org",)
    )
    fields = {"quiet_s": quiet_s, "every_s": 0.01, "email": email, "currency": "PLN"} | more
    return CampaignReportSettings.model_validate(fields)


@asynccontextmanager
async def watched(
    world: SenderWorld, chosen: CampaignReportSettings, leads: bool = True, steps: EndSteps = SMALL_STEPS
) -> AsyncIterator[None]:
    driver = world.driver
    ends = CampaignEnds(
        world.store, world.queries.ask, driver, chosen, lambda: leads, driver.background, steps
    )
    try:
        yield
    finally:
        ends.stop()


async def order(world: SenderWorld, first: int, count: int, **fields: Any) -> Any:
    rows = [{"to": f"48500200{number:03d}", "key": f"k-{number}"} for number in range(first, first + count)]
    body = {"campaign": "may", "message_class": "marketing", "text": "Sale", "recipients": rows} | fields
    head = {name: value for name, value in body.items() if name != "recipients"}
    return await world.call("POST", "/v1/campaigns", json=head | {"recipients": body["recipients"]})


async def end(world: SenderWorld, first: int, count: int, failed: int = 0) -> None:
    await world.until_sent(first + count)
    keys = [f"k-{number}" for number in range(first, first + count)]
    if failed:
        await world.report(*keys[:failed], status=405)
    await world.report(*keys[failed:])


async def stored(world: SenderWorld) -> StoredReport | None:
    return await world.queries.campaign_report("may")


async def until_made(world: SenderWorld, after_ns: int = 0) -> StoredReport:
    async with asyncio.timeout(20):
        while (found := await stored(world)) is None or found.due or (found.made_ns or 0) <= after_ns:
            await asyncio.sleep(0.005)
    return found


def test_the_report_is_answered_and_mailed_when_the_last_message_is_final(run_world: RunWorld) -> None:
    box = Mailbox()

    async def steps(world: SenderWorld) -> None:
        async with listening_mailbox(box) as port, watched(world, settings(port)):
            status, _, _ = await order(world, 0, 5, report_language="pl", report_to=[ORDERED])
            assert status == 202
            await end(world, 0, 4, failed=1)
            await asyncio.sleep(0.1)
            found = await stored(world)
            assert found is not None and found.summary is None, "one message is not final"
            status, answer, _ = await world.call("GET", "/v1/campaigns/may/report")
            assert (status, "has not ended" in answer["error"]["message"]) == (404, True)

            await world.report("k-4")
            await eventually_in_loop(lambda: box.mails)
            status, page, headers = await world.call("GET", "/v1/campaigns/may/report")
            assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
            assert "Raport z kampanii: may" in page.decode()
            assert "80,0 %" in page.decode() and "2,50 PLN" in page.decode()
            _, page, _ = await world.call("GET", "/v1/campaigns/may/report?language=en")
            assert "Campaign report: may" in page.decode()
            status, table, headers = await world.call("GET", "/v1/campaigns/may/report.csv")
            assert "report-may.csv" in headers["Content-Disposition"]
            assert ";razem;" in table.decode()
            await until_mailed(world)

    run_world(steps, policy=PRICED, reports=settings())
    ((to, mail),) = box.mails
    assert to == ["all@example.org", ORDERED]
    assert mail["Subject"] == "Kampania may: dostarczono 4 z 5"
    assert [part.get_filename() for part in mail.iter_attachments()] == ["report-may.html", "report-may.csv"]


def test_before_the_report_the_answer_says_what_it_waits_for_and_how_long(run_world: RunWorld) -> None:
    chosen = settings(quiet_s=90.0, every_s=4.5)

    async def refused(world: SenderWorld, path: str = "report") -> tuple[int, str, str, str | None]:
        status, answer, headers = await world.call("GET", f"/v1/campaigns/may/{path}")
        return status, answer["error"]["code"], answer["error"]["message"], headers.get("Retry-After")

    async def steps(world: SenderWorld) -> None:
        assert (await refused(world))[:2] == (404, "not_found")
        async with watched(world, chosen):
            await order(world, 0, 3)
            await end(world, 0, 2)
            await world.until_sent(3)
            status, code, says, retry_after = await refused(world)
            assert (status, code, retry_after) == (404, "not_yet", "95")
            assert "1 of its 3 messages are not final" in says
            assert "GET /v1/campaigns/may shows them" in says
            await world.report("k-2")
            for path in ("report", "report.csv"):
                status, code, says, retry_after = await refused(world, path)
                assert (status, code, retry_after) == (404, "not_yet", "95")
                assert "all of its 3 messages are final" in says
                assert "no row has come for 90 s (quiet_s)" in says
                assert "ask again in 95 s" in says

    async def without_reports(world: SenderWorld) -> None:
        status, code, says, retry_after = await refused(world)
        assert (status, code, retry_after) == (404, "not_found", None)
        assert "this sender makes no reports" in says

    run_world(steps, policy=PRICED, reports=chosen)
    run_world(without_reports, policy=PRICED)


async def until_mailed(world: SenderWorld) -> None:
    async with asyncio.timeout(20):
        while (found := await stored(world)) is None or found.to_mail or found.due:
            await asyncio.sleep(0.005)


def test_a_restart_before_the_report_and_one_before_the_mail(run_world: RunWorld) -> None:
    """Each step is done once, by the process that reaches it first."""
    box = Mailbox()

    async def sends_and_dies(world: SenderWorld) -> None:
        await order(world, 0, 3)
        await end(world, 0, 3)

    async def makes_and_dies(world: SenderWorld) -> None:
        async with watched(world, settings(port=1)):  # no mail server there
            assert (await until_made(world)).to_mail

    async def mails(world: SenderWorld) -> None:
        async with listening_mailbox(box) as port, watched(world, settings(port)):
            await until_mailed(world)

    async def does_nothing_more(world: SenderWorld) -> None:
        async with listening_mailbox(box) as port, watched(world, settings(port)):
            await asyncio.sleep(0.1)

    for steps in (sends_and_dies, makes_and_dies, mails, does_nothing_more):
        run_world(steps, policy=PRICED, reports=settings())
    assert len(box.mails) == 1


def test_a_campaign_of_several_requests_has_one_report(run_world: RunWorld) -> None:
    box = Mailbox()

    async def steps(world: SenderWorld) -> None:
        async with listening_mailbox(box) as port, watched(world, settings(port, quiet_s=0.6)):
            for first in (0, 2, 4):
                await order(world, first, 2)
                await end(world, first, 2)
                await asyncio.sleep(0.05)
            await until_mailed(world)

    run_world(steps, policy=PRICED, reports=settings())
    assert [mail["Subject"] for _, mail in box.mails] == ["Campaign may: 6 of 6 delivered"]


def test_more_rows_lead_to_a_new_report_and_repeated_rows_none(run_world: RunWorld) -> None:
    box = Mailbox()

    async def steps(world: SenderWorld) -> None:
        async with listening_mailbox(box) as port, watched(world, settings(port)):
            await order(world, 0, 2)
            await end(world, 0, 2)
            await until_mailed(world)
            first = await until_made(world)
            _, answer, _ = await order(world, 0, 2)
            assert answer["repeated"] == 2
            again = await until_made(world)
            assert again == replace(first, ordered_ns=again.ordered_ns)
            assert again.ordered_ns > first.ordered_ns
            await order(world, 2, 1)
            await end(world, 2, 1)
            await until_made(world, first.made_ns)
            await until_mailed(world)

    run_world(steps, policy=PRICED, reports=settings())
    subjects = [mail["Subject"] for _, mail in box.mails]
    assert subjects == ["Campaign may: 2 of 2 delivered", "Campaign may: 3 of 3 delivered"]


def test_a_report_is_made_in_small_steps(run_world: RunWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    small = EndSteps(first_probed_rows=3, probed_rows=5, tallied_rows=4, between_pages_s=0)

    async def steps(world: SenderWorld) -> None:
        pages = []
        read = world.store.campaign_rows

        def counted(campaign: str, after_id: int, limit: int) -> Any:
            pages.append(limit)
            return read(campaign, after_id, limit)

        monkeypatch.setattr(world.store, "campaign_rows", counted)
        await order(world, 0, 18)
        await end(world, 0, 18)
        async with watched(world, settings(1), steps=small):
            found = await until_made(world)
            assert found.summary is not None and b'"messages":18' in found.summary
        assert pages == [4] * 5

    run_world(steps, policy=PRICED, reports=settings())


def test_a_message_that_the_first_look_missed_is_waited_for(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node may give an id below those that were looked at."""

    async def steps(world: SenderWorld) -> None:
        missing = CampaignProgress(0, 0, None, 0)
        monkeypatch.setattr(world.store, "campaign_progress", lambda *_: missing)
        async with watched(world, settings(1)):
            await order(world, 0, 3)
            await end(world, 0, 2)
            await asyncio.sleep(0.1)
            found = await stored(world)
            assert found is not None and found.due
            await world.report("k-2")
            await until_made(world)

    run_world(steps, reports=settings())


def test_a_node_that_does_not_lead_makes_none(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        async with watched(world, settings(1), leads=False):
            await order(world, 0, 1)
            await end(world, 0, 1)
            await asyncio.sleep(0.1)
            found = await stored(world)
            assert found is not None and found.due

    run_world(steps, reports=settings())


def test_a_cancelled_campaign_ends_too(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        async with watched(world, settings(1)):
            await order(world, 0, 2, send_at=f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}")
            await world.call("POST", "/v1/campaigns/may/cancel")
            await until_made(world)
            _, page, _ = await world.call("GET", "/v1/campaigns/may/report")
            assert "cancelled" in page.decode()

    run_world(steps, reports=settings())


def test_a_defect_of_one_report_ends_neither_the_sender_nor_the_other_reports(
    run_world: RunWorld, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Mailbox()

    def defective(summary: CampaignSummary, *more: Any) -> EmailMessage:
        if summary.campaign == "april":
            raise ValueError("a defect")
        return letter(summary, *more)

    monkeypatch.setattr(campaign_ends, "letter", defective)

    def given_up() -> int:
        return sum("april waits for the next start" in each.getMessage() for each in caplog.records)

    async def steps(world: SenderWorld) -> None:
        async with listening_mailbox(box) as port, watched(world, settings(port)):
            await order(world, 0, 1, campaign="april")
            await order(world, 1, 1)
            await end(world, 0, 2)
            await until_mailed(world)
            await eventually_in_loop(given_up)  # its campaign may be seen to end later than the other one
            assert not world.driver.background.failed.is_set()

    run_world(steps, reports=settings())
    assert [mail["Subject"] for _, mail in box.mails] == ["Campaign may: 1 of 1 delivered"]
    assert given_up() == 1


def test_a_mail_that_is_refused_is_sent_again(run_world: RunWorld, caplog: pytest.LogCaptureFixture) -> None:
    soon = EndSteps(mail_retry_s=(0.01,))
    box = Mailbox(busy=1)

    async def steps(world: SenderWorld) -> None:
        async with listening_mailbox(box) as port, watched(world, settings(port), steps=soon):
            await order(world, 0, 1)
            await end(world, 0, 1)
            await eventually_in_loop(lambda: box.mails)
            await until_mailed(world)

    run_world(steps, reports=settings())
    assert len(box.mails) == 1
    assert any(
        "was not mailed" in record.getMessage() and "451" in record.getMessage() for record in caplog.records
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"report_to": ["ann"]}, "report_to"),
        ({"report_to": []}, "report_to"),
        ({"report_to": "a@example.org\r\nBcc: b@example.org"}, "report_to"),
        ({"report_to": [f"a{number}@example.org" for number in range(11)]}, "report_to"),
        ({"report_to": 5}, "report_to"),
        ({"report_language": "de"}, "report_language"),
    ],
)
def test_a_wrong_order_is_refused_and_sends_nothing(run_world: RunWorld, fields: Any, field: str) -> None:
    async def steps(world: SenderWorld) -> None:
        status, answer, _ = await order(world, 0, 1, **fields)
        assert (status, answer["error"]["field"]) == (400, field)
        assert field in answer["error"]["message"]
        assert world.driver.state().totals["offered"] == 0
        assert await stored(world) is None

    run_world(steps, reports=settings())


def test_addresses_need_a_mail_server(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        status, answer, _ = await order(world, 0, 1, report_to=[ORDERED])
        assert (status, answer["error"]["field"]) == (400, "report_to")
        assert "--campaign-reports" in answer["error"]["message"]
        assert (await world.call("GET", "/v1/campaigns/may/report"))[0] == 404

    run_world(steps, reports=settings(email=None))


def test_the_report_needs_the_token_and_a_known_language(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        assert (await world.call("GET", "/v1/campaigns/may/report", headers={}))[0] == 401
        status, answer, _ = await world.call("GET", "/v1/campaigns/may/report.csv?language=de")
        assert (status, answer["error"]["field"]) == (400, "language")

    run_world(steps)


def test_a_csv_campaign_orders_in_its_query(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        query = "message_class=marketing&campaign=may&text=Hi&report_language=pl"
        query += f"&report_to=b@example.org,{ORDERED}"
        headers = {"Authorization": "Bearer t", "Content-Type": "text/csv"}
        status, _, _ = await world.call(
            "POST", f"/v1/campaigns?{query}", headers=headers, data=b"to\n48500200300\n"
        )
        assert status == 202
        found = await stored(world)
        assert found is not None
        assert (found.language, found.recipients) == ("pl", ("b@example.org", ORDERED))

    run_world(steps, reports=settings())
