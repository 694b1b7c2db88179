"""The load does not wait for connections that a target is slow to take."""

from __future__ import annotations

import socket
import time

from nanoseconds import S

from loadtests.arrivals import Constant, Mix, Plan, PlannedMessage, Schedule, Stream
from loadtests.recording import LoadRecorder
from loadtests.users.adapters import Endpoint, Judgement, TargetRequest
from loadtests.users.dispatcher import DispatcherSettings, LoadDispatcher

LEAD_NS = 300_000_000


class Unused:
    """The adapter of a target that no message is sent to."""

    name = "unused"
    timeout_s = 5.0

    def __init__(self, port: int) -> None:
        self.endpoint = Endpoint("127.0.0.1", port)

    def request(self, message: PlannedMessage) -> TargetRequest:
        raise AssertionError("no message is sent")

    def encode(self, message: PlannedMessage) -> bytes:
        raise AssertionError("no message is sent")

    def judge(self, status: int, body: bytes) -> Judgement:
        raise AssertionError("no message is sent")


def test_the_load_begins_although_a_short_listen_queue_delays_connections() -> None:
    """A full listen queue drops a connection's first packet, and TCP repeats it after 1 s."""
    stream = Stream(Constant(1.0, 1.0), mix=Mix(1.0, 0.0, 0.0), campaign="")
    schedule = Schedule(Plan(streams=(stream,), seed=1, key_tag="warm", in_flight_limit=64))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)  # nobody accepts: two connections fit
        start_ns = time.monotonic_ns() + LEAD_NS
        dispatcher = LoadDispatcher(
            schedule,
            (),
            Unused(listener.getsockname()[1]),
            DispatcherSettings(0, 64, start_ns),
            LoadRecorder(None, 0),
            lambda done: None,
        )
        dispatcher.run()
        ended_ns = time.monotonic_ns()
        dispatcher.close()
    assert dispatcher.finished
    # Before TCP's repeat: the warm-up ended with the lead of 0.3 s, and not with the connections.
    assert ended_ns - (start_ns - LEAD_NS) < 1 * S
