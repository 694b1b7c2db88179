"""Once a second: what each process costs and what each service says of itself, into ``samples.arrow``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import psutil
from msgspec import Struct

from analysis.records import SAMPLES_SCHEMA, FaultSpan, RowWriter
from loadtests.recording import LoadStatus, read_status
from loadtests.running.delivered import DeliveredCount
from loadtests.running.queries import ServiceState, StateQuery

_LOAD_GAUGES = (
    *("planned", "due", "sent", "accepted", "refused", "failed", "unfinished", "dropped"),
    *("resent", "closed_idle", "in_flight", "offered_per_s", "lag_p50_ms", "lag_p99_ms", "lag_max_ms"),
)


class Snapshot(Struct, frozen=True):
    """One second's view of the whole run. None: no such service, or it gave no answer."""

    load: LoadStatus
    provider: ServiceState | None
    sender: ServiceState | None
    machine_cpu_percent: float
    delivered: int | None = None  # of this load, at the instant of its counts


class Sampler:
    """Call ``take`` about once a second, ``close`` at the end."""

    def __init__(self, run_dir: Path, states: Mapping[str, StateQuery]) -> None:
        self._run_dir = run_dir
        self._states = states
        self._rows = RowWriter(run_dir / "samples.arrow", SAMPLES_SCHEMA)
        self._processes: dict[str, psutil.Process] = {}
        self._load: psutil.Process | None = None
        self._delivered = DeliveredCount()
        self.faults: tuple[FaultSpan, ...] = ()  # as the provider told last
        psutil.cpu_percent()  # the first reading has nothing to compare with

    def watch(self, name: str, pid: int) -> None:
        """Sample this process. ``load`` is watched with its children, the Locust workers."""
        try:
            process = psutil.Process(pid)
            process.cpu_percent()
        except psutil.NoSuchProcess:
            return
        self._processes[name] = process
        if name == "load":
            self._load = process

    def take(self) -> Snapshot:
        now_ns = time.monotonic_ns()
        self._watch_workers()
        for name, process in list(self._processes.items()):
            self._process(now_ns, name, process)
        machine = psutil.cpu_percent()
        self._row(now_ns, "machine", "cpu_percent", machine)
        self._row(now_ns, "machine", "memory_percent", psutil.virtual_memory().percent)
        answers = {name: self._state(name, query) for name, query in self._states.items()}
        provider = answers.get("provider")
        if provider is not None:
            self.faults = provider.faults
            self._delivered.answered(time.monotonic_ns(), provider)
        load = read_status(self._run_dir)
        if load.start_ns:
            for gauge in _LOAD_GAUGES:
                self._row(now_ns, "load", gauge, float(getattr(load, gauge)))
        self._rows.flush()
        delivered = self._delivered.of(load, time.monotonic_ns())
        return Snapshot(load, provider, answers.get("sender"), machine, delivered)

    def close(self) -> None:
        self._rows.close()

    def _row(self, t_ns: int, process: str, name: str, value: float) -> None:
        self._rows.append((t_ns, process, name, value))

    def _watch_workers(self) -> None:
        if self._load is None:
            return
        try:
            children = self._load.children()
        except psutil.NoSuchProcess:
            return
        known = {process.pid for process in self._processes.values()}
        for child in children:
            if child.pid not in known:
                self.watch(f"load-{child.pid}", child.pid)

    def _process(self, now_ns: int, name: str, process: psutil.Process) -> None:
        try:
            with process.oneshot():
                cpu_percent, rss_bytes = process.cpu_percent(), process.memory_info().rss
        except psutil.Error:
            del self._processes[name]
            return
        self._row(now_ns, name, "cpu_percent", cpu_percent)
        self._row(now_ns, name, "rss_bytes", float(rss_bytes))

    def _state(self, name: str, query: StateQuery) -> ServiceState | None:
        state = query.ask()
        if state is None:
            return None
        now_ns = time.monotonic_ns()
        for gauge, value in state.gauges.items():
            self._row(now_ns, name, gauge, float(value))
        self._row(now_ns, name, "open", float(state.open))
        for counter, value in state.counters.items():
            if value:
                self._row(now_ns, name, f"count_{counter}", float(value))
        return state
