"""What a simulated run writes: the same files, from the same journal rows, as a real one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from analysis.records import LOAD_SCHEMA, PROVIDER_SCHEMA, SAMPLES_SCHEMA, SENDER_SCHEMA, RowWriter
from loadtests.arrivals import Message as Arrival
from mock_provider.engine import Engine
from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import Change
from reference_sender.dispatch.values import Message as Taken

_NO_WORKER = 0
_HTTP_ACCEPTED = 202
_HTTP_FULL = 429


class RunRecords:
    """Row writers of one run directory. ``close`` must be called, whatever happened."""

    def __init__(self, run_dir: Path) -> None:
        self._load = RowWriter(run_dir / "load.arrow", LOAD_SCHEMA)
        self._provider = RowWriter(run_dir / "provider.arrow", PROVIDER_SCHEMA)
        self._sender = RowWriter(run_dir / "sender.arrow", SENDER_SCHEMA)
        self._samples = RowWriter(run_dir / "samples.arrow", SAMPLES_SCHEMA)
        self._taken: dict[int, tuple[str, str]] = {}
        self._last_change: dict[int, Change] = {}

    def taken(self, at_ns: int, message: Taken) -> None:
        """In virtual time the API answers at once: intended, sent and accepted are one instant."""
        lane = message.lane.value
        self._load.append(
            (message.key, lane, message.campaign, _NO_WORKER, at_ns, at_ns, at_ns, "accepted", _HTTP_ACCEPTED)
        )
        self._taken[message.message_id] = (message.key, lane)

    def refused(self, at_ns: int, arrival: Arrival) -> None:
        self._load.append(
            (
                *(arrival.key, arrival.message_class, arrival.campaign, _NO_WORKER),
                *(at_ns, at_ns, at_ns, "refused", _HTTP_FULL),
            )
        )

    def changed(self, change: Change) -> None:
        self._last_change[change.message_id] = change

    def sample(self, at_ns: int, dispatcher: Dispatcher, engine: Engine) -> None:
        """Queue depths of both, and the provider's rows that have become final."""
        sender, provider = dispatcher.state(), engine.state()
        gauges = (
            ("sender", "queue_otp", sender.queue_otp),
            ("sender", "queue_transactional", sender.queue_transactional),
            ("sender", "queue_marketing", sender.queue_marketing),
            ("sender", "awaiting_report", sender.awaiting_report),
            ("provider", "open", provider.open),
        )
        for process, name, value in gauges:
            self._samples.append((at_ns, process, name, float(value)))
        self.provider_rows(engine)

    def provider_rows(self, engine: Engine) -> None:
        for row in engine.take_rows():
            self._provider.append(msgspec.structs.astuple(row))

    def close(self, engine: Engine) -> None:
        self.provider_rows(engine)
        for row in engine.close_rows():
            self._provider.append(msgspec.structs.astuple(row))
        for message_id, (key, lane) in self._taken.items():
            change = self._last_change.get(message_id)
            if change is None:
                self._sender.append((key, lane, "queued", "", 0))
            else:
                self._sender.append((key, lane, change.state.value, change.reason, change.attempts))
        for writer in (self._load, self._provider, self._sender, self._samples):
            writer.close()
