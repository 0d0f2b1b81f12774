-- The networks that a key of the API may be used from, '' for all.

-- +goose Up
ALTER TABLE api_key ADD COLUMN cidrs TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE api_key DROP COLUMN cidrs;
