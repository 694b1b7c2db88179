"""The store of the storms does what SQLite does: both get every commit of some storms, restarts included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from loadtests.storm import sender
from loadtests.storm.disk import Disk
from loadtests.storm.outcome import storm
from loadtests.storm.plan import draw_plan
from loadtests.storm.store import ModelStore
from loadtests.storm.tables import Tables
from reference_sender.dispatch.values import Lane, Message, Recovered
from reference_sender.store import Existing, Place, Purged, SqliteStore, Work
from reference_sender.store.rule_purge import OldRules, RulePlace
from reference_sender.store.sqlite_once import StoredOnce

SEEDS = range(40, 60)
CAMPAIGNS = 3  # of a storm


class TwinStore(ModelStore):
    """Compares each answer of the model with SQLite's."""

    path: Path
    latest: SqliteStore | None = None
    commits = 0
    recovered = 0
    purged = 0
    purged_campaigns = 0

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk)
        if TwinStore.latest is not None:  # of a killed process, whose files the system closes
            TwinStore.latest.close()
        self._real = TwinStore.latest = SqliteStore(self.path)
        self._tables = Tables(self._real)
        self._once = {number for number, message in disk.messages.items() if message.once}  # so far

    def commit(self, work: Work) -> Mapping[int, Existing]:
        taken = super().commit(work)
        assert self._real.commit(work) == taken
        TwinStore.commits += 1
        self._once.update(each.message_id for each in work.messages if each.once)
        self._compare_rules()
        for name, entries, at_first in self._tables.grown():
            most = at_first + len(self._once) + CAMPAIGNS
            assert entries <= most, f"{name} of SQLite has {entries} entries, and needs {most}"
        return taken

    def _compare_rules(self) -> None:
        assert self._real.campaigns() == self.campaigns()
        assert {*self._real.spending()} == {*self.spending()}

    def unfinished(
        self, limit: int | None = None, place: Place | None = None, lane: Lane = Lane.MARKETING
    ) -> list[Recovered]:
        found = super().unfinished(limit, place, lane)
        assert self._real.unfinished(limit, place, lane) == found
        TwinStore.recovered += len(found)
        return found

    def sent_ids(self) -> Sequence[int]:
        ids = super().sent_ids()
        assert list(self._real.sent_ids()) == ids
        return ids

    def sent(self, ids: Sequence[int]) -> list[Recovered]:
        found = super().sent(ids)
        assert self._real.sent(ids) == found
        TwinStore.recovered += len(found)
        return found

    def purge(self, before_ns: int, after_id: int, limit: int) -> Purged:
        step = super().purge(before_ns, after_id, limit)
        assert self._real.purge(before_ns, after_id, limit) == step
        TwinStore.purged += step.count
        return step

    def purge_rules(self, old: OldRules, place: RulePlace, limit: int) -> RulePlace | None:
        before = len(self.disk.campaigns)
        following = super().purge_rules(old, place, limit)
        assert self._real.purge_rules(old, place, limit) == following
        self._compare_rules()
        TwinStore.purged_campaigns += before - len(self.disk.campaigns)
        return following

    def controlled(self, names: Sequence[str]) -> frozenset[str]:
        found = super().controlled(names)
        assert self._real.controlled(names) == found
        return found

    def close(self) -> None:
        assert self._real.records(0, 10_000) == self.records(0, 10_000)
        assert self._real.identity().last_message_id == self.identity().last_message_id
        assert self._real.counts(None) == self.counts(None)
        self._real.close()
        super().close()


def test_sqlite_has_the_same_rows_after_every_start_and_commit_of_a_storm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sender, "ModelStore", TwinStore)
    for seed in SEEDS:
        monkeypatch.setattr(TwinStore, "path", tmp_path / f"{seed}.db", raising=False)
        assert not storm(draw_plan(seed)).violations
    assert TwinStore.latest is not None
    TwinStore.latest.close()
    assert TwinStore.commits > 750  # the storms of these seeds commit 37 to 54 times on average
    assert TwinStore.recovered > len(SEEDS)
    assert TwinStore.purged > len(SEEDS)
    assert TwinStore.purged_campaigns > 0


def test_an_entry_for_each_message_ever_stored_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def every(once: StoredOnce, messages: Sequence[Message]) -> list[Message]:
        found = possible(once, messages)
        possible(once, [replace(each, once=True) for each in messages if not each.once])
        return found

    possible = StoredOnce.possible_duplicates
    monkeypatch.setattr(StoredOnce, "possible_duplicates", every)
    monkeypatch.setattr(sender, "ModelStore", TwinStore)
    with pytest.raises(AssertionError, match=r"_once\._campaigns of SQLite has"):
        for seed in SEEDS:
            monkeypatch.setattr(TwinStore, "path", tmp_path / f"{seed}.db", raising=False)
            found = storm(draw_plan(seed)).violations
            assert not found, found
