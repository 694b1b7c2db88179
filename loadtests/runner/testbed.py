"""The services of a load: the mock provider, and the reference sender or the user's target."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from msgspec import Struct

from loadtests.arrivals.chance import derive_seed
from loadtests.runner import queries
from loadtests.runner.probe import ProbeStopped
from loadtests.runner.provider_profile import ProfileChoice, choose_profile
from loadtests.runner.queries import StateQuery
from loadtests.runner.service_process import ServiceError, ServiceProcess
from loadtests.runner.settings import RunSettings
from loadtests.scenario import Part
from loadtests.targets import Target, address_of

JOURNAL = "provider.arrow"
STORE = "sender.db"
_HEALTHY_WITHIN_S = 20.0


def provider_scale(part: Part, settings: RunSettings) -> float:
    """The factor by which the provider is faster, so that its utilisation has the shape of the real day."""
    return part.speedup if settings.scale_provider else 1.0


def provider_seed(settings: RunSettings) -> int:
    return derive_seed(settings.seed, "provider") & 0x7FFF_FFFF


class LoadTestbed(Struct):
    """Filled in the order of the start. ``services`` are stopped in the reverse order."""

    services: list[ServiceProcess]
    states: dict[str, StateQuery]
    notes: list[str]
    environment: dict[str, str]
    host: str | None = None
    profile: ProfileChoice | None = None
    target: dict[str, Any] = {}

    def require_running(self) -> None:
        for service in self.services:
            service.require_running()

    def stop(self) -> None:
        """Stop the sender before the provider, so that the provider can still answer it."""
        for service in reversed(self.services):
            service.stop()

    def failures(self) -> list[ServiceError]:
        """Failures of the stopped services, the provider's first."""
        return [error for error in (service.failure() for service in self.services) if error is not None]

    def kill(self) -> None:
        for service in self.services:
            service.kill()


def start_testbed(testbed: LoadTestbed, part: Part, run_dir: Path, settings: RunSettings) -> None:
    """Start what the part needs and wait until it can be used. Raises ``ServiceError``, ``OSError``,
    ``ValueError``; ``ProbeStopped`` if the target does not answer before a load with a probe.

    Services that were started are in ``testbed`` even then, so that they can be stopped.
    """
    target = settings.target
    if target is None:
        token = secrets.token_hex(16)
        url = _start_provider(testbed, part, run_dir, settings, token)
        _start_sender(testbed, run_dir, settings, _route(testbed, url, token))
        return
    if target.provider.url is None:
        token = target.provider.token or secrets.token_hex(16)
        url = _start_provider(testbed, part, run_dir, settings, token)
        testbed.notes.append(
            f"the mock provider listens at {url}: set it as the provider URL of {target.name}"
        )
        if target.provider.token is None:
            testbed.notes.append(f"its account token for this run: {token}")
    elif target.provider.admin_token is not None:
        url = target.provider.url.rstrip("/") + queries.PROVIDER_STATE
        testbed.states["provider"] = StateQuery(url, target.provider.admin_token)
    why = _why_not_up(target, settings.probe_timeout_s)
    if why:
        # Later, the parts and trials before this one have results.
        raise ProbeStopped(why) if settings.probe else ConnectionError(why)
    testbed.target = described(target, settings.target_file)


def _start_provider(
    testbed: LoadTestbed, part: Part, run_dir: Path, settings: RunSettings, token: str
) -> str:
    name = settings.profile or part.profile
    testbed.profile = choose_profile(name, provider_scale(part, settings), run_dir)
    admin_token = secrets.token_hex(16)
    port = settings.target.provider.port if settings.target is not None else 0
    arguments = ["--profile", testbed.profile.argument, "--port", str(port)]
    arguments += ["--seed", str(provider_seed(settings)), "--journal", str(run_dir / JOURNAL)]
    provider = ServiceProcess("provider", "mock_provider", arguments, run_dir / "logs")
    testbed.services.append(provider)
    provider.start({"SMSBENCH_PROVIDER_TOKEN": token, "SMSBENCH_ADMIN_TOKEN": admin_token})
    url = provider.wait_ready().url
    testbed.notes.append(f"inbox, with each message live: {url}/#token={admin_token}")
    testbed.states["provider"] = StateQuery(url + queries.PROVIDER_STATE, admin_token)
    return url


def _route(testbed: LoadTestbed, provider_url: str, token: str) -> str:
    # Imported here, since only the start of a sender needs it and it imports the HTTP client.
    from reference_sender.routes.url import default_url

    assert testbed.profile is not None  # the provider has been started
    options = testbed.profile.route_options()
    return default_url(provider_url.removeprefix("http://").rstrip("/"), token, options)


def _start_sender(testbed: LoadTestbed, run_dir: Path, settings: RunSettings, route: str) -> None:
    token = secrets.token_hex(16)
    store = f"sqlite:///{run_dir / STORE}"
    sender = ServiceProcess("sender", "reference_sender", ["--port", "0", "--store", store], run_dir / "logs")
    testbed.services.append(sender)
    sender.start({"SMSBENCH_SENDER_TOKEN": token, "SMSBENCH_SENDER_ROUTES": route})
    url = sender.wait_ready().url.rstrip("/")
    if not queries.wait_healthy(url + queries.SENDER_HEALTH, _HEALTHY_WITHIN_S):
        raise ServiceError("sender", f"was ready but not healthy within {_HEALTHY_WITHIN_S:g} s")
    testbed.notes.append(f"dashboard of the sender: {url}/#token={token}")
    testbed.states["sender"] = StateQuery(url + queries.SENDER_STATE, token)
    testbed.environment["SMSBENCH_SENDER_TOKEN"] = token
    testbed.host = url
    testbed.target = {"name": "reference_sender", "kind": "reference_sender", "url": url}


def described(target: Target, file: Path | None) -> dict[str, Any]:
    """The target for the manifest.

    The path of its file is relative to the current directory, so that an advised command works there and the
    report does not name the user's home.
    """
    if file is None:
        return target.described()
    return target.described() | {"file": Path(os.path.relpath(file)).as_posix()}


def _why_not_up(target: Target, within_s: float) -> str:
    """ "" if the target answers HTTP within the time."""
    if target.health_url is not None:
        if queries.wait_healthy(target.health_url, within_s):
            return ""
        return (
            f"{target.name}: health_url did not answer 2xx within {within_s:g} s: "
            f"{address_of(target.health_url)}"
        )
    why = queries.why_no_answer(target.request.url, within_s)
    if not why:
        return ""
    return (
        f"{target.name} gives no HTTP answer at {address_of(target.request.url)} ({why}): correct "
        "request.url in the target file (its port, http:// or https://), or look in the sender's log"
    )
