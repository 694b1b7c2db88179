"""The admin API's routes: each a method, found by path and HTTP method."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from difflib import get_close_matches
from urllib.parse import unquote

from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.faults import fresh_name
from mock_provider.engine.values import MessageState
from mock_provider.http.connection import RespondHttp
from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.http.streaming import Streaming
from mock_provider.inbox.admin.documents import document_of, shown
from mock_provider.inbox.admin.fault_windows import fault_kinds, fault_window, shown_fault, without_past
from mock_provider.inbox.admin.journeys import detail_of
from mock_provider.inbox.admin.requests import (
    AdminError,
    JsonObject,
    json_object,
    parameter,
    reply,
    seconds_from_now,
    whole_number,
)
from mock_provider.inbox.events import MOST_READERS
from mock_provider.inbox.provider_control import EngineReader, InboxViews, ProviderControl
from mock_provider.inbox.store import InboxFilter
from mock_provider.inbox.traffic import totals_of
from mock_provider.profiles import Profile, ProfileError, parse_profile
from mock_provider.profiles.merging import merged

log = logging.getLogger(__name__)

METRICS_PATH = "/metrics"  # where Prometheus expects it
_MOST_MESSAGES = 1_000
_DEFAULT_MESSAGES = 100
_AS_WRITTEN = str.maketrans("", "", "+ -().\u00a0")  # separators between a number's digits
_STATES = tuple(state.value for state in MessageState)

AdminAnswer = HttpResponse | Streaming
AdminHandler = Callable[["Admin", str, JsonObject], AdminAnswer]


class Admin:
    """Answers ``/admin/…`` and ``/metrics`` for the holder of the admin token."""

    def __init__(
        self, provider: ProviderControl, engine: EngineReader, inbox: InboxViews, token: str
    ) -> None:
        self._provider = provider
        self._engine = engine
        self._inbox = inbox
        self._token = token.encode()

    def handle(self, request: HttpRequest, respond: RespondHttp) -> None:
        """Answer a request under ``/admin/``, or for ``/metrics``."""
        path = request.path
        try:
            self._require_token(request.authorization)
            answer = self._answer(request)
        except AdminError as error:
            respond(reply({"errors": list(error.reasons)}, error.status))
            return
        if request.method not in ("GET", "HEAD"):
            log.info("admin: %s %s", request.method, path)
        respond(answer)

    def _answer(self, request: HttpRequest) -> AdminAnswer:
        path = request.path
        if path.startswith(_MESSAGE) and len(path) > len(_MESSAGE):
            methods: dict[str, AdminHandler] = {
                "GET": lambda admin, _, __: admin.message(path[len(_MESSAGE) :])
            }
        else:
            methods = _ROUTES.get(path, {})
        if not methods:
            raise AdminError(404, f"{path} does not exist")
        handler = methods.get(request.method)
        if handler is None:
            raise AdminError(405, f"{path} allows {', '.join(methods)}")
        return handler(self, request.query, json_object(request.body))

    def _require_token(self, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode("utf-8", "surrogateescape")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given, self._token):
            raise AdminError(401, "the admin token is missing or wrong")

    def state(self, query: str, body: JsonObject) -> HttpResponse:
        """Counters, gauges, and how many messages are open."""
        status = self._provider.status()
        state = status.engine
        return reply(
            {
                "profile": self._provider.profile.name,
                "open": state.open,
                "accepted": state.accepted,
                "totals": totals_of(state),
                "counters": state.counters,
                "gauges": state.gauges | status.gauges,
                "faults": self._engine.fault_times().periods,
                "failed": status.failures,
                "unread_fields": status.unread_fields,
            }
        )

    def metrics(self, query: str, body: JsonObject) -> HttpResponse:
        """Counters and gauges for Prometheus."""
        # Optional: loaded on request.
        from mock_provider.inbox.admin.metrics import CONTENT_TYPE, metrics_text

        text = metrics_text(self._provider.status(), self._engine.fault_times().periods)
        return HttpResponse(200, text, CONTENT_TYPE)

    def refusals(self, query: str, body: JsonObject) -> HttpResponse:
        """The last refused requests, and the result of the last report call that was not confirmed."""
        report_failure = self._provider.status().report_failure
        return reply({"refusals": self._inbox.refusals.seen(), "report_failure": report_failure})

    def history(self, query: str, body: JsonObject) -> HttpResponse:
        """One entry per second of the last minutes, oldest first. ``tick`` events continue them."""
        return reply({"ticks": list(self._inbox.traffic.ticks)})

    def events(self, query: str, body: JsonObject) -> AdminAnswer:
        """Server-sent events from now on."""
        stream = self._inbox.events.stream()
        if stream is None:
            raise AdminError(503, f"{MOST_READERS} readers already receive the events")
        return stream

    def show_profile(self, query: str, body: JsonObject) -> HttpResponse:
        return reply(shown(self._provider.profile))

    def show_schema(self, query: str, body: JsonObject) -> HttpResponse:
        """The JSON schema of a profile."""
        return reply(Profile.model_json_schema())

    def merge_profile(self, query: str, body: JsonObject) -> HttpResponse:
        """Merge the body into the profile (RFC 7386: null sets a key back to its default).

        A distribution of another ``kind`` replaces the present one completely.
        """
        return self._apply(merged(document_of(self._provider.profile), body))

    def replace_profile(self, query: str, body: JsonObject) -> HttpResponse:
        """Take the body as the whole profile; the account's tokens stay if it names none."""
        account = body.get("account")
        tokens = list(self._provider.profile.account.tokens)
        if account is None:
            body = body | {"account": {"tokens": tokens}}
        elif isinstance(account, dict) and "tokens" not in account:
            body = body | {"account": account | {"tokens": tokens}}
        return self._apply(body)

    def restore_profile(self, query: str, body: JsonObject) -> HttpResponse:
        """Restore the profile with which the provider was started, without later changes and faults."""
        self._provider.reconfigure(self._provider.started_with)
        return self.show_profile("", {})

    def list_faults(self, query: str, body: JsonObject) -> HttpResponse:
        """The faults of the profile, the phase of each, and the kinds of faults."""
        faults, times = self._provider.profile.faults, self._engine.fault_times()
        windows = [fault_window(fault, times.now_ns, times.origin_ns) for fault in faults]
        return reply(
            {
                "faults": list(map(shown_fault, faults, windows)),
                "windows": windows,
                "log": times.periods,
                "kinds": fault_kinds(),
                "as_started": self._provider.profile == self._provider.started_with,
            }
        )

    def add_fault(self, query: str, body: JsonObject) -> HttpResponse:
        """Begin a fault: ``start_s`` and ``end_s`` (or ``duration_s``) count from now."""
        fault = dict(body)
        now_s = self._engine.now_ns() / NS_PER_S
        start_s = seconds_from_now(fault, "start_s") or 0.0
        end_s = seconds_from_now(fault, "end_s")
        duration_s = seconds_from_now(fault, "duration_s")
        if duration_s is not None:
            if end_s is not None:
                raise AdminError(400, "give end_s or duration_s, not both")
            end_s = start_s + duration_s
        fault.pop("duration_s", None)
        if end_s is not None and end_s <= start_s:
            raise AdminError(400, "end_s: must be after start_s; duration_s: must be more than 0")
        fault |= {"clock": "absolute", "start_s": now_s + start_s}
        fault["end_s"] = None if end_s is None else now_s + end_s
        document = document_of(self._provider.profile)
        present = without_past(document.get("faults", []), now_s)
        # Not the name of an earlier fault: the journal could not distinguish the two.
        if not fault.get("name"):
            taken = [
                *(each["name"] for each in present),
                *(each.name for each in self._engine.fault_times().periods),
            ]
            fault["name"] = fresh_name(str(fault.get("kind")), taken)
        document["faults"] = [*present, fault]
        try:
            return self._apply(document, Admin._only_faults)
        except AdminError as error:  # the caller does not know the list
            place = f"faults[{len(present)}]"
            raise AdminError(
                error.status, *(_of_one_fault(reason, place) for reason in error.reasons)
            ) from None

    def clear_faults(self, query: str, body: JsonObject) -> HttpResponse:
        """End all faults, those of ``?kind=``, or the one of ``?name=``."""
        kind, name = parameter(query, "kind"), parameter(query, "name")
        if kind and kind not in fault_kinds():
            raise AdminError(400, f"kind: {kind!r} is not one of these (allowed: {', '.join(fault_kinds())})")
        document = document_of(self._provider.profile)
        faults = document.get("faults", [])
        if name and all(fault["name"] != name for fault in faults):
            raise AdminError(404, f"name: there is no fault {name!r}; it may have been removed")
        kept = [
            fault for fault in faults if (kind and fault["kind"] != kind) or (name and fault["name"] != name)
        ]
        return self._apply(document | {"faults": kept}, Admin._only_faults)

    def messages(self, query: str, body: JsonObject) -> HttpResponse:
        """Captured messages, newest first; ``number``, ``text``, ``state`` and ``limit`` narrow them.

        ``before``, a message's id, selects the page of older ones.
        """
        limit = whole_number(query, "limit", _DEFAULT_MESSAGES, 1, _MOST_MESSAGES)
        state = parameter(query, "state")
        if state and state not in _STATES:
            raise AdminError(400, f"state: must be one of {', '.join(_STATES)}")
        wanted = InboxFilter(
            parameter(query, "number").translate(_AS_WRITTEN),
            parameter(query, "text"),
            state,
            parameter(query, "before"),
        )
        return reply({"messages": self._inbox.messages.search(wanted, limit)})

    def message(self, provider_id: str) -> HttpResponse:
        """One message with its journey, its segments, and country and carrier of its number."""
        found = self._inbox.messages.find(unquote(provider_id))
        if found is None:
            raise AdminError(404, "the inbox has no message of this id; it may have been dropped")
        way = self._engine.journey(found.provider_id)
        network = self._engine.number(found.number)
        return reply(detail_of(found, way, network, self._engine.wall_offset_ns))

    def reset(self, query: str, body: JsonObject) -> HttpResponse:
        self._provider.reset()
        return reply({"reset": True})

    def _apply(
        self, document: JsonObject, show: Callable[[Admin], HttpResponse] | None = None
    ) -> HttpResponse:
        faults = document.get("faults")
        if isinstance(faults, list):
            now_s = self._engine.now_ns() / NS_PER_S
            document = document | {"faults": without_past(faults, now_s)}
        try:
            profile = parse_profile(document)
        except ProfileError as error:
            raise AdminError(400, *error.errors) from None
        self._provider.reconfigure(profile)
        return self.show_profile("", {}) if show is None else show(self)

    def _only_faults(self) -> HttpResponse:
        faults, times = self._provider.profile.faults, self._engine.fault_times()
        windows = [fault_window(fault, times.now_ns, times.origin_ns) for fault in faults]
        return reply({"faults": list(map(shown_fault, faults, windows))})


def _of_one_fault(reason: str, place: str) -> str:
    """The errors of a fault, with field names as in the request that begins it."""
    own = reason.removeprefix(place).lstrip(".: ")
    key, found, known = own.partition(_KNOWN_HERE)
    if not found or not reason.startswith(place) or "." in key:
        return own
    names = sorted({*known.split(", "), "duration_s"} - {"clock"})  # here times always count from now
    near = get_close_matches(key, names, 1)
    return f"{key}{_KNOWN_HERE}{', '.join(names)}{f' (did you mean {near[0]}?)' if near else ''}"


_KNOWN_HERE = ": unknown key; known here: "
_MESSAGE = "/admin/messages/"
_ROUTES: dict[str, dict[str, AdminHandler]] = {
    "/admin/state": {"GET": Admin.state},
    METRICS_PATH: {"GET": Admin.metrics},
    "/admin/refusals": {"GET": Admin.refusals},
    "/admin/history": {"GET": Admin.history},
    "/admin/events": {"GET": Admin.events},
    "/admin/profile": {
        "GET": Admin.show_profile,
        "PATCH": Admin.merge_profile,
        "PUT": Admin.replace_profile,
    },
    "/admin/profile/schema": {"GET": Admin.show_schema},
    "/admin/profile/restore": {"POST": Admin.restore_profile},
    "/admin/faults": {"GET": Admin.list_faults, "POST": Admin.add_fault, "DELETE": Admin.clear_faults},
    "/admin/messages": {"GET": Admin.messages},
    "/admin/reset": {"POST": Admin.reset},
}
