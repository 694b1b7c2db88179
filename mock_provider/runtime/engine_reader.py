"""The engine as the admin API reads it."""

from __future__ import annotations

from mock_provider.engine import JourneyView, NumberView
from mock_provider.inbox.provider_control import FaultTimes
from mock_provider.runtime.clock_driver import ClockDriver
from mock_provider.runtime.wall_clock import WallClock


class DriverReader:
    """An ``EngineReader``: reads the engine through its driver, which has the time."""

    def __init__(self, driver: ClockDriver, wall_clock: WallClock) -> None:
        self._driver = driver
        self._wall_clock = wall_clock
        self.now_ns = driver.now_ns

    @property
    def wall_offset_ns(self) -> int:
        return self._wall_clock.offset_ns

    def fault_times(self) -> FaultTimes:
        engine, now_ns = self._driver.engine, self._driver.now_ns()
        return FaultTimes(now_ns, engine.origin_ns, engine.fault_log(now_ns))

    def journey(self, provider_id: str) -> JourneyView | None:
        return self._driver.engine.journey(provider_id)

    def number(self, msisdn: str) -> NumberView:
        return self._driver.engine.number(msisdn)
