-- Timed switches, partners' own discounts, what links may be used for and from
-- where; keys of the API; the ledger of downloads; the chain of the audit.

-- +goose Up
ALTER TABLE merchant
    ADD COLUMN alarm_addresses bigint  NOT NULL DEFAULT 0,
    ADD COLUMN alarm_suspends  boolean NOT NULL DEFAULT false,
    ADD COLUMN stale_seconds   bigint  NOT NULL DEFAULT 0;
ALTER TABLE shop ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE partner
    ADD COLUMN discounts text NOT NULL DEFAULT '',
    ADD COLUMN schedule  text NOT NULL DEFAULT '';
ALTER TABLE offer
    ADD COLUMN partner_discounts boolean NOT NULL DEFAULT false,
    ADD COLUMN schedule          text    NOT NULL DEFAULT '';
ALTER TABLE link
    ADD COLUMN scopes  text   NOT NULL DEFAULT 'feed:read',
    ADD COLUMN cidrs   text   NOT NULL DEFAULT '',
    ADD COLUMN version bigint NOT NULL DEFAULT 1;

CREATE INDEX partner_timed ON partner (merchant_id, partner_id) WHERE schedule <> '';
CREATE INDEX offer_timed ON offer (merchant_id, offer_id) WHERE schedule <> '';

-- What file servers write of a link, apart from the link itself, which they
-- only read.
CREATE TABLE link_use (
    merchant_id text COLLATE "C" NOT NULL,
    link_id     text COLLATE "C" NOT NULL,
    last_used   bigint,
    suspended   bigint,
    alarm       bigint,
    PRIMARY KEY (merchant_id, link_id),
    FOREIGN KEY (merchant_id, link_id) REFERENCES link (merchant_id, link_id) ON DELETE CASCADE
) WITH (fillfactor = 50); -- room for new versions of a row beside the old

-- Days are counted from 1970 in UTC.
CREATE TABLE link_day (
    merchant_id text COLLATE "C" NOT NULL,
    link_id     text COLLATE "C" NOT NULL,
    day         bigint NOT NULL,
    requests    bigint NOT NULL,
    addresses   bigint NOT NULL,
    clients     bigint NOT NULL,
    alarm       bigint,
    PRIMARY KEY (merchant_id, link_id, day)
) WITH (fillfactor = 50);

-- The networks ('a') and clients ('c') that were told apart on a day.
CREATE TABLE link_client (
    merchant_id text COLLATE "C" NOT NULL,
    link_id     text COLLATE "C" NOT NULL,
    day         bigint NOT NULL,
    sort        text COLLATE "C" NOT NULL,
    value       text COLLATE "C" NOT NULL,
    PRIMARY KEY (merchant_id, link_id, day, sort, value)
);

-- Every download. Nothing refers to it and it refers to nothing: it tells of
-- links and offers that may be gone.
CREATE TABLE download (
    merchant_id text COLLATE "C" NOT NULL,
    number      bigint GENERATED ALWAYS AS IDENTITY,
    link_id     text COLLATE "C" NOT NULL,
    offer_id    text COLLATE "C" NOT NULL,
    kind        text   NOT NULL,
    label       text   NOT NULL,
    generation  bigint NOT NULL,
    bytes       bigint NOT NULL,
    outcome     text   NOT NULL,
    refusal     text   NOT NULL,
    address     text   NOT NULL,
    client      text   NOT NULL,
    started     bigint NOT NULL,
    took        bigint NOT NULL,
    PRIMARY KEY (merchant_id, number)
);

CREATE INDEX download_offer ON download (merchant_id, offer_id, number);
CREATE INDEX download_link ON download (merchant_id, link_id, number);
CREATE INDEX download_started ON download (merchant_id, started);

CREATE TABLE download_day (
    merchant_id text COLLATE "C" NOT NULL,
    offer_id    text COLLATE "C" NOT NULL,
    day         bigint NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    requests    bigint NOT NULL,
    complete    bigint NOT NULL,
    unchanged   bigint NOT NULL,
    broken      bigint NOT NULL,
    refused     bigint NOT NULL,
    bytes       bigint NOT NULL,
    PRIMARY KEY (merchant_id, offer_id, day, kind)
) WITH (fillfactor = 50);

-- What the recipient of an offer has of each kind of file.
CREATE TABLE offer_use (
    merchant_id text COLLATE "C" NOT NULL,
    offer_id    text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    at          bigint NOT NULL,
    generation  bigint NOT NULL,
    PRIMARY KEY (merchant_id, offer_id, kind),
    FOREIGN KEY (merchant_id, offer_id) REFERENCES offer (merchant_id, offer_id) ON DELETE CASCADE
) WITH (fillfactor = 50);

CREATE TABLE api_key (
    merchant_id text COLLATE "C" NOT NULL REFERENCES merchant,
    key_id      text COLLATE "C" NOT NULL UNIQUE,
    name        text   NOT NULL,
    scopes      text   NOT NULL,
    -- SHA-256 of the secret; the secret itself is nowhere.
    secret_hash bytea  NOT NULL UNIQUE,
    created     bigint NOT NULL,
    expires     bigint,
    revoked     bigint,
    last_used   bigint,
    PRIMARY KEY (merchant_id, key_id)
);

-- Answers to requests that may be sent again; status is NULL while the first
-- one is being worked on.
CREATE TABLE idempotency (
    merchant_id text COLLATE "C" NOT NULL REFERENCES merchant,
    idem_key    text COLLATE "C" NOT NULL,
    fingerprint bytea  NOT NULL,
    status      bigint,
    body        bytea,
    started     bigint NOT NULL,
    PRIMARY KEY (merchant_id, idem_key)
);

CREATE INDEX idempotency_started ON idempotency (merchant_id, started);

-- The chain of a merchant's audit: the place of a line in it, and what ties the
-- line to those before it. Lines of before there was a chain have neither.
ALTER TABLE audit
    ADD COLUMN place bigint,
    ADD COLUMN hash  bytea;

CREATE TABLE audit_head (
    merchant_id text COLLATE "C" NOT NULL PRIMARY KEY,
    lines       bigint NOT NULL,
    hash        bytea  NOT NULL
) WITH (fillfactor = 50);

-- +goose Down
DROP TABLE audit_head;
ALTER TABLE audit DROP COLUMN hash, DROP COLUMN place;
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
ALTER TABLE link DROP COLUMN version, DROP COLUMN cidrs, DROP COLUMN scopes;
ALTER TABLE offer DROP COLUMN schedule, DROP COLUMN partner_discounts;
ALTER TABLE partner DROP COLUMN schedule, DROP COLUMN discounts;
ALTER TABLE shop DROP COLUMN version;
ALTER TABLE merchant DROP COLUMN stale_seconds, DROP COLUMN alarm_suspends, DROP COLUMN alarm_addresses;
