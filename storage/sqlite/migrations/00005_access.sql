-- Timed switches, partners' own discounts, what links may be used for and from
-- where; keys of the API; the ledger of downloads; the chain of the audit.

-- +goose Up
ALTER TABLE merchant ADD COLUMN alarm_addresses INTEGER NOT NULL DEFAULT 0;
ALTER TABLE merchant ADD COLUMN alarm_suspends INTEGER NOT NULL DEFAULT 0;
ALTER TABLE merchant ADD COLUMN stale_seconds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shop ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE partner ADD COLUMN discounts TEXT NOT NULL DEFAULT '';
ALTER TABLE partner ADD COLUMN schedule TEXT NOT NULL DEFAULT '';
ALTER TABLE offer ADD COLUMN partner_discounts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE offer ADD COLUMN schedule TEXT NOT NULL DEFAULT '';
ALTER TABLE link ADD COLUMN scopes TEXT NOT NULL DEFAULT 'feed:read';
ALTER TABLE link ADD COLUMN cidrs TEXT NOT NULL DEFAULT '';
ALTER TABLE link ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

CREATE INDEX partner_timed ON partner (merchant_id, partner_id) WHERE schedule <> '';
CREATE INDEX offer_timed ON offer (merchant_id, offer_id) WHERE schedule <> '';

-- What file servers write of a link, apart from the link itself, which they
-- only read.
CREATE TABLE link_use (
    merchant_id TEXT NOT NULL,
    link_id     TEXT NOT NULL,
    last_used   INTEGER,
    suspended   INTEGER,
    alarm       INTEGER,
    PRIMARY KEY (merchant_id, link_id),
    FOREIGN KEY (merchant_id, link_id) REFERENCES link (merchant_id, link_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Days are counted from 1970 in UTC.
CREATE TABLE link_day (
    merchant_id TEXT    NOT NULL,
    link_id     TEXT    NOT NULL,
    day         INTEGER NOT NULL,
    requests    INTEGER NOT NULL,
    addresses   INTEGER NOT NULL,
    clients     INTEGER NOT NULL,
    alarm       INTEGER,
    PRIMARY KEY (merchant_id, link_id, day)
) STRICT, WITHOUT ROWID;

-- The networks ('a') and clients ('c') that were told apart on a day.
CREATE TABLE link_client (
    merchant_id TEXT    NOT NULL,
    link_id     TEXT    NOT NULL,
    day         INTEGER NOT NULL,
    sort        TEXT    NOT NULL,
    value       TEXT    NOT NULL,
    PRIMARY KEY (merchant_id, link_id, day, sort, value)
) STRICT, WITHOUT ROWID;

-- Every download. Nothing refers to it and it refers to nothing: it tells of
-- links and offers that may be gone.
CREATE TABLE download (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id TEXT    NOT NULL,
    link_id     TEXT    NOT NULL,
    offer_id    TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    label       TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    outcome     TEXT    NOT NULL,
    refusal     TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    client      TEXT    NOT NULL,
    started     INTEGER NOT NULL,
    took        INTEGER NOT NULL
) STRICT;

CREATE INDEX download_merchant ON download (merchant_id, number);
CREATE INDEX download_offer ON download (merchant_id, offer_id, number);
CREATE INDEX download_link ON download (merchant_id, link_id, number);
CREATE INDEX download_started ON download (merchant_id, started);

CREATE TABLE download_day (
    merchant_id TEXT    NOT NULL,
    offer_id    TEXT    NOT NULL,
    day         INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    requests    INTEGER NOT NULL,
    complete    INTEGER NOT NULL,
    unchanged   INTEGER NOT NULL,
    broken      INTEGER NOT NULL,
    refused     INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, offer_id, day, kind)
) STRICT, WITHOUT ROWID;

-- What the recipient of an offer has of each kind of file.
CREATE TABLE offer_use (
    merchant_id TEXT    NOT NULL,
    offer_id    TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, offer_id, kind),
    FOREIGN KEY (merchant_id, offer_id) REFERENCES offer (merchant_id, offer_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    merchant_id TEXT    NOT NULL REFERENCES merchant,
    key_id      TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    scopes      TEXT    NOT NULL,
    -- SHA-256 of the secret; the secret itself is nowhere.
    secret_hash BLOB    NOT NULL UNIQUE,
    created     INTEGER NOT NULL,
    expires     INTEGER,
    revoked     INTEGER,
    last_used   INTEGER,
    PRIMARY KEY (merchant_id, key_id)
) STRICT, WITHOUT ROWID;

-- Answers to requests that may be sent again; status is NULL while the first
-- one is being worked on.
CREATE TABLE idempotency (
    merchant_id TEXT    NOT NULL REFERENCES merchant,
    idem_key    TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    status      INTEGER,
    body        BLOB,
    started     INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, idem_key)
) STRICT;

CREATE INDEX idempotency_started ON idempotency (merchant_id, started);

-- The chain of a merchant's audit: the place of a line in it, and what ties the
-- line to those before it. Lines of before there was a chain have neither.
ALTER TABLE audit ADD COLUMN place INTEGER;
ALTER TABLE audit ADD COLUMN hash BLOB;

CREATE TABLE audit_head (
    merchant_id TEXT    NOT NULL PRIMARY KEY,
    lines       INTEGER NOT NULL,
    hash        BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE audit_head;
ALTER TABLE audit DROP COLUMN hash;
ALTER TABLE audit DROP COLUMN place;
DROP TABLE idempotency;
DROP TABLE api_key;
DROP TABLE offer_use;
DROP TABLE download_day;
DROP TABLE download;
DROP TABLE link_client;
DROP TABLE link_day;
DROP TABLE link_use;
DROP INDEX offer_timed;
DROP INDEX partner_timed;
ALTER TABLE link DROP COLUMN version;
ALTER TABLE link DROP COLUMN cidrs;
ALTER TABLE link DROP COLUMN scopes;
ALTER TABLE offer DROP COLUMN schedule;
ALTER TABLE offer DROP COLUMN partner_discounts;
ALTER TABLE partner DROP COLUMN schedule;
ALTER TABLE partner DROP COLUMN discounts;
ALTER TABLE shop DROP COLUMN version;
ALTER TABLE merchant DROP COLUMN stale_seconds;
ALTER TABLE merchant DROP COLUMN alarm_suspends;
ALTER TABLE merchant DROP COLUMN alarm_addresses;
