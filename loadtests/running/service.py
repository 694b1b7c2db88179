"""A service as a process of its own: started, waited for, watched, stopped."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

READY_WITHIN_S = 30.0
STOP_WITHIN_S = 20.0  # a provider closing a large journal needs some
_PACKAGE_ROOT = Path(__file__).parent.parent.parent


class ServiceError(RuntimeError):
    """A process that did not start or ended by itself; the text says where its log is."""


class Ready(Struct, frozen=True):
    """The line a service prints when it can be used."""

    url: str
    pid: int
    ready: bool = True


class Service:
    """One child process, in a session of its own so that the terminal's Ctrl-C reaches the runner alone."""

    def __init__(self, name: str, module: str, arguments: Sequence[str], logs: Path) -> None:
        self.name = name
        self._command = [sys.executable, "-m", module, *arguments]
        self._log = logs / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} has not been started"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        assert self._process is not None, f"{self.name} has not been started"
        return self._process.poll()

    def start(self, environment: Mapping[str, str]) -> None:
        """``environment`` is added to this process's own: secrets go there, since anyone can read
        arguments.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join(filter(None, (str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH"))))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **environment},
                start_new_session=True,
            )

    def wait_ready(self) -> Ready:
        """Raises ``ServiceError`` where the ready line does not come in time."""
        assert self._process is not None and self._process.stdout is not None
        deadline_s = time.monotonic() + READY_WITHIN_S
        os.set_blocking(self._process.stdout.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            line = b""
            while not line.endswith(b"\n"):
                if not selector.select(deadline_s - time.monotonic()) or time.monotonic() > deadline_s:
                    raise self._failed(f"was not ready within {READY_WITHIN_S:g} s")
                piece = self._process.stdout.read()
                if piece == b"":
                    self._process.wait(STOP_WITHIN_S)
                    raise self._failed(f"ended with code {self._process.returncode} before it was ready")
                line += piece or b""
        try:
            return msgspec.json.decode(line.splitlines()[0], type=Ready)
        except msgspec.DecodeError as error:
            raise self._failed(f"printed something else than its ready line: {error}") from error

    def require_running(self) -> None:
        """Raises ``ServiceError`` where it has ended."""
        if self.exit_code is not None:
            raise self._failed(f"ended by itself with code {self.exit_code}")

    def terminate(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """SIGTERM, and after ``within_s`` the whole of its session is killed."""
        if self._process is None:
            return
        self.terminate()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _failed(self, what: str) -> ServiceError:
        lines = self._log.read_text(errors="replace").strip().splitlines() if self._log.is_file() else []
        last = f"\n  {lines[-1].strip()}" if lines else ""
        return ServiceError(f"{self.name} {what}; its log is {self._log}{last}")
