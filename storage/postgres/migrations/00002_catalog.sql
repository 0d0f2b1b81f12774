-- The catalog: products as documents that only the program can read, with the
-- few columns that are searched; imports on their way into it; and the queue of
-- what has changed.

-- +goose Up

-- Products come from imports alone, and imports refer to their merchant: a
-- reference of each product would cost as much as the product and add nothing.
CREATE TABLE product (
    merchant_id text COLLATE "C" NOT NULL,
    product_id  bigint NOT NULL,
    updated     bigint NOT NULL,
    digest      bytea  NOT NULL,
    codes       text[] NOT NULL,
    doc         bytea  NOT NULL,
    PRIMARY KEY (merchant_id, product_id)
);

CREATE TABLE product_code (
    merchant_id text COLLATE "C" NOT NULL,
    code        text COLLATE "C" NOT NULL,
    product_id  bigint NOT NULL,
    PRIMARY KEY (merchant_id, code, product_id)
);

CREATE TABLE dictionary (
    merchant_id text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES merchant,
    version     bigint NOT NULL,
    updated     bigint NOT NULL,
    doc         bytea  NOT NULL
);

CREATE TABLE import_run (
    merchant_id text COLLATE "C" NOT NULL REFERENCES merchant,
    import_id   text COLLATE "C" NOT NULL,
    -- "staging", then "merged" or "discarded"; rows of the latter two are rubbish.
    state       text   NOT NULL,
    started     bigint NOT NULL,
    touched     bigint NOT NULL,
    -- How many rows were staged, in order of arrival.
    staged      bigint NOT NULL DEFAULT 0,
    -- The dictionaries that come with the products, and the version of those
    -- that they were made from; NULL when the import brings none.
    dictionaries      bytea,
    dictionaries_base bigint,
    PRIMARY KEY (merchant_id, import_id)
);

-- Staged rows are of no use after a crash, and not worth the log that would
-- bring them back: the server empties unlogged tables then. import_mark is
-- emptied with import_product and tells an import that has lost its rows from
-- one that never had any.
CREATE UNLOGGED TABLE import_product (
    merchant_id text COLLATE "C" NOT NULL,
    import_id   text COLLATE "C" NOT NULL,
    product_id  bigint NOT NULL,
    -- The place in the order of arrival: of two rows of a product the later counts.
    place       bigint NOT NULL,
    digest      bytea  NOT NULL,
    codes       text[] NOT NULL,
    doc         bytea  NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.5);

CREATE INDEX import_product_order ON import_product (merchant_id, import_id, product_id, place);

CREATE UNLOGGED TABLE import_mark (
    merchant_id text COLLATE "C" NOT NULL,
    import_id   text COLLATE "C" NOT NULL,
    PRIMARY KEY (merchant_id, import_id)
);

-- A usual document is packed where it stands and stays in its row. lz4 packs
-- several times as fast as the default; servers built without it keep that.
ALTER TABLE product ALTER COLUMN doc SET STORAGE MAIN;
ALTER TABLE import_product ALTER COLUMN doc SET STORAGE MAIN;
-- +goose StatementBegin
DO $$
BEGIN
    ALTER TABLE product ALTER COLUMN doc SET COMPRESSION lz4;
    ALTER TABLE import_product ALTER COLUMN doc SET COMPRESSION lz4;
    ALTER TABLE dictionary ALTER COLUMN doc SET COMPRESSION lz4;
    ALTER TABLE import_run ALTER COLUMN dictionaries SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN
    RAISE NOTICE 'this server has no lz4';
END
$$;
-- +goose StatementEnd

-- Rows are written in the transaction of the change itself and deleted by their
-- number by who has seen them, never by product: a row that is not seen stays.
-- Numbers do not become visible in their order, and nothing may rely on it.
CREATE TABLE change_queue (
    merchant_id text COLLATE "C" NOT NULL,
    seq         bigint GENERATED ALWAYS AS IDENTITY,
    -- NULL where a scope is meant.
    product_id  bigint,
    scope       text   NOT NULL,
    cause       text   NOT NULL,
    time        bigint NOT NULL,
    PRIMARY KEY (merchant_id, seq)
);

-- +goose Down
DROP TABLE change_queue;
DROP TABLE import_mark;
DROP TABLE import_product;
DROP TABLE import_run;
DROP TABLE dictionary;
DROP TABLE product_code;
DROP TABLE product;
