-- People's accounts, their sessions and one-time codes.

-- +goose Up
CREATE TABLE person (
    merchant_id text COLLATE "C" NOT NULL REFERENCES merchant,
    user_id     text COLLATE "C" NOT NULL UNIQUE,
    -- NULL for the merchant's own staff; a partner's people go with him.
    partner_id  text COLLATE "C",
    login       text COLLATE "C" NOT NULL UNIQUE,
    name        text COLLATE "C" NOT NULL,
    role        text COLLATE "C" NOT NULL,
    language    text COLLATE "C" NOT NULL,
    -- argon2id with its parameters, "" for none.
    password    text COLLATE "C" NOT NULL,
    -- The key of the second factor, sealed by a key that is not here; NULL for none.
    factor      bytea,
    factor_step bigint NOT NULL,
    factor_time bigint NOT NULL,
    created     bigint NOT NULL,
    disabled    bigint NOT NULL,
    last_login  bigint NOT NULL,
    version     bigint NOT NULL,
    PRIMARY KEY (merchant_id, user_id),
    FOREIGN KEY (merchant_id, partner_id) REFERENCES partner (merchant_id, partner_id) ON DELETE CASCADE
);

CREATE TABLE recovery_code (
    merchant_id text COLLATE "C" NOT NULL,
    user_id     text COLLATE "C" NOT NULL,
    -- SHA-256 of the code; the code itself is nowhere.
    hash        bytea NOT NULL,
    PRIMARY KEY (merchant_id, user_id, hash),
    FOREIGN KEY (merchant_id, user_id) REFERENCES person (merchant_id, user_id) ON DELETE CASCADE
);

CREATE TABLE session (
    -- SHA-256 of the id; the id itself is in the browser alone.
    hash        bytea NOT NULL PRIMARY KEY,
    merchant_id text COLLATE "C" NOT NULL,
    user_id     text COLLATE "C" NOT NULL,
    stage       text COLLATE "C" NOT NULL,
    address     text COLLATE "C" NOT NULL,
    client      text COLLATE "C" NOT NULL,
    created     bigint NOT NULL,
    seen        bigint NOT NULL,
    proved      bigint NOT NULL,
    FOREIGN KEY (merchant_id, user_id) REFERENCES person (merchant_id, user_id) ON DELETE CASCADE
);

CREATE INDEX session_person ON session (merchant_id, user_id);

CREATE TABLE one_time_code (
    hash        bytea NOT NULL PRIMARY KEY,
    -- "" where the code makes a merchant, and with him his owner.
    merchant_id text COLLATE "C" NOT NULL,
    user_id     text COLLATE "C" NOT NULL,
    purpose     text COLLATE "C" NOT NULL,
    expires     bigint NOT NULL
);

-- How often in a row something has failed; the keys are hashes of accounts and
-- networks, whosever they are.
CREATE TABLE failure_count (
    failure_key bytea NOT NULL PRIMARY KEY,
    failures    bigint NOT NULL,
    last        bigint NOT NULL
);

-- +goose Down
DROP TABLE failure_count;
DROP TABLE one_time_code;
DROP TABLE session;
DROP TABLE recovery_code;
DROP TABLE person;
