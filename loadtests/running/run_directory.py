"""The directory a run is written into."""

from __future__ import annotations

from pathlib import Path


class RunDirectoryError(ValueError):
    """A directory that cannot take a run; the text says what to do."""


def make_run_directory(path: Path) -> None:
    """Make it, or take it where it is there and empty. Raises ``RunDirectoryError``."""
    try:
        if path.is_file():
            raise RunDirectoryError(f"{path} is a file; give --out a directory")
        path.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds numbers and texts
        taken = any(path.iterdir())
    except OSError as error:
        raise RunDirectoryError(
            f"{path} cannot be made: {error.strerror}; give --out another directory"
        ) from error
    if taken:
        raise RunDirectoryError(f"{path} is there already and not empty; give --out another directory")
