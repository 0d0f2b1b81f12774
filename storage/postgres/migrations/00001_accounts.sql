-- Accounts: who shares, who receives, what and under which address.
-- Times are microseconds since 1970 in UTC; NULL is "never" or "not yet".
-- Every table of a merchant's begins with merchant_id, and every reference
-- between them carries it, so that no row can point into another merchant's.
-- Keys are compared byte for byte, whatever language the database speaks.

-- +goose Up
CREATE TABLE merchant (
    merchant_id  text COLLATE "C" NOT NULL PRIMARY KEY,
    name         text    NOT NULL,
    sharing      boolean NOT NULL,
    reveal       boolean NOT NULL,
    supplier     text    NOT NULL,
    language     text    NOT NULL,
    currency     text    NOT NULL,
    vat          text    NOT NULL,
    base_url     text    NOT NULL,
    zone_minutes bigint  NOT NULL,
    version      bigint  NOT NULL,
    created      bigint  NOT NULL,
    -- The generation number that is given out next. Numbers are never given back.
    next_generation bigint NOT NULL DEFAULT 1
);

CREATE TABLE shop (
    merchant_id text COLLATE "C" NOT NULL REFERENCES merchant,
    shop_id     text COLLATE "C" NOT NULL,
    number      bigint NOT NULL,
    name        text   NOT NULL,
    PRIMARY KEY (merchant_id, shop_id),
    UNIQUE (merchant_id, number)
);

CREATE TABLE partner (
    merchant_id text COLLATE "C" NOT NULL REFERENCES merchant,
    partner_id  text COLLATE "C" NOT NULL,
    name        text    NOT NULL,
    email       text    NOT NULL,
    phone       text    NOT NULL,
    language    text    NOT NULL,
    currency    text    NOT NULL,
    wholesaler  boolean NOT NULL,
    tags        text    NOT NULL,
    notes       text    NOT NULL,
    state       text    NOT NULL,
    feed_on     boolean NOT NULL,
    orders_on   boolean NOT NULL,
    version     bigint  NOT NULL,
    created     bigint  NOT NULL,
    PRIMARY KEY (merchant_id, partner_id)
);

CREATE TABLE offer (
    merchant_id text COLLATE "C" NOT NULL REFERENCES merchant,
    offer_id    text COLLATE "C" NOT NULL,
    partner_id  text COLLATE "C" NOT NULL,
    shop_id     text COLLATE "C" NOT NULL,
    name        text    NOT NULL,
    profile     text    NOT NULL,
    full_key    text    NOT NULL,
    light_key   text    NOT NULL,
    files       text    NOT NULL,
    feed_on     boolean NOT NULL,
    orders_on   boolean NOT NULL,
    version     bigint  NOT NULL,
    created     bigint  NOT NULL,
    PRIMARY KEY (merchant_id, offer_id),
    FOREIGN KEY (merchant_id, partner_id) REFERENCES partner (merchant_id, partner_id),
    FOREIGN KEY (merchant_id, shop_id) REFERENCES shop (merchant_id, shop_id)
);

CREATE INDEX offer_partner ON offer (merchant_id, partner_id);
CREATE INDEX offer_shop ON offer (merchant_id, shop_id);

-- Which feeds an offer is read from, and was: a change of its profile must not
-- cut addresses that a gateway has just handed out.
CREATE TABLE offer_feed (
    merchant_id text COLLATE "C" NOT NULL,
    number      bigint GENERATED ALWAYS AS IDENTITY,
    offer_id    text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    feed_key    text COLLATE "C" NOT NULL,
    since       bigint NOT NULL,
    until       bigint,
    PRIMARY KEY (merchant_id, number),
    FOREIGN KEY (merchant_id, offer_id) REFERENCES offer (merchant_id, offer_id) ON DELETE CASCADE
);

CREATE INDEX offer_feed_offer ON offer_feed (merchant_id, offer_id, kind, number);
CREATE INDEX offer_feed_feed ON offer_feed (merchant_id, kind, feed_key);

CREATE TABLE link (
    merchant_id text COLLATE "C" NOT NULL REFERENCES merchant,
    link_id     text COLLATE "C" NOT NULL UNIQUE,
    offer_id    text COLLATE "C" NOT NULL,
    name        text  NOT NULL,
    -- SHA-256 of the secret; the secret itself is nowhere.
    secret_hash bytea NOT NULL UNIQUE,
    created     bigint NOT NULL,
    expires     bigint,
    revoked     bigint,
    replaces    text   NOT NULL,
    PRIMARY KEY (merchant_id, link_id),
    FOREIGN KEY (merchant_id, offer_id) REFERENCES offer (merchant_id, offer_id) ON DELETE CASCADE
);

CREATE INDEX link_offer ON link (merchant_id, offer_id);

-- Lines are only ever added. A line's number is given out while its merchant's
-- row of access_version is locked, so that numbers become visible in order and
-- whoever reads on after a number misses nothing.
CREATE TABLE audit (
    merchant_id text COLLATE "C" NOT NULL,
    number      bigint GENERATED ALWAYS AS IDENTITY,
    time        bigint NOT NULL,
    actor       text   NOT NULL,
    role        text   NOT NULL,
    address     text   NOT NULL,
    request     text   NOT NULL,
    action      text   NOT NULL,
    object      text   NOT NULL,
    before      text   NOT NULL,
    after       text   NOT NULL,
    PRIMARY KEY (merchant_id, number)
);

-- +goose StatementBegin
CREATE FUNCTION audit_is_not_rewritten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'lines of the audit are never changed';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER audit_is_not_rewritten BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_not_rewritten();

-- Tells every file server whether there is anything new to read: the sums over
-- all merchants only grow, and a merchant's changes wait for no other's.
CREATE TABLE access_version (
    merchant_id text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES merchant,
    accounts    bigint NOT NULL,
    pointers    bigint NOT NULL
) WITH (fillfactor = 50); -- room for new versions of a row beside the old

-- +goose Down
DROP TABLE access_version;
DROP TABLE audit;
DROP FUNCTION audit_is_not_rewritten;
DROP TABLE link;
DROP TABLE offer_feed;
DROP TABLE offer;
DROP TABLE partner;
DROP TABLE shop;
DROP TABLE merchant;
