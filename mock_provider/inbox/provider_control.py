"""The provider, as the admin API sees it."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from mock_provider.engine import EngineState, JourneyView, NumberView
from mock_provider.engine.faults.history import FaultPeriod
from mock_provider.inbox.events import EventFeed
from mock_provider.inbox.refusals import Refusals
from mock_provider.inbox.store import Inbox
from mock_provider.inbox.traffic import TrafficHistory
from mock_provider.profiles import Profile


class InboxViews(Struct, frozen=True):
    """The records that the inbox page shows."""

    messages: Inbox
    events: EventFeed
    traffic: TrafficHistory
    refusals: Refusals


class ProviderStatus(Struct, frozen=True):
    """``gauges`` are those of the process, ``failures`` its permanent ones, one line each."""

    engine: EngineState
    gauges: dict[str, float]
    failures: list[str]
    unread_fields: dict[str, int]  # requests with a field that their protocol does not read, by its name
    report_failure: str  # the outcome of the last report call that was not confirmed


class FaultTimes(Struct, frozen=True):
    """Instants of the engine's clock; ``origin_ns`` is its first input, None before."""

    now_ns: int
    origin_ns: int | None
    periods: tuple[FaultPeriod, ...]


class ProviderControl(Protocol):
    """The provider as a whole: its settings and its state."""

    @property
    def profile(self) -> Profile: ...

    @property
    def started_with(self) -> Profile: ...

    def reconfigure(self, profile: Profile) -> None:
        """Use other settings from now on."""

    def reset(self) -> None:
        """Forget messages, counters and texts."""

    def status(self) -> ProviderStatus: ...


class EngineReader(Protocol):
    """The engine, read only."""

    @property
    def wall_offset_ns(self) -> int:
        """What is added to the engine's time to get unix time."""

    def now_ns(self) -> int: ...

    def fault_times(self) -> FaultTimes: ...

    def journey(self, provider_id: str) -> JourneyView | None: ...

    def number(self, msisdn: str) -> NumberView: ...
