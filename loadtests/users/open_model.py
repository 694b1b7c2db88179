"""The open-model user for Locust: arrivals follow a plan and never wait for replies.

``classes_for`` makes the two classes that Locust looks for in a locustfile. Locust's "users" are then
dispatchers, one for each worker. Only the plan decides the load, so the shape hides Locust's fields for users
and run time.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import msgspec
import psutil
from locust import LoadTestShape, User, constant, events, stats, task
from locust.runners import STATE_MISSING, LocalRunner, MasterRunner, WorkerRunner

from analysis.exit_codes import ExitCode
from loadtests.recording import EXIT_ROWS_LOST, EXIT_WORKER_LOST, WEB_UI_FILE, LoadStatus, combine
from loadtests.scenario import Scenario
from loadtests.users.last_statistics import ANSWER_WITHIN_S, END_MESSAGE, WorkerAnswers, answer
from loadtests.users.options import (
    OptionsError,
    adapter_of,
    add_arguments,
    own_options,
    plan_of,
    require_run_dir,
    with_masters,
)
from loadtests.users.start_guard import STOP_EXTRA_S, StartGuard, guard_starts
from loadtests.users.start_signal import announce, announced_start, local_start
from loadtests.users.stop_instant import StopInstant
from loadtests.users.web_ui_tab import add_tab
from loadtests.users.worker_load import STATUS_MESSAGE, WorkerLoad

_log = logging.getLogger(__name__)

PREPARE_MESSAGE, PREPARED_MESSAGE = "open_model_prepare", "open_model_prepared"
_PREPARED_WITHIN_S = 20.0
_CSV_WRITE_S = 0.1


class OpenModelUser(User):
    """One worker's dispatcher in Locust's count of users. The session sends the load."""

    abstract = True
    wait_time = constant(1)

    @task
    def stand_by(self) -> None:
        """Locust requires a task; arrivals come from the plan."""


class OpenModelShape(LoadTestShape):
    """One "user" per worker for the duration of the plan, then the end of the test."""

    abstract = True
    session: OpenModelSession

    def reset_time(self) -> None:
        """Locust calls it when a test begins: state of the previous test must not end it."""
        untyped: Any = super()
        untyped.reset_time()
        self.session.forget()

    def tick(self) -> tuple[int, float] | None:
        if self.session.finished:
            return None
        workers = self.session.worker_count
        return workers, min(100.0, workers)


class OpenModelSession:
    """Joins a scenario to the Locust process it runs in: local, master or worker."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._statuses: dict[int, LoadStatus] = {}
        self._clients: list[str] = []  # the master's: ids of the workers that share the arrivals
        self._load: WorkerLoad | None = None
        self._environment: Any = None
        self._starts = 0
        self._prepared: set[str] = set()  # the master's: ids of the workers that can start at once
        self._answers: WorkerAnswers | None = None
        self._start_guard = StartGuard()
        self._stop_instant = StopInstant()
        self._end_requested = False
        self._quits = False
        hooks: Any = events
        hooks.init_command_line_parser.add_listener(add_arguments)
        hooks.init.add_listener(self._init)
        hooks.test_start.add_listener(self._test_start)
        hooks.test_stopping.add_listener(self._test_stopping)
        hooks.test_stop.add_listener(self._test_stop)

    @property
    def worker_count(self) -> int:
        return max(1, int(self._environment.runner.worker_count))

    @property
    def finished(self) -> bool:
        if self._end_requested or self._worker_is_lost() or combine(self._statuses.values()).rows_lost:
            return True
        if len(self._statuses) < self.worker_count:
            return False
        return combine(self._statuses.values()).phase == "finished"

    def _worker_is_lost(self) -> bool:
        """No other worker sends the arrivals of a lost worker, so the test ends as failed."""
        return self._failed_without(lambda node: node is None or node.state == STATE_MISSING)

    def _failed_without(self, is_lost: Callable[[Any], bool]) -> bool:
        """Whether there are such workers. The exit code then says that they were lost."""
        known = {client: self._environment.runner.clients.get(client) for client in self._clients}
        lost = ", ".join(client for client, node in known.items() if is_lost(node))
        if lost:
            _log.error("lost worker %s: ending the test", lost)
            self._environment.process_exit_code = EXIT_WORKER_LOST
        return bool(lost)

    def forget(self) -> None:
        self._statuses.clear()

    def _init(self, environment: Any, runner: Any, web_ui: Any, **_: Any) -> None:
        self._environment = environment
        self._stop_instant.watch(runner)
        # The last listener is called first: before Locust's own, which tells the master that a worker quits.
        environment.events.quitting.add_listener(self._quitting)
        if isinstance(runner, WorkerRunner):
            runner.register_message(END_MESSAGE, self._on_end_message, concurrent=True)
            runner.register_message(PREPARE_MESSAGE, self._prepare_worker, concurrent=True)
            return  # its options arrive with the master's messages
        runner.register_message(STATUS_MESSAGE, self._status_arrived)
        runner.register_message(PREPARED_MESSAGE, self._worker_prepared)
        if isinstance(runner, MasterRunner):
            self._answers = WorkerAnswers(runner)
        options = environment.parsed_options
        try:
            plan = plan_of(self._scenario, options)
            require_run_dir(options)
            if web_ui is None:  # in the web UI the user may still enter the host
                adapter_of(environment.host, options)
        except OptionsError as error:
            if isinstance(runner, MasterRunner) and options.processes:
                _kill_forked_workers()
            raise SystemExit(f"{self._scenario.name}: {error}") from error
        options.key_tag = plan.key_tag  # one tag for all workers
        _log.info("%s: seed %d, key tag %s", self._scenario.name, plan.seed, plan.key_tag)
        if web_ui is None:
            # Locust handles SIGTERM only after a headless shape has ended.
            gevent.signal_handler(signal.SIGTERM, self._end)
        else:
            add_tab(web_ui, lambda: self._statuses)
            limit_s = environment.stop_timeout + STOP_EXTRA_S
            guard_starts(web_ui, lambda: self._start_guard.refused_because(environment), limit_s)
            if options.run_dir:
                gevent.spawn(_write_web_ui_url, web_ui, Path(options.run_dir))

    def _prepare_worker(self, environment: Any, msg: Any, **_: Any) -> None:
        """Do slow work before the master sets the start. The start itself reports an error."""
        options = with_masters(environment.parsed_options, msg.data["options"])
        try:
            adapter = adapter_of(msg.data["host"], options)
            self._worker_load(options).prepare(plan_of(self._scenario, options), adapter)
        except (OptionsError, OSError) as error:
            _log.debug("not prepared: %s", error)
        environment.runner.send_message(PREPARED_MESSAGE, None)

    def _worker_prepared(self, environment: Any, msg: Any, **_: Any) -> None:
        self._prepared.add(msg.node_id)

    def _prepare_workers(self) -> None:
        """The master waits for its workers, so that they can all keep the start. A worker on another machine
        has none of the options.
        """
        self._prepared.clear()
        environment = self._environment
        data = {"host": environment.host, "options": own_options(environment.parsed_options)}
        for client in self._clients:
            environment.runner.send_message(PREPARE_MESSAGE, data, client)
        with gevent.Timeout(_PREPARED_WITHIN_S, False):
            while not self._prepared.issuperset(self._clients):
                gevent.sleep(0.02)

    def _worker_load(self, options: Any) -> WorkerLoad:
        if self._load is None:
            self._load = WorkerLoad(self._environment, Path(options.run_dir) if options.run_dir else None)
        return self._load

    def _test_start(self, environment: Any, **_: Any) -> None:
        self._statuses.clear()
        self._stop_instant.forget()
        self._starts += 1
        runner = environment.runner
        options = environment.parsed_options
        if isinstance(runner, MasterRunner):
            active = runner.clients.ready + runner.clients.running + runner.clients.spawning
            self._clients = [client.id for client in active]
            assert self._answers is not None
            self._answers.forget()
            self._prepare_workers()
            announce(options, self._clients)
            return
        load = self._worker_load(options)
        try:
            adapter, plan = adapter_of(environment.host, options), plan_of(self._scenario, options)
            load.prepare(plan, adapter)
            distributed = isinstance(runner, WorkerRunner)
            start = announced_start(options, runner.client_id) if distributed else local_start()
            load.start(start, adapter, self._starts)
        except (OptionsError, LookupError, OSError) as error:  # OSError: of this machine's --run-dir
            _log.error("%s: %s", self._scenario.name, error)
            environment.process_exit_code = ExitCode.USAGE
            load.refuse()

    def _end(self) -> None:
        self._stop_load()
        self._end_requested = True

    def _stop_load(self) -> None:
        if self._load is not None:
            self._load.stop(self._environment.stop_timeout, self._stop_instant.asked_ns)

    def _test_stopping(self, environment: Any, **_: Any) -> None:
        self._start_guard.stop_begins()
        # Locust stops the test by itself, as if it were whole, when it hears nothing of its last worker.
        self._failed_without(_is_missing)
        self._stop_load()
        self._answer()

    def _collect_statistics(self, answers: WorkerAnswers) -> None:
        within_s = self._environment.stop_timeout + ANSWER_WITHIN_S
        if late := ", ".join(answers.collect(self._clients, STATE_MISSING, within_s)):
            _log.warning(
                "no last statistics of worker %s: Locust's tables and files do not have its last requests",
                late,
            )
            self._failed_without(_is_missing)

    def _on_end_message(self, environment: Any, **_: Any) -> None:
        self._stop_load()
        self._answer()

    def _answer(self) -> None:
        if isinstance(self._environment.runner, WorkerRunner) and not self._quits:
            answer(self._environment)

    def _test_stop(self, environment: Any, **_: Any) -> None:
        # The shape no longer asks for a tick, so a worker that quits now is not taken for lost.
        if self._answers is not None:
            self._collect_statistics(self._answers)
        self._clients = []  # a worker may leave between two tests
        if isinstance(environment.runner, WorkerRunner):
            # Locust's worker now sleeps for this long before it reports ready. The load has stopped already,
            # and the next start sets the value again.
            environment.stop_timeout = 0.0
        self._start_guard.stop_ends()

    def _quitting(self, environment: Any, **_: Any) -> None:
        self._stop_load()
        if self._load is not None:
            self._load.close()
        if isinstance(environment.runner, LocalRunner) and environment.parsed_options.csv_prefix:
            # Locust writes its CSV files at this interval, not at its end. Its master ends 2 s later anyway.
            gevent.sleep(stats.CSV_STATS_INTERVAL_SEC + _CSV_WRITE_S)
        self._answer()
        self._quits = True

    def _status_arrived(self, environment: Any, msg: Any, **_: Any) -> None:
        worker, status = msg.data["worker"], msgspec.convert(msg.data["status"], LoadStatus)
        if status.rows_lost:
            _log.error("worker %d: %s: ending the test", worker, status.rows_lost)
            self._environment.process_exit_code = EXIT_ROWS_LOST
        self._statuses[worker] = status


def classes_for(scenario: Scenario) -> tuple[type[OpenModelUser], type[OpenModelShape]]:
    """The classes of a locustfile that runs ``scenario``. Registers the session's event handlers."""
    own = OpenModelSession(scenario)

    class OpenModel(OpenModelUser):
        """One dispatcher for each worker."""

    class OpenModelLoad(OpenModelShape):
        session = own

    return OpenModel, OpenModelLoad


def _is_missing(node: Any) -> bool:
    """A worker that has left is not missing: the same Ctrl-C may have stopped it."""
    return node is not None and node.state == STATE_MISSING


def _kill_forked_workers() -> None:
    """Locust forks the workers of ``--processes`` first; without a master they would wait forever."""
    for child in psutil.Process().children():
        child.kill()


def _write_web_ui_url(web_ui: Any, run_dir: Path) -> None:
    """Write the web UI's URL once it listens: with port 0 the system has chosen it."""
    while web_ui.server is None or not web_ui.server.started:
        gevent.sleep(0.05)
    (run_dir / WEB_UI_FILE).write_text(f"http://{web_ui.host or '127.0.0.1'}:{web_ui.server.server_port}/")
