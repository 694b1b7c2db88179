"""Waits for a core as they would be read of a process."""

from __future__ import annotations

from collections.abc import Sequence

from loadtests.core_time import CoreWait

_NO_PROCESS = 2**22 + 1  # above the largest number of a process


def core_wait(at_ns: Sequence[int] = (), total_ns: Sequence[int] = ()) -> CoreWait:
    """The waits of no process, but these: ``total_ns`` by each of the instants."""
    wait = CoreWait(_NO_PROCESS)
    assert not wait.counted
    note(wait, at_ns, total_ns)
    return wait


def note(wait: CoreWait, at_ns: Sequence[int], total_ns: Sequence[int]) -> None:
    for at, total in zip(at_ns, total_ns, strict=True):
        wait.note(at, total)
