"""The summary as a page, a table and a mail."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from campaign_rows import BEGAN_NS, MIXED, ORANGE, row

from reference_sender.campaign_report.page import page
from reference_sender.campaign_report.report_mail import letter
from reference_sender.campaign_report.settings import ReportFileError, parse_report_settings
from reference_sender.campaign_report.table import table
from reference_sender.campaign_report.tally import CampaignTally
from reference_sender.campaign_report.texts import ReportLanguage
from reference_sender.campaign_report.values import CampaignSummary
from reference_sender.dispatch.values import State

EN, PL = ReportLanguage.ENGLISH, ReportLanguage.POLISH
NB = "\N{NO-BREAK SPACE}"


def summary(rows: Any = MIXED, cost: int | None = 2_500_000) -> CampaignSummary:
    tally = CampaignTally()
    tally.add(rows)
    return tally.summary("may", BEGAN_NS, cost, "PLN", "Europe/Warsaw")


def rows_of(text: str, delimiter: str) -> list[dict[str, str]]:
    assert text.startswith("\N{BOM}")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\N{BOM}")), delimiter=delimiter))


def test_the_page_has_the_figures_in_both_languages() -> None:
    english, polish = page(summary(), EN), page(summary(), PL)
    for expected in (
        "Campaign report: may",
        "30.0 %",
        "2.50 PLN",
        "0.8333 PLN per delivered message",
        "Orange",
    ):
        assert expected in english
    for expected in ("Raport z kampanii: may", "30,0 %", "2,50 PLN", "Play", '<html lang="pl">'):
        assert expected in polish
    assert "2026-11-30 01:53 to 2026-11-30 01:56 (Europe/Warsaw)" in english
    assert "The number is not valid" in english
    assert "Numer jest nieprawidłowy" in polish


def test_text_of_a_provider_is_escaped() -> None:
    shown = page(summary(), EN)
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


def test_without_prices_the_cost_is_not_known() -> None:
    shown = page(summary(cost=None), EN)
    assert "not known" in shown
    assert "reserved" not in shown


def test_a_campaign_without_failures_or_without_deliveries() -> None:
    assert "Every message was delivered." in page(summary([row(1)]), EN)
    assert "No message was delivered." in page(summary([row(1, State.FAILED, "undelivered")]), EN)


def test_a_long_list_is_cut_and_says_so() -> None:
    shown = page(summary([row(number, State.FAILED, f"reason {number}") for number in range(1, 36)]), EN)
    assert "The CSV file has 5 more rows." in shown


def test_the_rows_of_the_table_add_up_to_its_total() -> None:
    *rows, total = rows_of(table(summary(), EN), ",")
    assert total["outcome"] == "total"
    for column in ("messages", "segments"):
        assert sum(int(each[column]) for each in rows) == int(total[column])
    assert (total["cost"], total["currency"]) == ("2.500000", "PLN")
    delivered = next(each for each in rows if each["carrier"] == "Play" and each["outcome"] == "delivered")
    assert float(delivered["p50_s"]) == pytest.approx(200, rel=0.005)
    assert next(each for each in rows if each["code"] == "smsapi_13")["reason"].startswith(
        "The number is not"
    )


def test_the_polish_table_is_for_a_polish_spreadsheet() -> None:
    *rows, total = rows_of(table(summary(), PL), ";")
    assert total["koszt"] == "2,500000"
    assert {each["wynik"] for each in rows} == {"dostarczone", "nieudane", "wygasłe", "anulowane", "nieznane"}


def test_no_number_and_no_formula_is_in_the_table() -> None:
    dangerous = [row(1, State.FAILED, "=HYPERLINK(1)"), row(2, State.FAILED, "@x"), row(3)]
    text = table(summary(dangerous), EN)
    assert ORANGE not in text
    assert "'=HYPERLINK(1)" in text
    assert ",=" not in text and ",@" not in text


def test_the_mail_has_page_and_table() -> None:
    message = letter(summary(), PL, "sms@example.org", ["a@example.org", "b@example.org"])
    assert message["To"] == "a@example.org, b@example.org"
    assert message["Subject"] == "Kampania may: dostarczono 3 z 10"
    html, file = message.iter_attachments()
    assert (html.get_filename(), file.get_filename()) == ("report-may.html", "report-may.csv")
    assert html.get_content().rstrip("\n") == page(summary(), PL).rstrip("\n")
    assert file.get_content_type() == "text/csv"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("language = 'de'", "language: must be 'en' or 'pl'"),
        ("time_zone = 'Mars'", "time_zone: 'Mars' is not a time zone"),
        ("every_s = true", "every_s: must be a number"),
        ("quiet_s = -1", "quiet_s: must be at least 0"),
        ("[email]\nhost = 'x'", "email.mail_from: missing"),
        ('[email]\nhost = "a\\u0000b"\nmail_from = "a@b"', "email.host: must be the name or the IP address"),
        ('currency = "a\\u0000b"', "currency: must be one line without control characters"),
        ("currency = ''", "currency: must have a visible character"),
        ("currency = ' '", "currency: must have a visible character"),
        ("[email]\nhost = 'x'\nmail_from = 'a@b'\nusername = ''", "email.username: must have a visible"),
        ("langage = 'en'", "langage: unknown key; known here: enabled, language"),
        ("[", "Invalid"),
    ],
)
def test_an_error_of_the_file_names_the_field(text: str, expected: str) -> None:
    with pytest.raises(ReportFileError) as caught:
        parse_report_settings(text)
    assert expected in str(caught.value)
