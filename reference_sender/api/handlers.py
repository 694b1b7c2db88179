"""The HTTP API: paths to handlers. ``POST /v1/messages`` must be fast, so it is tried first.

It uses aiohttp's low-level server: the router and signals of an application would cost more per message than
the message itself.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from aiohttp import web
from msgspec import Struct

from reference_sender.api.answers import ApiError, error_answer, json_answer, json_parts
from reference_sender.api.bodies import after_body, invite_body, read_message, read_piece, unpacking
from reference_sender.api.campaign_answer import CampaignAnswer, encoded
from reference_sender.api.campaign_intake import PATIENCE_S, CampaignIntake
from reference_sender.api.csv_rows import CsvRows
from reference_sender.api.health import RETRY_STORE_S, check_background_tasks, check_health, wait_until_stored
from reference_sender.api.intake import Intake, Invalid, read_request
from reference_sender.api.json_rows import JsonRows, Rows
from reference_sender.api.metrics import Metrics
from reference_sender.api.queries import Queries, UnreadError
from reference_sender.api.query_strings import fields_of, whole_number
from reference_sender.api.reports import REPORTS_PATH, ReportIntake
from reference_sender.api.rules import POLICY_CODES, IntakeRules
from reference_sender.api.turns import Turns
from reference_sender.api.wait_reasons import shown_now
from reference_sender.clock import now_ns
from reference_sender.dispatch.values import Lane, Message
from reference_sender.runtime.driver import Driver
from reference_sender.store import Existing, StoreError

log = logging.getLogger(__name__)

OPT_OUT_PATH = "/v1/opt-outs/"  # then a number
_MESSAGES_PATH = "/v1/messages"
_CAMPAIGNS_PATH = "/v1/campaigns"
# Their handlers read the query. Any other call with the token has none.
_WITH_QUERY = {
    ("POST", _CAMPAIGNS_PATH),
    ("GET", "/v1/campaigns/{id}/report"),
    ("GET", "/v1/campaigns/{id}/report.csv"),
    ("GET", "/v1/opt-outs"),
    ("GET", "/v1/dead-letters"),
}

_RETRY_FULL_S = 1
_RETRY_STOPPING_S = 5
_INVALID_STATUS = {
    "too_large": 413,
    "too_many_rows": 413,
    "too_slow": 408,
    "stopping": 503,
    "opted_out": 403,
    "campaign_cancelled": 409,
    "recipient_limit": 429,
    "queue_full": 429,
}  # of Invalid's codes; the others are 400

Handler = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]


class Acknowledged(Struct, frozen=True, gc=False):
    """The answer to an accepted message."""

    id: str
    key: str
    state: str


class Api:
    """Handles every request. ``handle`` is the low-level server's handler."""

    def __init__(
        self,
        token: str,
        driver: Driver,
        intake: Intake,
        queries: Queries,
        metrics: Metrics,
        reports: ReportIntake,
        rules: IntakeRules,
    ) -> None:
        self._turns = Turns()
        self.patience_s = PATIENCE_S  # for a message's body, and for each piece of a campaign's
        self._rules = rules
        self._token = token.encode()
        self._driver = driver
        self._intake = intake
        self._queries = queries
        self._metrics = metrics
        self._tally = metrics.tally
        self._reports = reports
        self.stopping = False
        self._campaigns: set[CampaignIntake] = set()
        # A path; if it ends in a slash, the beginning of a path. The handler gets the rest.
        self._open: dict[tuple[str, str], Handler] = {
            ("GET", "/healthz"): self._healthz,
        }
        for path in reports.paths:
            self._open["GET", path] = self._open["POST", path] = self._take_reports
        self._guarded: dict[tuple[str, str], Handler] = {
            ("POST", _MESSAGES_PATH): self._post_message,
            ("POST", _CAMPAIGNS_PATH): self._post_campaign,
            ("GET", "/v1/messages/export"): self._export,
            ("GET", "/v1/messages/"): self._get_message,
            ("GET", "/v1/state"): self._get_state,
            ("GET", "/metrics"): self._get_metrics,
        }

    def serve(self, handlers: Mapping[tuple[str, str], Handler]) -> None:
        """Also serve these paths, which need the token. ``{id}`` in a path matches any last but one part,
        which the handler gets.
        """
        self._guarded.update(handlers)

    def serve_openly(self, handlers: Mapping[tuple[str, str], Handler]) -> None:
        """Also serve these paths, which need no token."""
        self._open.update(handlers)

    def stop(self) -> None:
        """Refuse messages from now on. Delivery reports are still accepted."""
        self.stopping = True
        for campaign in self._campaigns:
            campaign.stop()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer ``request``."""
        try:
            if request.method == "POST" and request.raw_path == _MESSAGES_PATH:
                self._check_token(request)
                return await self._post_message(request, "")
            return await self._route(request)
        except ApiError as error:
            return error_answer(error)
        except Invalid as error:
            return after_body(request, self._invalid_answer(request, error))
        except ConnectionError:  # the client has gone
            return error_answer(ApiError(400, "disconnected", "the body ended too early"))
        except StoreError as error:
            what = "be read" if isinstance(error, UnreadError) else "keep a message"
            text = f"the store cannot {what}: {error}; try again"
            return error_answer(ApiError(503, "store_failed", text, retry_after_s=RETRY_STORE_S))
        except Exception:
            # An answer has begun: the only way to report the error is to break the connection.
            if request.writer.output_size > 0:
                raise
            log.exception("%s %s failed", request.method, _loggable(request.raw_path))
            return error_answer(ApiError(500, "internal", "the sender failed: its log says why"))

    def _invalid_answer(self, request: web.BaseRequest, error: Invalid) -> web.Response:
        status = _INVALID_STATUS.get(error.code, 400)
        path = request.raw_path.partition("?")[0]
        is_message = request.method == "POST" and path == _MESSAGES_PATH
        self._tally.invalid += is_message and status == 400
        # Other calls, such as the pause of a cancelled campaign, have the same codes.
        is_intake = is_message or (request.method == "POST" and path == _CAMPAIGNS_PATH)
        self._tally.refused_by_policy += is_intake and error.code in POLICY_CODES
        retry_after_s = _RETRY_STOPPING_S if status == 503 else error.retry_after_s
        return error_answer(ApiError(status, error.code, error.message, error.field, retry_after_s))

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        method = "GET" if request.method == "HEAD" else request.method
        parent, slash, rest = path.rpartition("/")
        for table in (self._open, self._guarded):
            place = method, path
            handler = table.get(place)
            if handler is None and rest and parent:  # "/" is the page, and not the beginning of all paths
                place = method, parent + slash
                handler = table.get(place)
                within, _, middle = parent.rpartition("/")
                if handler is None and middle:
                    place = method, f"{within}/{{id}}/{rest}"
                    if (handler := table.get(place)) is not None:
                        rest = middle
            if handler is not None:
                if table is self._guarded:
                    self._check_token(request)
                    if query and place not in _WITH_QUERY:
                        fields_of(query, ())
                return await handler(request, rest)
        known = {known_path for _, known_path in (*self._open, *self._guarded)}
        within = parent.rpartition("/")[0]
        named = {path, *((parent + slash, f"{within}/{{id}}/{rest}") if rest and parent else ())} & known
        if named:
            allowed = [verb for verb, known_path in (*self._open, *self._guarded) if known_path in named]
            headers = {"Allow": ", ".join(sorted({*allowed, *(["HEAD"] if "GET" in allowed else [])}))}
            text = f"{path} does not accept {request.method}"
            raise ApiError(405, "method_not_allowed", text, headers=headers)
        raise ApiError(404, "not_found", "this path does not exist")

    def _check_token(self, request: web.BaseRequest) -> None:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        scheme, _, token = given.partition(b" ")
        # RFC 9110 11.1: the name of the scheme is case-insensitive.
        if not hmac.compare_digest(token, self._token) or scheme.lower() != b"bearer":
            self._tally.unauthorized += 1
            what = "the bearer token is wrong" if given else "a bearer token must be given"
            raise ApiError(401, "unauthorized", f"{what}: Authorization: Bearer TOKEN")

    def _check_open(self) -> None:
        if self.stopping:
            raise ApiError(503, "stopping", "the sender is stopping", retry_after_s=_RETRY_STOPPING_S)
        check_background_tasks(self._driver)

    async def _post_message(self, request: web.BaseRequest, _: str) -> web.Response:
        self._check_open()
        wanted = read_request(await read_message(request, self.patience_s))
        if not self._driver.has_room(1, wanted.message_class):
            self._tally.queue_full += 1
            raise ApiError(429, "queue_full", "the queue is full: try again", retry_after_s=_RETRY_FULL_S)
        now = now_ns()
        message = self._intake.message(wanted, now)
        self._rules.check(now, message)
        try:
            existing = await self._driver.take(message)
        except StoreError:
            self._tally.store_failed += 1
            self._rules.undo(message)
            raise
        if existing is not None:
            self._rules.undo(message)
            return self._answer_again(message, existing)
        self._tally.accepted += 1
        return json_answer(Acknowledged(str(message.message_id), message.key, "queued"), 202)

    def _answer_again(self, message: Message, existing: Existing) -> web.Response:
        if not existing.is_repeated_by(message):
            self._tally.conflicts += 1
            raise ApiError(
                409,
                "key_conflict",
                "another message, to another number or of another text or class, has this key",
                "key",
            )
        self._tally.repeated += 1
        return json_answer(Acknowledged(str(existing.message_id), message.key, existing.state.value), 202)

    async def _post_campaign(self, request: web.BaseRequest, _: str) -> web.Response:
        self._check_open()
        rows = _rows_of(request.content_type, request.raw_path.partition("?")[2])
        unpacked = unpacking(request)
        if not self._driver.has_room(1, Lane.OTP):  # nor for any other class, which the body names
            self._tally.queue_full += 1
            raise ApiError(429, "queue_full", "the queue is full: try again", retry_after_s=_RETRY_FULL_S)
        await invite_body(request)
        campaign = CampaignIntake(
            self._intake,
            self._rules,
            self._driver,
            self._tally,
            self._turns,
            strict=isinstance(rows, JsonRows),
            patience_s=self.patience_s,
        )
        self._campaigns.add(campaign)
        try:
            result = await campaign.read(
                rows, unpacked, partial(read_piece, request), self._queries.with_keys
            )
        finally:
            self._campaigns.discard(campaign)
        self._tally.campaigns += 1
        status, retry_after_s = _campaign_status(result)
        answer = json_parts(await encoded(result, self._turns), status)
        if retry_after_s is not None:
            answer.headers["Retry-After"] = str(retry_after_s)
        return after_body(request, answer)

    async def _get_message(self, _: web.BaseRequest, message_id: str) -> web.Response:
        row_id = whole_number(message_id)
        record = None if row_id is None else await self._queries.record(row_id)
        if record is None:
            raise ApiError(404, "not_found", f"there is no message {message_id}")
        ticket = self._driver.tickets.get(record.message.key)
        return json_answer(shown_now(self._driver.gate, now_ns(), record, ticket))

    async def _export(self, request: web.BaseRequest, _: str) -> web.StreamResponse:
        await wait_until_stored(self._driver)
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        async for page in self._queries.export():
            await answer.write(page)
        await answer.write_eof()
        return answer

    async def _take_reports(self, request: web.BaseRequest, secret: str) -> web.Response:
        return await self._reports.take(request, secret, self.patience_s)

    async def _healthz(self, _: web.BaseRequest, __: str) -> web.Response:
        self._check_open()
        await check_health(self._driver)
        return json_answer({"status": "ok"})

    async def _get_state(self, _: web.BaseRequest, __: str) -> web.Response:
        return json_answer(self._metrics.state())

    async def _get_metrics(self, _: web.BaseRequest, __: str) -> web.Response:
        return web.Response(
            body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )


def _rows_of(content_type: str, query: str) -> Rows:
    if content_type == "application/json":
        fields_of(query, ())
        return JsonRows()
    if content_type == "text/csv":
        return CsvRows(fields_of(query))
    raise ApiError(415, "unsupported_media_type", "a campaign is application/json or text/csv")


def _loggable(raw_path: str) -> str:
    """A request's path for the log: without its query, the secret of a report call, or a number."""
    path = raw_path.partition("?")[0]
    return f"{path.rpartition('/')[0]}/..." if path.startswith((REPORTS_PATH, OPT_OUT_PATH)) else path


def _campaign_status(answer: CampaignAnswer) -> tuple[int, int | None]:
    """The status of the answer, and its Retry-After in seconds, if any."""
    if answer.error is not None:
        status = _INVALID_STATUS.get(answer.error["code"], 400)
        return status, _RETRY_STOPPING_S if status == 503 else None
    if not (answer.accepted or answer.repeated):
        reasons = {refusal.reason for refusal in answer.refused}
        if reasons == {"queue_full"}:
            return 429, _RETRY_FULL_S
        if "store_failed" in reasons:
            return 503, _RETRY_STOPPING_S
    return 202, None
