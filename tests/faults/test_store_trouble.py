"""A store that cannot keep a message any more: a full disk, a file taken away, a damaged one. Real processes.

Health means that a message can be kept, so health and intake must say the same; what was acknowledged before
must be there afterwards.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from called import called
from waiting import eventually

TOKEN = "t"
AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")
# No server listens there: accepted messages stay queued.
ROUTE = "smsapi+http://token@127.0.0.1:1"
DEADLINE_S = 30.0


class SenderProcess:
    """A sender's process, and what its HTTP face says."""

    def __init__(
        self, store: Path, program: tuple[str, ...] = ("-m", "reference_sender"), route: str = ROUTE
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *program, "--token", TOKEN, "--route", route, "--store", f"sqlite:///{store}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.url = json.loads(line)["url"] if line else ""

    def call(self, path: str, body: object = None) -> tuple[int, Any]:
        request = urllib.request.Request(
            self.url + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def post(self, key: str) -> tuple[int, Any]:
        return self.call(
            "/v1/messages", {"to": "48500100200", "text": "hi", "message_class": "otp", "key": key}
        )

    def campaign(self, tag: str) -> tuple[int, Any]:
        rows = [{"to": f"485001002{number:02d}", "key": f"{tag}-{number}"} for number in range(20)]
        return self.call("/v1/campaigns", {"message_class": "marketing", "text": "hi", "recipients": rows})

    def end(self) -> tuple[int, str]:
        """Exit code and standard error."""
        if self.process.poll() is None:
            self.process.terminate()
        _, output = self.process.communicate(timeout=30)
        return self.process.returncode, output.decode()


@pytest.fixture
def start() -> Iterator[Callable[..., SenderProcess]]:
    started: list[SenderProcess] = []

    def run(store: Path, *program: str, route: str = ROUTE) -> SenderProcess:
        started.append(SenderProcess(store, program or ("-m", "reference_sender"), route))
        return started[-1]

    yield run
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate(timeout=30)


def keeps_nothing_and_says_so(sender: SenderProcess, reason: str) -> None:
    status, answer = sender.post("refused")
    assert (status, answer["error"]["code"]) == (503, "store_failed")
    assert reason in answer["error"]["message"]
    status, answer = sender.call("/healthz")
    assert (status, answer["error"]["code"]) == (503, "store_failed")
    assert reason in answer["error"]["message"]
    status, taken = sender.campaign("refused")
    assert (status, taken["accepted"], taken["refused"][0]["reason"]) == (503, 0, "store_failed")


@contextmanager
def no_room_for_files(sender: SenderProcess, _: Path) -> Iterator[None]:
    """The system refuses to write to any file, as a quota does."""
    hard = resource.prlimit(sender.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(sender.process.pid, resource.RLIMIT_FSIZE, (0, hard))
    yield
    resource.prlimit(sender.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def full_disk(_: SenderProcess, directory: Path) -> Iterator[None]:
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    yield
    filler.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB. Root mounts it, or ``sudo`` where it asks for no password."""
    directory = tmp_path / "disk"
    directory.mkdir()
    size = f"size=2m,uid={os.geteuid()},gid={os.getegid()}"
    command = [*AS_ROOT, "mount", "-t", "tmpfs", "-o", size, "tmpfs", str(directory)]
    try:
        subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get("SMSBENCH_REQUIRE_SMALL_DISK"):
            raise
        pytest.skip(f"a small disk can only be mounted by root ({error})")
    yield directory
    subprocess.run([*AS_ROOT, "umount", "-l", str(directory)], check=True)


def survives(
    sender: SenderProcess, start: Callable[..., SenderProcess], store: Path, trouble: Any, reason: str
) -> None:
    acknowledged = {f"before-{number}" for number in range(5)}
    assert {sender.post(key)[0] for key in acknowledged} == {202}
    assert sender.call("/healthz") == (200, {"status": "ok"})
    with trouble(sender, store.parent):
        for _ in range(3):
            keeps_nothing_and_says_so(sender, reason)
        # Idle too, with nothing of its own to write, it knows.
        eventually(lambda: sender.call("/healthz")[0] == 503)
    eventually(lambda: sender.call("/healthz") == (200, {"status": "ok"}))
    assert sender.post("after")[0] == 202
    status, taken = sender.campaign("after")
    assert (status, taken["accepted"]) == (202, 20)
    sender.process.kill()
    sender.process.wait(10)
    again = start(store)
    status, counted = again.call("/v1/state")
    assert counted["open"] == len(acknowledged) + 21
    for key in (*acknowledged, "after"):  # known again, so it was kept
        assert again.post(key)[0] == 202
    assert again.call("/v1/state")[1]["counters"]["repeated"] == len(acknowledged) + 1
    assert again.end()[0] == 0


def test_a_sender_that_may_not_write_is_not_healthy_and_recovers_without_loss(
    tmp_path: Path, start: Callable[..., SenderProcess]
) -> None:
    store = tmp_path / "s.db"
    survives(start(store), start, store, no_room_for_files, "the store cannot keep a message")


def requests_in_flight(sender: SenderProcess) -> float:
    gauges: dict[str, float] = sender.call("/v1/state")[1]["gauges"]
    return gauges["in_flight"]


def test_a_sender_that_is_stopped_before_its_store_works_again_says_what_was_not_kept(
    tmp_path: Path, start: Callable[..., SenderProcess]
) -> None:
    """An attempt is stored, and ends when its end cannot be stored."""
    store = tmp_path / "s.db"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sender = start(store, route=ROUTE.replace("127.0.0.1:1", f"127.0.0.1:{silent.getsockname()[1]}"))
        assert sender.post("kept")[0] == 202
        eventually(lambda: requests_in_flight(sender) == 1)
        resource.prlimit(sender.process.pid, resource.RLIMIT_FSIZE, (0, 0))  # until it ends
    eventually(lambda: requests_in_flight(sender) == 0)  # its connection is closed
    code, output = sender.end()
    assert code == os.EX_IOERR
    (line,) = [each for each in output.splitlines() if each.startswith("sender: ")]
    assert "the store did not keep the last changes" in line
    assert output.count("last changes") == 1
    again = start(store)
    assert again.call("/v1/state")[1]["open"] == 1
    assert again.end()[0] == 0


def test_a_sender_on_a_full_disk_is_not_healthy_and_recovers_without_loss(
    small_disk: Path, start: Callable[..., SenderProcess]
) -> None:
    store = small_disk / "s.db"
    survives(start(store), start, store, full_disk, "full")


@pytest.mark.parametrize("taken_away", ["s.db", "s.db-wal", "the directory"])
def test_a_sender_whose_store_is_removed_takes_nothing_more(
    tmp_path: Path, start: Callable[..., SenderProcess], taken_away: str
) -> None:
    store = tmp_path / "data" / "s.db"
    store.parent.mkdir()
    sender = start(store)
    assert sender.post("one")[0] == 202
    if taken_away == "the directory":
        shutil.rmtree(store.parent)
    else:
        (store.parent / taken_away).unlink()
    keeps_nothing_and_says_so(sender, "removed or replaced")
    eventually(lambda: sender.call("/healthz")[0] == 503)


def test_a_store_that_is_moved_and_put_back_is_used_again(
    tmp_path: Path, start: Callable[..., SenderProcess]
) -> None:
    store = tmp_path / "s.db"
    sender = start(store)
    assert sender.post("one")[0] == 202
    store.rename(tmp_path / "away")
    keeps_nothing_and_says_so(sender, "removed or replaced")
    (tmp_path / "away").rename(store)
    eventually(lambda: sender.call("/healthz")[0] == 200)
    assert sender.post("two")[0] == 202
    sender.process.kill()
    sender.process.wait(10)
    again = start(store)
    assert [again.post(key)[0] for key in ("one", "two")] == [202, 202]
    counted = again.call("/v1/state")[1]
    assert (counted["open"], counted["counters"]["repeated"]) == (2, 2)
    assert again.end()[0] == 0


def test_a_store_that_cannot_be_used_is_one_line_and_exit_code_2(
    tmp_path: Path, start: Callable[..., SenderProcess]
) -> None:
    damaged, used, link, directory = (tmp_path / name for name in ("damaged", "used", "link", "directory"))
    assert start(damaged).end()[0] == 0
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    directory.mkdir()
    link.symlink_to(used)
    file = tmp_path / "file"
    file.touch()
    troubles = [(damaged, damaged), (file / "s.db", file), (directory, directory), (link, link)]
    if os.geteuid() != 0:  # root can read every file
        closed = tmp_path / "closed"
        closed.touch(mode=0o000)
        troubles.append((closed, closed))
    start(used)
    options = ("--token", TOKEN, "--route", ROUTE, "--store")
    calls = [(*options, f"sqlite:///{store}") for store, _ in troubles]
    for (code, output), (_, named) in zip(called("reference_sender", calls), troubles, strict=True):
        assert code == 2, output
        assert "Traceback" not in output
        (line,) = output.splitlines()
        assert line.startswith("sender: ")
        assert str(named) in line
    code, output = start(damaged).end()  # as a process of its own
    assert code == 2 and output.startswith("sender: ")


def test_a_store_on_a_read_only_disk_is_one_line_and_exit_code_2(
    small_disk: Path, start: Callable[..., SenderProcess]
) -> None:
    store = small_disk / "s.db"
    sender = start(store)
    assert sender.post("before")[0] == 202
    sender.process.kill()
    sender.process.wait(10)
    subprocess.run([*AS_ROOT, "mount", "-o", "remount,ro", str(small_disk)], check=True)
    code, output = start(store).end()
    subprocess.run([*AS_ROOT, "mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert code == 2, output
    assert output.splitlines() == [f"sender: {store}: Read-only file system"]
    again = start(store)
    assert again.call("/v1/state")[1]["open"] == 1
    assert again.end()[0] == 0


DYING = """
import sys
from reference_sender.runtime import loop_lag
calls = []
def core_wait_s():
    calls.append(1)
    if len(calls) > 1:  # the first call is before the first sample
        raise RuntimeError("plan" + "ted")  # a traceback of Python 3.13 quotes this line
    return 0.0
loop_lag.core_wait_s = core_wait_s
from reference_sender.cli import main
main()
"""


def test_a_sender_with_a_dead_task_reports_it_and_exits_with_70(
    tmp_path: Path, start: Callable[..., SenderProcess]
) -> None:
    sender = start(tmp_path / "s.db", "-c", DYING)
    assert sender.process.wait(30) == 70
    code, output = sender.end()
    assert code == 70
    assert output.splitlines()[-1] == "sender: the sender's loop lag sampler failed: RuntimeError"
    assert "planted" not in output
