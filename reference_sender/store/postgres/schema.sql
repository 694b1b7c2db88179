-- Schema 7 of PostgreSQL. Columns with the same name mean the same as in ../schema.sql.
CREATE TABLE identity (
    version       integer NOT NULL,
    tag           text NOT NULL,
    report_secret text NOT NULL
);

-- One row per process. An id is used only once, so a message id can begin with it, and a node that lost its lease is
-- not mistaken for a later one.
CREATE TABLE node (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    routes       text[] NOT NULL,
    alive_until  timestamptz NOT NULL,          -- end of the lease
    steady_since timestamptz NOT NULL,          -- since when the lease has been renewed without a gap
    share        integer NOT NULL DEFAULT 0,    -- millionths of each route's limits: the most that the node may use now
    dead         boolean NOT NULL DEFAULT false, -- its lease has ended or it has left; its claims are being removed
    limits       text[] NOT NULL DEFAULT '{}',  -- those of each of its routes, in their order; empty: not known
    lease_s      float8 NOT NULL DEFAULT 600    -- how long a renewal lasts
);

-- The body is bytea, since the type text of PostgreSQL cannot have the character NUL.
CREATE TABLE message (
    id         bigint PRIMARY KEY,
    key        text NOT NULL UNIQUE,
    recipient  text NOT NULL,
    body       bytea NOT NULL,
    class      text NOT NULL,
    sender_id  text NOT NULL,
    campaign   text NOT NULL,
    segments   integer NOT NULL,
    created_ns bigint NOT NULL,
    expires_ns bigint NOT NULL,
    pair       bigint                           -- of a message that is stored once: its campaign, number and text
);

CREATE UNIQUE INDEX message_pair ON message (pair) WHERE pair IS NOT NULL;

CREATE INDEX message_campaign ON message (campaign, id) WHERE campaign <> '';

-- Rows are overwritten. With free space on each page the new row is on the same page, and no index changes.
CREATE TABLE progress (
    id          bigint PRIMARY KEY,
    state       text NOT NULL,
    reason      text NOT NULL,
    provider_id text,
    attempts    integer NOT NULL,
    at_ns       bigint NOT NULL,
    route       text,
    tried_ns    bigint
) WITH (fillfactor = 70);

CREATE INDEX progress_dead ON progress (id) WHERE state IN ('failed', 'expired');

CREATE INDEX progress_provider_id ON progress (provider_id) WHERE provider_id IS NOT NULL;

-- One row per message that is not final. `owner` is the node that sends it; 0: no owner, any node may claim it.
CREATE TABLE claim (
    id    bigint PRIMARY KEY,
    owner integer NOT NULL,
    lane  smallint NOT NULL,                    -- 0 is the most urgent
    confirmed boolean NOT NULL DEFAULT false,   -- another node answered a request that it has this message
    expires_ns bigint NOT NULL DEFAULT 9223372036854775807, -- of the message
    turn  bigint NOT NULL DEFAULT 0             -- of a lane the lowest is claimed first
);

CREATE INDEX claim_free ON claim (lane, turn, id) WHERE owner = 0;

CREATE INDEX claim_expiry ON claim (expires_ns) WHERE owner = 0;

CREATE TABLE attempt (
    node     integer NOT NULL,
    id       bigint NOT NULL,                   -- unique within the node
    route    text NOT NULL,
    at_ns    bigint NOT NULL,
    messages bigint[] NOT NULL,
    PRIMARY KEY (node, id)
);

-- Delivery reports that one node received for a message of another node. The owner reads them, and removes them in the
-- transaction that stores their changes.
CREATE TABLE report (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id  bigint,                         -- null until a message with the provider id is known
    key         text,
    provider_id text NOT NULL,
    state       text NOT NULL,
    reason      text NOT NULL,
    came_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX report_message ON report (message_id);

CREATE TABLE hold (
    id            bigint PRIMARY KEY,
    not_before_ns bigint NOT NULL,
    keeps_hours   boolean NOT NULL
);

-- `changed_at` of this table and the next two: every node reads what changed since it last looked.
CREATE TABLE campaign (
    name           text COLLATE "C" PRIMARY KEY,
    state          text NOT NULL,
    spending_limit bigint,
    changed_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX campaign_changed ON campaign (changed_at);

-- Each node changes only its own rows. So no commit waits for another node's commit, and a node can distinguish the
-- costs of the others from those that it has counted itself.
CREATE TABLE spending (
    campaign   text NOT NULL,
    day        integer NOT NULL,
    amount     bigint NOT NULL,
    node       integer NOT NULL DEFAULT 0,      -- 0: nodes that have left or died
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (campaign, day, node)
);

CREATE INDEX spending_changed ON spending (changed_at);

CREATE TABLE opt_out (
    number     text COLLATE "C" PRIMARY KEY,
    since_ns   bigint NOT NULL,
    active     boolean NOT NULL DEFAULT true,   -- false: taken off; the row is removed when every node has read it
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX opt_out_changed ON opt_out (changed_at);

-- Messages to one number that a node counted, once it has counted its part of the limit. Not durable: after a crash
-- of the server the counts begin at zero, as after a restart of a single sender.
CREATE UNLOGGED TABLE recipient (
    number     text NOT NULL,
    otp        boolean NOT NULL,                -- for the limit on OTPs
    node       integer NOT NULL,
    times_ns   bigint[] NOT NULL,
    until_ns   bigint NOT NULL,                 -- when the last one leaves the window
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (number, otp, node)
);

CREATE INDEX recipient_changed ON recipient (changed_at);

CREATE INDEX recipient_until ON recipient (until_ns);

CREATE TABLE campaign_report (
    campaign   text COLLATE "C" PRIMARY KEY,
    ordered_ns bigint NOT NULL,
    language   text NOT NULL,
    recipients text NOT NULL,
    due        boolean NOT NULL,
    summary    bytea,
    made_ns    bigint,
    to_mail    boolean NOT NULL
);

CREATE INDEX campaign_report_waiting ON campaign_report (campaign) WHERE due OR to_mail;
