"""One run from start to end: processes, load, drain, records. Its run directory is complete in every case."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from analysis import records
from loadtests.arrivals import NS_PER_S, Plan, key_tag_of, plan_to_json
from loadtests.recording import (
    EXIT_WORKER_LOST,
    WEB_UI_FILE,
    LoadStatus,
    combine,
    join_rows,
    read_rounds,
    read_status,
    read_statuses,
)
from loadtests.runner import manifest as manifests
from loadtests.runner import queries
from loadtests.runner.after_load import await_the_rest
from loadtests.runner.child_process import ending_text
from loadtests.runner.drain import Drain
from loadtests.runner.drain_verdicts import DrainVerdicts
from loadtests.runner.expected_arrivals import arrivals_due
from loadtests.runner.interruption import Aborted, Interruption
from loadtests.runner.load_phase import LoadPhase
from loadtests.runner.locust_process import STOP_TIMEOUT_S, load_environment, locust_service
from loadtests.runner.own_journal import copy_journal
from loadtests.runner.own_provider import OwnProvider
from loadtests.runner.probe import ProbeStopped
from loadtests.runner.probing import probe_target
from loadtests.runner.progress import Progress
from loadtests.runner.rounds import split_rounds, stopped_early
from loadtests.runner.run_directory import lost_directory, takes_records
from loadtests.runner.sampling import Sampler, Snapshot
from loadtests.runner.service_process import READY_WITHIN_S, ServiceError, ServiceProcess
from loadtests.runner.settings import RunSettings
from loadtests.runner.testbed import (
    JOURNAL,
    STORE,
    LoadTestbed,
    provider_scale,
    provider_seed,
    start_testbed,
)
from loadtests.scenario import Part, Scenario

_TICK_S = 1.0
ANSWER_S = 30.0  # time limit of the reference sender's adapter for an answer
STOP_AT_ONCE_S = 3.0
_PIECES = ("load-*.json", "round-*.json", "load-*.partial", WEB_UI_FILE)


class PartRun:
    """Runs one part of a scenario into ``run_dir``. The wait for open messages ends if ``enough`` is true for
    a snapshot.
    """

    def __init__(
        self,
        scenario: Scenario,
        part: Part,
        run_dir: Path,
        settings: RunSettings,
        progress: Progress,
        interruption: Interruption,
        enough: Callable[[Snapshot], bool] = lambda snapshot: False,
    ) -> None:
        self._enough = enough
        self._scenario = scenario
        self._part = part
        self._run_dir = run_dir
        self._settings = settings
        self._progress = progress
        self._interruption = interruption
        self._testbed = LoadTestbed([], {}, [], {})
        self._own_provider = OwnProvider(settings.target)
        self._plan = _plan(part, settings)
        self._started = manifests.instant()
        self._drain_timeout_s = (
            part.drain_timeout_s if settings.drain_timeout_s is None else settings.drain_timeout_s
        )
        self._locust: ServiceProcess | None = None
        self._accepted_before = 0  # messages that the provider had accepted before the load
        self._announced_start_ns = 0  # start of the load whose end was announced
        self._finished = False  # the load ended by itself
        self._faults: tuple[records.RecordedFault, ...] = ()
        self._instrument_failures: list[records.InstrumentFailure] = []

    def run(self) -> records.Manifest:
        """Returns the manifest as written. Raises ``Aborted`` and ``ProbeStopped``; no process is left
        running.
        """
        self._run_dir.mkdir(parents=True, exist_ok=True)
        (self._run_dir / "plan.json").write_bytes(plan_to_json(self._plan))
        self.write_manifest("error: the run did not finish", {})
        try:
            return self._conclude(self._run_and_stop())
        except ProbeStopped as stopped:
            self._stop_at_once()
            self._conclude(f"error: {stopped}")
            raise
        except Aborted:
            self._kill()
            self._conclude(records.ABORTED)
            raise
        finally:  # in every case: leave no process running, and no texts or numbers on the disk
            self._kill()
            self._remove_store()

    def _run_and_stop(self) -> str:
        """The reason for the end of the run; the first cause of an error comes first."""
        reasons: list[str] = []
        try:
            reason = self._run()
        except (ServiceError, OSError, ValueError) as error:
            reasons.append(self._error_text(error))
        if reasons and not takes_records(self._run_dir):
            self._stop_at_once()
            return f"error: {'; '.join(reasons)}"  # later failures have the same cause
        self._stop()
        known = {failure.process for failure in self._instrument_failures}
        failures = [error for error in self._testbed.failures() if error.process not in known]
        reasons += [self._error_text(failure) for failure in failures]
        return f"error: {'; '.join(reasons)}" if reasons else reason

    def _error_text(self, error: Exception) -> str:
        """The error as a reason. The failure of a process is also recorded for the manifest."""
        words = str(error)
        if isinstance(error, ServiceError):
            failure = records.InstrumentFailure(error.process, error.what, t_ns=time.monotonic_ns())
            self._instrument_failures.append(failure)
        elif isinstance(error, OSError):
            lost = lost_directory(self._run_dir, error)
            if lost is not None:
                failure = records.InstrumentFailure("runner", lost, t_ns=time.monotonic_ns())
                self._instrument_failures.append(failure)
            words = lost or words
        self._progress.note(f"  {words}")
        return words.rstrip(".?")  # the report ends the sentence itself

    def _run(self) -> str:
        self._progress.phase("starting provider and sender")
        start_testbed(self._testbed, self._part, self._run_dir, self._settings)
        for note in self._testbed.notes:
            self._progress.note(f"  {note}")
        self._probe()
        self._accepted_before = self._accepted()
        sampler = Sampler(self._run_dir, self._testbed.states)
        try:
            for service in self._testbed.services:
                sampler.watch(service.name, service.pid)
            self._watch_target(sampler)
            reason = self.drain(sampler, self.run_load(sampler))
            self._own_provider.require_listening()
        except BaseException:
            with suppress(OSError):  # it must not replace the first error
                sampler.close()
            raise
        finally:
            self._faults = sampler.faults
        sampler.close()
        return reason

    def _probe(self) -> None:
        """Before the load: raises ``ProbeStopped`` if the load would prove nothing."""
        settings = self._settings
        if not settings.probe:
            return
        self._progress.phase("probe: one message through the target", settings.probe_timeout_s)
        for note in probe_target(self._testbed, self._plan, settings, lambda: self._interruption.asked):
            self._progress.note(f"  probe: {note}")

    def _accepted(self) -> int:
        query = self._testbed.states.get("provider")
        state = query.ask() if query is not None else None
        return 0 if state is None else state.accepted

    def _watch_target(self, sampler: Sampler) -> None:
        if self._settings.target is not None:
            note = sampler.watch_target(self._settings.target)
            if note:
                self._progress.note(f"  {note}")

    def run_load(self, sampler: Sampler) -> str:
        """Run Locust to its end, or until the user interrupts."""
        locust = locust_service(self._testbed.host, self._settings, self._run_dir)
        self._locust = locust
        locust.start({**self._testbed.environment, **load_environment(self._settings)})
        sampler.watch("load", locust.pid)
        ui = self._settings.ui
        phase = LoadPhase(self._progress, self._part.duration_s)
        next_s = time.monotonic()
        deadline_s = math.inf if ui else next_s + self._longest_load_s()
        web_ui_file = self._run_dir / WEB_UI_FILE
        while locust.exit_code is None and not self._interruption.asked:
            load = self._look(sampler, phase.update).load
            self._announce_end(load)
            if web_ui_file.is_file():
                address = web_ui_file.read_text()
                web_ui_file.unlink()
                phase.page_opened()
                self._progress.note(
                    f"  Locust's web UI: {address}\n  press Start there; Ctrl-C here ends the run"
                )
            if time.monotonic() > deadline_s:
                locust.stop(STOP_TIMEOUT_S + 10.0)
                raise ServiceError("load", "did not end within its time limit; its log is logs/load.log")
            next_s = max(next_s + _TICK_S, time.monotonic())
            self._interruption.pause(next_s - time.monotonic())
        was_over = read_status(self._run_dir).phase == "finished"
        if self._interruption.asked:
            self._progress.phase("stopping the load")
            locust.stop(STOP_TIMEOUT_S + 10.0)
        self.require_whole(locust.exit_code)
        self._finished = not (ui or self._interruption.asked)
        if ui and was_over:
            self._interruption.forget()  # Ctrl-C ended the load; it is not an interruption
        stopped = ui and stopped_early(read_statuses(self._run_dir))  # in the page
        return "interrupted" if self._interruption.asked or stopped else "finished"

    def _announce_end(self, load: LoadStatus) -> None:
        """In the web UI several rounds may follow each other. Say once for each how to get the report."""
        if self._settings.ui and load.phase == "finished" and load.start_ns != self._announced_start_ns:
            self._announced_start_ns = load.start_ns
            self._progress.note(
                "  the load is over: Ctrl-C here waits for open messages and writes the report; "
                "New and Start in the page run it again, as a separate part"
            )

    def _look(self, sampler: Sampler, show: Callable[[Snapshot], None] | None = None) -> Snapshot:
        """Take a sample and show it. Raises ``ServiceError`` if a process has ended or reports a failure."""
        snapshot = sampler.take()
        (show or self._progress.update)(snapshot)
        self._testbed.require_running()
        if snapshot.provider is None:
            self._own_provider.check(time.monotonic())
        for name, state in (("provider", snapshot.provider), ("sender", snapshot.sender)):
            if state is not None and state.failed:
                raise ServiceError(name, f"failed: {'; '.join(state.failed)}")
        return snapshot

    def _longest_load_s(self) -> float:
        """The longest time from Locust's start to its end, with the full time-out of the last request."""
        answer_s = _answer_s(self._settings)
        return READY_WITHIN_S + self._part.duration_s + answer_s + STOP_TIMEOUT_S

    def require_whole(self, exit_code: int | None) -> None:
        """Raises ``ServiceError`` if Locust failed or a worker has not written all of its rows."""
        if exit_code == EXIT_WORKER_LOST:
            raise ServiceError("load", "lost a worker; its log is logs/load.log")
        status = read_status(self._run_dir)
        if not status.start_ns and (self._interruption.asked or (self._settings.ui and exit_code == 0)):
            return  # ended before it began
        if exit_code != 0 or not status.closed:
            what = "did not end" if exit_code is None else f"ended with {ending_text(exit_code)}"
            raise ServiceError("load", f"{what}; its log is logs/load.log")

    def drain(self, sampler: Sampler, reason: str) -> str:
        """Wait for open messages. Returns the reason for the end of the run."""
        states = self._testbed.states
        earlier = sum(combine(load_round.values()).accepted for load_round in read_rounds(self._run_dir)[:-1])
        verdicts_final = DrainVerdicts(self._run_dir, self._journal(), self._settings.objectives)
        drain = Drain(
            "sender" in states,
            "provider" in states,
            earlier,
            self._accepted_before,
            verdicts_final if not earlier else None,
            patient=self._settings.drain_timeout_s is not None,
        )
        end = await_the_rest(
            drain,
            lambda: self._look(sampler),
            self._drain_timeout_s,
            self._progress,
            self._interruption,
            self._enough,
        )
        return reason if reason == "interrupted" else end

    def _journal(self) -> Path | None:
        """Where the provider writes its rows while it runs."""
        target = self._settings.target
        if target is None or target.provider.url is None:
            return self._run_dir / JOURNAL
        return target.provider.journal

    def _stop(self) -> None:
        """Stop all processes cleanly."""
        self._progress.phase("stopping, saving the records")
        if self._locust is not None:
            self._locust.stop(STOP_TIMEOUT_S + 10.0)
        state = self._testbed.states.get("sender")
        if state is not None:
            url = state.url.replace(queries.SENDER_STATE, queries.SENDER_EXPORT)
            try:
                queries.fetch_export(url, state.token, self._run_dir / "sender.arrow")
            except (OSError, msgspec.DecodeError) as error:
                self._progress.note(f"  the sender's export could not be read: {error}")
        self._testbed.stop()

    def _stop_at_once(self) -> None:
        """Kill the processes if nothing can be recorded: each service would wait for its disk until its time
        limit.
        """
        self._progress.phase("stopping")
        services = [*([self._locust] if self._locust is not None else []), *self._testbed.services]
        for service in services:
            service.terminate()
        deadline_s = time.monotonic() + STOP_AT_ONCE_S
        for service in services:
            service.stop(max(0.0, deadline_s - time.monotonic()))

    def _kill(self) -> None:
        """Kill processes that still run."""
        if self._locust is not None:
            self._locust.kill()
        self._testbed.kill()

    def _remove_store(self) -> None:
        """Remove the store, which has texts and numbers."""
        if not self._settings.keep_store:
            for path in self._run_dir.glob(f"{STORE}*"):
                path.unlink()

    def _conclude(self, reason: str) -> records.Manifest:
        self._remove_store()  # first, since it frees space on a full disk
        statuses, rounds = read_statuses(self._run_dir), read_rounds(self._run_dir)
        join_rows(self._run_dir)
        target = self._settings.target
        if target is not None and target.provider.journal is not None and target.provider.url is not None:
            self._copy_journal(target.provider.journal)
        for pattern in _PIECES:
            for path in self._run_dir.glob(pattern):
                path.unlink()
        manifest = self.write_manifest(reason, statuses)
        if len(rounds) > 1:
            return split_rounds(self._run_dir, manifest, self._plan, rounds, self._settings.workers)
        return manifest

    def _copy_journal(self, journal: Path) -> None:
        """Copy the rows of this run. It could be read before the load (``preflight``)."""
        if not journal.is_file():
            self._progress.note(f"  the journal {journal} was removed during the run")
            return
        to = self._run_dir / JOURNAL
        earlier = copy_journal(journal, to, self._started.clock_ns, self._plan.key_tag)
        if earlier:
            self._progress.note(f"  {earlier:,} rows of earlier runs are left out of {JOURNAL}")

    def write_manifest(self, reason: str, statuses: Mapping[int, LoadStatus]) -> records.Manifest:
        status = combine(statuses.values())
        ended = manifests.instant()
        profile = self._testbed.profile
        manifest = records.Manifest(
            scenario=manifests.scenario_of(self._scenario.name, self._part, self._plan),
            timing=manifests.timing_of(self._part, provider_scale(self._part, self._settings)),
            seeds=manifests.all_seeds(self._plan, provider_seed(self._settings)),
            profile_name=profile.name if profile is not None else "",
            profile=profile.document if profile is not None else {},
            target=self._testbed.target,
            objectives=self._settings.objectives,
            versions=manifests.versions(),
            machine=manifests.machine(),
            started=self._started,
            ended=ended,
            load_started_ns=status.start_ns,
            load_ended_ns=status.end_ns,
            planned=arrivals_due(self._plan, statuses, self._settings.workers, self._finished),
            in_flight_limit=status.in_flight_limit or self._plan.in_flight_limit,
            in_flight_needed=self._plan.in_flight_limit,
            drain_timeout_s=self._drain_timeout_s,
            exit_reason=reason,
            faults=manifests.faults_begun(self._faults, ended.clock_ns),
            instrument_failures=tuple(self._instrument_failures),
        )
        records.write_manifest(self._run_dir, manifest)
        return manifest


def _plan(part: Part, settings: RunSettings) -> Plan:
    tag = key_tag_of(settings.seed)
    if settings.target is not None:
        # The user's sender remembers earlier runs, so the keys must be new.
        tag = f"{tag}.{time.time_ns() // NS_PER_S:x}"
    return part.plan(settings.seed, tag).sized_for(_answer_s(settings))


def _answer_s(settings: RunSettings) -> float:
    """The load's time limit for an answer."""
    return ANSWER_S if settings.target is None else settings.target.request.timeout_s
