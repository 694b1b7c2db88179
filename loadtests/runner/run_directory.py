"""The directory of a run: it belongs to one run, even if several begin at the same moment."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

RUNS = Path("reports/runs")
CLAIM = ".claimed"  # created exclusively by the run that owns the directory, and kept
_OWNER_ONLY = 0o700  # rows and logs are the user's own
_MOST_IN_A_SECOND = 1_000
_PROBE_BYTES = 65_536

# A full disk, a quota, a limit, a device that failed or was removed.
_LOST = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "ENOENT", "EACCES", "ESTALE")
)


class RunDirectoryError(ValueError):
    """A directory that cannot be used for a run. The text says what to do."""


def make_run_directory(path: Path) -> None:
    """Create it, or claim an empty one, for this run only. Raises ``RunDirectoryError``."""
    try:
        if path.is_file():
            raise RunDirectoryError(f"{path} is a file; give --out a directory")
        path.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
        claimed = _claim(path)
    except OSError as error:
        raise RunDirectoryError(
            f"{path} cannot be made: {error.strerror}; give --out another directory"
        ) from error
    if not claimed:
        raise RunDirectoryError(f"{path} already exists and is not empty; give --out another directory")


def new_run_directory(name: str, at: datetime) -> Path:
    """Make ``reports/runs/<time>-<name>``, with a number if several runs begin in the same second.

    Raises ``RunDirectoryError``.
    """
    plain = RUNS / f"{at:%Y%m%dT%H%M%SZ}-{name}"
    for number in range(1, _MOST_IN_A_SECOND):
        path = plain if number == 1 else plain.with_name(f"{plain.name}-{number}")
        try:
            RUNS.mkdir(parents=True, exist_ok=True)
            path.mkdir(mode=_OWNER_ONLY)
            if _claim(path):
                return path
        except FileExistsError:
            continue
        except OSError as error:
            raise RunDirectoryError(
                f"{path} cannot be made: {error.strerror}; give --out another directory"
            ) from error
    raise RunDirectoryError(f"{plain} and all names that follow it are in use; give --out another directory")


def _claim(path: Path) -> bool:
    """Whether the directory was empty and belongs to this run now. Of two concurrent runs one gets it."""
    claim = path / CLAIM
    try:
        os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    if any(entry.name != CLAIM for entry in path.iterdir()):
        claim.unlink()
        return False
    return True


def takes_records(path: Path) -> bool:
    """Tests with a file of some size whether the directory of a run can still be written to."""
    probe = path / ".probe"
    try:
        probe.write_bytes(bytes(_PROBE_BYTES))
        return True
    except OSError:
        return False
    finally:
        with suppress(OSError):
            probe.unlink()


def lost_directory(path: Path, error: OSError) -> str | None:
    """An error message if the directory cannot be written to; None for any other error."""
    if error.errno is None or error.errno not in _LOST:
        return None
    if error.filename is not None and not Path(str(error.filename)).is_relative_to(path):
        return None
    return f"{path} cannot be written to: {os.strerror(error.errno)}"
