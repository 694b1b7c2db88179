"""Where messages are kept: the protocol, and the stores that speak it."""

from __future__ import annotations

from pathlib import Path

from reference_sender.store.protocol import Existing, Identity, Record, Store, StoreError, Work
from reference_sender.store.sqlite import SqliteStore

__all__ = ["Existing", "Identity", "Record", "SqliteStore", "Store", "StoreError", "Work", "open_store"]

_SQLITE = "sqlite:///"


def open_store(url: str) -> Store:
    """Open (and where need be create) the store of ``sqlite:///FILE``, as SQLAlchemy writes it: three slashes
    before a relative path, four before an absolute one. Raises ``StoreError``."""
    if not url.startswith(_SQLITE) or url == _SQLITE:
        raise StoreError(f"store must be sqlite:///FILE, not {url!r}")
    return SqliteStore(Path(url.removeprefix(_SQLITE)))
