-- The catalog: products as documents that only the program can read, with the
-- few columns that are searched; imports on their way into it; and the queue of
-- what has changed.

-- +goose Up
CREATE TABLE product (
    merchant_id TEXT    NOT NULL REFERENCES merchant,
    product_id  INTEGER NOT NULL,
    digest      BLOB    NOT NULL,
    updated     INTEGER NOT NULL,
    -- Last, so that the columns before it are read without it.
    doc         BLOB    NOT NULL,
    PRIMARY KEY (merchant_id, product_id)
) STRICT;

CREATE TABLE product_code (
    merchant_id TEXT    NOT NULL,
    code        TEXT    NOT NULL,
    product_id  INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, code, product_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX product_code_product ON product_code (merchant_id, product_id);

CREATE TABLE dictionary (
    merchant_id TEXT    NOT NULL PRIMARY KEY REFERENCES merchant,
    version     INTEGER NOT NULL,
    updated     INTEGER NOT NULL,
    doc         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE import_run (
    merchant_id TEXT    NOT NULL REFERENCES merchant,
    import_id   TEXT    NOT NULL,
    -- "staging", then "merged" or "discarded"; rows of the latter two are rubbish.
    state       TEXT    NOT NULL,
    started     INTEGER NOT NULL,
    touched     INTEGER NOT NULL,
    -- The dictionaries that come with the products, and the version of those
    -- that they were made from; NULL when the import brings none.
    dictionaries      BLOB,
    dictionaries_base INTEGER,
    PRIMARY KEY (merchant_id, import_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE import_product (
    merchant_id TEXT    NOT NULL,
    import_id   TEXT    NOT NULL,
    product_id  INTEGER NOT NULL,
    digest      BLOB    NOT NULL,
    -- A JSON array of texts.
    codes       TEXT    NOT NULL,
    doc         BLOB    NOT NULL,
    PRIMARY KEY (merchant_id, import_id, product_id)
) STRICT;

-- Rows are written in the transaction of the change itself and deleted by their
-- number by who has seen them, never by product: a row that is not seen stays.
CREATE TABLE change_queue (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id TEXT    NOT NULL,
    -- NULL where a scope is meant.
    product_id  INTEGER,
    scope       TEXT    NOT NULL,
    cause       TEXT    NOT NULL,
    time        INTEGER NOT NULL
) STRICT;

CREATE INDEX change_queue_merchant ON change_queue (merchant_id, seq);

-- +goose Down
DROP TABLE change_queue;
DROP TABLE import_product;
DROP TABLE import_run;
DROP TABLE dictionary;
DROP TABLE product_code;
DROP TABLE product;
