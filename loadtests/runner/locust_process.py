"""The Locust process of a part: its command line and environment."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from loadtests.runner.service_process import ServiceProcess
from loadtests.runner.settings import RunSettings
from loadtests.targets import variables_of

STOP_TIMEOUT_S = 10  # time for in-flight requests when the load is stopped
_LOCUSTFILE = Path(__file__).parent.parent / "users" / "planned.py"


def locust_service(host: str | None, settings: RunSettings, run_dir: Path) -> ServiceProcess:
    """Headless, or with its web UI on a port that the system chooses. It writes its rows into ``run_dir``."""
    arguments = ["-f", str(_LOCUSTFILE), "--plan", str(run_dir / "plan.json")]
    arguments += ["--run-dir", str(run_dir), "--csv", str(run_dir / "logs" / "locust")]
    # The report judges failed requests. The exit code says only whether Locust itself worked.
    arguments += ["--exit-code-on-error", "0", "--stop-timeout", str(STOP_TIMEOUT_S), "--only-summary"]
    if host is not None:
        arguments += ["--host", host]
    if settings.target_file is not None:
        arguments += ["--target", str(settings.target_file)]
    if settings.workers > 1:
        port = str(_free_port())
        arguments += ["--processes", str(settings.workers), "--master-bind-host", "127.0.0.1"]
        arguments += ["--master-bind-port", port, "--master-port", port]
    if settings.ui:
        arguments += ["--web-host", "127.0.0.1", "--web-port", "0"]
    else:
        arguments += ["--headless"]
    # Locust reads locust.conf and pyproject.toml of its working directory, and ~/.locust.conf.
    logs = run_dir / "logs"
    return ServiceProcess("load", "locust", arguments, logs, home=logs, ready_line=False)


def load_environment(settings: RunSettings) -> dict[str, str]:
    """The environment variables that the target file names."""
    if settings.target_file is None:
        return {}
    return {name: os.environ[name] for name in variables_of(settings.target_file) if name in os.environ}


def _free_port() -> int:
    """Locust's master does not accept port 0, so a free port is found first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
