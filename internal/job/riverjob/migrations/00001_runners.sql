-- Beside River's tables: which processes live, and how far schedules have come.

-- +goose Up
CREATE TABLE job_runner (
    client text        NOT NULL PRIMARY KEY,
    seen   timestamptz NOT NULL
);

CREATE TABLE job_schedule (
    name text        NOT NULL PRIMARY KEY,
    -- NULL before the first one.
    slot timestamptz
);

-- +goose Down
DROP TABLE job_schedule;
DROP TABLE job_runner;
