"""The paths of the dashboard: its page, which needs no token, and its events, which do."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from page_parts import PageFile, load_page
from reference_sender.api.answers import ApiError
from reference_sender.api.handlers import Handler
from reference_sender.dashboard.feed import MOST_VIEWERS, DashboardFeed, TooManyViewers

EVENTS_PATH = "/v1/dashboard/events"
_RETRY_S = 10
_STREAM = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store"}


def page_handlers() -> dict[tuple[str, str], Handler]:
    """By method and path. The files hold no figure of the sender."""
    files = load_page(Path(__file__).with_name("page"))
    return {("GET", path): _serve(file) for path, file in files.items()}


def event_handlers(feed: DashboardFeed) -> dict[tuple[str, str], Handler]:
    """By method and path."""

    async def follow(request: web.BaseRequest, _: str) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response(headers=_STREAM)
        answer = web.StreamResponse(headers=_STREAM)
        try:
            await feed.follow(lambda: _Prepared(request, answer))
        except TooManyViewers:
            text = f"{MOST_VIEWERS} pages are open: close one"
            raise ApiError(429, "too_many_viewers", text, retry_after_s=_RETRY_S) from None
        return answer

    return {("GET", EVENTS_PATH): follow}


def dashboard_url(url: str, token: str) -> str:
    """The page's address at ``url``; with ``token``, unless it is empty."""
    return f"{url}/#token={token}" if token else f"{url}/"


class _Prepared:
    """An answer whose head goes out before its first event."""

    def __init__(self, request: web.BaseRequest, answer: web.StreamResponse) -> None:
        self._request = request
        self._answer = answer

    async def write(self, data: bytes) -> None:
        if not self._answer.prepared:
            await self._answer.prepare(self._request)
        await self._answer.write(data)


def _serve(file: PageFile) -> Handler:
    async def serve(_: web.BaseRequest, __: str) -> web.Response:
        headers = {"Content-Type": file.content_type, **dict(file.headers)}
        return web.Response(body=file.content, headers=headers)

    return serve
