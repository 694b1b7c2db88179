"""Three senders on one PostgreSQL in the middle of a campaign: one is killed or paused, or the server stops.

Then the provider's journal is compared with the store, row by row. All delivery reports go to a node that
survives, which hands over those of the others.

``make test`` runs 600 messages; SMSBENCH_NODE_MESSAGES=20000 is the full size.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from accept_counts import accepts
from postgres_server import PostgresServer
from started_processes import StartedProcesses, ask, free_port

MESSAGES = int(os.environ.get("SMSBENCH_NODE_MESSAGES", "600"))
DEADLINE_S = 100.0
NODES = 3
LEASE_S = 2
PROVIDER, ADMIN, SENDER = "provider-token", "admin-token", "sender-token"

# Slow enough to kill a node in the middle of many requests.
PROFILE = """
name = "nodes"
[reply]
latency = { kind = "uniform", low_s = 0.05, high_s = 0.15 }
[delivery]
latency = { kind = "fixed", value_s = 0.05 }
[throttle.requests]
rate_per_s = 80.0
burst = 24.0
[[carriers]]
name = "any"
country = "*"
[reports]
max_per_call = 5
linger_s = 0.02
retry_after_s = [0.1, 0.2, 0.5]
give_up_after_s = 600.0
"""
LIMITS = "name=only&requests_per_s=75&requests_burst=12&max_batch=4&max_in_flight=24&timeout_s=60"


class NodesAndProvider:
    """A provider, a store, and several senders."""

    def __init__(self, directory: Path, server: PostgresServer) -> None:
        self.directory = directory
        self.server = server
        self.database = server.without_store()
        self._processes = StartedProcesses(directory)
        self.nodes: dict[str, subprocess.Popen[bytes]] = {}  # by URL
        self.report_port = free_port()

    def start_provider(self) -> None:
        (self.directory / "nodes.toml").write_text(PROFILE)
        self.provider, self._provider = self._processes.start(
            "mock_provider",
            *("--profile", str(self.directory / "nodes.toml"), "--token", PROVIDER, "--admin-token", ADMIN),
            *("--journal", str(self.directory / "provider.arrow")),
        )

    def start_node(self, port: int = 0) -> str:
        route = f"smsapi+http://{PROVIDER}@{self.provider.removeprefix('http://')}?{LIMITS}"
        url, process = self._processes.start(
            "reference_sender",
            *("--port", str(port), "--token", SENDER, "--route", route, "--store", self.database),
            *("--lease", str(LEASE_S), "--public-url", f"http://127.0.0.1:{self.report_port}"),
        )
        self.nodes[url] = process
        return url

    def kill(self, url: str) -> None:
        process = self.nodes.pop(url)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def pause(self, url: str) -> subprocess.Popen[bytes]:
        """Stop the process, which may be resumed by SIGCONT."""
        process = self.nodes.pop(url)
        process.send_signal(signal.SIGSTOP)
        return process

    def close(self) -> None:
        self._processes.close()

    def stop_provider(self) -> None:
        self._provider.terminate()
        assert self._provider.wait(20) == 0

    def states(self) -> dict[str, dict[str, Any]]:
        return {url: ask(f"{url}/v1/state", SENDER) for url in self.nodes}

    def provider_state(self) -> dict[str, Any]:
        return ask(f"{self.provider}/admin/state", ADMIN)

    def stored(self) -> dict[str, str]:
        """State by key."""
        rows = self.server.sql(
            "SELECT m.key, coalesce(p.state, 'queued') FROM smsbench.message m"
            " LEFT JOIN smsbench.progress p ON p.id = m.id"
        )
        return dict(row.split("|") for row in rows)

    def open_messages(self) -> int:
        return int(self.server.sql("SELECT count(*) FROM smsbench.claim")[0])


def until(condition: Callable[[], bool], state: Callable[[], object]) -> None:
    give_up = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up, state()
        time.sleep(0.02)


@pytest.fixture
def rig(tmp_path: Path, postgres: PostgresServer) -> Iterator[NodesAndProvider]:
    rig = NodesAndProvider(tmp_path, postgres)
    yield rig
    rig.close()


def begin(rig: NodesAndProvider, count: int) -> tuple[str, set[str]]:
    """A campaign at one of three nodes, which is in the middle of it; returns its URL and the campaign's
    keys.
    """
    keys = [f"node-{number:05d}" for number in range(count)]
    rows = "\n".join(f"48500{number:06d},{key}" for number, key in enumerate(keys))
    rig.start_provider()
    rig.start_node(rig.report_port)
    first = rig.start_node()
    rig.start_node()
    until(lambda: all(state["gauges"]["share"] > 0.3 for state in rig.states().values()), rig.states)
    campaign = f"{first}/v1/campaigns?message_class=marketing&text=hi"
    assert ask(campaign, SENDER, f"to,key\n{rows}\n".encode())["accepted"] == count
    until(lambda: rig.provider_state()["accepted"] > count // 3, rig.states)
    until(lambda: rig.states()[first]["gauges"]["in_flight"] > 1, rig.states)
    return first, set(keys)


def check_end(rig: NodesAndProvider, keys: set[str]) -> None:
    """Every message is delivered, and the provider accepted each once."""
    until(lambda: rig.open_messages() == 0, rig.states)
    rig.stop_provider()
    accepted = accepts(rig.directory / "provider.arrow")
    assert not sorted(key for key, times in accepted.items() if times > 1), "duplicates"
    assert rig.stored() == dict.fromkeys(keys, "delivered")
    assert set(accepted) == keys


@pytest.mark.timeout(300)
def test_the_death_of_one_of_three_nodes_loses_and_duplicates_nothing(rig: NodesAndProvider) -> None:
    first, keys = begin(rig, MESSAGES)
    at_kill = rig.states()
    rig.kill(first)
    queued = Counter(rig.stored().values())["queued"]
    print(f"at the kill: queued {queued}, of the node {at_kill[first]['gauges']}")
    until(lambda: rig.open_messages() == 0, rig.states)
    assert [state["gauges"]["nodes"] for state in rig.states().values()] == [NODES - 1] * (NODES - 1)
    check_end(rig, keys)
    # The test is only worth its name if every node had work, and the dead one requests in flight and more
    # waiting.
    assert all(state["counters"]["sent"] > 0 for state in at_kill.values())
    assert at_kill[first]["gauges"]["in_flight"] > 1
    assert queued > at_kill[first]["gauges"]["in_flight"]
    assert sum(state["counters"]["recovered"] for state in rig.states().values()) > 0


@pytest.mark.timeout(300)
def test_a_node_that_was_paused_for_longer_than_its_lease_submits_nothing_and_ends(
    rig: NodesAndProvider,
) -> None:
    first, keys = begin(rig, 400)
    paused = rig.pause(first)
    until(lambda: all(state["gauges"]["nodes"] == NODES - 1 for state in rig.states().values()), rig.states)
    assert rig.open_messages() > 0, "there is work that it could do twice"
    paused.send_signal(signal.SIGCONT)
    assert paused.wait(DEADLINE_S) == 70
    assert (
        "the sender's lease failed: it was not renewed in time"
        in (rig.directory / "reference_sender.log").read_text()
    )
    check_end(rig, keys)


def is_healthy(url: str) -> bool:
    try:
        return ask(f"{url}/healthz", "") == {"status": "ok"}
    except HTTPError:
        return False


@contextmanager
def blocked_commits(rig: NodesAndProvider) -> Iterator[None]:
    """Nodes can renew their leases and read reports, and no commit ends."""
    with rig.server.holding("LOCK TABLE smsbench.progress IN EXCLUSIVE MODE"):
        # Nothing shows that a node waits for a commit. It reads the reports that were handed over five times
        # per second, and then waits for one.
        time.sleep(0.7)
        yield


@pytest.mark.timeout(300)
def test_nodes_that_wait_for_a_commit_survive_an_outage_longer_than_the_lease(rig: NodesAndProvider) -> None:
    _, keys = begin(rig, 400)
    with blocked_commits(rig):
        rig.server.stop()
    time.sleep(1.5 * LEASE_S)
    rig.server.start()
    until(lambda: all(state["gauges"]["nodes"] == NODES for state in rig.states().values()), rig.states)
    until(lambda: all(map(is_healthy, rig.nodes)), rig.states)
    check_end(rig, keys)


@pytest.mark.timeout(300)
def test_a_node_paused_while_it_waits_for_a_commit_ends_when_its_lease_is_lost(rig: NodesAndProvider) -> None:
    first, keys = begin(rig, 400)
    with blocked_commits(rig):
        paused = rig.pause(first)
    until(lambda: all(state["gauges"]["nodes"] == NODES - 1 for state in rig.states().values()), rig.states)
    paused.send_signal(signal.SIGCONT)
    assert paused.wait(DEADLINE_S) == 70
    check_end(rig, keys)
