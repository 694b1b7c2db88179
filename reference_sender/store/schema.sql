-- Schema 2. What a message is never changes and stands in `message`; how far it has come stands in `progress`,
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
