"""A class that a sender with priorities hardly sends while messages of another class come in."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.classes import messages_of
from analysis.findings import NO_TURN, Hint
from analysis.formatting import count_text
from analysis.read.journeys import Journeys

_FEWEST = 20  # messages of a class
_HARDLY = 0.1  # of the class's messages
_NEARLY_ALL = 0.9  # of the other class's messages


def no_turn(journeys: Journeys) -> Hint | None:
    """The first class of which hardly a message was submitted before the load ended, if nearly all of another
    class were.
    """
    during: Bools = journeys.provider.forwarded_s <= journeys.load_end_s
    counts = {}
    for name in journeys.load.class_names:
        accepted = journeys.accepted & journeys.of_class(name)
        counts[name] = int(np.count_nonzero(accepted & during)), int(np.count_nonzero(accepted))
    many = {name: found for name, found in counts.items() if found[1] >= _FEWEST}
    waited = [name for name, (sent, of) in many.items() if sent < _HARDLY * of]
    others = [name for name, (sent, of) in many.items() if sent > _NEARLY_ALL * of]
    if not journeys.journal or not waited or not others:
        return None
    first = others[0]
    (sent, of), (others_sent, others_of) = many[waited[0]], many[first]
    text = (
        f"before the load ended, the sender submitted {count_text(others_sent)} of {count_text(others_of)} "
        f"{messages_of(first)}, and only {count_text(sent)} of {count_text(of)} {messages_of(waited[0])}"
    )
    return Hint(NO_TURN, text, of - sent)
