"""Makers of messages, routes and tickets, so that each test names only what it is about."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from nanoseconds import S

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.ticket import Ticket, lane_index
from reference_sender.dispatch.values import Change, Effect, Lane, Message, RouteLimits, SubmitBatch


@pytest.fixture
def message() -> Callable[..., Message]:
    numbers = count(1)

    def make(lane: Lane = Lane.TRANSACTIONAL, **changes: Any) -> Message:
        number = next(numbers)
        values: dict[str, Any] = {
            "message_id": number,
            "key": f"t-{number:04d}",
            "to": "48100200300",
            "text": "hello",
            "lane": lane,
            "sender_id": "Shop",
            "campaign": "",
            "segments": 1,
            "created_ns": 0,
            "expires_ns": 24 * 3600 * S,
        }
        return Message(**{**values, **changes})

    return make


@pytest.fixture
def ticket(message: Callable[..., Message]) -> Callable[..., Ticket]:
    def make(solo: bool = False, **changes: Any) -> Ticket:
        made = message(**changes)
        return Ticket(made, lane_index(made.lane), lane_index(made.lane), made.expires_ns, solo=solo)

    return make


@pytest.fixture
def limits() -> Callable[..., RouteLimits]:
    def make(name: str = "a", **changes: Any) -> RouteLimits:
        values: dict[str, Any] = {
            "requests_per_s": 1000.0,
            "requests_burst": 1000.0,
            "segments_per_s": 10_000.0,
            "segments_burst": 10_000.0,
            "max_batch": 100,
            "max_in_flight": 8,
            "idempotency_window_s": 86_400.0,
        }
        return RouteLimits(name, **{**values, **changes})

    return make


@pytest.fixture
def dispatcher(limits: Callable[..., RouteLimits]) -> Callable[..., Dispatcher]:
    def make(*routes: RouteLimits, seed: int = 1, **settings: Any) -> Dispatcher:
        return Dispatcher(DispatchSettings(**settings), routes or (limits(),), seed)

    return make


@pytest.fixture
def batches() -> Callable[..., list[SubmitBatch]]:
    def of(effects: list[Effect]) -> list[SubmitBatch]:
        return [effect for effect in effects if isinstance(effect, SubmitBatch)]

    return of


@pytest.fixture
def changes() -> Callable[..., list[tuple[str, str, str]]]:
    def of(effects: list[Effect]) -> list[tuple[str, str, str]]:
        return [(e.key, e.state.value, e.reason) for e in effects if isinstance(e, Change)]

    return of
