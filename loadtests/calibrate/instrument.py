"""The provider under calibration, as a separate process, and its measuring tools."""

from __future__ import annotations

import json
import secrets
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import psutil

from loadtests.calibrate.client import OpenLoopClient, SendTimes, TimedAnswer
from loadtests.calibrate.early_end import explained, no_folder
from loadtests.calibrate.messages import TOKEN, messages, regular
from loadtests.calibrate.receiver import ReceivedReport, Receiver
from loadtests.core_time import CoreWait, MachineUse
from loadtests.runner.service_process import ServiceError, ServiceProcess
from mock_provider.profiles import Profile, with_token

_WARM_UP = 300
_ADMIN_TIMEOUT_S = 10.0
# Ignores the proxy settings of the environment.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Instrument:
    """A provider runs within its ``with`` block. ``use`` sets another profile and resets the provider.

    Raises ``ServiceError`` if the provider does not start.
    """

    def __init__(self, profile: Profile, seed: int, folder: Path) -> None:
        self.seed = seed
        self._first = profile
        self._folder = folder
        self._admin_token = secrets.token_urlsafe(16)
        self._stack = ExitStack()
        self._labels = 0
        self.others_share = 0.0  # share of the machine that other programs used during the last run

    def __enter__(self) -> Instrument:
        first = self._folder / "profile.json"
        first.write_text(self._first.model_dump_json())
        journal = self._folder / "provider.arrow"  # as in a run: it takes time of the event loop
        arguments = ["--profile", str(first), "--seed", str(self.seed), "--journal", str(journal)]
        service = self._service = ServiceProcess("provider", "mock_provider", arguments, self._folder)
        with ExitStack() as stack:
            stack.callback(service.stop)
            service.start({"SMSBENCH_PROVIDER_TOKEN": TOKEN, "SMSBENCH_ADMIN_TOKEN": self._admin_token})
            self.url = service.wait_ready().url
            parts = urlsplit(self.url)
            self.receiver = Receiver()
            stack.callback(self.receiver.close)
            self.client = OpenLoopClient(parts.hostname or "", parts.port or 80, self.receiver)
            stack.callback(self.client.close)
            self.wait = CoreWait(service.pid)
            stack.callback(self.wait.close)
            self._machine = MachineUse([psutil.Process(service.pid), psutil.Process()])
            self._warm_up()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def label(self, of: str) -> str:
        """A prefix for keys that no earlier measurement of this instrument used."""
        self._labels += 1
        return f"{of}{self._labels}"

    def use(self, profile: Profile) -> None:
        """Measure this profile from now on. Earlier messages are forgotten, and no window has begun."""
        document = with_token(profile, TOKEN).model_dump(mode="json", exclude_none=True)
        self.admin("PUT", "/profile", document)
        self.admin("POST", "/reset")
        self.receiver.received()

    def run(self, schedule: SendTimes, connections: int) -> tuple[int, list[TimedAnswer]]:
        """Run the client's schedule over this many connections; see ``OpenLoopClient.run``."""
        self.client.connect(connections)
        self.wait.begin()
        self._machine.begin()
        try:
            return self.client.run(schedule, self.wait)
        finally:
            self.others_share = self._machine.others_share()

    def require_sound(self) -> None:
        """Raises ``ServiceError`` if the provider has ended or failed: its answers then do not depend on its
        settings. Raises ``OSError`` if it does not answer.
        """
        self._service.require_running()
        if failed := self.admin("GET", "/state")["failed"]:
            raise ServiceError("provider", f"failed: {'; '.join(failed)}")

    def reports(self) -> Sequence[ReceivedReport]:
        """Delivery reports that came since the last call."""
        return self.receiver.received()

    def admin(self, method: str, path: str, value: object = None) -> dict[str, Any]:
        """The answer of the provider's admin API. Raises ``OSError``."""
        request = urllib.request.Request(
            f"{self.url}/admin{path}",
            data=None if value is None else json.dumps(value).encode(),
            headers={"Authorization": f"Bearer {self._admin_token}", "Content-Type": "application/json"},
            method=method,
        )
        with _opener.open(request, timeout=_ADMIN_TIMEOUT_S) as reply:
            answer: dict[str, Any] = json.load(reply)
        return answer

    def _warm_up(self) -> None:
        """Send some requests: the first ones are slow, since code and connections are cold."""
        sent = messages(self.label("warm"), _WARM_UP)
        self.client.run(SendTimes(sent.requests, regular(1_000, _WARM_UP)))


@contextmanager
def instrument_of(profile: Profile, seed: int) -> Iterator[Instrument]:
    """An instrument in a temporary folder. Raises ``EndedEarly`` for failures within."""
    try:
        temporary = tempfile.TemporaryDirectory()
    except OSError as error:
        raise no_folder(error) from error
    with temporary as folder, explained(Path(folder)), Instrument(profile, seed, Path(folder)) as instrument:
        yield instrument
