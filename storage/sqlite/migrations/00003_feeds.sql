-- Feeds, their generations, the files these list and the blobs that hold the
-- bytes. feed.current_gen is the pointer: the one column that decides what the
-- world sees.

-- +goose Up
CREATE TABLE feed (
    merchant_id  TEXT    NOT NULL REFERENCES merchant,
    kind         TEXT    NOT NULL,
    feed_key     TEXT    NOT NULL,
    epoch        INTEGER NOT NULL,
    current_gen  INTEGER NOT NULL,
    logical_time INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, kind, feed_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE blob (
    merchant_id TEXT    NOT NULL,
    blob_key    TEXT    NOT NULL,
    size        INTEGER NOT NULL,
    md5         BLOB    NOT NULL,
    sha256      BLOB    NOT NULL,
    -- "live", "condemned", "deleting"; changed is since when.
    state       TEXT    NOT NULL,
    created     INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, blob_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_state ON blob (merchant_id, state, changed);

CREATE TABLE generation (
    merchant_id TEXT    NOT NULL,
    number      INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    feed_key    TEXT    NOT NULL,
    base        INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    time        INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    published   INTEGER NOT NULL,
    retired     INTEGER,
    products    INTEGER NOT NULL,
    languages   TEXT    NOT NULL,
    currency    TEXT    NOT NULL,
    -- "" for none.
    state_key   TEXT    NOT NULL,
    PRIMARY KEY (merchant_id, number),
    FOREIGN KEY (merchant_id, kind, feed_key) REFERENCES feed (merchant_id, kind, feed_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX generation_feed ON generation (merchant_id, kind, feed_key, number);

-- A file and the stretch of its feed's generations that list it, so that a
-- chain of hundreds of change files is one row a file and not one a listing.
-- last_gen is NULL while the current generation lists it.
CREATE TABLE gen_file (
    merchant_id TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    file_kind   TEXT    NOT NULL,
    label       TEXT    NOT NULL,
    first_gen   INTEGER NOT NULL,
    last_gen    INTEGER,
    kind        TEXT    NOT NULL,
    feed_key    TEXT    NOT NULL,
    changed     INTEGER NOT NULL,
    products    INTEGER NOT NULL,
    base        INTEGER NOT NULL,
    target      INTEGER NOT NULL,
    plain_key   TEXT    NOT NULL,
    gzip_key    TEXT    NOT NULL,
    PRIMARY KEY (merchant_id, generation, file_kind, label, first_gen),
    FOREIGN KEY (merchant_id, first_gen) REFERENCES generation (merchant_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX gen_file_feed ON gen_file (merchant_id, kind, feed_key, last_gen);
CREATE INDEX gen_file_first ON gen_file (merchant_id, first_gen);
CREATE INDEX gen_file_last ON gen_file (merchant_id, last_gen);
CREATE INDEX gen_file_plain ON gen_file (merchant_id, plain_key);
CREATE INDEX gen_file_gzip ON gen_file (merchant_id, gzip_key);
CREATE INDEX generation_state ON generation (merchant_id, state_key);

-- +goose Down
DROP TABLE gen_file;
DROP TABLE generation;
DROP TABLE blob;
DROP TABLE feed;
