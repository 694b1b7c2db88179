"""How long an ideal sender's messages wait for the contract's limits, before the send and at the carriers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Ints
from analysis.measure.contract_limits import CARRIER, LIMITS, ContractLimits
from analysis.measure.shares.contract_wait import wait_for_contract
from analysis.measure.shares.queueing import served


@dataclass(frozen=True)
class OfferedMessages:
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
    """For each message: its wait by limit, a column each, and the whole wait."""

    by_limit_ns: Ints

    @property
    def wait_ns(self) -> Ints:
        waited: Ints = self.by_limit_ns.sum(axis=1)
        return waited


def ideal_wait(offered: OfferedMessages, limits: ContractLimits) -> IdealWait:
    """Simulate the messages with the limits. Without limits there is no wait."""
    at_ns = offered.at_ns
    sent = wait_for_contract(at_ns, offered.rank, offered.turn, offered.segments, offered.reply_ns, limits)
    # One number for class and turn.
    place = np.empty_like(offered.rank)
    place[np.lexsort((offered.turn, offered.rank))] = np.arange(len(place))
    arrived = sent.at_ns + offered.reply_ns
    carrier_ns = np.zeros(len(at_ns), dtype=np.int64)
    for index, name in enumerate(offered.carrier_names):
        unit = limits.carrier_ns.get(name, 0)
        here: Bools = offered.carrier == index
        if unit and here.any():
            begun = served(arrived[here], place[here], offered.segments[here] * unit)
            carrier_ns[here] = begun - arrived[here]
    by_limit_ns = sent.waits_ns.copy()
    by_limit_ns[:, CARRIER] = carrier_ns
    return IdealWait(by_limit_ns)


def waits_alone_ns(offered: OfferedMessages, limits: ContractLimits, together: IdealWait) -> Ints:
    """For each message, its wait if the contract had one limit only; a column for each limit.

    ``together`` does not show which limit binds: a message of a batch waits in the accept queue also where
    requests are scarce, and of two limits that end at the same instant one has the whole wait.
    """
    each = limits.each_alone()
    if len(each) < 2 or not together.by_limit_ns.any():
        return together.by_limit_ns
    found = np.zeros((len(offered.at_ns), LIMITS), dtype=np.int64)
    for limit, alone in each.items():
        found[:, limit] = ideal_wait(offered, alone).wait_ns
    return found
