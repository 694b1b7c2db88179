"""The schema in PostgreSQL: created once, upgraded from an older one, or refused."""

from __future__ import annotations

import logging
import secrets
from importlib.resources import files
from typing import Any

import asyncpg

from reference_sender.store.protocol import StoreError

log = logging.getLogger(__name__)

SCHEMA_VERSION = 7
_NAME = "smsbench"
_LOCK = 0x736D7362  # any number that other programs do not use

# Nodes of schema 1 that still run do not order reports; what they store can be read.
_FROM_1_TO_2 = """
DROP INDEX message_campaign;
CREATE INDEX message_campaign ON message (campaign, id) WHERE campaign <> '';
CREATE TABLE campaign_report (
    campaign text COLLATE "C" PRIMARY KEY, ordered_ns bigint NOT NULL, language text NOT NULL,
    recipients text NOT NULL, due boolean NOT NULL, summary bytea, made_ns bigint, to_mail boolean NOT NULL
);
CREATE INDEX campaign_report_waiting ON campaign_report (campaign) WHERE due OR to_mail;
UPDATE identity SET version = 2;
"""
# Nodes of schema 2 cannot store costs in the new table.
_FROM_2_TO_3 = """
ALTER TABLE campaign ADD COLUMN changed_at timestamptz NOT NULL DEFAULT clock_timestamp();
CREATE INDEX campaign_changed ON campaign (changed_at);
ALTER TABLE spending ADD COLUMN node integer NOT NULL DEFAULT 0,
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    DROP CONSTRAINT spending_pkey, ADD PRIMARY KEY (campaign, day, node);
CREATE INDEX spending_changed ON spending (changed_at);
ALTER TABLE opt_out ADD COLUMN active boolean NOT NULL DEFAULT true,
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT clock_timestamp();
CREATE INDEX opt_out_changed ON opt_out (changed_at);
CREATE UNLOGGED TABLE recipient (
    number text NOT NULL, otp boolean NOT NULL, node integer NOT NULL, times_ns bigint[] NOT NULL,
    until_ns bigint NOT NULL, changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (number, otp, node)
);
CREATE INDEX recipient_changed ON recipient (changed_at);
CREATE INDEX recipient_until ON recipient (until_ns);
UPDATE identity SET version = 3;
"""
# Nodes of schema 3 would remove a refused message that another node has confirmed.
_FROM_3_TO_4 = """
ALTER TABLE claim ADD COLUMN confirmed boolean NOT NULL DEFAULT false;
UPDATE identity SET version = 4;
"""
# Nodes of schema 4 work with it: they do not say their limits.
_FROM_4_TO_5 = """
ALTER TABLE node ADD COLUMN limits text[] NOT NULL DEFAULT '{}';
UPDATE identity SET version = 5;
"""
# Nodes of schema 4 and 5 work with it: the messages that they leave to any node go first, and expire once
# they are claimed. The longest lease is 600 s.
_FROM_5_TO_6 = """
ALTER TABLE claim ADD COLUMN expires_ns bigint NOT NULL DEFAULT 9223372036854775807,
    ADD COLUMN turn bigint NOT NULL DEFAULT 0;
DROP INDEX claim_free;
CREATE INDEX claim_free ON claim (lane, turn, id) WHERE owner = 0;
CREATE INDEX claim_expiry ON claim (expires_ns) WHERE owner = 0;
ALTER TABLE node ADD COLUMN lease_s float8 NOT NULL DEFAULT 600;
UPDATE identity SET version = 6;
"""
# Nodes of schema 4 to 6 work with it: the rows that they store are compared by their keys only.
_FROM_6_TO_7 = """
ALTER TABLE message ADD COLUMN pair bigint;
CREATE UNIQUE INDEX message_pair ON message (pair) WHERE pair IS NOT NULL;
UPDATE identity SET version = 7;
"""
_UPGRADES = (_FROM_1_TO_2, _FROM_2_TO_3, _FROM_3_TO_4, _FROM_4_TO_5, _FROM_5_TO_6, _FROM_6_TO_7)
_ALIVE = "SELECT EXISTS (SELECT FROM node WHERE NOT dead AND alive_until > clock_timestamp())"


async def upgrade(connection: asyncpg.Connection[Any]) -> None:
    """Create the schema unless it is there. Raises ``StoreError`` if it is of another version."""
    async with connection.transaction():
        # Several nodes may start at a time.
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
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
        while 0 < version < SCHEMA_VERSION:
            if version in (2, 3) and await connection.fetchval(_ALIVE):
                raise StoreError(
                    f"PostgreSQL has schema {version}: stop every sender of the earlier version first"
                )
            await connection.execute(_UPGRADES[version - 1])
            version += 1
    if version != SCHEMA_VERSION:
        raise StoreError(f"PostgreSQL has schema {version} of a sender, this sender knows {SCHEMA_VERSION}")
    if await connection.fetchval("SHOW fsync") != "on":
        log.warning("PostgreSQL runs with fsync = off: a power cut may lose acknowledged messages")
