"""Why a calibration ended early: its temporary folder, the provider, or the system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from loadtests.runner.run_directory import lost_directory, takes_records
from loadtests.runner.service_process import ServiceError


class EndedEarly(Exception):
    """The text is the reason. ``by``: the cause, for *Incomplete, … after 1 of 2 measurements*."""

    def __init__(self, what: str, by: str) -> None:
        super().__init__(what)
        self.by = by


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Raise ``EndedEarly`` for a ``ServiceError`` or ``OSError`` of the block. Its text depends on whether
    ``folder``, where the provider writes, is unchanged.
    """
    try:
        yield
    except (ServiceError, OSError) as error:
        raise _explanation(error, folder) from error


def no_folder(error: OSError) -> EndedEarly:
    """The temporary folder could not be made."""
    return _of_folder(f"a temporary folder cannot be created: {error}")


def _explanation(error: ServiceError | OSError, folder: Path) -> EndedEarly:
    lost = lost_directory(folder, error) if isinstance(error, OSError) else None
    if lost is not None:
        return _of_folder(f"the temporary folder {lost}")
    if not takes_records(folder):  # a provider that cannot write its journal or its log fails
        return _of_folder(f"the temporary folder {folder} cannot be written to: {error}")
    if isinstance(error, ServiceError):
        return EndedEarly(str(error), "a failure of the provider")
    if isinstance(error, URLError | ConnectionError | TimeoutError):
        return EndedEarly(f"the provider does not answer as expected: {error}", "a failure of the provider")
    return EndedEarly(f"the system refused a measurement: {error}", "an error of the system")


def _of_folder(what: str) -> EndedEarly:
    text = f"{what}; make room, or set TMPDIR to another folder"
    return EndedEarly(text, "a failure of the temporary folder")
