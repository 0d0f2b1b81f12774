-- Accounts: who shares, who receives, what and under which address.
-- Times are microseconds since 1970 in UTC; NULL is "never" or "not yet".
-- Every table of a merchant's begins with merchant_id, and every reference
-- between them carries it, so that no row can point into another merchant's.

-- +goose Up
CREATE TABLE merchant (
    merchant_id  TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    sharing      INTEGER NOT NULL,
    reveal       INTEGER NOT NULL,
    supplier     TEXT    NOT NULL,
    language     TEXT    NOT NULL,
    currency     TEXT    NOT NULL,
    vat          TEXT    NOT NULL,
    base_url     TEXT    NOT NULL,
    zone_minutes INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    -- The generation number that is given out next. Numbers are never given back.
    next_generation INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

CREATE TABLE shop (
    merchant_id TEXT    NOT NULL REFERENCES merchant,
    shop_id     TEXT    NOT NULL,
    number      INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    PRIMARY KEY (merchant_id, shop_id),
    UNIQUE (merchant_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE partner (
    merchant_id TEXT    NOT NULL REFERENCES merchant,
    partner_id  TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    email       TEXT    NOT NULL,
    phone       TEXT    NOT NULL,
    language    TEXT    NOT NULL,
    currency    TEXT    NOT NULL,
    wholesaler  INTEGER NOT NULL,
    tags        TEXT    NOT NULL,
    notes       TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    feed_on     INTEGER NOT NULL,
    orders_on   INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, partner_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE offer (
    merchant_id TEXT    NOT NULL REFERENCES merchant,
    offer_id    TEXT    NOT NULL,
    partner_id  TEXT    NOT NULL,
    shop_id     TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    profile     TEXT    NOT NULL,
    full_key    TEXT    NOT NULL,
    light_key   TEXT    NOT NULL,
    files       TEXT    NOT NULL,
    feed_on     INTEGER NOT NULL,
    orders_on   INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, offer_id),
    FOREIGN KEY (merchant_id, partner_id) REFERENCES partner (merchant_id, partner_id),
    FOREIGN KEY (merchant_id, shop_id) REFERENCES shop (merchant_id, shop_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX offer_partner ON offer (merchant_id, partner_id);
CREATE INDEX offer_shop ON offer (merchant_id, shop_id);

-- Which feeds an offer is read from, and was: a change of its profile must not
-- cut addresses that a gateway has just handed out.
CREATE TABLE offer_feed (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id TEXT    NOT NULL,
    offer_id    TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    feed_key    TEXT    NOT NULL,
    since       INTEGER NOT NULL,
    until       INTEGER,
    FOREIGN KEY (merchant_id, offer_id) REFERENCES offer (merchant_id, offer_id) ON DELETE CASCADE
) STRICT;

CREATE INDEX offer_feed_offer ON offer_feed (merchant_id, offer_id, kind, number);
CREATE INDEX offer_feed_feed ON offer_feed (merchant_id, kind, feed_key);

CREATE TABLE link (
    merchant_id TEXT    NOT NULL REFERENCES merchant,
    link_id     TEXT    NOT NULL UNIQUE,
    offer_id    TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    -- SHA-256 of the secret; the secret itself is nowhere.
    secret_hash BLOB    NOT NULL UNIQUE,
    created     INTEGER NOT NULL,
    expires     INTEGER,
    revoked     INTEGER,
    replaces    TEXT    NOT NULL,
    PRIMARY KEY (merchant_id, link_id),
    FOREIGN KEY (merchant_id, offer_id) REFERENCES offer (merchant_id, offer_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX link_offer ON link (merchant_id, offer_id);

-- Lines are only ever added.
CREATE TABLE audit (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id TEXT    NOT NULL,
    time        INTEGER NOT NULL,
    actor       TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    request     TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    object      TEXT    NOT NULL,
    before      TEXT    NOT NULL,
    after       TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_merchant ON audit (merchant_id, number);

-- +goose StatementBegin
CREATE TRIGGER audit_is_not_rewritten BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'lines of the audit are never changed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'lines of the audit are never removed');
END;
-- +goose StatementEnd

-- One row that tells every file server whether there is anything new to read.
CREATE TABLE auth_version (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    accounts INTEGER NOT NULL,
    pointers INTEGER NOT NULL
) STRICT;

INSERT INTO auth_version (one, accounts, pointers) VALUES (1, 1, 1);

-- +goose Down
DROP TABLE auth_version;
DROP TABLE audit;
DROP TABLE link;
DROP TABLE offer_feed;
DROP TABLE offer;
DROP TABLE partner;
DROP TABLE shop;
DROP TABLE merchant;
