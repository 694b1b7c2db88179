"""Orders of reports on campaigns, and the reports: ``GET /v1/campaigns/ID/report`` and ``report.csv``."""

from __future__ import annotations

import msgspec
from aiohttp import web

from reference_sender.api.answers import ApiError
from reference_sender.api.handlers import Handler
from reference_sender.api.intake import LANGUAGE_RULE, Invalid
from reference_sender.api.queries import Queries
from reference_sender.api.query_strings import fields_of
from reference_sender.campaign_report.page import page
from reference_sender.campaign_report.table import table
from reference_sender.campaign_report.texts import ReportLanguage
from reference_sender.campaign_report.values import CampaignSummary

_HTML = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
}


class CampaignReports:
    """The handlers of these paths. ``language`` is that of campaigns that name none."""

    def __init__(self, queries: Queries, language: ReportLanguage) -> None:
        self._queries = queries
        self._language = language

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """By method and path."""
        return {
            ("GET", "/v1/campaigns/{id}/report"): self._page,
            ("GET", "/v1/campaigns/{id}/report.csv"): self._table,
        }

    async def _page(self, request: web.BaseRequest, name: str) -> web.Response:
        summary, language = await self._found(request, name)
        return web.Response(body=page(summary, language).encode(), headers=_HTML)

    async def _table(self, request: web.BaseRequest, name: str) -> web.Response:
        summary, language = await self._found(request, name)
        headers = {
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="report-{summary.campaign}.csv"',
        }
        return web.Response(body=table(summary, language).encode(), headers=headers)

    async def _found(self, request: web.BaseRequest, name: str) -> tuple[CampaignSummary, ReportLanguage]:
        fields = fields_of(request.raw_path.partition("?")[2], {"language"})
        asked = _language(fields.get("language"))
        stored = await self._queries.campaign_report(name)
        if stored is None:
            raise ApiError(404, "not_found", f"no report on campaign {name} was ordered")
        if stored.summary is None:
            reason = "has not ended" if stored.due else "has no messages"
            raise ApiError(404, "not_found", f"there is no report: campaign {name} {reason}")
        of_campaign = _language(stored.language or None) or self._language
        return msgspec.json.decode(stored.summary, type=CampaignSummary), asked or of_campaign


def _language(code: str | None) -> ReportLanguage | None:
    if code is None:
        return None
    try:
        return ReportLanguage(code)
    except ValueError:
        raise Invalid("invalid", "language", f"language must be {LANGUAGE_RULE}") from None
