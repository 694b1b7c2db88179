"""Simulates one part in a child process of low priority, next to a live load that it must not slow down.

The parent starts a ``PartProcess`` and reads its progress from time to time. The child is this module's
``main``; order, progress and pauses are small files in the part's ``logs``. A pause is a request and not a
stop signal: a stopped process would not notice the end of its parent.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import msgspec
from msgspec import Struct

from analysis.exit_codes import ExitCode
from loadtests.runner.child_process import Child, ending_text, start_child
from loadtests.runner.interruption import Interruption
from loadtests.scenario import Part
from loadtests.simulate.part import Choices, simulate_part
from loadtests.simulate.simulation import SimulationProgress

_NICE = 19  # scheduling class: only CPU time that no other process uses
_WRITTEN_EVERY_S = 0.25
_PAUSED_S = 0.1  # between two checks whether to continue
_STOP_WITHIN_S = 30.0


class SimulationFailedError(RuntimeError):
    """The child could not simulate the part. The text has its last output and the path of its log."""


class SimulationOrder(Struct, frozen=True, kw_only=True):
    """The arguments of ``simulate_part``."""

    scenario: str
    part: Part
    seed: int
    folder: str
    choices: Choices


class PartProcess:
    """A part that is being simulated. Call ``wait`` or ``stop`` once, also after another failure."""

    def __init__(self, scenario: str, part: Part, seed: int, folder: Path, choices: Choices) -> None:
        """``folder`` becomes the part's run directory; it is created if it does not exist."""
        logs = folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self._duration_s = part.duration_s
        self._log = logs / "simulation.log"
        self._progress = logs / "simulation-progress.json"
        self._pause, self._paused = _pause_files(logs)
        self.resume()
        order = logs / "simulation-order.json"
        order.write_bytes(
            msgspec.json.encode(
                SimulationOrder(
                    scenario=scenario, part=part, seed=seed, folder=str(folder.resolve()), choices=choices
                )
            )
        )
        with self._log.open("ab") as log:
            self._child: Child = start_child(
                "loadtests.simulate.part_process",
                [str(order.resolve())],
                {},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self._child.process.pid

    @property
    def ended(self) -> bool:
        return self._child.process.poll() is not None

    def progress(self) -> SimulationProgress:
        """The last known progress."""
        try:
            return msgspec.json.decode(self._progress.read_bytes(), type=SimulationProgress)
        except (OSError, msgspec.DecodeError):
            return SimulationProgress(0.0, 0, 0)

    def share_done(self) -> float:
        """The share of the virtual time that has passed, 0 to 1; the drain after the load does not count."""
        if self._child.process.poll() == 0:
            return 1.0
        return min(1.0, self.progress().at_s / self._duration_s) if self._duration_s else 1.0

    def pause(self) -> None:
        """Request a pause. The simulation is ``paused`` or ends soon after."""
        self._pause.touch()

    def resume(self) -> None:
        """End the pause, if there is one."""
        self._pause.unlink(missing_ok=True)

    @property
    def paused(self) -> bool:
        return self._pause.is_file() and self._paused.is_file()

    def wait(self, within_s: float | None = None) -> None:
        """Wait until the run directory is complete. Raises ``SimulationFailedError``, or
        ``subprocess.TimeoutExpired`` if it still runs after ``within_s`` seconds.
        """
        code = self._child.process.wait(within_s)
        self._child.release()
        self.resume()  # remove the pause file
        if code != 0:
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            last = lines[-1] if lines else f"it ended with {ending_text(code)}"
            raise SimulationFailedError(f"{last} (log: {self._log})")

    def stop(self) -> None:
        """End it cleanly. The records so far are kept; the manifest says ``interrupted``. A child that does
        not end is killed.
        """
        if not self.ended:
            self._child.process.send_signal(signal.SIGTERM)
            try:
                self._child.process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self._child.process.wait()
        self._child.release()


def _pause_files(logs: Path) -> tuple[Path, Path]:
    """The file by which the parent requests a pause, and the one by which the child confirms it."""
    return logs / "simulation-pause", logs / "simulation-paused"


def main(order_file: Path) -> int:
    """The child's work. Returns its exit code. If it is not 0, the last printed line is the reason."""
    os.nice(_NICE)
    order = msgspec.json.decode(order_file.read_bytes(), type=SimulationOrder)
    progress_file = order_file.parent / "simulation-progress.json"
    pause, paused = _pause_files(order_file.parent)
    next_s = 0.0

    with Interruption() as interruption:

        def proceed(now: SimulationProgress) -> bool:
            nonlocal next_s
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + _WRITTEN_EVERY_S
                partial = progress_file.with_suffix(".partial")
                partial.write_bytes(msgspec.json.encode(now))
                partial.replace(progress_file)
                while pause.is_file() and not interruption.asked:
                    paused.touch()
                    time.sleep(_PAUSED_S)
                paused.unlink(missing_ok=True)
            return not interruption.asked

        try:
            simulate_part(order.scenario, order.part, order.seed, Path(order.folder), order.choices, proceed)
        except ValueError as error:
            print(error)
            return ExitCode.USAGE  # a profile or what-if that does not fit
        except Exception as error:
            traceback.print_exc()
            print(f"the simulation failed: {error}")
            return ExitCode.CRASHED
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
