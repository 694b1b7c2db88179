"""How many requests a worker can hold: files of its process, local ports of its machine."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from loadtests.users import in_flight_room
from loadtests.users.in_flight_room import ConnectionRoom, machine_room, worker_limit, worker_share
from loadtests.users.start_signal import WorkerStart


def test_the_soft_limit_of_files_is_raised_as_far_as_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(256, 30_000)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: limits.append(wanted))
    assert machine_room(12_000).files == 12_000
    assert limits[-1] == (12_128, 30_000)
    assert machine_room(50_000).files == 30_000 - 128
    assert limits[-1] == (30_000, 30_000)


def test_a_system_that_does_not_raise_the_limit_leaves_the_present_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: int, wanted: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert machine_room(12_000).files == 1_024 - 128


def test_the_ports_are_those_of_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ports = tmp_path / "ip_local_port_range"
    monkeypatch.setattr(in_flight_room, "PORT_RANGE", ports)
    assert machine_room(64).ports == 16_384 - 4_000
    ports.write_text("32768\t60999\n")
    assert machine_room(64).ports == 28_232 - 4_000


@pytest.mark.parametrize(
    ("workers", "files", "ports", "expected"),
    [
        (1, 50_000, 24_000, 12_000),  # what the load needs
        (1, 9_000, 24_000, 9_000),
        (1, 50_000, 7_000, 7_000),
        (2, 50_000, 7_000, 3_500),  # workers of one machine share its ports
        (2, 5_000, 24_000, 5_000),  # and each has its own files
    ],
)
def test_a_worker_has_its_share_of_the_limit_or_what_it_can_hold(
    workers: int, files: int, ports: int, expected: int
) -> None:
    start = WorkerStart(0, 0, workers)
    assert worker_limit(worker_share(12_000, start), start, ConnectionRoom(files, ports)) == expected


def test_the_shares_add_up_to_the_limit() -> None:
    assert [worker_share(11, WorkerStart(0, worker, 3)) for worker in range(3)] == [4, 4, 3]
    assert worker_share(1, WorkerStart(0, 2, 3)) == 1
