"""The files of a simulated run: the same as of a real one, from the same journal rows.

Rows are written when they are final, so that memory does not grow with the length of the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from msgspec import Struct
from msgspec.structs import astuple

from analysis.records import LOAD_SCHEMA, PROVIDER_SCHEMA, SAMPLES_SCHEMA, SENDER_SCHEMA, RowWriter
from arrow_columns import column_array
from loadtests.arrivals import CLASSES, Schedule
from loadtests.simulate.providers import SimulatedProvider
from mock_provider.engine.values import JournalRow
from reference_sender.dispatch import Dispatcher, DispatchState
from reference_sender.dispatch.values import Change, Message, State

_NO_WORKER = 0
_ACCEPTED = "accepted", 202
_REFUSED = "refused", 429
# Number of undelivered final messages for which a late report may still come: above the dispatcher's limit.
LATE_KEPT = 100_000
ROWS_PER_WRITE = 8_192  # fewer take more time per row, more take memory
_DELIVERED = State.DELIVERED
_ENDS = frozenset((State.FAILED, State.EXPIRED))


class Queued(Struct, frozen=True, array_like=True):
    """Messages that wait in the sender, by class."""

    otp: int
    transactional: int
    marketing: int


def queued_of(sender: DispatchState) -> Queued:
    """The part of the sender's state that a sample has."""
    return Queued(sender.queue_otp, sender.queue_transactional, sender.queue_marketing)


class ArrivalRecords:
    """Rows of ``load.arrow``. ``close`` must be called in every case.

    A message's id is the number of its arrival in the schedule plus one.
    """

    def __init__(self, run_dir: Path, schedule: Schedule) -> None:
        self._load = RowWriter(run_dir / "load.arrow", LOAD_SCHEMA)
        self._kinds = schedule.kinds()
        self.accepted = bytearray(len(schedule))  # by arrival, 1: the API accepted it

    def close(self) -> None:
        """Complete the file."""
        self._load.close()

    def arrived(self, messages: Sequence[Message], refused: set[int]) -> None:
        """Record messages that reached the API one after another. ``refused`` are the ids for which its queue
        had no room.

        In virtual time the API answers at once: intended, sent and accepted are one instant.
        """
        if not messages:
            return
        count = len(messages)
        at_ns = column_array(
            [message.created_ns for message in messages], LOAD_SCHEMA.field("t_intended_ns").type
        )
        first = messages[0].message_id - 1
        self.accepted[first : first + count] = b"\1" * count
        outcomes, statuses = [_ACCEPTED[0]] * count, [_ACCEPTED[1]] * count
        for message_id in refused:
            place = message_id - 1 - first
            outcomes[place], statuses[place] = _REFUSED
            self.accepted[message_id - 1] = 0
        self._load.append_columns(
            [
                [message.key for message in messages],
                [CLASSES[kind] for kind in self._kinds[first : first + count]],
                [message.campaign for message in messages],
                [_NO_WORKER] * count,
                *(at_ns, at_ns, at_ns),
                *(outcomes, statuses),
                [""] * count,
            ]
        )


class OutcomeRecords:
    """Rows of ``provider``, ``sender`` and ``samples.arrow``. ``close`` must be called in every case."""

    def __init__(self, run_dir: Path, schedule: Schedule) -> None:
        self._provider = RowWriter(run_dir / "provider.arrow", PROVIDER_SCHEMA)
        self._sender = RowWriter(run_dir / "sender.arrow", SENDER_SCHEMA)
        self._samples = RowWriter(run_dir / "samples.arrow", SAMPLES_SCHEMA)
        self._key_of = f"{schedule.plan.key_tag}-%07d"
        self._kinds = schedule.kinds()
        self._written = bytearray(len(schedule))  # by arrival, 1: its row of sender.arrow is written
        self._journal: list[JournalRow] = []
        self._changes: list[Change] = []
        self._last: dict[int, Change] = {}  # of messages whose row is not written, by id
        self._ended: dict[int, Change] = {}  # of these the final ones without a delivery, oldest first
        # Called for each change of a message, in order.
        self.changed = self._changes.append

    def depths(self, at_ns: int, queued: Queued, awaiting_report: int, open_messages: int) -> None:
        """The sample of one instant. ``open_messages`` are those of the provider."""
        gauges = (
            ("sender", "queue_otp", queued.otp),
            ("sender", "queue_transactional", queued.transactional),
            ("sender", "queue_marketing", queued.marketing),
            ("sender", "awaiting_report", awaiting_report),
            ("provider", "open", open_messages),
        )
        for process, name, value in gauges:
            self._samples.append((at_ns, process, name, float(value)))

    @property
    def kept(self) -> int:
        """Messages in memory whose rows are not written."""
        return max(len(self._ended), len(self._last))

    def final_rows(self, engine: SimulatedProvider) -> None:
        """Write final rows as soon as there are enough for a batch."""
        self._journal += engine.take_rows()
        if len(self._journal) >= ROWS_PER_WRITE:
            self._provider_rows()
        if len(self._changes) >= 2 * ROWS_PER_WRITE:  # two per message
            # The sender will not submit these messages again, so the provider need not remember them.
            engine.forget(self._sender_rows())

    def close_with(self, rows: list[JournalRow], accepted: bytearray) -> None:
        """Write the remaining rows, final or not: the provider's last ones, and those of messages that the
        sender's API accepted.
        """
        self._journal += rows
        self._provider_rows()
        self._sender_rows()
        self._write_ends(list(self._last.values()))
        states = enumerate(zip(accepted, self._written, strict=True))
        queued = [arrival + 1 for arrival, (taken, written) in states if taken and not written]
        self._sender.append_columns(
            [
                [self._key_of % (message_id - 1) for message_id in queued],
                self._classes(queued),
                *(["queued"] * len(queued), [""] * len(queued), [0] * len(queued)),
            ]
        )
        for writer in (self._provider, self._sender, self._samples):
            writer.close()

    def _provider_rows(self) -> None:
        rows = self._journal
        if rows:
            # Slices of one list take under half the time of ``zip(*rows)``, which visits all rows for each
            # column.
            cells = list(chain.from_iterable(map(astuple, rows)))
            width = len(PROVIDER_SCHEMA)
            self._provider.append_columns([cells[place::width] for place in range(width)])
            rows.clear()

    def _sender_rows(self) -> list[str]:
        """Write the rows of final messages and return their keys.

        Final are the delivered ones, and the oldest failed or expired ones: the newest of these may still
        change by a late report.
        """
        changes = self._changes.copy()
        self._changes.clear()
        last, ended = self._last, self._ended
        delivered = []
        for change in changes:
            if change.state is _DELIVERED:
                delivered.append(change)
                last.pop(change.message_id, None)
            else:
                last[change.message_id] = change
        if len(delivered) < len(changes):
            ended.update((c.message_id, c) for c in changes if c.state in _ENDS)
        if ended:
            for change in delivered:
                ended.pop(change.message_id, None)
        self._write_ends(delivered)
        final = [change.key for change in delivered]
        if len(ended) > LATE_KEPT:
            oldest = [ended.pop(message_id) for message_id in list(ended)[: LATE_KEPT // 2]]
            self._write_ends(oldest)
            for change in oldest:
                del last[change.message_id]
            final += [change.key for change in oldest]
        return final

    def _write_ends(self, changes: Sequence[Change]) -> None:
        written = self._written
        for change in changes:
            written[change.message_id - 1] = 1
        if changes:
            self._sender.append_columns(
                [
                    [change.key for change in changes],
                    self._classes(change.message_id for change in changes),
                    [change.state._value_ for change in changes],
                    [change.reason for change in changes],
                    [change.attempts for change in changes],
                ]
            )

    def _classes(self, message_ids: Iterable[int]) -> list[str]:
        kinds = self._kinds
        return [CLASSES[kinds[message_id - 1]] for message_id in message_ids]


class RunRecords(OutcomeRecords):
    """All rows of one run directory."""

    def __init__(self, run_dir: Path, schedule: Schedule) -> None:
        super().__init__(run_dir, schedule)
        self._arrivals = ArrivalRecords(run_dir, schedule)
        self.arrived = self._arrivals.arrived

    def sample(self, at_ns: int, dispatcher: Dispatcher, engine: SimulatedProvider) -> None:
        """Queue depths of both, and the rows that have become final."""
        sender = dispatcher.state(at_ns)
        self.depths(at_ns, queued_of(sender), sender.awaiting_report, engine.open_messages)
        self.final_rows(engine)

    def close(self, engine: SimulatedProvider) -> None:
        """Write the remaining rows, final or not."""
        self._arrivals.close()
        self.close_with(engine.close_rows(), self._arrivals.accepted)
