"""Connections to a store in a file."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def connected(path: Path) -> sqlite3.Connection:
    """A connection without changes to the file. It may be used by one thread at a time."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)


def set_up(connection: sqlite3.Connection) -> None:
    """What is set before any work."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -65536")
    # Four times the default: hot pages are written back to the file less often.
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
