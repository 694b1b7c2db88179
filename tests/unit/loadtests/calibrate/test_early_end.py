"""The cause that a calibration names when it ends early."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from urllib.error import URLError

import pytest

from loadtests.calibrate.early_end import EndedEarly, explained
from loadtests.runner.service_process import ServiceError


def errno_error(number: int, path: Path | None = None) -> OSError:
    return OSError(number, os.strerror(number), *([str(path)] if path else []))


@pytest.mark.parametrize(
    ("error", "by", "words"),
    [
        (
            errno_error(errno.ENOSPC),
            "temporary folder",
            "cannot be written to: No space left on device; make",
        ),
        (errno_error(errno.EMFILE), "an error of the system", "Too many open files"),
        (errno_error(errno.ENOENT, Path("/proc/none")), "an error of the system", "/proc/none"),
        (URLError(ConnectionRefusedError(111, "Connection refused")), "provider", "does not answer"),
        (ConnectionResetError(104, "Connection reset by peer"), "provider", "reset by peer"),
        (TimeoutError("timed out"), "provider", "timed out"),
        (ServiceError("provider", "ended by itself with exit code 1"), "provider", "ended by itself"),
    ],
)
def test_each_error_has_its_cause(tmp_path: Path, error: Exception, by: str, words: str) -> None:
    with pytest.raises(EndedEarly, match=words) as raised, explained(tmp_path):
        raise error
    assert raised.value.by.endswith(by)
    assert ("TMPDIR" in str(raised.value)) == (by == "temporary folder")


def test_a_provider_that_ends_since_the_folder_takes_nothing_is_not_the_cause(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(EndedEarly, match=r"ended by itself.*TMPDIR") as raised, explained(gone):
        raise ServiceError("provider", "ended by itself")
    assert raised.value.by == "a failure of the temporary folder"


def test_an_error_that_is_not_of_the_temporary_folder_passes(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), explained(tmp_path):
        raise KeyboardInterrupt
