"""The data that the kinds use, computed once, by window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.classes import ALL
from analysis.findings import FaultBand
from analysis.judge.bottlenecks.windows import WindowGauges, Windows
from analysis.measure.forwarding import ForwardingStop, forwarding_stop
from analysis.measure.late_generator import ScheduleLag, lateness
from analysis.measure.outcomes import DELIVERED, EXPIRED, FAILED, OPEN, MessageOutcomes
from analysis.measure.pauses import Pause, pauses
from analysis.measure.quota import Quota, quota
from analysis.measure.request_faults import request_faults
from analysis.measure.silence import Silence, Stop, silences, stop
from analysis.model import Objective
from analysis.read.gauges import Gauges
from analysis.read.journeys import Journeys

REFERENCE_SENDER = "reference_sender"


@dataclass(frozen=True)
class BottleneckInputs:
    """The data of a run. ``lag_limit_s``: a bench that is later than this invalidates the run."""

    journeys: Journeys
    outcomes: MessageOutcomes
    objectives: tuple[Objective, ...]
    profile: Mapping[str, Any]
    target: Mapping[str, Any]
    in_flight_limit: int
    lag_limit_s: float
    backlog_grew: bool = False
    faults: tuple[FaultBand, ...] = ()
    flag_is_faster: bool = False  # the provider's priority flag changes the time to the handset
    routes: int = 1  # of the sender
    waited_out: bool = True  # the wait after the load was not ended before its limit


class View:
    """``BottleneckInputs`` by window of the load."""

    def __init__(self, given: BottleneckInputs) -> None:
        self.given = given
        self.journeys, self.outcomes = given.journeys, given.outcomes
        self.load, self.provider = given.journeys.load, given.journeys.provider
        self.windows = Windows(given.journeys.load_end_s)
        self.gauges = WindowGauges(Gauges(given.journeys.samples, given.journeys.load_end_s), self.windows)
        self.due_s = self.load.intended_s

    @property
    def sender_name(self) -> str:
        return "the sender" if self.is_reference_sender else str(self.given.target["name"])

    @property
    def is_reference_sender(self) -> bool:
        return (self.given.target.get("name") or REFERENCE_SENDER) == REFERENCE_SENDER

    @cached_property
    def request_faults(self) -> tuple[FaultBand, ...]:
        """Those that can delay a message in the sender."""
        return request_faults(self.given.faults)

    @cached_property
    def holding_faults(self) -> tuple[FaultBand, ...]:
        """The faults with a time in which messages wait for a carrier that takes none."""
        return tuple(
            band for band in self.given.faults if band.from_s is not None and band.effect == "held_messages"
        )

    @cached_property
    def everyone(self) -> Bools:
        return np.ones(self.journeys.count, dtype=np.bool_)

    @cached_property
    def lateness(self) -> ScheduleLag:
        return lateness(self.journeys, self.given.lag_limit_s)

    @cached_property
    def lag_p99_s(self) -> Floats:
        """Lag of the messages that count.

        Messages of disturbed seconds are excluded if these seconds were few.
        """
        counted = self._counted_lags
        return self.windows.percentile(self.due_s, self.lateness.lag_s, counted, 99.0)

    @cached_property
    def counted_lag_s(self) -> Floats:
        return self.lateness.lag_s[self._counted_lags]

    @cached_property
    def _counted_lags(self) -> Bools:
        sent: Bools = np.isfinite(self.lateness.lag_s)
        return sent & ~self.lateness.disturbed if self.lateness.short else sent

    @cached_property
    def own_lag_p99_s(self) -> Floats:
        """Lag that the generator caused: without the messages of disturbed seconds."""
        lag_s = self.lateness.lag_s
        return self.windows.percentile(self.due_s, lag_s, np.isfinite(lag_s) & ~self.lateness.disturbed, 99.0)

    @cached_property
    def dropped_by_target(self) -> Bools:
        return self.journeys.dropped_at_limit

    @cached_property
    def dropped_by_bench(self) -> Bools:
        return self.journeys.dropped_by_bench

    @cached_property
    def not_taken(self) -> Bools:
        return self.journeys.not_taken

    @cached_property
    def silences(self) -> tuple[Silence, ...]:
        return silences(self.journeys)

    @cached_property
    def pauses(self) -> tuple[Pause, ...]:
        """Not of the reference sender, whose samples say what it waits for, and not while a fault of the
        provider can delay requests.
        """
        if self.is_reference_sender or self.gauges.gauges.names("sender", "waited_"):
            return ()
        bands = [(band.from_s, band.to_s) for band in self.request_faults if band.from_s is not None]
        return tuple(
            each
            for each in pauses(self.journeys)
            if not any(from_s < each.to_s and each.from_s < (to_s or np.inf) for from_s, to_s in bands)
        )

    @cached_property
    def quota(self) -> Quota | None:
        return quota(self.journeys, self.pauses)

    @cached_property
    def stop(self) -> Stop | None:
        return stop(self.journeys)

    @cached_property
    def forwarding_stop(self) -> ForwardingStop | None:
        return forwarding_stop(self.journeys, self.outcomes.unaccounted, self.given.faults)

    @cached_property
    def api_s(self) -> Floats:
        """From sending to the answer; infinite without an answer, NaN if not sent."""
        took = self.load.replied_s - self.load.sent_s
        sent = np.isfinite(self.load.sent_s)
        return np.where(sent & ~np.isfinite(took), np.inf, took)

    @cached_property
    def sender_wait_s(self) -> Floats:
        """Wait in the sender's queue: from its answer to the accepted submit, or to the end.

        NaN for messages that were never forwarded, and without records of the provider and the sender.
        """
        if not (self.journeys.journal or self.journeys.sender.present):
            return np.full(self.journeys.count, np.nan)
        until = np.where(self.still_waits, self.journeys.end_s, self.provider.forwarded_s)
        gone = self.outcomes.unaccounted & ~self.outcomes.still_held
        counted = self.journeys.accepted & ~gone & ~self.outcomes.without_key
        return np.where(counted, np.maximum(until - self.load.replied_s, 0.0), np.nan)

    @cached_property
    def still_waits(self) -> Bools:
        """Messages that waited in the sender when the observation ended: they would have waited longer."""
        open_: Bools = self.journeys.accepted & ~np.isfinite(self.provider.forwarded_s)
        return open_ & np.isin(self.outcomes.outcome, (OPEN, EXPIRED))

    @cached_property
    def scheduled_wait_s(self) -> Floats:
        """Wait at the provider for a time that the sender set, or to the end."""
        return self.provider.scheduled_wait_s(self.journeys.end_s)

    @cached_property
    def before_its_time(self) -> Bools:
        """Messages that waited for such a time when the observation ended."""
        open_ = self.journeys.accepted & ~np.isfinite(self.provider.carrier_s)
        return open_ & (self.provider.scheduled_s > self.journeys.end_s)

    @cached_property
    def forwarded(self) -> Bools:
        """Accepted messages that the provider has seen."""
        seen: Bools = self.journeys.accepted & np.isfinite(self.provider.forwarded_s)
        return seen

    @cached_property
    def carrier_wait_s(self) -> Floats:
        """Wait in the provider's and the carriers' queues, or to the end."""
        until = np.where(self.still_queued, self.journeys.end_s, self.provider.carrier_s)
        return np.maximum(until - self.provider.answered_s - self.scheduled_wait_s, 0.0)

    @cached_property
    def still_queued(self) -> Bools:
        """Messages that waited for a carrier when the observation ended."""
        open_: Bools = self.provider.accepted & ~np.isfinite(self.provider.carrier_s)
        return open_ & np.isin(self.outcomes.outcome, (OPEN, EXPIRED)) & ~self.before_its_time

    @cached_property
    def failed_on_the_way(self) -> Bools:
        """Accepted by a carrier, then not delivered, without phones that were off or out of coverage."""
        lost = self.provider.accepted & np.isin(self.outcomes.outcome, (FAILED, EXPIRED))
        return lost & np.isfinite(self.provider.carrier_s) & ~self.waited_for_phone

    @cached_property
    def waited_for_phone(self) -> Bools:
        waited: Bools = np.nan_to_num(self.provider.handset_wait_s) > 0
        return waited

    @cached_property
    def delivery_s(self) -> Floats:
        """Delivery time to reachable phones; infinite if never or still open, NaN if the message does not
        count.
        """
        took = self.provider.final_s - self.due_s
        counted = self.journeys.accepted & ~self.waited_for_phone & ~self.outcomes.without_key
        open_still = counted & (self.outcomes.never | (self.outcomes.outcome == OPEN))
        delivery_s: Floats = np.where(counted & (self.outcomes.outcome == DELIVERED), took, np.nan)
        return np.where(open_still, np.inf, delivery_s)

    @cached_property
    def missed_times(self) -> tuple[tuple[Objective, Bools], ...]:
        """Missed objectives on delivery times, each with the messages of its class."""
        found = []
        for objective in self.given.objectives:
            if objective.verdict != "missed" or objective.limit_s is None or objective.percentile is None:
                continue
            if objective.message_class in self.load.class_names:
                found.append((objective, self.journeys.of_class(objective.message_class)))
            elif objective.message_class == ALL:
                found.append((objective, self.everyone))
        return tuple(found)
