"""Messages whose phone was off or out of coverage.

They are counted separately, since they wait for the phone.
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.findings import Handsets
from analysis.judge.objectives import Outcomes
from analysis.measure.outcomes import DELIVERED, OPEN, Fates
from analysis.objectives.grammar import ALL
from analysis.read.journeys import Journeys


def handsets(journeys: Journeys, fates: Fates) -> tuple[Handsets, ...]:
    """One entry per class with accepted messages, then one for all classes if there are several."""
    groups = [(name, journeys.of_class(name) & journeys.accepted) for name in journeys.load.class_names]
    if len(groups) > 1:
        groups.append((ALL, journeys.accepted))
    return tuple(_handsets(name, journeys, fates, among) for name, among in groups if among.any())


def _handsets(name: str, journeys: Journeys, fates: Fates, among: Bools) -> Handsets:
    away = among & journeys.provider.unreachable
    came = int(np.count_nonzero(away & (fates.fate == DELIVERED)))
    waiting = int(np.count_nonzero(away & (fates.fate == OPEN)))
    unreachable = int(np.count_nonzero(away))
    return Handsets(
        message_class=name,
        accepted=int(np.count_nonzero(among)),
        unreachable=unreachable,
        came_later=came,
        expired=unreachable - came - waiting,
        still_waiting=waiting,
    )


def class_outcomes(journeys: Journeys, fates: Fates) -> dict[str, Outcomes]:
    """The outcomes of each class's accepted messages, and of all."""
    accepted = journeys.accepted
    groups = {name: journeys.of_class(name) & accepted for name in journeys.load.class_names}
    return {name: _outcomes(fates, among) for name, among in {**groups, ALL: accepted}.items()}


def _outcomes(fates: Fates, among: Bools) -> Outcomes:
    return Outcomes(
        accepted=int(np.count_nonzero(among)),
        delivered=int(np.count_nonzero(among & (fates.fate == DELIVERED))),
        open=int(np.count_nonzero(among & (fates.fate == OPEN))),
    )
