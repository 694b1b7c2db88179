"""Writes to the log when a route cannot be used, with the reason, and when it works again."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from reference_sender.dispatch.values import NS_PER_S, Outcome, Result

log = logging.getLogger(__name__)

_QUIET_NS = 60 * NS_PER_S  # a route that fails and works in turn gets at most two lines in this time
_NOT_SENT = "connection_refused"


class RouteTrouble:
    """Only definite errors count: no connection, or a provider that refuses the account or the address.

    A lost reply or an internal error of the provider is usual and is not logged here.
    """

    def __init__(self, alone: bool = True) -> None:
        """``alone``: there is no other route."""
        self._effect = "its messages wait" if alone else "other routes send its messages if they can"
        self._logged_ns: dict[str, int] = {}
        self._down: set[str] = set()

    def answered(self, now_ns: int, route: str, results: Sequence[Result]) -> None:
        """The results of one request. These errors are the same for all of its messages."""
        if not results:
            return
        first = results[0]
        if first.outcome is Outcome.ACCEPTED:
            if route in self._down:
                self._down.discard(route)
                log.warning("route %s works again", route)
        elif route not in self._down and (problem := _error_text(first)):
            logged_ns = self._logged_ns.get(route)
            if logged_ns is None or now_ns - logged_ns >= _QUIET_NS:
                self._logged_ns[route] = now_ns
                self._down.add(route)
                log.warning("route %s: %s; %s", route, problem, self._effect)


def _error_text(result: Result) -> str:
    if result.outcome is Outcome.ROUTE_DOWN:
        return (
            f"the provider refuses the account or the address ({result.reason}): "
            "check the token, the credit and the URL of --route"
        )
    if result.outcome is Outcome.RETRYABLE and result.reason == _NOT_SENT:
        return "no connection to the provider: check the host and the port of --route"
    return ""
