"""Why messages did not arrive: each message once, with the reason that is known best.

The provider's final state goes first, then the sender's, then the answer of the sender's API. A message that
was delivered, or that provider or sender still has, has no reason, whatever the API answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Ints
from analysis.model import Reasons
from analysis.read.columns import ABSENT, Labels
from analysis.read.journeys import OUTCOMES, SENDER_STATES, Journeys
from analysis.read.provider_rows import PROVIDER_STATES


def reasons(journeys: Journeys) -> tuple[Reasons, ...]:
    """The most frequent reason first."""
    provider, sender, load = journeys.provider, journeys.sender, journeys.load
    unseen = provider.state == ABSENT
    open_there = provider.state == PROVIDER_STATES.index("open")
    by_provider = ~unseen & ~open_there & (provider.state != PROVIDER_STATES.index("delivered"))
    by_sender = (unseen | open_there) & _is_one_of(sender.state, SENDER_STATES, "failed", "expired")
    # Without a journal only the sender knows that it submitted a message, or that it arrived.
    known = ("queued", "submitting") if journeys.journal else ("queued", "submitting", "sent", "delivered")
    not_taken = _is_one_of(load.outcome, OUTCOMES, "refused", "failed")
    by_api = unseen & ~by_sender & ~_is_one_of(sender.state, SENDER_STATES, *known) & not_taken
    at_provider = _Ends("provider", by_provider, Labels(provider.state, PROVIDER_STATES), provider.reason)
    in_sender = _Ends("sender", by_sender, Labels(sender.state, SENDER_STATES), sender.reason)
    at_api = _Ends("sender API", by_api, Labels(load.outcome, OUTCOMES), _statuses(load.status))
    found = (each for ends in (at_provider, in_sender, at_api) for each in _counted(ends, journeys.accepted))
    return tuple(sorted(found, key=lambda each: (-each.count, each.source, each.reason)))


@dataclass(frozen=True)
class _Ends:
    """What one source says of the messages in ``among``: what became of each, and why."""

    source: str
    among: Bools
    what: Labels
    why: Labels


def _counted(ends: _Ends, accepted: Bools) -> Iterator[Reasons]:
    width = len(ends.why.names) + 1  # a message without a reason has ABSENT
    codes = ends.what.index * width + ends.why.index + 1
    values, counts = np.unique(codes[ends.among], return_counts=True)
    of_accepted = Counter(codes[ends.among & accepted].tolist())
    for code, count in zip(values.tolist(), counts.tolist(), strict=True):
        what, why = divmod(code, width)
        words = (ends.what.names[what], *ends.why.names[max(why - 1, 0) : why])
        yield Reasons(source=ends.source, reason=": ".join(words), count=count, accepted=of_accepted[code])


def _statuses(status: Ints) -> Labels:
    values, index = np.unique(status, return_inverse=True)
    return Labels(index, tuple(f"HTTP {value}" if value else "no reply" for value in values))


def _is_one_of(codes: Ints, names: tuple[str, ...], *wanted: str) -> Bools:
    return np.isin(codes, [names.index(name) for name in wanted])
