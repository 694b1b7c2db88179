"""Both languages say everything, and write numbers in their own way."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from reference_sender.campaign_report.texts import (
    ReportLanguage,
    duration,
    money,
    percent,
    sentence,
    texts_of,
    whole,
)
from reference_sender.routes import ROUTES

ENGLISH, POLISH = texts_of(ReportLanguage.ENGLISH), texts_of(ReportLanguage.POLISH)
ROOMS = Path(__file__).parents[4] / "reference_sender"
NB = "\N{NO-BREAK SPACE}"


def fields_of(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


@pytest.mark.parametrize("table", ["page", "failures"])
def test_both_tables_have_the_same_keys_and_fields(table: str) -> None:
    english, polish = getattr(ENGLISH, table), getattr(POLISH, table)
    assert english.keys() == polish.keys()
    for key, text in english.items():
        assert fields_of(text) == fields_of(polish[key]), key
        assert text and polish[key], key
    columns = [each.page["csv_columns"].split(",") for each in (ENGLISH, POLISH)]
    assert len(columns[0]) == len(columns[1])


def test_each_route_has_sentences_of_its_own_in_both_languages() -> None:
    shared = {
        language: tomllib.loads((ROOMS / "campaign_report" / f"texts.{language}.toml").read_text("utf-8"))
        for language in ("en", "pl")
    }
    for name in ROUTES:
        tables = [
            tomllib.loads((ROOMS / "routes" / name / f"failures.{language}.toml").read_text("utf-8"))
            for language in ("en", "pl")
        ]
        assert tables[0] and tables[0].keys() == tables[1].keys(), name
        assert not tables[0].keys() & shared["en"]["failures"].keys(), name
        assert tables[0].items() <= ENGLISH.failures.items(), name
        assert tables[1].items() <= POLISH.failures.items(), name


def reasons_in_code() -> set[str]:
    """Constants that the routes give as a reason. Codes that a reply contains are not among them."""
    found = set()
    for path in (ROOMS / "routes").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.keyword)
                and node.arg == "reason"
                and isinstance(node.value, ast.Constant)
            ):
                found.add(str(node.value.value))
    return found


def test_every_reason_of_the_routes_has_a_sentence() -> None:
    reasons = reasons_in_code()
    assert {"invalid_number", "connection_refused", "unreadable_reply"} <= reasons
    assert reasons - ENGLISH.failures.keys() == set()


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("smsapi_13", "The number is not valid, or it is on the provider's blacklist."),
        ("smsapi_4711", "SMSAPI refused the message with error 4711."),
        ("twilio_30005", "The number does not exist or is no longer in use."),
        ("http_500", "The provider answered with HTTP status 500."),
        (
            "gave_up: http_500",
            "All attempts failed. The last one: The provider answered with HTTP status 500.",
        ),
        ("no_report", "The provider accepted the message and sent no delivery report."),
        ("smsapi", "The message was refused with the code smsapi."),
        ("{x}", "The message was refused with the code {x}."),
        ("y" * 200, f"The message was refused with the code {'y' * 60}."),
    ],
)
def test_a_reason_is_a_sentence(reason: str, expected: str) -> None:
    assert sentence(ENGLISH, reason) == expected
    assert sentence(POLISH, reason) != expected


def test_numbers_follow_the_language() -> None:
    assert [whole(each, 1_234_567) for each in (ENGLISH, POLISH)] == ["1,234,567", f"1{NB}234{NB}567"]
    assert [percent(each, 1, 3) for each in (ENGLISH, POLISH)] == ["33.3 %", "33,3 %"]
    assert [money(each, 2612.5, "PLN") for each in (ENGLISH, POLISH)] == ["2,612.50 PLN", f"2{NB}612,50 PLN"]
    assert money(ENGLISH, 0.5, "") == "0.50"


def test_a_share_is_nothing_or_all_only_if_it_is() -> None:
    shares = [percent(ENGLISH, *each) for each in ((0, 9), (9, 9), (1, 10**6), (10**6 - 1, 10**6), (0, 0))]
    assert shares == ["0 %", "100 %", "< 0.1 %", "> 99.9 %", "0 %"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.034, "0.03 s"),
        (1.25, "1.2 s"),
        (9.96, "10 s"),
        (119.6, "2 min"),
        (200, "3 min 20 s"),
        (7_199, "119 min 59 s"),
        (7_260, "2 h 1 min"),
        (36_000, "10 h"),
    ],
)
def test_a_duration(seconds: float, expected: str) -> None:
    assert duration(ENGLISH, seconds) == expected
