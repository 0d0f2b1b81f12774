-- What was done to one thing is asked for by its id, by pages of partners above
-- all: without an index each question reads the merchant's whole audit.

-- +goose Up
CREATE INDEX audit_object ON audit (merchant_id, object, number);

-- +goose Down
DROP INDEX audit_object;
