"""The sender's sans-IO core: lanes, batches, rate limits, retries, breaker, expiry, report matching."""

from __future__ import annotations

from reference_sender.dispatch.dispatcher import Dispatcher
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.snapshot import DispatchState, RouteSnapshot

__all__ = ["DispatchSettings", "DispatchState", "Dispatcher", "RouteSnapshot"]
