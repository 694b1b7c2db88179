"""The schema in PostgreSQL: created once, or found to be the one this sender knows."""

from __future__ import annotations

import logging
import secrets
from importlib.resources import files
from typing import Any

import asyncpg

from reference_sender.store.protocol import StoreError

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
_NAME = "smsbench"
_LOCK = 0x736D7362  # any number that other programs do not use


async def bring_up_to_date(connection: asyncpg.Connection[Any]) -> None:
    """Create the schema unless it is there. Raises ``StoreError`` if it is of another version."""
    async with connection.transaction():
        await connection.execute(
            "SELECT pg_advisory_xact_lock($1)", _LOCK
        )  # several nodes may start at a time
        known = await connection.fetchval("SELECT to_regclass('smsbench.identity') IS NOT NULL")
        if not known:
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_NAME}")
            schema = files("reference_sender.store.postgres").joinpath("schema.sql")
            await connection.execute(schema.read_text(encoding="utf-8"))
            await connection.execute(
                "INSERT INTO identity VALUES ($1, $2, $3)",
                SCHEMA_VERSION,
                secrets.token_hex(4),
                secrets.token_urlsafe(18),
            )
        version = await connection.fetchval("SELECT version FROM identity")
    if version != SCHEMA_VERSION:
        raise StoreError(f"PostgreSQL has schema {version} of a sender, this sender knows {SCHEMA_VERSION}")
    if await connection.fetchval("SHOW fsync") != "on":
        log.warning("PostgreSQL runs with fsync = off: a power cut may lose acknowledged messages")
