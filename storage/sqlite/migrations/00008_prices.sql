-- Exchange rates and price lists: what the prices of all of a merchant's offers
-- depend on besides the products.

-- +goose Up
CREATE TABLE rate (
    merchant_id TEXT    NOT NULL REFERENCES merchant,
    from_code   TEXT    NOT NULL,
    to_code     TEXT    NOT NULL,
    rate        TEXT    NOT NULL,
    since       INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, from_code, to_code)
) STRICT, WITHOUT ROWID;

CREATE TABLE price_list (
    merchant_id TEXT    NOT NULL REFERENCES merchant,
    list_id     TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    currency    TEXT    NOT NULL,
    -- 1 for gross prices.
    gross       INTEGER NOT NULL,
    prices      INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, list_id),
    UNIQUE (merchant_id, name)
) STRICT, WITHOUT ROWID;

-- Prices in minor units of the list's currency; code is that of a size, '' for
-- the product as a whole. They go with their list, in its transaction: a
-- reference of each would cost as much as the price.
CREATE TABLE list_price (
    merchant_id TEXT    NOT NULL,
    list_id     TEXT    NOT NULL,
    product_id  INTEGER NOT NULL,
    code        TEXT    NOT NULL,
    amount      INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, list_id, product_id, code)
) STRICT, WITHOUT ROWID;

-- Which list an offer's profile names, so that no list goes while one does.
CREATE TABLE offer_list (
    merchant_id TEXT NOT NULL,
    offer_id    TEXT NOT NULL,
    list_id     TEXT NOT NULL,
    PRIMARY KEY (merchant_id, offer_id),
    FOREIGN KEY (merchant_id, offer_id) REFERENCES offer (merchant_id, offer_id) ON DELETE CASCADE,
    FOREIGN KEY (merchant_id, list_id) REFERENCES price_list (merchant_id, list_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX offer_list_list ON offer_list (merchant_id, list_id);

-- +goose Down
DROP TABLE offer_list;
DROP TABLE list_price;
DROP TABLE price_list;
DROP TABLE rate;
