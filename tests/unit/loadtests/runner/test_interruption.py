"""Ctrl-C once ends a run in order, twice at once."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from loadtests.runner.interruption import Aborted, Interruption


def test_ctrl_c_once_asks_and_twice_aborts() -> None:
    before = signal.getsignal(signal.SIGINT)
    acknowledged = threading.Event()
    said: list[str] = []

    def acknowledge(ended: str) -> None:
        said.append(ended)
        acknowledged.set()

    phase = ["the wait for open messages"]
    with Interruption(acknowledge, lambda: phase[0]) as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        phase[0] = "the run"  # the next phase has begun before it is said
        interruption.pause(60.0)  # ends at once: it has been asked
        assert acknowledged.wait(5.0)
        assert said == ["the wait for open messages"]
        assert interruption.asked
        with pytest.raises(Aborted):
            os.kill(os.getpid(), signal.SIGINT)
            interruption.pause(60.0)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interruption_can_be_forgotten_after_it_was_handled() -> None:
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        interruption.pause(60.0)
        interruption.forget()
        assert not interruption.asked
