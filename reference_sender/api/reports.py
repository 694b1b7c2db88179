"""Delivery reports: a route reads and confirms them, the driver takes them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

from aiohttp import web
from msgspec import Struct

from reference_sender.api.answers import ApiError
from reference_sender.api.api_counters import ApiCounters
from reference_sender.api.bodies import read_limited
from reference_sender.api.turns import Turns
from reference_sender.dispatch.values import Report
from reference_sender.routes.protocol import (
    Confirmation,
    ForgedReport,
    MalformedReport,
    ReportRequest,
    RouteProtocol,
)
from reference_sender.runtime.driver import Driver

REPORTS_PATH = "/v1/reports/"  # then the name of a provider's room, and the secret
_REPORTS_PER_TURN = 500  # of the event loop
_MOST_BYTES = 8 * 1024 * 1024
# Before the answer to its submit, while sent messages are read after a start, or if the store gave no result.
_NOT_YET = "it is not known yet which message a report is about: send it again"


class ReportReader(Struct, frozen=True):
    """One provider's reports: its formats (one for each account) and the confirmation that it expects."""

    formats: Sequence[RouteProtocol]
    confirmation: Confirmation

    def read(self, request: ReportRequest) -> list[Report]:
        """The reports of the account that signed them. Raises ``MalformedReport`` or ``ForgedReport``."""
        for each in self.formats[:-1]:
            try:
                return each.read_reports(request)
            except ForgedReport:
                continue
        return self.formats[-1].read_reports(request)


class ReportIntake:
    """Takes the report calls of all routes. ``public_url`` is what providers see before the path.

    The path holds a secret, since not every provider signs its reports.
    """

    def __init__(
        self,
        readers: Mapping[str, ReportReader],
        secret: str,
        public_url: str,
        driver: Driver,
        tally: ApiCounters,
    ) -> None:
        self._readers = readers
        self._secret = secret.encode()
        self._public_url = public_url
        self._driver = driver
        self._tally = tally
        self._turns = Turns()

    @property
    def paths(self) -> list[str]:
        """The paths that receive reports. The secret follows each."""
        return [f"{REPORTS_PATH}{name}/" for name in self._readers]

    async def take(self, request: web.BaseRequest, secret: str, patience_s: float) -> web.Response:
        """Raises ``ApiError`` or ``Invalid``: the provider must call again."""
        if not hmac.compare_digest(secret.encode(), self._secret):
            raise ApiError(404, "not_found", "this path does not exist")
        name = request.raw_path.removeprefix(REPORTS_PATH).partition("/")[0]
        reader = self._readers[name]
        body = b"" if request.method == "GET" else await read_limited(request, _MOST_BYTES, patience_s)
        url = f"{self._public_url}{request.raw_path}"
        try:
            found = reader.read(ReportRequest(request.method, url, request.headers, body))
        except MalformedReport as error:
            raise ApiError(400, "malformed_report", str(error)) from error
        except ForgedReport as error:
            raise ApiError(403, "forged_report", str(error)) from error
        self._tally.report_calls += 1
        self._tally.reports += len(found)
        for start in range(0, len(found), _REPORTS_PER_TURN):
            if start:
                await self._turns.pause()
            if not await self._driver.reported(found[start : start + _REPORTS_PER_TURN]):
                self._tally.reports_put_off += 1
                raise ApiError(503, "not_yet", _NOT_YET)
        confirmation = reader.confirmation
        return web.Response(
            status=confirmation.status,
            body=confirmation.body or None,
            content_type="text/plain" if confirmation.body else None,
        )
