"""The open-model dispatcher: releases each arrival at its intended time, independent of earlier ones.

Each worker has one. It has a bounded set of connections; an arrival that finds all of them in use is dropped
and counted. Each message has three instants: intended, sent, answered. It does not shift the schedule after a
delay: a late message is sent late, and its delay is recorded.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Literal

import gevent
from msgspec import Struct

from loadtests.arrivals import PlannedMessage, Schedule
from loadtests.core_time import CoreWait
from loadtests.recording import LoadRecorder, LoadStatus, StatusPhase
from loadtests.users.adapters import Adapter
from loadtests.users.connection import Connection, connect, no_room, reason_of
from loadtests.users.lateness import Lateness

# Releases in a row before the event loop gets a turn to read replies, when the dispatcher is behind.
_RELEASES_PER_TURN = 32
_WARM_CONNECTIONS = 16
_WARM_ENDS_BEFORE_NS = 10_000_000  # before the first arrival may be due
# A load that is late by no more is on time: what the check of the lag allows for an objective of 10 s.
_ON_TIME_NS = 100_000_000
_OUTCOMES = ("accepted", "refused", "failed", "unfinished")

SendOutcome = Literal["accepted", "refused", "failed", "unfinished"]


class SendJob(Struct, gc=False):
    """One request in flight. ``sent_ns`` is when it was first sent."""

    arrival: int
    message: PlannedMessage
    intended_ns: int
    sent_ns: int


class SendDone(Struct, frozen=True, gc=False):
    """How a request ended. ``ended_ns`` is when its reply was read, or when it timed out."""

    job: SendJob
    outcome: SendOutcome
    reason: str
    ended_ns: int
    length: int = 0  # bytes of the reply's body


class DispatcherSettings(Struct, frozen=True):
    worker: int
    in_flight_limit: int
    start_ns: int  # run's clock: the schedule's zero


class LoadDispatcher:
    """``run`` sends ``arrivals`` of the schedule. ``on_done`` is called at the end of each request and must
    not block.
    """

    def __init__(
        self,
        schedule: Schedule,
        arrivals: Sequence[int],
        adapter: Adapter,
        settings: DispatcherSettings,
        recorder: LoadRecorder,
        on_done: Callable[[SendDone], None],
    ) -> None:
        self._schedule = schedule
        self._arrivals = arrivals
        self._adapter = adapter
        self._settings = settings
        self._recorder = recorder
        self._on_done = on_done
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._opening: dict[int, SendJob] = {}  # by arrival
        self._resent: set[int] = set()  # arrivals whose request may have reached the target
        self._next = 0  # position in arrivals
        self._phase: StatusPhase = "waiting"
        self._end_ns = settings.start_ns
        self._counts = dict.fromkeys((*_OUTCOMES, "dropped", "sent", "resent", "closed_idle"), 0)
        self._lateness = Lateness(CoreWait(os.getpid()))
        self._reported = (settings.start_ns, 0)

    @property
    def in_flight(self) -> int:
        return len(self._busy) + len(self._opening)

    @property
    def finished(self) -> bool:
        return self._phase == "finished"

    def run(self) -> None:
        """Release every arrival in its time, then wait for the answers. Ends early when its greenlet is
        killed.
        """
        self._warm()
        start_ns = self._settings.start_ns
        intended = self._schedule.intended_ns
        in_a_row = 0
        for position, arrival in enumerate(self._arrivals):
            due_ns = start_ns + int(intended[arrival])
            in_a_row += 1
            while (wait_ns := due_ns - (now_ns := time.monotonic_ns())) > 0:
                self._lateness.sample(now_ns)
                gevent.sleep(wait_ns / 1e9)
                in_a_row = 0
            if in_a_row >= _RELEASES_PER_TURN:
                gevent.sleep(0)
                in_a_row = 0
            self._phase = "running"
            self._next = position + 1
            self._end_ns = due_ns
            self._release(arrival, due_ns)
        self._phase = "answering"
        while self.in_flight:
            gevent.sleep(0.01)
        self._phase = "finished"

    def stop(self, timeout_s: float, asked_ns: int | None = None) -> None:
        """Release no further arrivals, wait for requests in flight, and record the rest as unfinished.

        The plan ends at ``asked_ns`` (now, if None), the instant at which the stop was asked for. Arrivals
        that were due by then and not released count as dropped if the load was late. If it was on time, the
        plan ends before them: the stop kept the process from sending them. The greenlet of ``run`` must have
        ended.
        """
        if self.finished:
            return
        now_ns = time.monotonic_ns()
        self._end_plan(now_ns if asked_ns is None else asked_ns, now_ns)
        self._phase = "answering"
        deadline_ns = now_ns + round(timeout_s * 1e9)
        while self.in_flight and time.monotonic_ns() < deadline_ns:
            gevent.sleep(0.01)
        for connection in list(self._busy):
            self._end_busy(connection, "unfinished", "stopped before an answer")
        for job in list(self._opening.values()):
            self._end_opening(job, "unfinished", "stopped before an answer")
        self._phase = "finished"

    def give_up_overdue(self) -> None:
        """Fail requests that have waited longer than the target's timeout, and close connections that were
        idle for as long as the target keeps them. Call it about once a second."""
        now_ns = time.monotonic_ns()
        for connection in [c for c in self._idle if c.outlived(now_ns)]:
            self._idle.remove(connection)
            connection.close()
        oldest_ns = now_ns - round(self._adapter.timeout_s * 1e9)
        for connection in [c for c in self._busy if c.job.sent_ns < oldest_ns]:
            self._end_busy(connection, "failed", "timeout")

    def status(self) -> LoadStatus:
        """The present status; rate and lags are of the time since the last call."""
        now_ns = time.monotonic_ns()
        since_ns, before = self._reported
        due = self._counts["sent"] + self._counts["dropped"]
        self._reported = (now_ns, due)
        lags = self._lateness.since_last()
        return LoadStatus(
            phase=self._phase,
            planned=len(self._arrivals),
            due=due,
            in_flight=self.in_flight,
            offered_per_s=0.0 if self.finished else (due - before) * 1e9 / max(1, now_ns - since_ns),
            in_flight_limit=self._settings.in_flight_limit,
            lag_p50_ms=lags.p50_ms,
            lag_p99_ms=lags.p99_ms,
            lag_max_ms=lags.max_ms,
            lag_own_p99_ms=lags.own_p99_ms,
            start_ns=self._settings.start_ns,
            at_ns=now_ns,
            end_ns=self._end_ns,
            sent=self._counts["sent"],
            accepted=self._counts["accepted"],
            refused=self._counts["refused"],
            failed=self._counts["failed"],
            unfinished=self._counts["unfinished"],
            dropped=self._counts["dropped"],
            resent=self._counts["resent"],
            closed_idle=self._counts["closed_idle"],
        )

    def close(self) -> None:
        for connection in [*self._idle, *self._busy]:
            connection.close()
        self._idle.clear()
        self._busy.clear()
        self._lateness.close()

    def _release(self, arrival: int, due_ns: int) -> None:
        message = self._schedule.message(arrival)
        if self.in_flight >= self._settings.in_flight_limit:
            self._drop(message, due_ns)
            return
        payload = self._adapter.encode(message)
        now_ns = time.monotonic_ns()
        job = SendJob(arrival, message, due_ns, now_ns)
        self._counts["sent"] += 1
        self._lateness.sent(due_ns, now_ns)
        connection = self._take_idle(now_ns)
        if connection is None:
            self._open_for(job, payload)
        else:
            self._start(connection, job, payload, kept=True)

    def _take_idle(self, now_ns: int) -> Connection | None:
        """A connection that can be used again; those that cannot are closed."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.outlived(now_ns):
                if connection.is_open():
                    return connection
                self._counts["closed_idle"] += 1
            connection.close()
        return None

    def _open_for(self, job: SendJob, payload: bytes) -> None:
        self._opening[job.arrival] = job
        gevent.spawn(self._open_and_start, job, payload)

    def _start(self, connection: Connection, job: SendJob, payload: bytes, kept: bool) -> None:
        connection.job = job
        self._busy.add(connection)
        connection.send(payload, kept)

    def _open_and_start(self, job: SendJob, payload: bytes) -> None:
        try:
            sock = connect(self._adapter.endpoint, self._adapter.timeout_s)
        except OSError as error:
            if no_room(error) and job.arrival not in self._resent:
                self._take_back(job)
            else:
                self._end_opening(job, "failed", reason_of(error))
            return
        connection = Connection(sock, self._answered, self._lost)
        if self._opening.pop(job.arrival, None) is None:  # timed out meanwhile
            connection.close()
            return
        self._start(connection, job, payload, kept=False)

    def _warm(self) -> None:
        """Open the first connections before the schedule's zero, so that no arrival waits for them.

        A target with a short listen queue drops some of them, and TCP repeats these after 1 s. They are
        opened while the load runs: an arrival never waits for the warm-up.
        """
        wanted = min(_WARM_CONNECTIONS, self._settings.in_flight_limit)
        opening = [gevent.spawn(self._open_idle) for _ in range(wanted)]
        left_ns = self._settings.start_ns - _WARM_ENDS_BEFORE_NS - time.monotonic_ns()
        gevent.joinall(opening, timeout=max(0.001, left_ns / 1e9))

    def _open_idle(self) -> None:
        try:
            sock = connect(self._adapter.endpoint, self._adapter.timeout_s)
        except OSError:
            return  # the first arrivals get the same error and count it
        connection = Connection(sock, self._answered, self._lost)
        if self.finished:  # the load ended meanwhile, and no one closes it
            connection.close()
        else:
            self._idle.append(connection)

    def _answered(self, connection: Connection, status: int, body: bytes) -> None:
        now_ns = time.monotonic_ns()
        job = connection.job
        connection.job = None
        self._busy.discard(connection)
        if connection.reusable:
            connection.idle_ns = now_ns
            self._idle.append(connection)
        else:
            connection.close()
        judgement = self._adapter.judge(status, body)
        self._record(job, judgement.outcome, now_ns, status)
        self._on_done(SendDone(job, judgement.outcome, judgement.reason, now_ns, len(body)))

    def _lost(self, connection: Connection, reason: str) -> None:
        job = connection.job
        if job is None:
            if connection in self._idle:
                self._counts["closed_idle"] += 1
                self._idle.remove(connection)
                connection.close()
        elif connection.met_close(reason):
            self._send_again(connection, job)
        else:
            self._end_busy(connection, "failed", reason)

    def _send_again(self, connection: Connection, job: SendJob) -> None:
        """Send the request again with the same key on a new connection. An error there is a failure."""
        self._counts["resent"] += 1
        self._resent.add(job.arrival)
        connection.job = None
        self._busy.discard(connection)
        connection.close()
        self._open_for(job, self._adapter.encode(job.message))

    def _end_busy(self, connection: Connection, outcome: SendOutcome, reason: str) -> None:
        job = connection.job
        connection.job = None
        self._busy.discard(connection)
        connection.close()
        self._give_up(job, outcome, reason)

    def _end_opening(self, job: SendJob, outcome: SendOutcome, reason: str) -> None:
        if self._opening.pop(job.arrival, None) is not None:
            self._give_up(job, outcome, reason)

    def _take_back(self, job: SendJob) -> None:
        """It was not sent: that is no failure of the target."""
        if self._opening.pop(job.arrival, None) is not None:
            self._counts["sent"] -= 1
            self._drop(job.message, job.intended_ns)

    def _give_up(self, job: SendJob, outcome: SendOutcome, reason: str) -> None:
        self._record(job, outcome, None, 0, reason)
        self._on_done(SendDone(job, outcome, reason, time.monotonic_ns()))

    def _record(
        self, job: SendJob, outcome: SendOutcome, answered_ns: int | None, status: int, error: str = ""
    ) -> None:
        self._counts[outcome] += 1
        message = job.message
        self._recorder.row(
            (
                message.key,
                message.message_class,
                message.campaign,
                self._settings.worker,
                job.intended_ns,
                job.sent_ns,
                answered_ns,
                outcome,
                status,
                error,
            )
        )

    def _drop(self, message: PlannedMessage, due_ns: int) -> None:
        self._counts["dropped"] += 1
        named = (message.key, message.message_class, message.campaign, self._settings.worker)
        self._recorder.row((*named, due_ns, None, None, "dropped", 0, ""))

    def _end_plan(self, asked_ns: int, now_ns: int) -> None:
        start_ns, intended = self._settings.start_ns, self._schedule.intended_ns
        left = [(start_ns + int(intended[arrival]), arrival) for arrival in self._arrivals[self._next :]]
        end_ns = min(asked_ns, start_ns + self._schedule.plan.duration_ns())
        if left and asked_ns - left[0][0] <= _ON_TIME_NS:
            end_ns = min(end_ns, left[0][0] - 1)
        # Arrivals between the request to stop and the end of the greenlet were sent.
        self._end_ns = max(start_ns, end_ns, self._end_ns)
        for due_ns, arrival in left:
            if due_ns > min(self._end_ns, now_ns):
                return
            self._drop(self._schedule.message(arrival), due_ns)
