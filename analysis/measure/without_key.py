"""What the journal shows of messages without their key: their classes, and whether their texts were cut."""

from __future__ import annotations

import numpy as np

from analysis.formatting import share_text
from analysis.measure.class_shares import class_shares
from analysis.measure.outcomes import MessageOutcomes
from analysis.read.journeys import Journeys

_MOST = 0.95  # of the messages without their key have the same number of segments
_CHANCE = 0.001  # that as many texts of these classes have it by themselves
_ONE_SEGMENT = "of at most 160 characters"


def what_is_known(journeys: Journeys, outcomes: MessageOutcomes) -> str:
    """``33 % of class marketing; each has one segment, of at most 160 characters``, as far as it is known."""
    gone = outcomes.without_key
    if not gone.any():
        return ""
    found = (class_shares(journeys, gone, journeys.accepted), _cut_to(journeys, outcomes))
    return "; ".join(each for each in found if each)


def _cut_to(journeys: Journeys, outcomes: MessageOutcomes) -> str:
    """The number of segments that most of them have, although others of their classes have more or fewer."""
    unknown, provider = journeys.provider.unknown, journeys.provider
    if not unknown.segments:
        return ""
    segments, count = unknown.segments[0]
    classes = np.unique(journeys.load.class_index[outcomes.without_key])
    alike = provider.accepted & np.isin(journeys.load.class_index, classes)
    if count < _MOST * unknown.accepted or not alike.any():
        return ""
    usual = float(np.mean(provider.segments[alike] == segments))
    if usual**count > _CHANCE:
        return ""
    of_them = (
        "each has" if count == unknown.accepted else f"{share_text(count, unknown.accepted)} of them have"
    )
    return f"{of_them} one segment, {_ONE_SEGMENT}" if segments == 1 else f"{of_them} {segments} segments"
