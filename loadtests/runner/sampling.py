"""Writes ``samples.arrow`` once a second: CPU use of each process and the state of each service."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import psutil
from msgspec import Struct

from analysis.records import SAMPLES_SCHEMA, RecordedFault, RowWriter
from loadtests.core_time import MachineUse
from loadtests.recording import LoadStatus, read_status
from loadtests.runner.delivered_count import DeliveredCount
from loadtests.runner.process_meter import ProcessMeter
from loadtests.runner.queries import ServiceState, StateQuery
from loadtests.runner.target_process import NoProcess, target_processes
from loadtests.targets import Target

_LOAD_GAUGES = (
    *("planned", "due", "sent", "accepted", "refused", "failed", "unfinished", "dropped"),
    *("resent", "closed_idle", "in_flight", "in_flight_limit", "offered_per_s"),
    *("lag_p50_ms", "lag_p99_ms", "lag_max_ms", "lag_own_p99_ms"),
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
        self._meters: dict[str, ProcessMeter] = {}
        self._load: psutil.Process | None = None
        self._machine = MachineUse([psutil.Process()])
        self._load_counts_ns = 0  # time of the load's last counts
        self._delivered = DeliveredCount()
        self.faults: tuple[RecordedFault, ...] = ()  # the provider's last answer
        psutil.cpu_percent()  # the first reading has no earlier one to compare with

    def watch(self, name: str, pid: int) -> None:
        """Sample this process. ``load`` is sampled with its children, the Locust workers."""
        try:
            meter = ProcessMeter(pid)
        except psutil.Error:
            return
        self._meters[name] = meter
        self._machine.begin(self._own_processes())
        if name == "load":
            self._load = meter.process

    def watch_target(self, target: Target) -> str:
        """Sample the user's sender: ``target``, and its workers as ``target-<pid>``. Returns an error text,
        "" without an error.
        """
        try:
            pids = target_processes(target)
        except NoProcess as error:
            return f"{target.name} is not sampled: {error}"
        for number, pid in enumerate(pids):
            self.watch(f"target-{pid}" if number else "target", pid)
        return ""

    def _own_processes(self) -> list[psutil.Process]:
        return [psutil.Process(), *(meter.process for meter in self._meters.values())]

    def take(self) -> Snapshot:
        now_ns = time.monotonic_ns()
        self._watch_workers()
        for name, meter in list(self._meters.items()):
            self._process(now_ns, name, meter)
        machine = psutil.cpu_percent()
        self._row(now_ns, "machine", "cpu_percent", machine)
        self._row(now_ns, "machine", "others_percent", 100.0 * self._machine.others_share())
        self._machine.begin(self._own_processes())
        self._row(now_ns, "machine", "memory_percent", psutil.virtual_memory().percent)
        answers = {name: self._state(name, query) for name, query in self._states.items()}
        provider = answers.get("provider")
        if provider is not None:
            self.faults = provider.faults
            self._delivered.answered(time.monotonic_ns(), provider)
        load = read_status(self._run_dir)
        if load.start_ns and load.at_ns != self._load_counts_ns:
            self._load_counts_ns = load.at_ns
            for gauge in _LOAD_GAUGES:
                self._row(load.at_ns, "load", gauge, float(getattr(load, gauge)))
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
        known = {meter.process.pid for meter in self._meters.values()}
        for child in children:
            if child.pid not in known:
                self.watch(f"load-{child.pid}", child.pid)

    def _process(self, now_ns: int, name: str, meter: ProcessMeter) -> None:
        try:
            taken = meter.take()
        except psutil.Error:
            del self._meters[name]
            return
        for gauge, value in taken.items():
            self._row(now_ns, name, gauge, value)

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
