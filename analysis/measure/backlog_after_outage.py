"""How long the sender's backlog lasted after an outage of the provider, from the rows of the messages.

A message waits from the instant at which it was due until the provider accepts it. Samples of the sender's
queues are not used: those of a long simulated load are many seconds apart, and a queue that drains between
two of them would be absent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.findings import OutageBacklog
from analysis.measure.outcomes import OPEN, MessageOutcomes
from analysis.measure.unforwarded import skipped
from analysis.read.journeys import Journeys

BEFORE_S = 10.0  # the time before the outage whose highest backlog is the level to come back to


@dataclass(frozen=True)
class Waits:
    """When each message was due and when the provider accepted it (``inf``: it still waits)."""

    due_s: Floats
    accepted_s: Floats

    def at(self, instants_s: Floats) -> Ints:
        """Messages that wait at these instants."""
        due = np.searchsorted(np.sort(self.due_s), instants_s, side="right")
        accepted = np.searchsorted(np.sort(self.accepted_s), instants_s, side="right")
        return np.asarray(due - accepted, dtype=np.int64)


def waits(journeys: Journeys, outcomes: MessageOutcomes) -> Waits:
    """Of the messages that the sender accepted (also later).

    Messages that the sender gave up or skipped are left out, since it is not known how long it had them.
    """
    provider = journeys.provider
    accepted_s = np.where(provider.accepted, provider.forwarded_s, np.nan)
    accepted_s = np.nan_to_num(accepted_s, nan=np.inf)
    still_waits = (outcomes.outcome == OPEN) & ~outcomes.without_key & ~outcomes.given_up
    known: Bools = journeys.accepted & (np.isfinite(accepted_s) | still_waits)
    known &= ~skipped(journeys, outcomes.unaccounted)
    return Waits(journeys.load.intended_s[known], accepted_s[known])


def backlog_after(
    messages: Waits, from_s: float, to_s: float, end_s: float, until_s: float = np.inf
) -> OutageBacklog | None:
    """The sender's backlog after an outage from ``from_s`` to ``to_s``, observed until ``end_s``.

    It is gone when the provider has accepted every message that was due before the outage's end, and no more
    messages wait than the most in the ten seconds before the outage: a queue that newer messages fill is not
    gone. ``until_s``: when the next outage begins. Its backlog cannot be separated from this one's, so a
    backlog that lasts until then is unknown. None also if the load has no time before the outage, or the
    observation none after it.
    """
    watched_until_s = min(end_s, until_s)
    if from_s <= 0.0 or watched_until_s <= to_s:
        return None
    level = _highest_count(messages, max(from_s - BEFORE_S, 0.0), from_s)
    held_until_s = float(messages.accepted_s[messages.due_s <= to_s].max(initial=to_s))
    # A backlog becomes smaller only when the provider accepts a message.
    accepted_s = messages.accepted_s[(messages.accepted_s > to_s) & (messages.accepted_s <= watched_until_s)]
    instants = np.append(to_s, np.sort(accepted_s))
    gone = np.flatnonzero((messages.at(instants) <= level) & (instants >= held_until_s))
    if not len(gone) and until_s <= end_s:
        return None
    return OutageBacklog(
        level=level,
        gone_s=float(instants[gone[0]] - to_s) if len(gone) else None,
        left=int(messages.at(np.array([watched_until_s]))[0]),
        watched_s=watched_until_s - to_s,
    )


def _highest_count(messages: Waits, from_s: float, to_s: float) -> int:
    """The most that waited at one instant of this time."""
    due_s = messages.due_s[(messages.due_s > from_s) & (messages.due_s <= to_s)]
    return int(messages.at(np.append(from_s, due_s)).max())
