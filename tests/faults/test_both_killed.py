"""kill -9 the sender and the provider in mid-work, the provider with --state: store and journals, row by row.

``make test`` runs 600 messages; the full size is SMSBENCH_KILL_MESSAGES=50000 SMSBENCH_KILLS=20
SMSBENCH_PROVIDER_KILLS=5. Each kill is asserted to meet messages in flight and in the queue.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from started_processes import StartedProcesses, ask, free_port
from store_and_journals import Journaled, Stored, accepted_messages, differences, stored_messages

MESSAGES = int(os.environ.get("SMSBENCH_KILL_MESSAGES", "600"))
KILLS = int(os.environ.get("SMSBENCH_KILLS", "2"))
PROVIDER_KILLS = int(os.environ.get("SMSBENCH_PROVIDER_KILLS", "1"))
RATE = float(os.environ.get("SMSBENCH_KILL_RATE", "60"))  # requests per second at the provider
DEADLINE_S = 100.0
PROVIDER, ADMIN, SENDER = "provider-token", "admin-token", "sender-token"
PROFILE = f"""
name = "kill"
[reply]
latency = {{ kind = "uniform", low_s = 0.02, high_s = 0.08 }}
[delivery]
latency = {{ kind = "uniform", low_s = 0.02, high_s = 0.3 }}
[throttle.requests]
rate_per_s = {RATE}
burst = 3
[[carriers]]
name = "any"
country = "*"
[reports]
max_per_call = 5
linger_s = 0.02
retry_after_s = [0.1, 0.2, 0.5]
give_up_after_s = 600.0
"""


class SenderAndProvider:
    """A sender and a provider, each of which can be killed and started again at its address."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = directory / "sender.db"
        self.journals: list[Path] = []
        self._processes = StartedProcesses(directory)
        (directory / "kill.toml").write_text(PROFILE)
        self.provider_port, self.sender_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.sender_port}"
        self.provider_url = f"http://127.0.0.1:{self.provider_port}"

    def start_provider(self) -> None:
        self.journals.append(self.directory / f"provider-{len(self.journals)}.arrow")
        _, self.provider = self._processes.start(
            "mock_provider",
            *("--profile", str(self.directory / "kill.toml"), "--token", PROVIDER, "--admin-token", ADMIN),
            *("--port", str(self.provider_port), "--state", str(self.directory / "provider.db")),
            *("--journal", str(self.journals[-1])),
        )

    def start_sender(self) -> None:
        route = f"smsapi+http://{PROVIDER}@127.0.0.1:{self.provider_port}"
        limits = f"requests_per_s={RATE * 1.3:g}&max_batch=4&max_in_flight=8&timeout_s=5"
        _, self.sender = self._processes.start(
            "reference_sender",
            *("--port", str(self.sender_port), "--token", SENDER, "--store", f"sqlite:///{self.store}"),
            *("--route", f"{route}?{limits}"),
        )

    def sender_state(self) -> dict[str, Any]:
        return ask(f"{self.url}/v1/state", SENDER)

    def provider_state(self) -> dict[str, Any]:
        return ask(f"{self.provider_url}/admin/state", ADMIN)

    def at_work(self) -> dict[str, int]:
        """What is in flight now. Each value is above 0 in mid-work."""
        gauges, provider = self.sender_state()["gauges"], self.provider_state()
        return {
            "in_flight": int(gauges["in_flight_messages"]),
            "queued": int(gauges["queue_marketing"]),
            "replies_waiting": int(provider["gauges"]["pending_replies"]),
            "accepted": int(provider["accepted"]),
        }

    def close(self) -> None:
        self._processes.close()


def until(condition: Callable[[], bool], state: Callable[[], object]) -> None:
    """Wait; the deadline begins again whenever the state changes."""
    seen, give_up = state(), time.monotonic() + DEADLINE_S
    while not condition():
        if (now := state()) != seen:
            seen, give_up = now, time.monotonic() + DEADLINE_S
        assert time.monotonic() < give_up, seen
        time.sleep(0.02)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[SenderAndProvider]:
    rig = SenderAndProvider(tmp_path)
    yield rig
    rig.close()


def met_at_work(rig: SenderAndProvider, due: int) -> dict[str, int]:
    """What was in flight when the provider had accepted ``due`` messages and nothing stood still."""
    seen: dict[str, int] = {}

    def in_mid_work() -> bool:
        seen.update(rig.at_work())
        return seen["accepted"] >= due and min(seen.values()) > 0

    until(in_mid_work, seen.copy)
    return seen


def kill(rig: SenderAndProvider, victim: str) -> None:
    process = rig.sender if victim == "sender" else rig.provider
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    (rig.start_sender if victim == "sender" else rig.start_provider)()


@pytest.mark.timeout(1_800)
def test_kills_of_sender_and_provider_lose_and_duplicate_nothing(rig: SenderAndProvider) -> None:
    keys = [f"both-{number:05d}" for number in range(MESSAGES)]
    csv = "\n".join(f"48500{number:06d},{key}" for number, key in enumerate(keys))
    rig.start_provider()
    rig.start_sender()
    posted = f"{rig.url}/v1/campaigns?message_class=marketing&text=hi"
    assert ask(posted, SENDER, f"to,key\n{csv}\n".encode())["accepted"] == MESSAGES

    drawn = random.Random(10)
    victims = ["sender"] * KILLS + ["provider"] * PROVIDER_KILLS
    drawn.shuffle(victims)
    moments = sorted(drawn.randrange(MESSAGES // 20, MESSAGES * 4 // 5) for _ in victims)
    met: list[tuple[str, dict[str, int]]] = []
    for victim, moment in zip(victims, moments, strict=True):
        work = met_at_work(rig, moment)
        kill(rig, victim)
        met.append((victim, work))
    for number, (victim, work) in enumerate(met, 1):
        print(f"kill {number}: {victim}, {work}")

    until(lambda: rig.sender_state()["open"] == 0, lambda: rig.sender_state()["open"])
    until(lambda: rig.provider_state()["open"] == 0, lambda: rig.provider_state()["open"])
    for process in (rig.sender, rig.provider):
        process.terminate()
        assert process.wait(30) == 0
    stored, accepted = stored_messages(rig.store), accepted_messages(rig.journals)
    lost = len(set(keys) - accepted.keys())
    duplicated = sum(len(ids) > 1 for ids in accepted.values())
    stuck = sum(message.state != "delivered" for message in stored.values())
    print(f"lost {lost}, duplicates {duplicated}, stuck {stuck}")
    assert not list(differences(keys, stored, accepted))
    # A kill of an idle process would show nothing.
    assert all(min(work.values()) > 0 for _, work in met), met
    assert len(rig.journals) == PROVIDER_KILLS + 1


@pytest.mark.parametrize(
    ("stored", "accepted", "found"),
    [
        ({}, {"x": Journaled("delivered", 1)}, "k: not in the store"),
        ({"k": Stored("sent", "x", 1)}, {"x": Journaled("delivered", 1)}, "the store has"),
        ({"k": Stored("delivered", "x", 0)}, {"x": Journaled("delivered", 1)}, "the store has"),
        ({"k": Stored("delivered", "y", 1)}, {"x": Journaled("delivered", 1)}, "provider id y in the store"),
        ({"k": Stored("delivered", None, 1)}, {"x": Journaled("delivered", 1)}, "provider id None in"),
        ({"k": Stored("delivered", "x", 1)}, {}, "provider ids []"),
        ({"k": Stored("delivered", "x", 1)}, {"x": Journaled("open", 1)}, "the journals have"),
        ({"k": Stored("delivered", "x", 1)}, {"x": Journaled("delivered", 2)}, "the journals have"),
    ],
)
def test_a_difference_in_one_row_is_found(
    stored: dict[str, Stored], accepted: dict[str, Journaled], found: str
) -> None:
    """Of one message of two: the other is the same in the store and the journals."""
    same, row = Stored("delivered", "s", 1), {"s": Journaled("delivered", 1)}
    assert not list(differences(["same"], {"same": same}, {"same": row}))
    (difference,) = differences(["k", "same"], stored | {"same": same}, {"k": accepted, "same": row})
    assert found in difference


def test_a_message_that_the_provider_has_under_two_ids_and_one_of_nobody_are_found() -> None:
    row = Journaled("delivered", 1)
    stored = {"k": Stored("delivered", "x", 2)}
    found = list(differences(["k"], stored, {"k": {"x": row, "y": row}, "other": {"z": row}}))
    assert "k: the journals have the provider ids ['x', 'y']" in found
    assert "other: was not acknowledged" in found
