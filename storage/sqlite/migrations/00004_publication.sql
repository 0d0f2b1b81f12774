-- What happens between a change and the files that show it: the log of changes
-- in one order, the right to publish, runs, uploads under way, and generations
-- that people have to decide about.

-- +goose Up

-- The queue in one order. One transaction at a time moves rows from the queue to
-- the log and numbers them, so a number that is visible is above all that were
-- visible before, and whoever reads on after a number misses nothing.
CREATE TABLE event_log (
    merchant_id TEXT NOT NULL,
    event_no    INTEGER NOT NULL,
    queue_seq   INTEGER NOT NULL,
    -- NULL where a scope is meant.
    product_id  INTEGER,
    scope       TEXT   NOT NULL,
    cause       TEXT   NOT NULL,
    time        INTEGER NOT NULL,
    logged      INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, event_no)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_log_queue ON event_log (merchant_id, queue_seq);

-- How far a merchant's log goes: its last number, up to which one it was
-- trimmed, and up to which one runs have dealt with it.
CREATE TABLE event_head (
    merchant_id TEXT NOT NULL PRIMARY KEY REFERENCES merchant,
    last_event  INTEGER NOT NULL,
    trimmed     INTEGER NOT NULL,
    settled     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The right to publish for a merchant. A row is never deleted and lease_epoch
-- only grows, so it tells an earlier holder from a later one for good.
CREATE TABLE publish_lease (
    merchant_id TEXT NOT NULL PRIMARY KEY REFERENCES merchant,
    lease_epoch INTEGER NOT NULL,
    -- The last run that took it; until is 0 when that has given it back.
    run_id      TEXT NOT NULL,
    until       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE publish_run (
    merchant_id TEXT NOT NULL,
    run_id      TEXT NOT NULL,
    lease_epoch INTEGER NOT NULL,
    first_gen   INTEGER NOT NULL,
    numbers     INTEGER NOT NULL,
    started     INTEGER NOT NULL,
    ended       INTEGER,
    -- "" while it lasts, then "published", "unchanged", "held", "failed" or "lost".
    outcome     TEXT   NOT NULL,
    error       TEXT   NOT NULL,
    -- A JSON object, "" for none.
    counts      TEXT   NOT NULL,
    PRIMARY KEY (merchant_id, run_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX publish_run_order ON publish_run (merchant_id, lease_epoch);

-- Keys under which runs have begun to store files that no blob is recorded for.
CREATE TABLE upload_attempt (
    merchant_id TEXT NOT NULL,
    store_key   TEXT NOT NULL,
    run_id      TEXT NOT NULL,
    started     INTEGER NOT NULL,
    -- How many sweeps have found it left over.
    rounds      INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, store_key)
) STRICT, WITHOUT ROWID;

-- A generation that the guard stopped, one a feed, with the blobs that it needs.
CREATE TABLE held_generation (
    merchant_id TEXT NOT NULL,
    kind        TEXT NOT NULL,
    feed_key    TEXT NOT NULL,
    run_id      TEXT NOT NULL,
    held        INTEGER NOT NULL,
    doc         TEXT   NOT NULL,
    PRIMARY KEY (merchant_id, kind, feed_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE held_blob (
    merchant_id TEXT NOT NULL,
    blob_key    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    feed_key    TEXT NOT NULL,
    PRIMARY KEY (merchant_id, blob_key, kind, feed_key),
    FOREIGN KEY (merchant_id, kind, feed_key) REFERENCES held_generation (merchant_id, kind, feed_key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX held_blob_feed ON held_blob (merchant_id, kind, feed_key);

-- Layers of a feed's state and the stretch of its generations that have each at
-- that place, as with files.
CREATE TABLE state_layer (
    merchant_id TEXT NOT NULL,
    kind        TEXT NOT NULL,
    feed_key    TEXT NOT NULL,
    place       INTEGER NOT NULL,
    first_gen   INTEGER NOT NULL,
    last_gen    INTEGER,
    blob_key    TEXT NOT NULL,
    PRIMARY KEY (merchant_id, kind, feed_key, place, first_gen),
    FOREIGN KEY (merchant_id, first_gen) REFERENCES generation (merchant_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX state_layer_blob ON state_layer (merchant_id, blob_key);
CREATE INDEX state_layer_first ON state_layer (merchant_id, first_gen);
CREATE INDEX state_layer_last ON state_layer (merchant_id, last_gen);

-- Up to where a feed has been looked at, and when it was last compared as a
-- whole; 0 for never.
ALTER TABLE feed ADD COLUMN event_cursor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feed ADD COLUMN compared INTEGER NOT NULL DEFAULT 0;

ALTER TABLE generation ADD COLUMN run_id TEXT NOT NULL DEFAULT '';
ALTER TABLE generation ADD COLUMN event_cursor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE generation ADD COLUMN price_sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE generation ADD COLUMN price_count INTEGER NOT NULL DEFAULT 0;

-- How many sweeps have found a condemned blob condemned already.
ALTER TABLE blob ADD COLUMN rounds INTEGER NOT NULL DEFAULT 0;

-- Products of an import wait in a file of their own.
DROP TABLE import_product;

-- +goose Down
CREATE TABLE import_product (
    merchant_id TEXT    NOT NULL,
    import_id   TEXT    NOT NULL,
    product_id  INTEGER NOT NULL,
    digest      BLOB    NOT NULL,
    codes       TEXT    NOT NULL,
    doc         BLOB    NOT NULL,
    PRIMARY KEY (merchant_id, import_id, product_id)
) STRICT;
ALTER TABLE blob DROP COLUMN rounds;
ALTER TABLE generation DROP COLUMN run_id;
ALTER TABLE generation DROP COLUMN event_cursor;
ALTER TABLE generation DROP COLUMN price_sum;
ALTER TABLE generation DROP COLUMN price_count;
ALTER TABLE feed DROP COLUMN event_cursor;
ALTER TABLE feed DROP COLUMN compared;
DROP TABLE state_layer;
DROP TABLE held_blob;
DROP TABLE held_generation;
DROP TABLE upload_attempt;
DROP TABLE publish_run;
DROP TABLE publish_lease;
DROP TABLE event_head;
DROP TABLE event_log;
