"""Counters of the engine since its start, and its state at one instant."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from msgspec import Struct

from mock_provider.engine.values import INVALID_REQUEST, MessageState
from mock_provider.settings.values import Refusal


@dataclass(slots=True)
class Counters:
    """Running totals."""

    requests: int = 0
    requests_accepted: int = 0
    requests_hung: int = 0
    disconnects: int = 0
    replies: int = 0
    validated: int = 0
    accepted: int = 0  # messages
    accepted_segments: int = 0
    skipped: int = 0  # messages left out of a request of which others were accepted
    cancelled: int = 0
    delayed: int = 0  # messages that waited for their country's hours
    vanished: int = 0  # accepted and lost, by a fault
    closed: int = 0  # final, and its report confirmed, lost, given up or not wanted
    reports_sent: int = 0  # first attempts
    reports_retried: int = 0
    reports_confirmed: int = 0
    reports_lost: int = 0
    reports_given_up: int = 0
    reports_duplicated: int = 0
    reports_held: int = 0  # by a report storm
    report_calls: int = 0
    refused: dict[Refusal, int] = field(default_factory=dict)  # requests
    # Messages, by reason; one that is refused twice counts twice. Those of requests that a protocol could not
    # read are included as far as their keys are known.
    messages_refused: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)  # messages, by state

    def refuse(self, reason: str, messages: int) -> None:
        """Count refused messages."""
        self.messages_refused[reason] = self.messages_refused.get(reason, 0) + messages


class EngineState(Struct, frozen=True):
    """``open``: accepted messages not yet final and reported. ``balance_points`` None: unlimited credit."""

    open: int
    accepted: int
    counters: dict[str, int]
    gauges: dict[str, float]
    balance_points: float | None


_TOTALS = tuple(each.name for each in fields(Counters) if each.default == 0)
_REFUSED = tuple((refusal, f"refused_{refusal.value}") for refusal in Refusal)
_MESSAGES_REFUSED = tuple(
    (reason, f"messages_refused_{reason}")
    for reason in (*(refusal.value for refusal in Refusal), INVALID_REQUEST)
)
_ENDED = tuple(state.value for state in MessageState if state is not MessageState.OPEN)


def counters_by_name(counters: Counters) -> dict[str, int]:
    """All counters, with every refusal and every final state, also those that are 0."""
    named: dict[str, int] = {name: getattr(counters, name) for name in _TOTALS}
    refused, ended = counters.refused, counters.ended
    for refusal, name in _REFUSED:
        named[name] = refused.get(refusal, 0)
    for reason, name in _MESSAGES_REFUSED:
        named[name] = counters.messages_refused.get(reason, 0)
    for state in _ENDED:
        named[state] = ended.get(state, 0)
    return named
