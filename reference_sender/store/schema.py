"""The store's schema: created in a new file, upgraded in an older one, or refused."""

from __future__ import annotations

import secrets
import sqlite3
from importlib.resources import files
from pathlib import Path

from reference_sender.store.protocol import StoreError

SCHEMA_VERSION = 7

_UNFINISHED_1 = """
    SELECT count(*) FROM message m LEFT JOIN progress p ON p.id = m.id
    WHERE coalesce(p.state, 'queued') NOT IN ('sent', 'delivered', 'failed', 'expired')
"""
_FROM_1_TO_2 = """
    BEGIN IMMEDIATE;
    ALTER TABLE progress ADD COLUMN route TEXT;
    ALTER TABLE progress ADD COLUMN tried_ns INTEGER;
    CREATE TABLE attempt (
        id INTEGER PRIMARY KEY, route TEXT NOT NULL, at_ns INTEGER NOT NULL, messages BLOB NOT NULL
    ) STRICT;
    PRAGMA user_version = 2;
    COMMIT;
"""

_FROM_2_TO_3 = """
    BEGIN IMMEDIATE;
    CREATE INDEX progress_dead ON progress (id) WHERE state IN ('failed', 'expired');
    CREATE TABLE hold (
        id INTEGER PRIMARY KEY, not_before_ns INTEGER NOT NULL, keeps_hours INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE campaign (
        name TEXT PRIMARY KEY, state TEXT NOT NULL, spending_limit INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE spending (
        campaign TEXT NOT NULL, day INTEGER NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY (campaign, day)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE opt_out (number TEXT PRIMARY KEY, since_ns INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 3;
    COMMIT;
"""

_FROM_3_TO_4 = """
    BEGIN IMMEDIATE;
    CREATE INDEX progress_ended_as ON progress (provider_id)
        WHERE state IN ('failed', 'expired') AND provider_id IS NOT NULL;
    PRAGMA user_version = 4;
    COMMIT;
"""

_FROM_4_TO_5 = """
    BEGIN IMMEDIATE;
    CREATE TABLE campaign_report (
        campaign TEXT PRIMARY KEY, ordered_ns INTEGER NOT NULL, language TEXT NOT NULL,
        recipients TEXT NOT NULL, due INTEGER NOT NULL, summary BLOB, made_ns INTEGER,
        to_mail INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX campaign_report_waiting ON campaign_report (campaign) WHERE due OR to_mail;
    PRAGMA user_version = 5;
    COMMIT;
"""

_FROM_5_TO_6 = """
    BEGIN IMMEDIATE;
    ALTER TABLE message ADD COLUMN once INTEGER NOT NULL DEFAULT 0;
    PRAGMA user_version = 6;
    COMMIT;
"""

# When a campaign was last changed is not known: its controls are kept for the whole time from now on.
_FROM_6_TO_7 = """
    BEGIN IMMEDIATE;
    ALTER TABLE campaign ADD COLUMN changed_ns INTEGER NOT NULL DEFAULT 0;
    UPDATE campaign SET changed_ns = CAST(strftime('%s', 'now') AS INTEGER) * 1000000000;
    PRAGMA user_version = 7;
    COMMIT;
"""

_UPGRADES = (_FROM_1_TO_2, _FROM_2_TO_3, _FROM_3_TO_4, _FROM_4_TO_5, _FROM_5_TO_6, _FROM_6_TO_7)


def upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Create the schema, or upgrade an older one. Raises ``StoreError`` if that is not safe."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == SCHEMA_VERSION:
        return
    if version == 0:
        if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise StoreError(f"{path} is a database of another program: give another file")
        _create(connection)
    elif version < SCHEMA_VERSION:
        if version == 1:
            _check_1(connection, path)
        for script in _UPGRADES[version - 1 :]:
            connection.executescript(script)
    else:
        raise StoreError(f"{path} has schema {version}, this sender knows {SCHEMA_VERSION}")


def _create(connection: sqlite3.Connection) -> None:
    schema = files("reference_sender.store").joinpath("schema.sql").read_text(encoding="utf-8")
    tag, secret = secrets.token_hex(4), secrets.token_urlsafe(18)
    connection.executescript(
        f"BEGIN IMMEDIATE; {schema}"
        f"INSERT INTO identity VALUES ('{tag}', '{secret}');"
        f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )


def _check_1(connection: sqlite3.Connection, path: Path) -> None:
    """Schema 1 does not record the route of an attempt, so it must have no unfinished messages."""
    unfinished = connection.execute(_UNFINISHED_1).fetchone()[0]
    if unfinished:
        raise StoreError(
            f"{path} was written by an earlier version and holds {unfinished} messages that may have been"
            " submitted, without the route: let the earlier version finish them, or give a new file"
        )
