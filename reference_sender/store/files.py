"""The store's files: private to their owner, used by one process, and checked for removal."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from reference_sender.store.protocol import StoreError

_OWNER_ONLY = 0o600  # the store holds texts and numbers
_READ_WRITE_MAKE = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class StoreFiles:
    """The database at ``path``, opened by its real path, so that a link to it has the same lock.

    The system frees the lock when the process dies. It is of a file beside the database: a lock of the
    database itself would be in the way of SQLite's own locks on some systems. Raises ``StoreError``.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))
        self._lock = -1
        self._lock_path = _beside(self.path, ".lock")
        self._lock_lost = False
        try:
            self._lock = os.open(self._lock_path, _READ_WRITE_MAKE, _OWNER_ONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = os.fstat(self._lock)
            self._locked = locked.st_dev, locked.st_ino
            self._identity = _made(self.path)
        except BlockingIOError as error:
            self.close()
            raise StoreError(f"{path} is in use by another sender") from error
        except OSError as error:
            self.close()
            raise StoreError(f"{path}: {error.strerror or error}") from error
        except StoreError:
            self.close()
            raise
        # Made by SQLite, and kept while the database is open.
        self._made_later: dict[str, tuple[int, int] | None] = dict.fromkeys(("-wal", "-shm"))

    def check(self) -> None:
        """Raises ``StoreError`` if a file is no longer the one that was opened. Writes to a deleted database
        or log would be lost when the process ends, and without the lock's file another sender may have used
        the store: this process must not use it again, also if the file is put back.
        """
        self._lock_lost = self._lock_lost or _identity(self._lock_path) != self._locked
        if self._lock_lost:
            raise StoreError(
                "its .lock file was removed or replaced while in use, and another sender may have used the"
                " store: restart this one"
            )
        if _identity(self.path) != self._identity:
            raise StoreError("its file was removed or replaced while in use: put it back")
        for suffix, known in self._made_later.items():
            found = _identity(_beside(self.path, suffix))
            if known is None:
                self._made_later[suffix] = found
            elif found != known:
                raise StoreError(f"its {suffix} file was removed or replaced while in use: put it back")

    def close(self) -> None:
        """Release the lock."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _made(path: Path) -> tuple[int, int]:
    """Create the file if it is missing, and make it private to its owner."""
    opened = os.open(path, _READ_WRITE_MAKE, _OWNER_ONLY)
    try:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{path} is not a regular file")
        if found.st_nlink > 1:  # each name would have its own log file, and two logs destroy the database
            raise StoreError(f"{path} has {found.st_nlink} names (hard links): copy it to a file of its own")
        if stat.S_IMODE(found.st_mode) & 0o077:
            os.fchmod(opened, _OWNER_ONLY)
        return found.st_dev, found.st_ino
    finally:
        os.close(opened)  # before SQLite opens it: closing it later would drop SQLite's own locks


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
