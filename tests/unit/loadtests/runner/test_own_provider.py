"""A mock provider of the user's own that ends while a run uses it."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from loadtests import catalogue
from loadtests.recording import LoadStatus
from loadtests.runner import part_run
from loadtests.runner.interruption import Interruption
from loadtests.runner.own_provider import GONE_AFTER_S, OwnProvider
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.sampling import Sampler, Snapshot
from loadtests.runner.service_process import ServiceError
from loadtests.runner.settings import RunSettings
from loadtests.targets import Target
from loadtests.targets.target_file import Provider, RequestTemplate

SEND = "http://127.0.0.1:1/{key}/{to}/{text}"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


def target_of(listener: socket.socket) -> Target:
    return Target(
        name="mine",
        request=RequestTemplate(url=SEND),
        provider=Provider(url=f"http://127.0.0.1:{listener.getsockname()[1]}"),
    )


def test_a_provider_that_is_gone_for_a_while_has_failed(listener: socket.socket) -> None:
    own = OwnProvider(target_of(listener))
    own.check(0.0)
    own.check(100.0)
    listener.close()
    own.check(100.5)
    own.check(100.4 + GONE_AFTER_S)
    with pytest.raises(ServiceError, match="provider no longer listens at http://127"):
        own.check(100.5 + GONE_AFTER_S)


def test_a_provider_that_came_back_has_not_failed(listener: socket.socket) -> None:
    target = target_of(listener)
    address = listener.getsockname()
    listener.close()
    own = OwnProvider(target)
    own.check(0.0)
    with socket.create_server(address):
        own.check(1.0)
        own.require_listening()
    own.check(10.0)
    own.check(9.9 + GONE_AFTER_S)


@pytest.mark.parametrize("target", [None, Target(name="mine", request=RequestTemplate(url=SEND))])
def test_the_provider_of_the_run_itself_is_watched_as_a_process(target: Target | None) -> None:
    own = OwnProvider(target)
    own.check(0.0)
    own.check(100.0)
    own.require_listening()


@pytest.mark.parametrize("phase", ["load", "end"])
def test_a_run_whose_own_provider_is_gone_is_an_error_of_the_bench(
    phase: str, listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = RunSettings(out=tmp_path / "run", seed=1, target=target_of(listener), probe=False)
    listener.close()
    monkeypatch.setattr(part_run, "start_testbed", lambda *_: None)
    if phase == "load":
        clock_s = iter(range(0, 10_000, 10))
        monkeypatch.setattr(Sampler, "take", lambda self: Snapshot(LoadStatus(), None, None, 0.0))
        monkeypatch.setattr(PartRun, "run_load", lambda self, sampler: "finished")
        check = OwnProvider.check
        monkeypatch.setattr(OwnProvider, "check", lambda self, now_s: check(self, float(next(clock_s))))
    else:
        monkeypatch.setattr(PartRun, "run_load", lambda self, sampler: "finished")
        monkeypatch.setattr(PartRun, "drain", lambda self, sampler, reason: reason)
    smoke = catalogue.scenario("smoke")
    progress = Progress(Console(file=io.StringIO()))
    manifest = PartRun(smoke, smoke.parts[0], settings.out, settings, progress, Interruption()).run()
    assert manifest.exit_reason.startswith("error: provider no longer listens at http://127.0.0.1:")
    (failure,) = manifest.instrument_failures
    assert failure.process == "provider"
