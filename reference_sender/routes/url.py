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
from reference_sender.routes.sender_ids import SENDER_RULE, is_sender_id
from user_input.addresses import host_and_port
from user_input.plain_errors import settings_errors
from user_input.secret_text import read_secret

_MOST = 1_000_000_000  # what an option may ask for: beyond it is a mistake
Positive = Annotated[float, Field(gt=0, le=_MOST)]
AtLeastOne = Annotated[int, Field(ge=1, le=_MOST)]

_LONGEST_NAME = 100
_IN_NO_NAME = frozenset(" ,;/")
_NAME_RULE = (
    f"name must be 1 to {_LONGEST_NAME} visible characters, without spaces, commas, semicolons and slashes"
)


class RouteError(ValueError):
    """A route URL that cannot be used. The text says what is allowed and never shows a secret."""


class RouteOptions(BaseModel):
    """Options of a route URL. The default rates are for a fast provider. A slower one throttles, and the
    sender then sends more slowly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str | None = None
    requests_per_s: Positive = 1_000.0
    requests_burst: Annotated[float, Field(ge=1, le=_MOST)] | None = None
    segments_per_s: Positive = 20_000.0
    segments_burst: Annotated[float, Field(ge=10, le=_MOST)] | None = None
    max_batch: AtLeastOne | None = None
    max_in_flight: Annotated[int, Field(ge=1, le=100_000)] = 8
    timeout_s: Annotated[float, Field(gt=0, le=3_600)] = 10.0
    max_segments: AtLeastOne | None = None
    sender_id: str | None = None
    idempotency_window_s: Annotated[float, Field(ge=0, le=_MOST)] | None = None
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
        """The route, whose provider sends reports to ``report_url``. Call it with the event loop running."""
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
    # A second URL after a comma would be part of this one's name or path, and its token would be logged.
    if text.count("://") > 1:
        raise RouteError(
            "a route URL has :// twice: repeat --route for each route; in SMSBENCH_SENDER_ROUTES spaces or "
            "newlines separate them"
        )
    # What follows it is no part of the query: options after it would be ignored.
    if "#" in text:
        raise RouteError("a route URL has a #: write %23 for it in a name, token, path or option")
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
    _check_texts(options, definition, authority)
    sender_id = definition.sender_id if options.sender_id is None else options.sender_id
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
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(pairs)
    if len(given) < len(pairs):
        repeated = next(name for name in given if sum(name == each for each, _ in pairs) > 1)
        raise RouteError(f"route {authority}: {repeated} is given more than once")
    if "cost_per_segment" in given:
        raise RouteError(
            f"route {authority}: cost_per_segment is not an option of a route: give the price in the file of "
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


def _check_texts(options: RouteOptions, definition: RouteDefinition, authority: str) -> None:
    name, sender_id = options.name, options.sender_id
    if name is not None and not (
        1 <= len(name) <= _LONGEST_NAME and name.isprintable() and not _IN_NO_NAME.intersection(name)
    ):
        raise RouteError(f"route {authority}: {_NAME_RULE}")
    is_pool = definition.is_sender_pool
    if sender_id is not None and not is_sender_id(sender_id) and not (is_pool and is_pool(sender_id)):
        or_pool = "" if is_pool is None else ", or the sid of a pool of numbers"
        raise RouteError(f"route {authority}: sender_id must be {SENDER_RULE}{or_pool}")


def _limits(options: RouteOptions, definition: RouteDefinition, authority: str) -> RouteLimits:
    window_s = options.idempotency_window_s
    return RouteLimits(
        name=options.name if options.name is not None else f"{definition.name}@{authority}",
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
