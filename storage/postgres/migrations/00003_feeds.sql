-- Feeds, their generations, the files these list and the blobs that hold the
-- bytes. feed.current_gen is the pointer: the one column that decides what the
-- world sees.

-- +goose Up
CREATE TABLE feed (
    merchant_id  text COLLATE "C" NOT NULL REFERENCES merchant,
    kind         text COLLATE "C" NOT NULL,
    feed_key     text COLLATE "C" NOT NULL,
    epoch        bigint NOT NULL,
    -- 0 while nothing is published.
    current_gen  bigint NOT NULL,
    logical_time bigint NOT NULL,
    PRIMARY KEY (merchant_id, kind, feed_key)
) WITH (fillfactor = 70);

CREATE TABLE blob (
    merchant_id text COLLATE "C" NOT NULL,
    blob_key    text COLLATE "C" NOT NULL,
    size        bigint NOT NULL,
    md5         bytea  NOT NULL,
    sha256      bytea  NOT NULL,
    -- "live", "condemned", "deleting"; changed is since when.
    state       text   NOT NULL,
    created     bigint NOT NULL,
    changed     bigint NOT NULL,
    PRIMARY KEY (merchant_id, blob_key)
);

CREATE INDEX blob_state ON blob (merchant_id, state, changed);

CREATE TABLE generation (
    merchant_id text COLLATE "C" NOT NULL,
    number      bigint NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    feed_key    text COLLATE "C" NOT NULL,
    base        bigint NOT NULL,
    epoch       bigint NOT NULL,
    time        bigint NOT NULL,
    expires     bigint NOT NULL,
    published   bigint NOT NULL,
    retired     bigint,
    products    bigint NOT NULL,
    languages   text   NOT NULL,
    currency    text   NOT NULL,
    -- "" for none.
    state_key   text COLLATE "C" NOT NULL,
    PRIMARY KEY (merchant_id, number),
    FOREIGN KEY (merchant_id, kind, feed_key) REFERENCES feed (merchant_id, kind, feed_key)
);

CREATE INDEX generation_feed ON generation (merchant_id, kind, feed_key, number);

-- A file and the stretch of its feed's generations that list it, so that a
-- chain of hundreds of change files is one row a file and not one a listing.
-- last_gen is NULL while the current generation lists it.
CREATE TABLE gen_file (
    merchant_id text COLLATE "C" NOT NULL,
    generation  bigint NOT NULL,
    file_kind   text COLLATE "C" NOT NULL,
    label       text COLLATE "C" NOT NULL,
    first_gen   bigint NOT NULL,
    last_gen    bigint,
    kind        text COLLATE "C" NOT NULL,
    feed_key    text COLLATE "C" NOT NULL,
    changed     bigint NOT NULL,
    products    bigint NOT NULL,
    base        bigint NOT NULL,
    target      bigint NOT NULL,
    plain_key   text COLLATE "C" NOT NULL,
    gzip_key    text COLLATE "C" NOT NULL,
    PRIMARY KEY (merchant_id, generation, file_kind, label, first_gen),
    FOREIGN KEY (merchant_id, first_gen) REFERENCES generation (merchant_id, number)
);

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
