"""The end of a storm, as its invariants see it."""

from __future__ import annotations

from loadtests.storm.world import StormWorld
from mock_provider.engine.values import JournalRow
from reference_sender.store.protocol import Record

_ALL = 1_000_000


class StormEnd:
    """The end of a storm: the store's rows, the providers' journals, and the last process."""

    def __init__(self, world: StormWorld) -> None:
        self.world = world
        process = world.sender.process
        assert process is not None, "the quiet time is long enough for a start"
        self.process = process
        self.records: dict[str, Record] = {
            record.message.key: record for record in process.store.records(0, _ALL)
        }
        self.known: dict[str, Record] = world.watch.purged_records | self.records  # removed ones included
        self.accepted: dict[str, list[tuple[str, int, JournalRow]]] = {}  # by key: route, engine, row
        self.seen: set[str] = set()
        self.by_id: dict[str, JournalRow] = {}
        for provider in world.providers.values():
            for epoch in provider.epochs:
                for row in epoch.rows:
                    self.seen.add(row.key)
                    if row.provider_id:
                        self.by_id[row.provider_id] = row
                        self.accepted.setdefault(row.key, []).append((epoch.route, epoch.number, row))
