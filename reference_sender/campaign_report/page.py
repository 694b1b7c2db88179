"""The report as one page of HTML, without scripts and without anything to load."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from reference_sender.campaign_report.texts import (
    ReportLanguage,
    ReportTexts,
    duration,
    money,
    percent,
    sentence,
    texts_of,
    whole,
)
from reference_sender.campaign_report.values import (
    CampaignOutcome,
    CampaignSummary,
    CarrierSummary,
    OutcomeCount,
)
from reference_sender.dispatch.campaign_figures import UNIT

_MOST_ROWS = 30  # of one table; the CSV file has all


def page(summary: CampaignSummary, language: ReportLanguage) -> str:
    """The whole page."""
    texts = texts_of(language)
    total = summary.messages
    delivered = summary.with_outcome(CampaignOutcome.DELIVERED)
    failures = summary.failures()
    return _template().render(
        code=texts.code,
        t=texts.page,
        title=texts.page["title"].format(campaign=summary.campaign),
        period=texts.page["period"].format(
            first=_instant(summary, summary.first_ns),
            last=_instant(summary, summary.last_ns),
            zone=summary.time_zone,
        ),
        figures=_figures(texts, summary),
        outcomes=_outcomes(texts, summary),
        times=_times(texts, summary),
        carriers=[_carrier(texts, each) for each in summary.carriers[:_MOST_ROWS]],
        more_carriers=_more(texts, len(summary.carriers)),
        failures=[_failure(texts, each, total) for each in failures[:_MOST_ROWS]],
        more_failures=_more(texts, len(failures)),
        rate=percent(texts, delivered, total),
        notes=[
            texts.page["note_sent"],
            texts.page["note_time"],
            texts.page["note_carrier"],
            texts.page["note_rows"],
            texts.page["note_late"].format(made=_instant(summary, summary.made_ns)),
            *([] if summary.cost is None else [texts.page["note_cost"]]),
        ],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("reference_sender.campaign_report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


def _figures(texts: ReportTexts, summary: CampaignSummary) -> list[dict[str, str]]:
    total = summary.messages
    delivered = summary.with_outcome(CampaignOutcome.DELIVERED)
    missed = total - delivered
    page = texts.page
    segments = page["segments_note"].format(segments=whole(texts, summary.segments))
    return [
        {"name": page["messages"], "value": whole(texts, total), "note": segments},
        {
            "name": page["sent"],
            "value": whole(texts, summary.accepted_by_provider),
            "note": percent(texts, summary.accepted_by_provider, total),
        },
        {
            "name": page["delivered"],
            "value": whole(texts, delivered),
            "note": percent(texts, delivered, total),
        },
        {"name": page["not_delivered"], "value": whole(texts, missed), "note": percent(texts, missed, total)},
        {"name": page["cost"], **_cost(texts, summary, delivered)},
    ]


def _cost(texts: ReportTexts, summary: CampaignSummary, delivered: int) -> dict[str, str]:
    if summary.cost is None:
        return {"value": texts.page["cost_unknown"], "note": ""}
    units = summary.cost / UNIT
    each = ""
    if delivered:
        amount = money(texts, units / delivered, summary.currency, 4)
        each = texts.page["cost_each"].format(amount=amount)
    return {"value": money(texts, units, summary.currency), "note": each}


def _outcomes(texts: ReportTexts, summary: CampaignSummary) -> list[dict[str, Any]]:
    total = summary.messages
    return [
        {
            "kind": outcome.value,
            "name": texts.page[f"outcome_{outcome.value}"],
            "meaning": texts.page[f"meaning_{outcome.value}"],
            "messages": whole(texts, count),
            "share": percent(texts, count, total),
            "width": f"{100 * count / total:.2f}",
        }
        for outcome in CampaignOutcome
        if (count := summary.with_outcome(outcome))
    ]


def _times(texts: ReportTexts, summary: CampaignSummary) -> list[tuple[str, str]]:
    times = summary.times
    if times is None:
        return []
    page = texts.page
    return [
        (page["p50"], duration(texts, times.p50_s)),
        (page["p90"], duration(texts, times.p90_s)),
        (page["p95"], duration(texts, times.p95_s)),
        (page["p99"], duration(texts, times.p99_s)),
        (page["longest"], duration(texts, times.longest_s)),
    ]


def _failure(texts: ReportTexts, failure: OutcomeCount, total: int) -> dict[str, str]:
    return {
        "sentence": sentence(texts, failure.reason),
        "code": failure.reason,
        "messages": whole(texts, failure.messages),
        "share": percent(texts, failure.messages, total),
    }


def _more(texts: ReportTexts, rows: int) -> str:
    if rows <= _MOST_ROWS:
        return ""
    return texts.page["more_rows"].format(count=whole(texts, rows - _MOST_ROWS))


def _carrier(texts: ReportTexts, carrier: CarrierSummary) -> dict[str, str]:
    delivered, times = carrier.with_outcome(CampaignOutcome.DELIVERED), carrier.times
    return {
        "name": carrier.name or texts.page["other_carrier"],
        "country": carrier.country,
        "messages": whole(texts, carrier.messages),
        "delivered": whole(texts, delivered),
        "rate": percent(texts, delivered, carrier.messages),
        "width": f"{100 * delivered / carrier.messages:.2f}",
        "median": "" if times is None else duration(texts, times.p50_s),
        "slow": "" if times is None else duration(texts, times.p95_s),
        "segments": whole(texts, carrier.segments),
    }


def _instant(summary: CampaignSummary, at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns / 1e9, ZoneInfo(summary.time_zone)):%Y-%m-%d %H:%M}"
