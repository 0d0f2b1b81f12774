-- People's accounts, their sessions and one-time codes.

-- +goose Up
CREATE TABLE person (
    merchant_id TEXT    NOT NULL REFERENCES merchant,
    user_id     TEXT    NOT NULL UNIQUE,
    -- NULL for the merchant's own staff; a partner's people go with him.
    partner_id  TEXT,
    login       TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    language    TEXT    NOT NULL,
    -- argon2id with its parameters, "" for none.
    password    TEXT    NOT NULL,
    -- The key of the second factor, sealed by a key that is not here; NULL for none.
    factor      BLOB,
    factor_step INTEGER NOT NULL,
    factor_time INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    disabled    INTEGER NOT NULL,
    last_login  INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, user_id),
    FOREIGN KEY (merchant_id, partner_id) REFERENCES partner (merchant_id, partner_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_code (
    merchant_id TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    -- SHA-256 of the code; the code itself is nowhere.
    hash        BLOB NOT NULL,
    PRIMARY KEY (merchant_id, user_id, hash),
    FOREIGN KEY (merchant_id, user_id) REFERENCES person (merchant_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    -- SHA-256 of the id; the id itself is in the browser alone.
    hash        BLOB    NOT NULL PRIMARY KEY,
    merchant_id TEXT    NOT NULL,
    user_id     TEXT    NOT NULL,
    stage       TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    client      TEXT    NOT NULL,
    created     INTEGER NOT NULL,
    seen        INTEGER NOT NULL,
    proved      INTEGER NOT NULL,
    FOREIGN KEY (merchant_id, user_id) REFERENCES person (merchant_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX session_person ON session (merchant_id, user_id);

CREATE TABLE one_time_code (
    hash        BLOB    NOT NULL PRIMARY KEY,
    -- "" where the code makes a merchant, and with him his owner.
    merchant_id TEXT    NOT NULL,
    user_id     TEXT    NOT NULL,
    purpose     TEXT    NOT NULL,
    expires     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How often in a row something has failed; the keys are hashes of accounts and
-- networks, whosever they are.
CREATE TABLE failure_count (
    failure_key BLOB    NOT NULL PRIMARY KEY,
    failures    INTEGER NOT NULL,
    last        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE failure_count;
DROP TABLE one_time_code;
DROP TABLE session;
DROP TABLE recovery_code;
DROP TABLE person;
