"""One worker's load within its Locust process: dispatcher, statistics, recorder and their greenlets."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import gevent
import msgspec
from gevent.event import Event
from gevent.lock import RLock

from loadtests.arrivals import Plan, Schedule
from loadtests.garbage import collect_rarely
from loadtests.recording import LoadRecorder, LoadStatus
from loadtests.users.adapters import Adapter
from loadtests.users.dispatcher import DispatcherSettings, LoadDispatcher
from loadtests.users.in_flight_room import machine_room, worker_limit, worker_share
from loadtests.users.locust_stats import RequestFeed
from loadtests.users.rehearsal import rehearse
from loadtests.users.start_signal import WorkerStart

_log = logging.getLogger(__name__)

STATUS_MESSAGE = "open_model_status"
_FLUSH_S = 0.5
_STATUS_NS = 1_000_000_000


class WorkerLoad:
    """Starts and stops this worker's dispatcher. Reports its status to the master and the run directory."""

    def __init__(self, environment: Any, run_dir: Path | None) -> None:
        self._environment = environment
        self._run_dir = run_dir
        self._worker = 0
        self._recorder: LoadRecorder | None = None
        self._dispatcher: LoadDispatcher | None = None
        self._feed: RequestFeed | None = None
        self._greenlets: list[Any] = []
        self._last_status = LoadStatus()
        self._stopped = Event()
        self._stopped.set()
        self._preparing = RLock()
        self._schedule: Schedule | None = None
        self._planned: tuple[Plan, float] | None = None  # the plan of the schedule, and the target's timeout

    def prepare(self, plan: Plan, adapter: Adapter) -> None:
        """Slow work: the schedule and the warm-up. Done once per process; a start with the same plan reuses
        the schedule.
        """
        with self._preparing:
            if self._schedule is None:
                rehearse(plan.sized_for(adapter.timeout_s), adapter)
            if self._schedule is None or self._planned != (plan, adapter.timeout_s):
                self._schedule = Schedule(plan.sized_for(adapter.timeout_s))
                self._planned = plan, adapter.timeout_s
            collect_rarely()

    def start(self, start: WorkerStart, adapter: Adapter, ordinal: int) -> None:
        """Start the load of the plan that was prepared. ``ordinal`` counts the starts of this process: each
        start has different keys.

        The start is near: nothing here may take long.
        """
        schedule = self._schedule
        if schedule is None:
            raise RuntimeError("start without prepare")
        self._end_greenlets()
        self._worker = start.worker
        if self._recorder is None:
            self._recorder = LoadRecorder(self._run_dir, start.worker)
        if ordinal > 1:
            self._recorder.keep_status(ordinal - 1)
            schedule = schedule.with_key_tag(f"{schedule.plan.key_tag}.{ordinal}")
        self._feed = RequestFeed(self._environment, adapter.name.split(" ")[0])
        self._dispatcher = LoadDispatcher(
            schedule,
            schedule.share(start.worker, start.workers),
            adapter,
            DispatcherSettings(
                start.worker, _in_flight_limit(schedule.plan.in_flight_limit, start), start.start_ns
            ),
            self._recorder,
            self._feed.add,
        )
        self._greenlets = [
            gevent.spawn(self._run_load, self._dispatcher),
            gevent.spawn(self._feed.run),
            gevent.spawn(self._keep_house, self._dispatcher, self._recorder),
        ]

    def refuse(self) -> None:
        """This worker cannot take part: it finishes at once."""
        self._publish_status(LoadStatus(phase="finished"))

    def stop(self, timeout_s: float, asked_ns: int | None = None) -> None:
        """Stop the load if it runs. Requests in flight have ``timeout_s`` to be answered.

        ``asked_ns`` (now, if None): when the stop was asked for. The plan ends then.
        """
        # Locust may call it twice, a signal once more: only one of the calls stops the load.
        if not self._stopped.is_set():
            self._stopped.wait()
            return
        if asked_ns is None:  # ending the greenlets takes time, which must not count as lateness
            asked_ns = time.monotonic_ns()
        dispatcher, self._dispatcher = self._dispatcher, None
        self._stopped.clear()
        try:
            self._end_greenlets()
            if dispatcher is not None:
                dispatcher.stop(timeout_s, asked_ns)
                self._finish(dispatcher)
        finally:
            self._stopped.set()

    def close(self) -> None:
        """Write the remaining rows and the final status. No start follows."""
        if self._recorder is not None:
            self._recorder.close()
            self._recorder.status(msgspec.structs.replace(self._last_status, closed=True))
            self._recorder = None

    def _end_greenlets(self) -> None:
        for greenlet in self._greenlets:
            greenlet.kill(block=True)
        self._greenlets.clear()

    def _run_load(self, dispatcher: LoadDispatcher) -> None:
        dispatcher.run()
        self._finish(dispatcher)

    def _finish(self, dispatcher: LoadDispatcher) -> None:
        status = dispatcher.status()
        dispatcher.close()
        if self._feed is not None:
            self._feed.drain()
        if self._recorder is not None:
            self._recorder.flush()
        self._publish_status(status)
        self._dispatcher = None

    def _keep_house(self, dispatcher: LoadDispatcher, recorder: LoadRecorder) -> None:
        status_written_ns = time.monotonic_ns()
        while self._dispatcher is dispatcher:
            gevent.sleep(_FLUSH_S)
            recorder.flush()
            if recorder.lost:
                gevent.spawn(self.stop, 0.0)  # it ends this greenlet too
                return
            now_ns = time.monotonic_ns()
            if now_ns - status_written_ns >= _STATUS_NS and self._dispatcher is dispatcher:
                status_written_ns = now_ns
                dispatcher.give_up_overdue()
                self._publish_status(dispatcher.status())

    def _publish_status(self, status: LoadStatus) -> None:
        if self._recorder is not None:
            status = msgspec.structs.replace(status, rows_lost=self._recorder.lost)
            self._recorder.status(status)
        self._last_status = status
        data = {"worker": self._worker, "status": msgspec.to_builtins(status)}
        self._environment.runner.send_message(STATUS_MESSAGE, data)


def _in_flight_limit(limit: int, start: WorkerStart) -> int:
    """This worker's part of the plan's limit, or what this machine can hold, if that is less."""
    share = worker_share(limit, start)
    room = machine_room(share)
    found = worker_limit(share, start, room)
    if found < share:
        _log.warning(
            "%d of %d requests at once: this process may have %d connections, this machine %d",
            *(found, share, room.files, room.ports),
        )
    return found
