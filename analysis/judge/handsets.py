"""Messages whose phone was off or out of coverage.

They are counted separately, since they wait for the phone.
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.classes import ALL
from analysis.findings import Handsets
from analysis.judge.objective_inputs import OutcomeCounts
from analysis.measure.dependence import evidence_of_outcomes
from analysis.measure.outcomes import DELIVERED, OPEN, MessageOutcomes
from analysis.measure.ratio import relative_width
from analysis.read.journeys import OUTCOMES, Journeys
from analysis.read.provider_rows import PROVIDER_STATES


def handsets(journeys: Journeys, outcomes: MessageOutcomes) -> tuple[Handsets, ...]:
    """One entry per class with accepted messages, then one for all classes if there are several."""
    groups = [(name, journeys.of_class(name) & journeys.accepted) for name in journeys.load.class_names]
    if len(groups) > 1:
        groups.append((ALL, journeys.accepted))
    return tuple(_handsets(name, journeys, outcomes, among) for name, among in groups if among.any())


def _handsets(name: str, journeys: Journeys, outcomes: MessageOutcomes, among: Bools) -> Handsets:
    away = among & journeys.provider.unreachable
    came = int(np.count_nonzero(away & (outcomes.outcome == DELIVERED)))
    waiting = int(np.count_nonzero(away & (outcomes.outcome == OPEN)))
    unreachable = int(np.count_nonzero(away))
    return Handsets(
        message_class=name,
        accepted=int(np.count_nonzero(among)),
        unreachable=unreachable,
        came_later=came,
        given_up_by_network=unreachable - came - waiting,
        still_waiting=waiting,
    )


def class_outcomes(
    journeys: Journeys, outcomes: MessageOutcomes, waited_out: bool
) -> dict[str, OutcomeCounts]:
    """The outcomes of each class's messages, and of all.

    ``waited_out``: the wait after the load lasted until its limit.
    """
    groups = {name: journeys.of_class(name) for name in journeys.load.class_names}
    groups[ALL] = np.ones(journeys.count, dtype=np.bool_)
    return {name: _outcomes(journeys, outcomes, due, waited_out) for name, due in groups.items()}


def _outcomes(journeys: Journeys, outcomes: MessageOutcomes, due: Bools, waited_out: bool) -> OutcomeCounts:
    among = due & journeys.accepted
    refused = due & (journeys.load.outcome == OUTCOMES.index("refused"))
    still_open = among & (outcomes.outcome == OPEN)
    return OutcomeCounts(
        accepted=int(np.count_nonzero(among)),
        delivered=int(np.count_nonzero(among & (outcomes.outcome == DELIVERED))),
        open=int(np.count_nonzero(still_open)),
        for_phones=int(np.count_nonzero(still_open & journeys.provider.unreachable)),
        unforwarded=int(np.count_nonzero(still_open & outcomes.unaccounted & ~outcomes.still_held))
        if waited_out
        else 0,
        without_key=int(np.count_nonzero(among & outcomes.without_key)),
        due=int(np.count_nonzero(due)),
        refused=int(np.count_nonzero(refused)),
        unpriced=int(np.count_nonzero(still_open & ~journeys.provider.accepted)),
        highest_price=float(journeys.provider.price[due].max(initial=0.0)),
        evidence=_evidence(journeys, outcomes, among & ~still_open),
        cost_width=_cost_width(journeys, due),
    )


def _evidence(journeys: Journeys, outcomes: MessageOutcomes, ended: Bools) -> float:
    """Messages of one class to one carrier are compared, since classes and carriers have shares of their own.

    A message that is still open has no outcome yet. Those of the load's end would look like a cluster."""
    chosen = np.flatnonzero(ended)
    chosen = chosen[np.argsort(journeys.load.intended_s[chosen], kind="stable")]
    classes, carriers = journeys.load.class_index[chosen], journeys.provider.carrier.index[chosen]
    groups = (1 + carriers) * len(journeys.load.class_names) + classes
    return evidence_of_outcomes(outcomes.outcome[chosen] == DELIVERED, groups)


def _cost_width(journeys: Journeys, due: Bools) -> float:
    """Of the messages that the provider charged. Open ones may arrive."""
    provider = journeys.provider
    charged: Bools = due & provider.accepted
    arrived = np.isin(provider.state, [PROVIDER_STATES.index(name) for name in ("delivered", "open")])
    return relative_width(provider.price[charged], arrived[charged])
