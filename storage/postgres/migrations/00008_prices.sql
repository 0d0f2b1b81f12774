-- Exchange rates and price lists: what the prices of all of a merchant's offers
-- depend on besides the products.

-- +goose Up
CREATE TABLE rate (
    merchant_id text COLLATE "C" NOT NULL REFERENCES merchant,
    from_code   text COLLATE "C" NOT NULL,
    to_code     text COLLATE "C" NOT NULL,
    rate        text   NOT NULL,
    since       bigint NOT NULL,
    version     bigint NOT NULL,
    PRIMARY KEY (merchant_id, from_code, to_code)
);

CREATE TABLE price_list (
    merchant_id text COLLATE "C" NOT NULL REFERENCES merchant,
    list_id     text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    currency    text    NOT NULL,
    gross       boolean NOT NULL,
    prices      bigint  NOT NULL,
    changed     bigint  NOT NULL,
    version     bigint  NOT NULL,
    PRIMARY KEY (merchant_id, list_id),
    UNIQUE (merchant_id, name)
);

-- Prices in minor units of the list's currency; code is that of a size, '' for
-- the product as a whole. They go with their list, in its transaction: a
-- reference of each would cost as much as the price.
CREATE TABLE list_price (
    merchant_id text COLLATE "C" NOT NULL,
    list_id     text COLLATE "C" NOT NULL,
    product_id  bigint NOT NULL,
    code        text COLLATE "C" NOT NULL,
    amount      bigint NOT NULL,
    PRIMARY KEY (merchant_id, list_id, product_id, code)
);

-- Which list an offer's profile names, so that no list goes while one does.
CREATE TABLE offer_list (
    merchant_id text COLLATE "C" NOT NULL,
    offer_id    text COLLATE "C" NOT NULL,
    list_id     text COLLATE "C" NOT NULL,
    PRIMARY KEY (merchant_id, offer_id),
    FOREIGN KEY (merchant_id, offer_id) REFERENCES offer (merchant_id, offer_id) ON DELETE CASCADE,
    FOREIGN KEY (merchant_id, list_id) REFERENCES price_list (merchant_id, list_id)
);

CREATE INDEX offer_list_list ON offer_list (merchant_id, list_id);

-- +goose Down
DROP TABLE offer_list;
DROP TABLE list_price;
DROP TABLE price_list;
DROP TABLE rate;
