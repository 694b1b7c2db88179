"""The texts of the report: one table for each language, and how the language writes numbers."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import Enum
from functools import cache
from importlib.resources import files

from msgspec import Struct

from reference_sender.routes import ROUTES
from reference_sender.routes.failure_texts import failure_texts


class ReportLanguage(Enum):
    """The languages of the report, by ISO 639 code."""

    ENGLISH = "en"
    POLISH = "pl"


class ReportTexts(Struct, frozen=True):
    """Everything that depends on the language."""

    code: str
    page: Mapping[str, str]
    failures: Mapping[str, str]
    decimal_mark: str
    thousands_mark: str
    csv_separator: str  # the one that Excel expects in this language


_MARKS = {ReportLanguage.ENGLISH: (".", ",", ","), ReportLanguage.POLISH: (",", "\N{NO-BREAK SPACE}", ";")}
_HTTP = "http"
_FAMILIES = frozenset((_HTTP, *ROUTES))  # of codes such as NAME_NUMBER
_GAVE_UP = "gave_up: "
_LONGEST_CODE = 60  # characters of a code that a provider made up


@cache
def texts_of(language: ReportLanguage) -> ReportTexts:
    """The table of ``language``, with the sentences of the routes."""
    path = files("reference_sender.campaign_report").joinpath(f"texts.{language.value}.toml")
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    failures = failure_texts(language.value) | tables["failures"]
    return ReportTexts(language.value, tables["page"], failures, *_MARKS[language])


def sentence(texts: ReportTexts, reason: str) -> str:
    """What a reason code of the sender, or of a provider, means."""
    failures = texts.failures
    if reason.startswith(_GAVE_UP):
        return failures["gave_up"].format(last=sentence(texts, reason.removeprefix(_GAVE_UP)))
    family, _, code = reason.partition("_")
    if reason in failures and reason not in ("unlisted", "gave_up", *_FAMILIES):
        return failures[reason]
    if family in _FAMILIES and family in failures and code.isdecimal():
        return failures[family].format(code=code)
    return failures["unlisted"].format(code=reason[:_LONGEST_CODE])


def whole(texts: ReportTexts, number: int) -> str:
    """A count."""
    return f"{number:,}".replace(",", texts.thousands_mark)


def percent(texts: ReportTexts, part: int, of: int) -> str:
    """A share with one decimal. It is 0 % or 100 % only if it is exactly that."""
    if not part or not of:
        return "0 %"
    if part == of:
        return "100 %"
    share = round(100.0 * part / of, 1)
    if share == 0:
        return f"< {decimal(texts, 0.1, 1)} %"
    return f"> {decimal(texts, 99.9, 1)} %" if share == 100 else f"{decimal(texts, share, 1)} %"


def duration(texts: ReportTexts, seconds: float) -> str:
    """A duration with two or three significant digits."""
    if seconds < 9.95:
        return f"{decimal(texts, seconds, 1 if seconds >= 0.95 else 2)} s"
    rounded = round(seconds)
    if rounded < 120:
        return f"{rounded} s"
    minutes, rest_s = divmod(rounded, 60)
    if minutes < 120:
        return f"{minutes} min {rest_s} s" if rest_s else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{whole(texts, hours)} h {minutes} min" if minutes else f"{whole(texts, hours)} h"


def money(texts: ReportTexts, amount: float, currency: str, decimals: int = 2) -> str:
    """An amount of the currency, "" if its name is not known."""
    grouped = f"{amount:,.{decimals}f}".split(".")
    text = texts.decimal_mark.join([grouped[0].replace(",", texts.thousands_mark), *grouped[1:]])
    return f"{text} {currency}".rstrip()


def decimal(texts: ReportTexts, value: float, decimals: int) -> str:
    """A number with the language's decimal mark."""
    return f"{value:.{decimals}f}".replace(".", texts.decimal_mark)
