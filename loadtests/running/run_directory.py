"""The directory a run is written into."""

from __future__ import annotations

import errno
import os
from pathlib import Path

# A full disk, a quota, a limit, a device that failed or is gone.
_LOST = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "ENOENT", "EACCES", "ESTALE")
)


class RunDirectoryError(ValueError):
    """A directory that cannot take a run; the text says what to do."""


def make_run_directory(path: Path) -> None:
    """Make it, or take it where it is there and empty. Raises ``RunDirectoryError``."""
    try:
        if path.is_file():
            raise RunDirectoryError(f"{path} is a file; give --out a directory")
        path.mkdir(parents=True, exist_ok=True)
        taken = any(path.iterdir())
    except OSError as error:
        raise RunDirectoryError(
            f"{path} cannot be made: {error.strerror}; give --out another directory"
        ) from error
    if taken:
        raise RunDirectoryError(f"{path} is there already and not empty; give --out another directory")


def lost_directory(path: Path, error: OSError) -> str | None:
    """That the directory of a run cannot be written to, in words. None where the error is another."""
    if error.errno is None or error.errno not in _LOST:
        return None
    return f"{path} cannot be written to: {os.strerror(error.errno)}"
