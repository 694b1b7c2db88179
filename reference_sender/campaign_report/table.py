"""The report as CSV: one row for each carrier, outcome and reason, and one with the totals. It has no numbers
of recipients.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from reference_sender.campaign_report.texts import ReportLanguage, ReportTexts, decimal, sentence, texts_of
from reference_sender.campaign_report.values import CampaignOutcome, CampaignSummary, DeliveryTimes
from reference_sender.dispatch.campaign_figures import UNIT

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute


def table(summary: CampaignSummary, language: ReportLanguage) -> str:
    """The whole file, with a byte order mark, by which Excel recognises UTF-8."""
    texts = texts_of(language)
    written = io.StringIO()
    writer = csv.writer(written, delimiter=texts.csv_separator, lineterminator="\r\n")
    writer.writerow(texts.page["csv_columns"].split(","))
    for row in _rows(texts, summary):
        writer.writerow([_harmless(each) for each in row])
    return "\N{BOM}" + written.getvalue()


def _rows(texts: ReportTexts, summary: CampaignSummary) -> Iterator[list[str]]:
    for carrier in summary.carriers:
        for each in carrier.outcomes:
            times = carrier.times if each.outcome is CampaignOutcome.DELIVERED else None
            yield [
                summary.campaign,
                carrier.name or texts.page["other_carrier"],
                carrier.country.removeprefix("+"),
                texts.page[f"outcome_{each.outcome.value}"],
                each.reason,
                sentence(texts, each.reason) if each.reason else "",
                str(each.messages),
                str(each.segments),
                *_percentiles(texts, times),
                "",
                "",
            ]
    yield [
        summary.campaign,
        *("", ""),
        texts.page["csv_total"],
        *("", ""),
        str(summary.messages),
        str(summary.segments),
        *_percentiles(texts, summary.times),
        "" if summary.cost is None else decimal(texts, summary.cost / UNIT, 6),
        summary.currency,
    ]


def _percentiles(texts: ReportTexts, times: DeliveryTimes | None) -> list[str]:
    if times is None:
        return [""] * 4
    return [decimal(texts, each, 3) for each in (times.p50_s, times.p90_s, times.p95_s, times.p99_s)]


def _harmless(value: str) -> str:
    """A code or a name may come from outside."""
    return f"'{value}" if value.startswith(_FORMULA) else value
