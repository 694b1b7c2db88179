"""Orders of reports on campaigns, and the reports: ``GET /v1/campaigns/ID/report`` and ``report.csv``."""

from __future__ import annotations

import math

import msgspec
from aiohttp import web

from reference_sender.api.answers import ApiError
from reference_sender.api.handlers import Handler
from reference_sender.api.intake import LANGUAGE_RULE, Invalid
from reference_sender.api.queries import Queries
from reference_sender.api.query_strings import fields_of
from reference_sender.campaign_report.page import page
from reference_sender.campaign_report.settings import CampaignReportSettings
from reference_sender.campaign_report.table import table
from reference_sender.campaign_report.texts import ReportLanguage
from reference_sender.campaign_report.values import CampaignSummary
from reference_sender.dispatch.values import FINAL_STATES

_HTML = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
}


class CampaignReports:
    """The handlers of these paths."""

    def __init__(self, queries: Queries, settings: CampaignReportSettings) -> None:
        self._queries = queries
        self._settings = settings

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
            if not stored.due:
                raise ApiError(404, "not_found", f"there is no report: campaign {name} has no messages")
            raise await self._not_yet(name)
        of_campaign = _language(stored.language or None) or self._settings.language
        return msgspec.json.decode(stored.summary, type=CampaignSummary), asked or of_campaign

    async def _not_yet(self, name: str) -> ApiError:
        """Why a report that was ordered is not made yet."""
        settings = self._settings
        text = f"there is no report yet: campaign {name} has not ended"
        if not settings.enabled:
            text += ", and this sender makes no reports: enabled is false in the file of --campaign-reports"
            return ApiError(404, "not_found", text)
        counts = await self._queries.campaign(name)
        count, opened = sum(counts.values()), sum(counts[state] for state in counts.keys() - FINAL_STATES)
        quiet = f"none has changed and no row has come for {settings.quiet_s:g} s (quiet_s)"
        wait_s = math.ceil(settings.quiet_s + settings.every_s)
        if opened:
            text += (
                f". {opened} of its {count} messages are not final: GET /v1/campaigns/{name} shows them."
                f" The report is made when all are final, {quiet}"
            )
        else:
            text += (
                f": all of its {count} messages are final, and the report is made when {quiet}, since more"
                f" rows may come: ask again in {wait_s} s"
            )
        return ApiError(404, "not_yet", text, retry_after_s=wait_s)


def _language(code: str | None) -> ReportLanguage | None:
    if code is None:
        return None
    try:
        return ReportLanguage(code)
    except ValueError:
        raise Invalid("invalid", "language", f"language must be {LANGUAGE_RULE}") from None
