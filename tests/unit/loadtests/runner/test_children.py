"""Child processes of a run: what they are given, and what becomes of one that fails."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from rich.console import Console
from waiting import eventually

from analysis.exit_codes import ExitCode
from analysis.records import AnalysisResult, read_manifest, run_id, write_result
from loadtests import catalogue
from loadtests.recording import LoadStatus
from loadtests.runner import child_process, part_run, queries, reporting
from loadtests.runner.interruption import Interruption
from loadtests.runner.locust_process import load_environment, locust_service
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.queries import ServiceState, StateQuery
from loadtests.runner.run_directory import lost_directory
from loadtests.runner.sampling import Sampler, Snapshot
from loadtests.runner.service_process import ServiceProcess
from loadtests.runner.settings import RunSettings
from loadtests.runner.testbed import LoadTestbed
from loadtests.suites.scenario_run import run_scenario

# What other tools, Python itself and the shell may have set.
_AMBIENT = {
    "LOCUST_MODE_MASTER": "true",
    "LOCUST_LOCUSTFILE": "other.py",
    "MPLBACKEND": "module://not_there",
    "MPLCONFIGDIR": "config",
    "MATPLOTLIBRC": "theirs",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "all_proxy": "socks5://127.0.0.1:9",
    "NO_PROXY": "*",
    "SSLKEYLOGFILE": "keys",
    "GEVENT_RESOLVER": "none",
    "AIOHTTP_NO_EXTENSIONS": "1",
    "PYTHONSTARTUP": "start.py",
    "PYTHONPATH": "theirs",
    "PYTHONWARNINGS": "error",
    "PYTHONIOENCODING": "ascii",
    "PYTHONHASHSEED": "0",
    "LC_ALL": "C",
    "SMSBENCH_SENDER_TOKEN": "of another sender",
    "SMSBENCH_ADMIN_TOKEN": "of another provider",
}
_STUB = """
import json, os, signal, sys, time
def ended(number, frame):
    if sys.argv[1] == "hang":
        return
    print("the journal is lost", file=sys.stderr, flush=True)
    os._exit(int(sys.argv[1]))
signal.signal(signal.SIGTERM, ended)
print(json.dumps({"ready": True, "url": "http://127.0.0.1:9", "pid": os.getpid()}), flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module ``stub``: ready at once, and on SIGTERM it ends with the code it was given."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "stub.py").write_text(_STUB)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def test_a_child_gets_a_fixed_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _AMBIENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "shows.py").write_text("import os, json\nprint(json.dumps(dict(os.environ)))\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "theirs"))
    monkeypatch.setenv("SSL_CERT_FILE", "roots.pem")
    child = child_process.start_child(
        "shows", [], {"OURS": "given"}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path
    )
    assert child.process.stdout is not None
    seen = set(json.loads(child.process.stdout.read()))
    child.process.wait(30)
    child.release()
    assert {"OURS", "PATH", "PYTHONUTF8", "SSL_CERT_FILE"} <= seen
    assert not seen & set(_AMBIENT)


def test_the_load_finds_no_settings_of_locust_but_what_its_target_file_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target.toml"
    target.write_text('[request]\nurl = "http://127.0.0.1:1/${ROOM}"\n')
    monkeypatch.setenv("ROOM", "send")
    settings = RunSettings(out=tmp_path, seed=1, target_file=target)
    assert load_environment(settings) == {"ROOM": "send"}
    assert load_environment(RunSettings(out=tmp_path, seed=1)) == {}
    # Locust, started as a load is, in a home and a directory full of settings of another test.
    for name in (".locust.conf", "locust.conf"):
        (tmp_path / name).write_text(f"logfile = {tmp_path / 'theirs.log'}\n")
    (tmp_path / "pyproject.toml").write_text(f"[tool.locust]\nlogfile = '{tmp_path / 'theirs.log'}'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCUST_LOGFILE", str(tmp_path / "theirs.log"))
    service = locust_service(None, RunSettings(out=tmp_path, seed=1), tmp_path / "run")
    (tmp_path / "run").mkdir()
    service.start({})
    eventually(lambda: service.exit_code is not None, 60)
    service.stop()
    log = (tmp_path / "run" / "logs" / "load.log").read_text()
    assert not (tmp_path / "theirs.log").exists()
    assert "--plan" in log  # planned.py ran, and there is no plan in this test


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("70", "failed while it was stopped, with code 70"),
        ("hang", "did not stop within its time limit and was killed"),
    ],
)
def test_a_process_that_fails_while_it_is_stopped_is_noticed(
    how: str, words: str, stub: Path, tmp_path: Path
) -> None:
    service = ServiceProcess("provider", "stub", [how], tmp_path / "logs")
    service.start({})
    service.wait_ready()
    service.stop(within_s=0.2 if how == "hang" else 20.0)
    failure = service.failure()
    assert failure is not None and failure.process == "provider"
    assert words in failure.what and "provider.log" in failure.what
    assert service.failure() is None  # it has been told


def test_a_process_that_stops_in_order_has_not_failed(stub: Path, tmp_path: Path) -> None:
    service = ServiceProcess("provider", "stub", ["0"], tmp_path / "logs")
    service.start({})
    service.wait_ready()
    service.stop()
    assert service.failure() is None


def a_part(run_dir: Path) -> PartRun:
    smoke = catalogue.scenario("smoke")
    settings = RunSettings(out=run_dir, seed=1, probe=False)
    return PartRun(
        smoke, smoke.parts[0], run_dir, settings, Progress(Console(file=io.StringIO())), Interruption()
    )


def test_a_provider_that_ends_badly_at_the_end_makes_the_run_an_error(
    stub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(testbed: LoadTestbed, *_: object) -> None:
        provider = ServiceProcess("provider", "stub", ["70"], tmp_path / "run" / "logs")
        testbed.services.append(provider)
        provider.start({})
        provider.wait_ready()

    monkeypatch.setattr(part_run, "start_testbed", start)
    monkeypatch.setattr(PartRun, "run_load", lambda self, sampler: "finished")
    monkeypatch.setattr(PartRun, "drain", lambda self, sampler, reason: reason)
    manifest = a_part(tmp_path / "run").run()
    assert manifest.exit_reason.startswith("error: provider failed while it was stopped, with code 70;")
    (failure,) = manifest.instrument_failures
    assert failure.process == "provider" and failure.what.endswith("provider.log: the journal is lost")
    assert read_manifest(tmp_path / "run").instrument_failures == manifest.instrument_failures


def test_without_a_writable_run_directory_services_are_stopped_at_once(
    stub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk sender and provider wait for it, one after another for up to a minute each."""
    run_dir = tmp_path / "run"
    services: list[ServiceProcess] = []

    def start(testbed: LoadTestbed, *_: object) -> None:
        for name in ("provider", "sender"):
            service = ServiceProcess(name, "stub", ["hang"], run_dir / "logs")
            testbed.services.append(service)
            services.append(service)
            service.start({})
            service.wait_ready()
        testbed.states["sender"] = StateQuery("http://127.0.0.1:9/v1/state", "t")

    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def run_load(self: PartRun, sampler: Sampler) -> str:
        monkeypatch.setattr(Path, "write_bytes", full)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(run_dir / "samples.arrow"))

    asked: list[str] = []
    monkeypatch.setattr(part_run, "start_testbed", start)
    monkeypatch.setattr(part_run, "STOP_AT_ONCE_S", 0.2)
    monkeypatch.setattr(queries, "fetch_export", lambda url, *_: asked.append(url))
    monkeypatch.setattr(ServiceProcess, "failure", lambda self: asked.append(self.name))
    monkeypatch.setattr(PartRun, "run_load", run_load)
    monkeypatch.setattr(part_run, "join_rows", lambda run_dir: monkeypatch.undo())
    manifest = a_part(run_dir).run()
    assert asked == []  # neither for an export nor for failures that are the disk's
    assert [service.exit_code for service in services] == [-signal.SIGKILL] * 2
    words = f"{run_dir} cannot be written to: No space left on device"
    assert manifest.exit_reason == f"error: {words}"
    assert [(each.process, each.what) for each in manifest.instrument_failures] == [("runner", words)]


@pytest.mark.parametrize("phase", ["run_load", "drain"])
def test_a_provider_that_says_it_failed_is_seen_at_once(
    phase: str, stub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(testbed: LoadTestbed, *_: object) -> None:
        provider = ServiceProcess("provider", "stub", ["74"], tmp_path / "run" / "logs")
        testbed.services.append(provider)
        provider.start({})
        provider.wait_ready()

    failed = ServiceState(failed=("the journal cannot be written: No space left on device",))
    monkeypatch.setattr(part_run, "start_testbed", start)
    monkeypatch.setattr(Sampler, "take", lambda self: Snapshot(LoadStatus(), failed, None, 0.0))
    if phase == "drain":
        monkeypatch.setattr(PartRun, "run_load", lambda self, sampler: "finished")
    manifest = a_part(tmp_path / "run").run()
    words = "failed: the journal cannot be written: No space left on device"
    assert manifest.exit_reason == f"error: provider {words}"
    assert [(each.process, each.what) for each in manifest.instrument_failures] == [("provider", words)]


def test_whatever_goes_wrong_nothing_is_left_running_and_no_texts_on_the_disk(
    stub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[ServiceProcess] = []

    def start(testbed: LoadTestbed, *_: object) -> None:
        provider = ServiceProcess("provider", "stub", ["hang"], tmp_path / "run" / "logs")
        testbed.services.append(provider)
        provider.start({})
        provider.wait_ready()
        started.append(provider)
        (tmp_path / "run" / "sender.db").write_text("48500100200")
        raise KeyError("a mistake in smsbench")

    monkeypatch.setattr(part_run, "start_testbed", start)
    with pytest.raises(KeyError):
        a_part(tmp_path / "run").run()
    assert started[0].exit_code == -signal.SIGKILL
    assert not (tmp_path / "run" / "sender.db").exists()


def test_a_full_disk_ends_a_run_in_one_line_and_removes_the_senders_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(testbed: LoadTestbed, *_: object) -> None:
        (tmp_path / "sender.db").write_text("48500100200")
        raise OSError(errno.ENOSPC, "Error writing bytes to file")

    def join_rows(run_dir: Path) -> int:
        assert not (run_dir / "sender.db").exists()  # it makes room for the records
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(part_run, "start_testbed", start)
    monkeypatch.setattr(part_run, "join_rows", join_rows)
    shown = io.StringIO()
    settings = RunSettings(out=tmp_path, seed=1)
    code = run_scenario(catalogue.scenario("smoke"), settings, Console(file=shown, width=200))
    assert code == ExitCode.INVALID
    assert (
        f"{tmp_path} cannot be written to: No space left on device. The result of this run is not valid"
        in capsys.readouterr().err
    )
    assert read_manifest(tmp_path).exit_reason.startswith("error: ")


@pytest.mark.parametrize("code", [0, 1, 2, 3, 130, 70, -11])
@pytest.mark.parametrize("earlier", ["none", "another call", "another run"])
def test_an_exit_code_without_a_fresh_result_is_no_verdict(
    code: int,
    earlier: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "summary.md").write_text("# Old\n\n**Good enough.**\n")
    calls = []
    if earlier == "another call":
        write_result(tmp_path, AnalysisResult(run=run_id(tmp_path), call="before", exit_code=0))

    def analysed(run_dir: Path, call: str, judging: list[str]) -> tuple[int, str]:
        calls.append(call)
        if earlier == "another run":
            write_result(tmp_path, AnalysisResult(run="another", call=call, exit_code=0))
        return code, ""

    monkeypatch.setattr(reporting, "analyse", analysed)
    shown = io.StringIO()
    assert reporting.report(tmp_path, Console(file=shown)) == (
        ExitCode.USAGE if code == 2 else ExitCode.CRASHED
    )
    said = capsys.readouterr().err
    assert shown.getvalue() == "" and "without a verdict" in said
    assert ("by an earlier analysis" in said) == (earlier == "another call")
    assert reporting.report(tmp_path, Console(file=shown)) and calls[0] != calls[1]


def test_the_verdict_is_the_fresh_results_not_the_exit_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.json").write_text("{}")

    def analysed(run_dir: Path, call: str, judging: list[str]) -> tuple[int, str]:
        (run_dir / "report").mkdir()
        (run_dir / "report" / "summary.md").write_text("# New\n\n**Not good enough.**\n")
        write_result(run_dir, AnalysisResult(run=run_id(run_dir), call=call, exit_code=1))
        return -11, ""  # it broke down while it ended, and its work was done

    monkeypatch.setattr(reporting, "analyse", analysed)
    shown = io.StringIO()
    assert reporting.report(tmp_path, Console(file=shown)) == 1
    assert "Not good enough" in shown.getvalue()


def test_repeated_hangups_count_as_one_interruption() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    try:
        with Interruption() as interruption:
            for _ in range(3):
                os.kill(os.getpid(), signal.SIGHUP)
                interruption.pause(60.0)
            assert interruption.asked
    finally:
        signal.signal(signal.SIGHUP, before)


def test_nohup_is_respected() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interruption.asked
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (OSError(errno.ENOSPC, "as Arrow says it"), True),
        (OSError(errno.EDQUOT, "quota", "runs/r/load.arrow"), True),
        (FileNotFoundError(errno.ENOENT, "gone", "runs/r/logs"), True),
        (FileNotFoundError(errno.ENOENT, "another file", "elsewhere/journal.arrow"), False),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), False),
        (ConnectionError("without a number"), False),
    ],
)
def test_what_makes_a_run_directory_lost(error: OSError, lost: bool) -> None:
    found = lost_directory(Path("runs/r"), error)
    assert (found is not None) == lost
    assert found is None or found.startswith("runs/r cannot be written to: ")
