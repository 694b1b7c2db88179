-- Schema 7. `message` has the fields of a message that never change. `progress` has its state, in a narrow row that is
-- overwritten, so a change does not rewrite the text. A message without a row in `progress` is queued and untried.
CREATE TABLE identity (
    tag           TEXT NOT NULL,   -- part of each key that this store generates: two stores never generate the same key
    report_secret TEXT NOT NULL    -- part of the URL that providers send reports to: kept across restarts
) STRICT;

CREATE TABLE message (
    id         INTEGER PRIMARY KEY,
    key        TEXT NOT NULL UNIQUE,
    recipient  TEXT NOT NULL,
    body       TEXT NOT NULL,
    class      TEXT NOT NULL,
    sender_id  TEXT NOT NULL,
    campaign   TEXT NOT NULL,
    segments   INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    expires_ns INTEGER NOT NULL,
    once       INTEGER NOT NULL DEFAULT 0   -- 1: no other such message of the campaign has its number and text
) STRICT;

CREATE INDEX message_campaign ON message (campaign) WHERE campaign <> '';

CREATE TABLE progress (
    id          INTEGER PRIMARY KEY,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    provider_id TEXT,
    attempts    INTEGER NOT NULL,
    at_ns       INTEGER NOT NULL,
    route       TEXT,              -- of the last attempt; of a queued message: the route that may have it already
    tried_ns    INTEGER            -- of a queued message with a route: when that route was first tried
) STRICT;

-- Batches in flight. A row is written before the request is sent, and removed in the commit that stores the outcome.
-- A row found at opening is from a crashed process: its messages are bound to this route.
CREATE TABLE attempt (
    id       INTEGER PRIMARY KEY,  -- unique within one process
    route    TEXT NOT NULL,
    at_ns    INTEGER NOT NULL,
    messages BLOB NOT NULL         -- message ids, 8 bytes each, little-endian
) STRICT;

-- For the list of dead letters: the other rows are not read.
CREATE INDEX progress_dead ON progress (id) WHERE state IN ('failed', 'expired');

-- For late reports that name a message by the provider's id only.
CREATE INDEX progress_ended_as ON progress (provider_id)
    WHERE state IN ('failed', 'expired') AND provider_id IS NOT NULL;

-- One row per message that must wait for an instant or for opening hours. Most messages have no row.
CREATE TABLE hold (
    id            INTEGER PRIMARY KEY,  -- of the message
    not_before_ns INTEGER NOT NULL,
    keeps_hours   INTEGER NOT NULL      -- 1: only in the opening hours of the recipient's country
) STRICT;

CREATE TABLE campaign (
    name           TEXT PRIMARY KEY,
    state          TEXT NOT NULL,
    spending_limit INTEGER,             -- in millionths of the currency
    changed_ns     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE spending (
    campaign TEXT NOT NULL,
    day      INTEGER NOT NULL,          -- days since 1970-01-01 in the policy's zone
    amount   INTEGER NOT NULL,          -- in millionths of the currency
    PRIMARY KEY (campaign, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE opt_out (
    number   TEXT PRIMARY KEY,
    since_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_report (
    campaign   TEXT PRIMARY KEY,
    ordered_ns INTEGER NOT NULL,        -- each order has a higher one
    language   TEXT NOT NULL,           -- '': the default
    recipients TEXT NOT NULL,           -- mail addresses separated by spaces
    due        INTEGER NOT NULL,        -- 1: the report of the last order is not made yet
    summary    BLOB,                    -- of the last report, in JSON
    made_ns    INTEGER,
    to_mail    INTEGER NOT NULL         -- 1: the last report is to be mailed
) STRICT, WITHOUT ROWID;

CREATE INDEX campaign_report_waiting ON campaign_report (campaign) WHERE due OR to_mail;
