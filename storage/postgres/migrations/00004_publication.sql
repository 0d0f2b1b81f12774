-- What happens between a change and the files that show it: the log of changes
-- in one order, the right to publish, runs, uploads under way, and generations
-- that people have to decide about.

-- +goose Up

-- The queue in one order. One transaction at a time moves rows from the queue to
-- the log and numbers them, so a number that is visible is above all that were
-- visible before, and whoever reads on after a number misses nothing.
CREATE TABLE event_log (
    merchant_id text COLLATE "C" NOT NULL,
    event_no    bigint NOT NULL,
    queue_seq   bigint NOT NULL,
    -- NULL where a scope is meant.
    product_id  bigint,
    scope       text   NOT NULL,
    cause       text   NOT NULL,
    time        bigint NOT NULL,
    logged      bigint NOT NULL,
    PRIMARY KEY (merchant_id, event_no)
);

CREATE INDEX event_log_queue ON event_log (merchant_id, queue_seq);

-- How far a merchant's log goes: its last number, up to which one it was
-- trimmed, and up to which one runs have dealt with it.
CREATE TABLE event_head (
    merchant_id text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES merchant,
    last_event  bigint NOT NULL,
    trimmed     bigint NOT NULL,
    settled     bigint NOT NULL
) WITH (fillfactor = 50);

-- The right to publish for a merchant. A row is never deleted and lease_epoch
-- only grows, so it tells an earlier holder from a later one for good.
CREATE TABLE publish_lease (
    merchant_id text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES merchant,
    lease_epoch bigint NOT NULL,
    -- The last run that took it; until is 0 when that has given it back.
    run_id      text COLLATE "C" NOT NULL,
    until       bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE publish_run (
    merchant_id text COLLATE "C" NOT NULL,
    run_id      text COLLATE "C" NOT NULL,
    lease_epoch bigint NOT NULL,
    first_gen   bigint NOT NULL,
    numbers     bigint NOT NULL,
    started     bigint NOT NULL,
    ended       bigint,
    -- "" while it lasts, then "published", "unchanged", "held", "failed" or "lost".
    outcome     text   NOT NULL,
    error       text   NOT NULL,
    -- A JSON object, "" for none.
    counts      text   NOT NULL,
    PRIMARY KEY (merchant_id, run_id)
);

CREATE UNIQUE INDEX publish_run_order ON publish_run (merchant_id, lease_epoch);

-- Keys under which runs have begun to store files that no blob is recorded for.
CREATE TABLE upload_attempt (
    merchant_id text COLLATE "C" NOT NULL,
    store_key   text COLLATE "C" NOT NULL,
    run_id      text COLLATE "C" NOT NULL,
    started     bigint NOT NULL,
    -- How many sweeps have found it left over.
    rounds      integer NOT NULL,
    PRIMARY KEY (merchant_id, store_key)
);

-- A generation that the guard stopped, one a feed, with the blobs that it needs.
CREATE TABLE held_generation (
    merchant_id text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    feed_key    text COLLATE "C" NOT NULL,
    run_id      text COLLATE "C" NOT NULL,
    held        bigint NOT NULL,
    doc         text   NOT NULL,
    PRIMARY KEY (merchant_id, kind, feed_key)
);

CREATE TABLE held_blob (
    merchant_id text COLLATE "C" NOT NULL,
    blob_key    text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    feed_key    text COLLATE "C" NOT NULL,
    PRIMARY KEY (merchant_id, blob_key, kind, feed_key),
    FOREIGN KEY (merchant_id, kind, feed_key) REFERENCES held_generation (merchant_id, kind, feed_key) ON DELETE CASCADE
);

CREATE INDEX held_blob_feed ON held_blob (merchant_id, kind, feed_key);

-- Layers of a feed's state and the stretch of its generations that have each at
-- that place, as with files.
CREATE TABLE state_layer (
    merchant_id text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    feed_key    text COLLATE "C" NOT NULL,
    place       integer NOT NULL,
    first_gen   bigint NOT NULL,
    last_gen    bigint,
    blob_key    text COLLATE "C" NOT NULL,
    PRIMARY KEY (merchant_id, kind, feed_key, place, first_gen),
    FOREIGN KEY (merchant_id, first_gen) REFERENCES generation (merchant_id, number)
);

CREATE INDEX state_layer_blob ON state_layer (merchant_id, blob_key);
CREATE INDEX state_layer_first ON state_layer (merchant_id, first_gen);
CREATE INDEX state_layer_last ON state_layer (merchant_id, last_gen);

-- Up to where a feed has been looked at, and when it was last compared as a
-- whole; 0 for never.
ALTER TABLE feed ADD COLUMN event_cursor bigint NOT NULL DEFAULT 0, ADD COLUMN compared bigint NOT NULL DEFAULT 0;

ALTER TABLE generation ADD COLUMN run_id text COLLATE "C" NOT NULL DEFAULT '', ADD COLUMN event_cursor bigint NOT NULL DEFAULT 0,
    ADD COLUMN price_sum bigint NOT NULL DEFAULT 0, ADD COLUMN price_count bigint NOT NULL DEFAULT 0;

-- How many sweeps have found a condemned blob condemned already.
ALTER TABLE blob ADD COLUMN rounds integer NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE blob DROP COLUMN rounds;
ALTER TABLE generation DROP COLUMN run_id, DROP COLUMN event_cursor, DROP COLUMN price_sum, DROP COLUMN price_count;
ALTER TABLE feed DROP COLUMN event_cursor, DROP COLUMN compared;
DROP TABLE state_layer;
DROP TABLE held_blob;
DROP TABLE held_generation;
DROP TABLE upload_attempt;
DROP TABLE publish_run;
DROP TABLE publish_lease;
DROP TABLE event_head;
DROP TABLE event_log;
