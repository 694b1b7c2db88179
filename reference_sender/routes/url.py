"""Route URLs: ``NAME+http://CREDENTIALS@HOST:PORT[/PATH][?OPTION=VALUE&...]``."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reference_sender.dispatch.values import RouteLimits
from reference_sender.routes import DEFAULT_ROUTE, ROUTES
from reference_sender.routes.client import HttpRoute
from reference_sender.routes.protocol import RouteAccount, RouteDefinition
from user_input.addresses import host_and_port
from user_input.plain_errors import settings_errors
from user_input.secret_text import read_secret

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
AtLeastOne = Annotated[int, Field(ge=1)]


class RouteError(ValueError):
    """A route URL that cannot be used. The text says what is allowed and never shows a secret."""


class RouteOptions(BaseModel):
    """Options of a route URL. The default rates are for a fast provider. A slower one throttles, and the
    sender then sends more slowly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    requests_per_s: Positive = 1_000.0
    requests_burst: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None
    segments_per_s: Positive = 20_000.0
    segments_burst: Annotated[float, Field(ge=10, allow_inf_nan=False)] | None = None
    max_batch: AtLeastOne | None = None
    max_in_flight: AtLeastOne = 8
    timeout_s: Positive = 10.0
    max_segments: AtLeastOne | None = None
    sender_id: Annotated[str, Field(min_length=1, max_length=34)] | None = None
    idempotency_window_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    weight: Annotated[float, Field(gt=0, le=1e6)] | None = None


class RouteSpec(Struct, frozen=True):
    """A parsed route URL."""

    definition: RouteDefinition
    account: RouteAccount
    host: str
    limits: RouteLimits
    max_segments: int
    timeout_s: float

    def is_local(self) -> bool:
        """Whether the provider is on this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def open(self, report_url: str) -> HttpRoute:
        """The route, whose reports come to ``report_url``. Call it with the event loop running."""
        protocol = self.definition.protocol(replace(self.account, report_url=report_url))
        repeats = self.limits.idempotency_window_s > 0
        status = None if self.definition.status is None else self.definition.status(self.account)
        balance = None if self.definition.balance is None else self.definition.balance(self.account)
        return HttpRoute(protocol, self.limits.max_in_flight, self.timeout_s, repeats, status, balance)


def url_forms() -> list[str]:
    """One example of a route URL for each provider."""
    return [f"{each.name}+http://{each.credentials}@HOST:PORT" for each in ROUTES.values()]


def default_url(authority: str, token: str, options: str = "") -> str:
    """The URL of a route of the default kind to ``authority``. ``options`` are a query, encoded already."""
    return f"{DEFAULT_ROUTE}+http://{quote(token, safe='')}@{authority}" + (f"?{options}" if options else "")


def read_route(text: str) -> RouteSpec:
    """Raises ``RouteError``."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise RouteError(f"a route URL is malformed: {error}") from error
    name, _, scheme = parts.scheme.rpartition("+")
    definition = ROUTES.get(name)
    if definition is None or scheme not in ("http", "https"):
        known = ", ".join(f"{known}+http" for known in ROUTES)
        found = f"; not {parts.scheme!r}" if parts.scheme else ": this one has no protocol before ://"
        raise RouteError(f"a route begins with {known}, or the same with +https{found}")
    user, secret = _credentials(parts, definition)
    authority = host_and_port(parts.hostname or "", port)
    options = _read_options(parts, authority)
    _check_limits(options, definition, authority)
    sender_id = options.sender_id or definition.sender_id
    if sender_id is None:
        raise RouteError(
            f"route {authority}: sender_id must be given; it is the sender of messages that name none"
        )
    path = parts.path.rstrip("/") or definition.path
    account = RouteAccount(f"{scheme}://{authority}{path}", user, secret, sender_id)
    return RouteSpec(
        definition,
        account,
        parts.hostname or "",
        _limits(options, definition, authority),
        options.max_segments or definition.max_segments,
        options.timeout_s,
    )


def _credentials(parts: SplitResult, definition: RouteDefinition) -> tuple[str, str]:
    """User and secret. The user is empty if the provider identifies an account by its token."""
    with_user = ":" in definition.credentials
    if not parts.hostname or not parts.username or with_user != bool(parts.password):
        form = f"{definition.name}+http://{definition.credentials}@HOST:PORT"
        raise RouteError(f"a route of this provider is {form}, with {definition.credentials} before the @")
    written = (parts.username, parts.password or "") if with_user else ("", parts.username)
    try:
        return unquote(written[0]), read_secret(unquote(written[1]))
    except ValueError as error:
        raise RouteError(f"the token of a route cannot be used: {error}") from None


def _read_options(parts: SplitResult, authority: str) -> RouteOptions:
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "cost_per_segment" in given:
        raise RouteError(
            f"route {authority}: cost_per_segment is no option of a route: give the price in the file of "
            "--policy, as cost_per_segment in [spending.routes.NAME]"
        )
    try:
        return RouteOptions.model_validate(given)
    except ValidationError as error:
        raise RouteError(f"route {authority}: {'; '.join(settings_errors(error, RouteOptions))}") from error


def _check_limits(options: RouteOptions, definition: RouteDefinition, authority: str) -> None:
    """An option may lower a limit of the provider and not raise it."""
    for name in ("max_batch", "max_segments", "idempotency_window_s"):
        asked, most = getattr(options, name), getattr(definition, name)
        if asked is not None and asked > most:
            raise RouteError(f"route {authority}: {name} is at most {most:g} for {definition.name}")


def _limits(options: RouteOptions, definition: RouteDefinition, authority: str) -> RouteLimits:
    window_s = options.idempotency_window_s
    return RouteLimits(
        name=options.name or f"{definition.name}@{authority}",
        requests_per_s=options.requests_per_s,
        requests_burst=options.requests_burst or max(1.0, options.requests_per_s / 10),
        segments_per_s=options.segments_per_s,
        segments_burst=options.segments_burst or max(10.0, options.segments_per_s / 10),
        max_batch=options.max_batch or definition.default_batch,
        max_in_flight=options.max_in_flight,
        idempotency_window_s=definition.idempotency_window_s if window_s is None else window_s,
        lookup_window_s=definition.lookup_window_s,
        weight=options.weight,
        answers_status=definition.status is not None,
    )
