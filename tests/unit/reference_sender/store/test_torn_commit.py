"""A commit of the SQLite store that the end of the process cut: the store has the commits before it only."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from messages import made_message

from reference_sender.dispatch.values import Change, State, SubmitAttempt
from reference_sender.store import Work, open_store

FIRST = Work([made_message(1, created_ns=1)], attempts=[SubmitAttempt(7, "a", 5, (1,))])
SECOND = Work(
    [made_message(2, created_ns=1), made_message(3, created_ns=1)],
    [Change(1, "k-1", State.SENT, "", "p-1", 1, 6, "a")],
    ended=[7],
)


def test_of_a_cut_commit_nothing_is_in_the_store(tmp_path: Path) -> None:
    path, torn = tmp_path / "s.db", tmp_path / "torn.db"
    log = path.with_name("s.db-wal")
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.commit(FIRST)
        first_ends = log.stat().st_size
        store.commit(SECOND)
        data, written = path.read_bytes(), log.read_bytes()
    assert len(written) > first_ends
    for cut in (first_ends, first_ends + 1, (first_ends + len(written)) // 2, len(written) - 1):
        torn.write_bytes(data)
        torn.with_name("torn.db-wal").write_bytes(written[:cut])
        with closing(open_store(f"sqlite:///{torn}")) as store:
            (found,) = store.unfinished()
            assert (found.message.key, found.state, found.route) == ("k-1", State.QUEUED, "a"), cut
            assert (
                store.commit(Work([made_message(2, created_ns=1)])) == {}
            )  # no key of the cut commit is there
            assert len(store.records(0, 10)) == 2


def test_of_a_whole_commit_all_is_in_the_store(tmp_path: Path) -> None:
    """The control: the same files without a cut."""
    path, whole = tmp_path / "s.db", tmp_path / "whole.db"
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.commit(FIRST)
        store.commit(SECOND)
        whole.write_bytes(path.read_bytes())
        whole.with_name("whole.db-wal").write_bytes(path.with_name("s.db-wal").read_bytes())
    with closing(open_store(f"sqlite:///{whole}")) as store:
        records = store.records(0, 10)
        assert [(each.message.key, each.state) for each in records] == [
            ("k-1", State.SENT),
            ("k-2", State.QUEUED),
            ("k-3", State.QUEUED),
        ]
