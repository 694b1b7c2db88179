"""The message store: its protocol and the implementations."""

from __future__ import annotations

from pathlib import Path

from reference_sender.store.protocol import (
    DeadLetterFilter,
    Existing,
    Hold,
    Identity,
    OptIn,
    Purged,
    Record,
    Store,
    StoreError,
    Work,
)
from reference_sender.store.sqlite import SqliteStore

__all__ = [
    "DeadLetterFilter",
    "Existing",
    "Hold",
    "Identity",
    "OptIn",
    "Purged",
    "Record",
    "SqliteStore",
    "Store",
    "StoreError",
    "Work",
    "open_store",
]

_SQLITE = "sqlite:///"


def open_store(url: str) -> Store:
    """Open the store of ``sqlite:///FILE`` and create it if needed. As in SQLAlchemy, three slashes precede a
    relative path, four an absolute one. A missing folder is created, readable only by its owner. Raises
    ``StoreError``.
    """
    if not url.startswith(_SQLITE) or url == _SQLITE:
        raise StoreError(f"--store: must be sqlite:///FILE, not {url!r}")
    path = Path(url.removeprefix(_SQLITE))
    if path.is_dir():
        raise StoreError(f"--store: {path} is a folder; give a file, for example sqlite:///{path}/sender.db")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"--store: the folder {path.parent} cannot be made: {error.strerror}") from error
    return SqliteStore(path)
