"""How long an ideal sender's messages wait for the contract's limits, at gate and carriers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Ints
from analysis.measure.shares.gate import pass_gate
from analysis.measure.shares.limits import CARRIER, NO_CAUSE, ContractLimits
from analysis.measure.shares.queueing import served


@dataclass(frozen=True)
class Offered:
    """The messages that the provider accepted, as the sender got them. ``carrier`` is an index of names."""

    at_ns: Ints
    rank: Ints  # of its class: the lowest goes first
    turn: Ints  # order within a class: the lowest goes first
    segments: Ints
    reply_ns: Ints
    carrier: Ints
    carrier_names: tuple[str, ...]


@dataclass(frozen=True)
class IdealWait:
    """For each message: the whole wait, and the limit that caused most of it (NO_CAUSE: none)."""

    wait_ns: Ints
    cause: Ints


def ideal_wait(offered: Offered, limits: ContractLimits) -> IdealWait:
    """Simulate the messages with the limits. Without limits there is no wait."""
    at_ns = offered.at_ns
    passed = pass_gate(at_ns, offered.rank, offered.turn, offered.segments, offered.reply_ns, limits)
    gate_ns = passed.at_ns - at_ns
    # One number for class and turn.
    place = np.empty_like(offered.rank)
    place[np.lexsort((offered.turn, offered.rank))] = np.arange(len(place))
    arrived = passed.at_ns + offered.reply_ns
    carrier_ns = np.zeros(len(at_ns), dtype=np.int64)
    for index, name in enumerate(offered.carrier_names):
        unit = limits.carrier_ns.get(name, 0)
        here: Bools = offered.carrier == index
        if unit and here.any():
            begun = served(arrived[here], place[here], offered.segments[here] * unit)
            carrier_ns[here] = begun - arrived[here]
    wait_ns = gate_ns + carrier_ns
    cause = np.where(carrier_ns > gate_ns, CARRIER, passed.cause)
    return IdealWait(wait_ns, np.where(wait_ns > 0, cause, NO_CAUSE))
