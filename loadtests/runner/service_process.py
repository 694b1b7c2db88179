"""A service as a child process: start, wait until it is ready, check, stop."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from loadtests.runner.child_process import (
    Child,
    ending_text,
    start_child,
    with_home,
)

READY_WITHIN_S = 30.0
STOP_WITHIN_S = 20.0  # time for a provider to close a large journal


class ServiceError(RuntimeError):
    """A process that did not start, ended by itself or failed. The text has the path of its log.

    ``process`` is its name, ``what`` the description of the failure.
    """

    def __init__(self, process: str, what: str) -> None:
        super().__init__(f"{process} {what}")
        self.process = process
        self.what = what


class Ready(Struct, frozen=True):
    """The line that a service prints when it can be used."""

    url: str
    pid: int
    ready: bool = True


class ServiceProcess:
    """One child process, in a separate session. It ends with this process, even if that is killed.

    ``home``: its working directory and home in place of the user's, both of which may contain settings.
    ``ready_line``: whether it prints one; otherwise its output goes to its log.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        logs: Path,
        *,
        home: Path | None = None,
        ready_line: bool = True,
    ) -> None:
        self.name = name
        self._module = module
        self._arguments = arguments
        self._log = logs / f"{name}.log"
        self._home = home
        self._ready_line = ready_line
        self._ready = self._killed = self._failure_raised = False
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def _process(self) -> subprocess.Popen[bytes]:
        assert self._child is not None, f"{self.name} has not been started"
        return self._child.process

    def start(self, environment: Mapping[str, str]) -> None:
        """``environment`` is added to the variables of every child (``child_process``)."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        own = with_home(self._home) if self._home is not None else {}
        with self._log.open("ab") as log:
            self._child = start_child(
                self._module,
                self._arguments,
                {**environment, **own},
                stdout=subprocess.PIPE if self._ready_line else log,
                stderr=log,
                cwd=self._home,
            )

    def wait_ready(self) -> Ready:
        """Raises ``ServiceError`` if the ready line does not come in time."""
        output = self._process.stdout
        assert output is not None
        deadline_s = time.monotonic() + READY_WITHIN_S
        os.set_blocking(output.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            line = b""
            while not line.endswith(b"\n"):
                if not selector.select(deadline_s - time.monotonic()) or time.monotonic() > deadline_s:
                    raise self._failed(f"was not ready within {READY_WITHIN_S:g} s")
                piece = output.read()
                if piece == b"":
                    code = self._process.wait(STOP_WITHIN_S)
                    raise self._failed(f"ended with {ending_text(code)} before it was ready")
                line += piece or b""
        try:
            ready = msgspec.json.decode(line.splitlines()[0], type=Ready)
        except msgspec.DecodeError as error:
            raise self._failed(f"did not print a valid ready line: {error}") from error
        self._ready = True
        return ready

    def require_running(self) -> None:
        """Raises ``ServiceError`` if it has ended."""
        if self.exit_code is not None:
            raise self._failed(f"ended by itself with {ending_text(self.exit_code)}")

    def failure(self) -> ServiceError | None:
        """After the stop: whether it failed or had to be killed, so that its records may be incomplete. A
        failure that was reported before is not reported again.
        """
        if not self._ready or self._failure_raised or self.exit_code == 0:
            return None
        if self._killed:
            return self._failed("did not stop within its time limit and was killed")
        return self._failed(f"failed while it was stopped, with {ending_text(self._process.wait())}")

    def terminate(self) -> None:
        if self._child is not None and self.exit_code is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """Send SIGTERM; after ``within_s`` kill its whole session."""
        if self._child is None:
            return
        self.terminate()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._killed = True
            self.kill()
        self._release()

    def kill(self) -> None:
        if self._child is not None and self.exit_code is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self._release()

    def _release(self) -> None:
        if self._child is not None:
            self._child.release()

    def _failed(self, what: str) -> ServiceError:
        self._failure_raised = True
        lines = self._log.read_text(errors="replace").strip().splitlines() if self._log.is_file() else []
        last = f": {lines[-1].strip()}" if lines else ""
        return ServiceError(self.name, f"{what}; its log is {self._log}{last}")
