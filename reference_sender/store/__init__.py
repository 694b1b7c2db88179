"""The message store: its protocol and the implementations."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from reference_sender.store.protocol import (
    CampaignEnd,
    DeadLetterFilter,
    Existing,
    HandedOver,
    Hold,
    Identity,
    LeaseLost,
    Leases,
    Membership,
    OptIn,
    Place,
    Purged,
    Record,
    Renewal,
    RuleChanges,
    Store,
    StoreError,
    Work,
)
from reference_sender.store.sqlite import SqliteStore

__all__ = [
    "CampaignEnd",
    "DeadLetterFilter",
    "Existing",
    "HandedOver",
    "Hold",
    "Identity",
    "LeaseLost",
    "Leases",
    "Membership",
    "OptIn",
    "Place",
    "Purged",
    "Record",
    "Renewal",
    "RuleChanges",
    "SqliteStore",
    "Store",
    "StoreError",
    "Work",
    "open_store",
]

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")
_ONE_NODE = Membership()


def open_store(url: str, membership: Membership = _ONE_NODE) -> Store:
    """Open the store of ``sqlite:///FILE`` and create it if needed. As in SQLAlchemy, three slashes precede a
    relative path, four an absolute one. A missing folder is created, readable only by its owner. Or join the
    nodes of ``postgresql://USER@HOST/DATABASE`` as ``membership`` says. Raises ``StoreError``.
    """
    if url.startswith(_POSTGRES):
        return _open_postgres(url, membership)
    if not url.startswith(_SQLITE) or url == _SQLITE:
        raise StoreError("--store: must be sqlite:///FILE or postgresql://USER@HOST/DATABASE")
    path = Path(url.removeprefix(_SQLITE))
    if path.is_dir():
        raise StoreError(f"--store: {path} is a folder; give a file, for example sqlite:///{path}/sender.db")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"--store: the folder {path.parent} cannot be made: {error.strerror}") from error
    return SqliteStore(path, membership.looks_up)


def _open_postgres(url: str, membership: Membership) -> Store:
    try:
        from reference_sender.store.postgres import PostgresStore
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise StoreError("--store: postgresql:// needs asyncpg: pip install 'smsbench[postgres]'") from error
    if "#" in url:  # asyncpg ignores it, with all that follows
        raise StoreError("--store: a URL of PostgreSQL has no fragment: write %23 for a # in it")
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        if "range" in str(error):  # otherwise the URL may name several servers, which asyncpg reads
            raise StoreError(f"--store: {error}") from None
    return PostgresStore(url, membership)
