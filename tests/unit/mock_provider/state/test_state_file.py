"""The state file: what it returns, what it refuses, what it forgets."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from mock_provider.engine.message import TrackedMessage
from mock_provider.engine.outcome import DELIVERED
from mock_provider.engine.snapshot import AccountSpending
from mock_provider.engine.values import Accepted, AcceptedMessage, Outbound, Submit
from mock_provider.state.file import StateClock, StateError, StateFile, StoredChanges
from mock_provider.state.records import CapturedRequest, read, written

SPENT = AccountSpending(5_000_000, 4_900_000, 20_000, 3)
CLOCK = StateClock(1_000, "this boot")


def message(number: int) -> TrackedMessage:
    kept = TrackedMessage(f"key-{number}", "smsapi", 1, 10 + number, provider_id=f"id-{number}")
    kept.t_accepted_ns, kept.expires_ns, kept.outcome = 20 + number, 10**12, DELIVERED
    return kept


def request(number: int, of: int = 1) -> tuple[int, bytes]:
    submit = Submit(number, "smsapi", "", "Test", (Outbound("48500100200", "500100200", "hi", 1, "k"),))
    accepted = tuple(AcceptedMessage(f"id-{number}", "48500100200", "", None, 1, 0.1) for _ in range(of))
    return of, written(CapturedRequest(submit, Accepted(accepted), 1.5))


def changes(*numbers: int, forgotten: tuple[str, ...] = (), reset: bool = False) -> StoredChanges:
    messages = [(f"id-{number}", written(message(number))) for number in numbers]
    return StoredChanges(messages, forgotten, [request(number) for number in numbers], SPENT, reset)


def stored_keys(path: Path) -> list[str]:
    file = StateFile(path, 100)
    keys = [each.key for each in file.load(CLOCK).engine.messages]
    file.close()
    return keys


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def filled(path: Path, *numbers: int) -> None:
    file = StateFile(path, 100)
    file.load(CLOCK)
    file.write(changes(*numbers))
    file.close()


def test_written_messages_are_returned_in_the_order_of_acceptance(path: Path) -> None:
    filled(path, 3, 1, 2)
    file = StateFile(path, 100)
    file.write(changes(1))  # changed later: it keeps its place
    stored = file.load(CLOCK)
    file.close()
    assert list(stored.engine.messages) == [message(3), message(1), message(2)]
    assert stored.engine.account == SPENT
    assert [each.submit.request_id for each in stored.requests] == [3, 1, 2, 1]


def test_a_forgotten_message_and_a_reset_are_kept_too(path: Path) -> None:
    filled(path, 1, 2)
    file = StateFile(path, 100)
    file.write(changes(3, forgotten=("id-1",)))
    file.close()
    assert stored_keys(path) == ["key-2", "key-3"]
    file = StateFile(path, 100)
    file.write(changes(4, reset=True))
    file.close()
    assert stored_keys(path) == ["key-4"]


def test_times_follow_the_wall_clock_after_a_reboot_and_stay_within_one_boot(path: Path) -> None:
    filled(path, 1)
    file = StateFile(path, 100)
    # The engine's clock of the new boot shows 300 less at the same instant.
    (moved,) = file.load(StateClock(1_300, "the next boot")).engine.messages
    assert (moved.t_accepted_ns, moved.t_submitted_ns) == (21 - 300, 11 - 300)
    assert moved.due_ns == 0
    assert moved.t_final_ns is None
    file.close()


def test_a_step_of_the_wall_clock_does_not_move_times_within_one_boot(path: Path) -> None:
    filled(path, 1)
    file = StateFile(path, 100)
    assert file.load(StateClock(9_999_000, "this boot")).engine.messages == (message(1),)
    file.close()


def test_an_incomplete_last_transaction_is_ignored(path: Path, tmp_path: Path) -> None:
    file = StateFile(path, 100)
    file.load(CLOCK)
    file.write(changes(1))
    log = path.with_name("state.db-wal")
    complete = log.stat().st_size
    file.write(changes(2))
    torn = tmp_path / "torn.db"
    torn.write_bytes(path.read_bytes())
    written_bytes = log.read_bytes()
    assert len(written_bytes) > complete
    for cut in (complete + 1, complete + 2_000, len(written_bytes) - 1):
        torn.with_name("torn.db-wal").write_bytes(written_bytes[:cut])
        assert stored_keys(torn) == ["key-1"], cut
        torn.write_bytes(path.read_bytes())
    file.close()


def test_a_damaged_record_is_refused(path: Path) -> None:
    filled(path, 1)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE message SET record = x'9001'")
    connection.commit()
    connection.close()
    file = StateFile(path, 100)
    with pytest.raises(StateError, match="damaged: the checksum of a record is wrong"):
        file.load(CLOCK)
    file.close()


def test_a_damaged_page_is_refused(path: Path) -> None:
    filled(path, *range(400))
    data = bytearray(path.read_bytes())
    for page in range(4, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(data)
    with pytest.raises(StateError, match="damaged"), closing(StateFile(path, 100)) as file:
        file.load(CLOCK)


@pytest.mark.parametrize("content", [b"this is no database, but a text of some length\n" * 100, None])
def test_another_file_is_refused_and_left_alone(path: Path, content: bytes | None) -> None:
    if content is None:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE other (a)")
        connection.commit()
        connection.close()
    else:
        path.write_bytes(content)
    with pytest.raises(StateError, match=r"state\.db is .*state file"):
        StateFile(path, 100)
    if content is not None:
        assert path.read_bytes() == content


def test_a_file_of_another_version_is_refused(path: Path) -> None:
    filled(path, 1)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = 'key protocol' WHERE name = 'fields'")
    connection.commit()
    connection.close()
    with pytest.raises(StateError, match="another version"):
        StateFile(path, 100)


def test_a_second_provider_is_refused_while_the_first_runs(path: Path) -> None:
    file = StateFile(path, 100)
    with pytest.raises(StateError, match="in use by another provider"):
        StateFile(path, 100)
    file.close()
    StateFile(path, 100).close()


def test_nobody_else_may_read_the_texts_and_numbers(path: Path) -> None:
    StateFile(path, 10).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_removed_file_is_noticed(path: Path) -> None:
    file = StateFile(path, 100)
    file.write(changes(1))
    path.unlink()
    with pytest.raises(StateError, match="was removed or replaced"):
        file.write(changes(2))
    file.close()


def test_old_requests_are_dropped(path: Path) -> None:
    file = StateFile(path, 10)
    for number in range(0, 50, 5):
        file.write(StoredChanges((), (), [request(number, of=5)], SPENT))
    assert [each.submit.request_id for each in file.load(CLOCK).requests][-2:] == [40, 45]
    assert len(file.load(CLOCK).requests) < 5
    file.close()


def test_half_a_surrogate_pair_and_a_far_date_are_kept() -> None:
    odd = message(1)
    odd.key, odd.expires_ns = "k\udc80", 2**70
    assert read(written(odd), TrackedMessage) == odd
