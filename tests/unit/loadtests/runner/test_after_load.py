"""How the wait after the load ends: by itself, at its limit, or by a key or an interruption of the user."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator

import pytest
from rich.console import Console

from loadtests.recording import LoadStatus
from loadtests.runner import after_load
from loadtests.runner.after_load import await_the_rest
from loadtests.runner.drain import Drain
from loadtests.runner.interruption import Interruption
from loadtests.runner.key_press import KeyPress
from loadtests.runner.progress import Progress
from loadtests.runner.queries import ServiceState
from loadtests.runner.sampling import Snapshot

OPEN = 3


class Terminal(KeyPress):
    """A key press at the second look, or at none. There is no terminal."""

    def __init__(self, answers: Iterator[bool]) -> None:
        super().__init__()
        self._answers = answers

    @property
    def possible(self) -> bool:
        return True

    def pressed(self) -> bool:
        return next(self._answers, False)


def waited(
    monkeypatch: pytest.MonkeyPatch,
    *,
    limit_s: float = 60.0,
    still_open: int = OPEN,
    keys: tuple[bool, ...] = (),
    interrupts_at: int = 0,
    before: bool = False,
) -> tuple[str, str, int]:
    """The end, the terminal's text and the number of looks. ``interrupts_at``: Ctrl-C in that look."""
    monkeypatch.setattr(after_load, "TICK_S", 0.01)
    monkeypatch.setattr(after_load, "INTERRUPTED_LIMIT_S", 0.05)
    monkeypatch.setattr(after_load, "KeyPress", lambda: Terminal(iter(keys)))
    provider = ServiceState(
        open=still_open, accepted=9, gauges={"on_air": float(still_open)}, counters={"requests": 9.0}
    )
    sender = ServiceState(open=still_open, gauges={"awaiting_report": float(still_open)})
    looks = 0
    interruption = Interruption()
    if before:
        interruption.ask()

    def look() -> Snapshot:
        nonlocal looks
        looks += 1
        if looks == interrupts_at:
            interruption.ask()
        return Snapshot(
            load=LoadStatus(accepted=9), provider=provider, sender=sender, machine_cpu_percent=0.0
        )

    output = io.StringIO()
    with Progress(Console(file=output, width=200)) as progress:
        end = await_the_rest(Drain(True, True), look, limit_s, progress, interruption)
    return end, output.getvalue(), looks


def test_nothing_open_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    end, said, looks = waited(monkeypatch, still_open=0, keys=(True,))
    assert (end, looks) == ("finished", 1)
    assert "ended by the user" not in said


def test_a_key_ends_it_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    began_s = time.monotonic()
    end, said, looks = waited(monkeypatch, keys=(False, True))
    assert (end, looks) == ("drain_ended", 2)
    assert "q, Enter or Ctrl-C ends the wait for open messages" in said
    assert "the drain was ended by the user" in said and "3 on their way to handsets" in said
    assert time.monotonic() - began_s < 30.0  # and not the limit of 60 s


def test_an_interruption_ends_it_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    end, said, looks = waited(monkeypatch, interrupts_at=2)
    assert (end, looks) == ("drain_ended", 2)
    assert "the drain was ended by the user" in said


@pytest.mark.parametrize("limit_s", [0.0, 0.05])
def test_without_a_key_it_lasts_until_its_limit(limit_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    end, said, _ = waited(monkeypatch, limit_s=limit_s)
    assert end == "drain_timeout"
    assert f"the drain timeout of {limit_s:g} s has passed" in said


def test_after_an_interrupted_load_the_limit_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    end, said, looks = waited(monkeypatch, before=True)
    assert end == "drain_timeout" and looks > 1
    assert "the drain timeout of 0.05 s has passed" in said
    assert "ends the wait" not in said
