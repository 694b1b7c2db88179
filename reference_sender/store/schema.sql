-- Schema 5. What a message is never changes and stands in `message`; how far it has come stands in `progress`,
-- a narrow row that is overwritten, so that a change does not rewrite the text. A message without a row in
-- `progress` is queued and untried.
CREATE TABLE identity (
    tag           TEXT NOT NULL,   -- stands in every key this store makes up, so two stores never make the same
    report_secret TEXT NOT NULL    -- stands in the address providers report to: it must outlive a restart
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
    expires_ns INTEGER NOT NULL
) STRICT;

CREATE INDEX message_campaign ON message (campaign) WHERE campaign <> '';

CREATE TABLE progress (
    id          INTEGER PRIMARY KEY,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    provider_id TEXT,
    attempts    INTEGER NOT NULL,
    at_ns       INTEGER NOT NULL,
    route       TEXT,              -- of the last attempt; of a queued message: the one that may have it
    tried_ns    INTEGER            -- of a queued message with a route: since when
) STRICT;

-- Batches under way: written before the request goes out, removed with the changes that its answer brings.
-- Rows found when the store is opened are of a sender that died: their messages become bound to the route.
CREATE TABLE attempt (
    id       INTEGER PRIMARY KEY,  -- unique within one life of the sender
    route    TEXT NOT NULL,
    at_ns    INTEGER NOT NULL,
    messages BLOB NOT NULL         -- their ids, 8 bytes each, little-endian
) STRICT;

-- Dead letters are found without reading the others.
CREATE INDEX progress_dead ON progress (id) WHERE state IN ('failed', 'expired');

-- So are messages that a late report names by the provider's id.
CREATE INDEX progress_ended_as ON progress (provider_id)
    WHERE state IN ('failed', 'expired') AND provider_id IS NOT NULL;

-- Of a message that is not sent as soon as possible; most messages have no row.
CREATE TABLE hold (
    id            INTEGER PRIMARY KEY,  -- the message's
    not_before_ns INTEGER NOT NULL,
    keeps_hours   INTEGER NOT NULL      -- 1: only in the opening hours of the recipient's country
) STRICT;

CREATE TABLE campaign (
    name           TEXT PRIMARY KEY,
    state          TEXT NOT NULL,
    spending_limit INTEGER              -- in millionths of the currency
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
    ordered_ns INTEGER NOT NULL,        -- rises with each order
    language   TEXT NOT NULL,           -- '': the default
    recipients TEXT NOT NULL,           -- mail addresses separated by spaces
    due        INTEGER NOT NULL,        -- 1: the last order has no report yet
    summary    BLOB,                    -- of the last report, in JSON
    made_ns    INTEGER,
    to_mail    INTEGER NOT NULL         -- 1: the last report is to be mailed
) STRICT, WITHOUT ROWID;

CREATE INDEX campaign_report_waiting ON campaign_report (campaign) WHERE due OR to_mail;
