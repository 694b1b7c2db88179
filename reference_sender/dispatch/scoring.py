"""What a message is worth on a route: one pure function (docs/routing.md).

The score is the expected value of the message minus its price: what a delivery in time is worth, times the
probability of one. The probability of a delivery is that of the request (health) times that of the message
(delivery rate). Times of delivery are taken as exponential with the measured mean, the distribution that
assumes least when only the mean of a positive time is known (Jaynes, 1957). So

    score = worth * health * delivery_rate * (1 - exp(-left_s / delivery_s)) - price
    left_s = max(0, max(deadline_s - age_s, deadline_s / 10) - wait_s)
"""

from __future__ import annotations

from math import exp

from msgspec import Struct


class ScoredRoute(Struct, frozen=True, gc=False):
    """A route as a choice for one message. ``price`` is that of all its segments."""

    price: float
    delivery_s: float  # mean time from submit to handset
    delivery_rate: float  # share of accepted messages that are delivered
    # Share of requests that get a real answer, times the share of messages that are not slow.
    health: float
    wait_s: float = 0.0  # until the route can be used


class Purpose(Struct, frozen=True, gc=False):
    """Worth and deadline of a message class. ``worth`` is in the currency of the prices."""

    worth: float
    deadline_s: float


def score(candidate: ScoredRoute, purpose: Purpose, age_s: float = 0.0) -> float:
    """Higher is better. ``age_s`` is how long the message has waited.

    A late message keeps a tenth of its time, so that the faster route still counts.
    """
    deadline_s = max(purpose.deadline_s - age_s, purpose.deadline_s / 10)
    left_s = max(0.0, deadline_s - candidate.wait_s)
    in_time = 1.0 - exp(-left_s / max(candidate.delivery_s, 1e-3))
    return purpose.worth * candidate.health * candidate.delivery_rate * in_time - candidate.price
