"""The admin API under ``/admin``: look at a running provider, and change how it behaves."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from mock_provider.profiles import Profile, ProfileError, parse_profile
from mock_provider.profiles.faults import MAX_INSTANT_S
from mock_provider.service import Service
from mock_provider.wire.calls import WireReply, WireRequest

log = logging.getLogger(__name__)

_NANOSECONDS = 1_000_000_000
_MOST_MESSAGES = 1_000
_DEFAULT_MESSAGES = 100
_MOST_LIMIT_DIGITS = 9  # int() raises for thousands of them

Body = dict[str, Any]
Handler = Callable[["Admin", str, Body], WireReply]


class AdminError(Exception):
    """A request that cannot be carried out: status, and every reason there is."""

    def __init__(self, status: int, *reasons: str) -> None:
        super().__init__(status, *reasons)
        self.status = status
        self.reasons = reasons


class Admin:
    """Answers ``/admin/…`` for the holder of the admin token."""

    def __init__(self, service: Service, token: str) -> None:
        self._service = service
        self._token = token.encode()

    def handle(self, request: WireRequest) -> WireReply:
        """The reply to a request under ``/admin/``."""
        path = request.path
        try:
            self._require_token(request.authorization)
            methods = _ROUTES.get(path)
            if methods is None:
                raise AdminError(404, f"there is no {path}")
            handler = methods.get(request.method)
            if handler is None:
                raise AdminError(405, f"{path} takes {', '.join(methods)}")
            reply = handler(self, request.query, _json_object(request.body))
        except AdminError as error:
            return _reply({"errors": list(error.reasons)}, error.status)
        if request.method not in ("GET", "HEAD"):
            log.info("admin: %s %s", request.method, path)
        return reply

    def _require_token(self, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode("utf-8", "surrogateescape")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given, self._token):
            raise AdminError(401, "the admin token is missing or wrong")

    def state(self, query: str, body: Body) -> WireReply:
        """Counters, gauges, and how many messages are open."""
        state = self._service.engine_state()
        counters = state.counters
        refused = sum(value for name, value in counters.items() if name.startswith("refused_"))
        return _reply(
            {
                "profile": self._service.profile.name,
                "open": state.open,
                "accepted": state.accepted,
                "totals": {
                    "accepted": state.accepted,
                    "delivered": counters.get("delivered", 0),
                    "refused": refused,
                },
                "counters": counters,
                "gauges": state.gauges | self._service.gauges(),
            }
        )

    def show_profile(self, query: str, body: Body) -> WireReply:
        return _reply(_shown(self._service.profile))

    def merge_profile(self, query: str, body: Body) -> WireReply:
        """Merge the body into the profile (RFC 7386: null sets a key back to its default).

        A distribution of another ``kind`` replaces the present one whole.
        """
        return self._apply(_merged(_document(self._service.profile), body))

    def replace_profile(self, query: str, body: Body) -> WireReply:
        """Take the body as the whole profile; the account's tokens stay if it names none."""
        account = body.get("account")
        tokens = list(self._service.profile.account.tokens)
        if account is None:
            body = body | {"account": {"tokens": tokens}}
        elif isinstance(account, dict) and "tokens" not in account:
            body = body | {"account": account | {"tokens": tokens}}
        return self._apply(body)

    def list_faults(self, query: str, body: Body) -> WireReply:
        return _reply({"faults": [fault.model_dump(mode="json") for fault in self._service.profile.faults]})

    def add_fault(self, query: str, body: Body) -> WireReply:
        """Begin a fault: ``start_s`` and ``end_s`` (or ``duration_s``) count from now."""
        fault = dict(body)
        now_s = self._service.driver.now_ns() / _NANOSECONDS
        start_s = _seconds(fault, "start_s") or 0.0
        end_s = _seconds(fault, "end_s")
        duration_s = _seconds(fault, "duration_s")
        if duration_s is not None:
            if end_s is not None:
                raise AdminError(400, "give end_s or duration_s, not both")
            end_s = start_s + duration_s
        fault.pop("duration_s", None)
        fault |= {"clock": "absolute", "start_s": now_s + start_s}
        fault["end_s"] = None if end_s is None else now_s + end_s
        document = _document(self._service.profile)
        document["faults"] = [*document.get("faults", []), fault]
        return self._apply(document, self.list_faults)

    def clear_faults(self, query: str, body: Body) -> WireReply:
        """End all faults, or those of ``?kind=``."""
        kind = _parameter(query, "kind")
        document = _document(self._service.profile)
        kept = [] if not kind else [f for f in document.get("faults", []) if f["kind"] != kind]
        return self._apply(document | {"faults": kept}, self.list_faults)

    def messages(self, query: str, body: Body) -> WireReply:
        """Captured messages, newest first; ``number``, ``text`` and ``limit`` narrow them."""
        asked = _parameter(query, "limit") or str(_DEFAULT_MESSAGES)
        readable = asked.isascii() and asked.isdigit() and len(asked) <= _MOST_LIMIT_DIGITS
        if not readable or not 1 <= int(asked) <= _MOST_MESSAGES:
            raise AdminError(400, f"limit: must be 1 to {_MOST_MESSAGES}")
        found = self._service.inbox.search(
            _parameter(query, "number").lstrip("+"), _parameter(query, "text"), int(asked)
        )
        return _reply({"messages": found})

    def reset(self, query: str, body: Body) -> WireReply:
        self._service.reset()
        return _reply({"reset": True})

    def _apply(self, document: Body, show: Callable[[str, Body], WireReply] | None = None) -> WireReply:
        try:
            profile = parse_profile(document)
        except ProfileError as error:
            raise AdminError(400, *error.errors) from None
        self._service.reconfigure(profile)
        return (show or self.show_profile)("", {})


_ROUTES: dict[str, dict[str, Handler]] = {
    "/admin/state": {"GET": Admin.state},
    "/admin/profile": {
        "GET": Admin.show_profile,
        "PATCH": Admin.merge_profile,
        "PUT": Admin.replace_profile,
    },
    "/admin/faults": {"GET": Admin.list_faults, "POST": Admin.add_fault, "DELETE": Admin.clear_faults},
    "/admin/messages": {"GET": Admin.messages},
    "/admin/reset": {"POST": Admin.reset},
}


def _reply(value: object, status: int = 200) -> WireReply:
    return WireReply(status, msgspec.json.encode(value))


def _json_object(body: bytes) -> Body:
    if not body.strip():
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise AdminError(400, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise AdminError(400, "the body is not a JSON object")
    return value


def _parameter(query: str, name: str) -> str:
    return parse_qs(query, errors="replace").get(name, [""])[-1]


def _seconds(fault: Body, name: str) -> float | None:
    value = fault.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_INSTANT_S:
        raise AdminError(400, f"{name}: must be a number of seconds from now, 0 to {MAX_INSTANT_S}")
    return float(value)


def _document(profile: Profile) -> Body:
    document: Body = profile.model_dump(mode="json", exclude_none=True)
    return document


def _shown(profile: Profile) -> Body:
    """The profile without its tokens: whoever reads it need not be able to send."""
    shown = _document(profile)
    del shown["account"]["tokens"]
    return shown


def _merged(target: Body, patch: Body) -> Body:
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif _goes_on(merged.get(name), value):
            merged[name] = _merged(merged[name], value)
        else:
            merged[name] = value
    return merged


def _goes_on(present: object, value: object) -> bool:
    """Whether ``value`` changes ``present`` in part. A distribution of another kind takes its place whole."""
    if not isinstance(present, dict) or not isinstance(value, dict):
        return False
    return bool(value.get("kind", present.get("kind")) == present.get("kind"))
