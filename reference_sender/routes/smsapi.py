"""The route to SMSAPI or a provider with its protocol: its URL, and a client that keeps connections."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Annotated
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import aiohttp
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reference_sender.addresses import host_and_port
from reference_sender.clock import now_ns, wall_ahead_ns
from reference_sender.dispatch.values import Message, Result, RouteLimits
from reference_sender.routes.smsapi_wire import (
    Failure,
    Reply,
    encode,
    for_all,
    in_one_request,
    most_bytes,
    results,
)
from reference_sender.secret_text import read_secret

_SCHEMES = {"smsapi+http": "http", "smsapi+https": "https"}
_DEFAULT_PATH = "/sms.do"
_CONNECT_S = 5.0
# The close of an idle connection is noticed within a round trip; a later one is a real failure.
_CLOSE_MET_S = 1.0

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class RouteError(ValueError):
    """A route URL that cannot be used; says what is allowed."""


class RouteOptions(BaseModel):
    """Options of a route URL. The defaults do not limit a fast provider; throttling slows the route down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    requests_per_s: Positive = 1_000.0
    requests_burst: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None
    segments_per_s: Positive = 20_000.0
    segments_burst: Annotated[float, Field(ge=10, allow_inf_nan=False)] | None = None
    max_batch: Annotated[int, Field(ge=1, le=10_000)] = 500
    max_in_flight: Count = 8
    timeout_s: Positive = 10.0


class SmsapiRoute:
    """One account at one address. Connections are kept and shared, at most ``max_in_flight`` of them."""

    def __init__(self, url: str, token: str, limits: RouteLimits, timeout_s: float, report_url: str) -> None:
        self._url = url
        self._limits = limits
        self._report_url = report_url
        self._loop = asyncio.get_running_loop()
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_reuse)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limits.max_in_flight, keepalive_timeout=60.0),
            timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(_CONNECT_S, timeout_s)),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            trace_configs=[tracing],
        )

    @property
    def limits(self) -> RouteLimits:
        return self._limits

    async def submit(self, messages: Sequence[Message]) -> Sequence[Result]:
        carried = in_one_request(messages)
        reply = await self._reply(encode(carried, self._report_url, now_ns(), wall_ahead_ns()), len(carried))
        return for_all(messages, carried, results(carried, reply))

    async def close(self) -> None:
        await self._session.close()

    async def _reply(self, body: bytes, count: int) -> Reply:
        """The reply to ``body``, or why there is none.

        A provider closes a connection that was idle for long, and a request can meet that close on its way:
        it was not read then, and goes out at once on another connection. That it was not read cannot be known
        for sure; each message's idx, with check_idx, keeps a repeat from being delivered twice. What was
        waited for before the connection broke, and every time-out, is left to the dispatcher.
        """
        for _ in range(self._limits.max_in_flight):
            attempt = _Attempt()
            began_s = self._loop.time()
            try:
                return await self._post(body, most_bytes(count), attempt)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                return Reply(failure=Failure.NOT_SENT)
            except (aiohttp.ServerDisconnectedError, ConnectionResetError, BrokenPipeError):
                met_a_close = attempt.reused and not attempt.answered
                if not met_a_close or self._loop.time() - began_s > _CLOSE_MET_S:
                    break
            except (TimeoutError, aiohttp.ClientError, OSError):
                break
        return Reply(failure=Failure.NO_ANSWER)

    async def _post(self, body: bytes, most: int, attempt: _Attempt) -> Reply:
        async with self._session.post(
            self._url, data=body, allow_redirects=False, trace_request_ctx=attempt
        ) as response:
            attempt.answered = True
            answer = b""
            async for piece in response.content.iter_any():
                answer += piece
                if len(answer) > most:
                    response.close()
                    return Reply(failure=Failure.TOO_LARGE)
            headers = response.headers
            return Reply(
                response.status,
                answer,
                headers.get("Retry-After"),
                headers.get("Date"),
                (now_ns() + wall_ahead_ns()) / 1e9,
            )


class _Attempt:
    """What is known of one request on its way."""

    __slots__ = ("answered", "reused")

    def __init__(self) -> None:
        self.reused = False  # its connection was used before
        self.answered = False  # the head of a reply has arrived


async def _note_reuse(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.reused = True


class RouteSpec(Struct, frozen=True):
    """A route URL, read: ``smsapi+http://TOKEN@HOST:PORT[/PATH][?OPTION=VALUE&...]``."""

    url: str
    host: str
    token: str
    limits: RouteLimits
    timeout_s: float

    def __repr__(self) -> str:
        return f"RouteSpec({self.url!r}, {self.limits!r})"  # without the token: this may end in a log

    def is_local(self) -> bool:
        """Whether the provider is on this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def open(self, report_url: str) -> SmsapiRoute:
        """The route, whose reports come to ``report_url``. Call it with the event loop running."""
        return SmsapiRoute(self.url, self.token, self.limits, self.timeout_s, report_url)


def _token(written: str) -> str:
    try:
        return read_secret(unquote(written))
    except ValueError as error:
        raise RouteError(f"the token of a route cannot be used: {error}") from None


def read_route(text: str) -> RouteSpec:
    """Raises ``RouteError``, which never shows the token."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise RouteError(f"a route URL is malformed: {error}") from error
    if parts.scheme not in _SCHEMES:
        raise RouteError(f"a route begins with {' or '.join(_SCHEMES)}, not {parts.scheme!r}")
    if not parts.hostname or not parts.username or parts.password is not None:
        raise RouteError("a route is smsapi+http://TOKEN@HOST:PORT, with the token before the @")
    scheme = _SCHEMES[parts.scheme]
    authority = host_and_port(parts.hostname, port)
    options = _read_options(parts, authority)
    requests_burst = options.requests_burst or max(1.0, options.requests_per_s / 10)
    segments_burst = options.segments_burst or max(10.0, options.segments_per_s / 10)
    return RouteSpec(
        url=f"{scheme}://{authority}{parts.path if parts.path not in ('', '/') else _DEFAULT_PATH}",
        host=parts.hostname,
        token=_token(parts.username),
        limits=RouteLimits(
            name=options.name or f"smsapi@{authority}",
            requests_per_s=options.requests_per_s,
            requests_burst=requests_burst,
            segments_per_s=options.segments_per_s,
            segments_burst=segments_burst,
            max_batch=options.max_batch,
            max_in_flight=options.max_in_flight,
        ),
        timeout_s=options.timeout_s,
    )


def _read_options(parts: SplitResult, authority: str) -> RouteOptions:
    try:
        return RouteOptions.model_validate(dict(parse_qsl(parts.query, keep_blank_values=True)))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        known = ", ".join(RouteOptions.model_fields)
        raise RouteError(f"route {authority}: {'; '.join(faults)} (options: {known})") from error
