"""Parts of a storm's plan that its draws have in common."""

from __future__ import annotations

from msgspec import Struct

FLOOD_WINDOW_S = 30.0


class RoutePlan(Struct, frozen=True):
    """A route and its provider. ``refuses_repeats``: it has a duplicate check. ``looks_up``: it answers
    lookups. ``carries_key``: its reports name the client's key. ``keeps_state``: across a crash.
    ``remembers_s``: for how long it refuses a repeat. ``ask_ratio``: the sender's limit, as a multiple of
    the provider's own. ``flood_limit``: messages that it accepts to one number in ``FLOOD_WINDOW_S``.
    """

    name: str
    refuses_repeats: bool
    looks_up: bool
    carries_key: bool
    keeps_state: bool
    remembers_s: float
    requests_per_s: int
    segments_per_s: int
    max_batch: int
    max_in_flight: int
    ask_ratio: float
    reply_s: float
    failing: bool  # a share of its messages fails
    answers_status: bool = False  # it can be asked for the state of a message
    flood_limit: int = 0  # 0: none
