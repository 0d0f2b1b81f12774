-- Whether a VAT of 0 is what the merchant has said. Before, 0 was the rate of those
-- who have said none, and that it stays for them.

-- +goose Up
ALTER TABLE merchant ADD COLUMN vat_zero INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE merchant DROP COLUMN vat_zero;
