"""kill -9 a sender with two routes while both have requests on their way, and start it again with the routes
in the other order: each provider's journal against the store, row by row.

``make test`` runs 600 messages and 3 kills; SMSBENCH_KILL_MESSAGES=2000 SMSBENCH_KILLS=5 is the full size.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from accept_counts import accepts
from started_processes import StartedProcess, StartedProcesses, ask, free_port
from store_and_journals import accepted_messages, differences, stored_messages

MESSAGES = int(os.environ.get("SMSBENCH_KILL_MESSAGES", "600"))
KILLS = int(os.environ.get("SMSBENCH_KILLS", "3"))
DEADLINE_S = 100.0
ROUTES = ("east", "west")
PROVIDER, ADMIN, SENDER = "provider-token", "admin-token", "sender-token"

# Slow enough to be killed in the middle of many requests; its burst is less than the sender has in flight, so
# it throttles, and what one route refused the other gets.
PROFILE = """
name = "kill"
[reply]
latency = { kind = "uniform", low_s = 0.02, high_s = 0.08 }
[delivery]
latency = { kind = "fixed", value_s = 0.05 }
[throttle.requests]
rate_per_s = 60.0
burst = 3.0
[[carriers]]
name = "any"
country = "*"
[reports]
max_per_call = 5
linger_s = 0.02
retry_after_s = [0.1, 0.2, 0.5]
give_up_after_s = 600.0
"""


class SenderWithTwoRoutes:
    """Two providers, and a sender that can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = directory / "sender.db"
        self._processes = StartedProcesses(directory)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (directory / "kill.toml").write_text(PROFILE)
        self.providers: dict[str, str] = {}
        self._providers: list[subprocess.Popen[bytes]] = []

    def start_providers(self) -> None:
        for name in ROUTES:
            self.providers[name], process = self._start_provider(name)
            self._providers.append(process)

    def _start_provider(self, name: str) -> StartedProcess:
        return self._processes.start(
            "mock_provider",
            *("--profile", str(self.directory / "kill.toml"), "--token", PROVIDER, "--admin-token", ADMIN),
            *("--journal", str(self.directory / f"{name}.arrow")),
        )

    def start_sender(self, names: tuple[str, ...]) -> None:
        routes = []
        for name in names:
            address = self.providers[name].removeprefix("http://")
            limits = "requests_per_s=80&max_batch=4&max_in_flight=6&timeout_s=60"
            routes += ["--route", f"smsapi+http://{PROVIDER}@{address}?name={name}&{limits}"]
        _, self.sender = self._processes.start(
            "reference_sender",
            *("--port", str(self.port), "--token", SENDER, "--store", f"sqlite:///{self.store}", *routes),
        )

    def kill_sender(self) -> None:
        self.sender.send_signal(signal.SIGKILL)
        self.sender.wait(10)

    def hold_sender(self) -> None:
        """Stop it where it is, so that what a test reads is still so when the test kills it."""
        self.sender.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.sender.pid, os.WSTOPPED)

    def unknown_and_queued(self) -> tuple[int, int]:
        """Messages that the providers have and the store does not know yet, and those that wait."""
        stored = Counter(self.stored().values())
        return self.accepted() - sum(stored.values()) + stored["queued"], stored["queued"]

    def stop_providers(self) -> None:
        for process in self._providers:
            process.terminate()
            assert process.wait(20) == 0

    def close(self) -> None:
        self._processes.close()

    def sender_state(self) -> dict[str, Any]:
        return ask(f"{self.url}/v1/state", SENDER)

    def provider_states(self) -> dict[str, dict[str, Any]]:
        return {name: ask(f"{url}/admin/state", ADMIN) for name, url in self.providers.items()}

    def accepted(self) -> int:
        return sum(state["accepted"] for state in self.provider_states().values())

    def stored(self) -> dict[str, str]:
        """State by key as the store has it; from a copy, for the sender's own files are left alone."""
        copy = self.directory / "copy.db"
        for suffix in ("", "-wal"):
            source = self.store.with_name(self.store.name + suffix)
            copy.with_name(copy.name + suffix).write_bytes(source.read_bytes() if source.exists() else b"")
        copy.with_name(copy.name + "-shm").unlink(missing_ok=True)
        connection = sqlite3.connect(copy)
        rows = connection.execute(
            "SELECT m.key, coalesce(p.state, 'queued') FROM message m LEFT JOIN progress p ON p.id = m.id"
        )
        states = dict(rows.fetchall())
        connection.close()
        return states


def until(condition: Callable[[], bool], state: Callable[[], object]) -> None:
    give_up = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up, state()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[SenderWithTwoRoutes]:
    rig = SenderWithTwoRoutes(tmp_path)
    yield rig
    rig.close()


@pytest.mark.timeout(300)
def test_no_kill_duplicates_or_loses_a_message_between_two_routes(rig: SenderWithTwoRoutes) -> None:
    keys = [f"two-{number:05d}" for number in range(MESSAGES)]
    rows = "\n".join(f"48500{number:06d},{key}" for number, key in enumerate(keys))
    rig.start_providers()
    rig.start_sender(ROUTES)
    taken = ask(
        f"{rig.url}/v1/campaigns?message_class=marketing&text=hi", SENDER, f"to,key\n{rows}\n".encode()
    )
    assert taken["accepted"] == MESSAGES

    in_flight, queued, throttled, throttles = [], [], 0, 0
    for kill in range(1, KILLS + 1):

        def held_at_work(due: int = MESSAGES * kill // (KILLS + 2)) -> bool:
            nonlocal throttles
            routes = rig.sender_state()["routes"]
            if rig.accepted() < due or sum(route["in_flight"] for route in routes) <= 1:
                return False
            throttles = sum(route["throttles"] for route in routes)
            rig.hold_sender()
            unknown, waiting = rig.unknown_and_queued()
            if unknown and waiting:
                return True
            rig.sender.send_signal(signal.SIGCONT)
            return False

        until(held_at_work, rig.sender_state)
        throttled += throttles
        rig.kill_sender()
        found = rig.unknown_and_queued()
        in_flight.append(found[0])
        queued.append(found[1])
        rig.start_sender(ROUTES if kill % 2 == 0 else ROUTES[::-1])
    print(f"at the kills: accepted and not known {in_flight}, queued {queued}")

    until(lambda: rig.sender_state()["open"] == 0, rig.sender_state)
    until(lambda: all(state["open"] == 0 for state in rig.provider_states().values()), rig.provider_states)
    throttled += sum(route["throttles"] for route in rig.sender_state()["routes"])
    rig.stop_providers()

    journals = {name: accepts(rig.directory / f"{name}.arrow") for name in ROUTES}
    total = sum(journals.values(), Counter())
    duplicated = sorted(key for key, count in total.items() if count > 1)
    print(
        f"duplicated {len(duplicated)}, by route { {name: len(found) for name, found in journals.items()} }"
    )
    assert not duplicated
    accepted = accepted_messages(rig.directory / f"{name}.arrow" for name in ROUTES)
    assert not list(differences(keys, stored_messages(rig.store), accepted))
    # The test is only worth its name if there was something to duplicate, and to lose.
    assert min(in_flight) > 0
    assert min(queued) > 0
    assert all(journals.values())
    assert throttled > 0
