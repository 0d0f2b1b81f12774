-- What generations and files say of their time themselves, as if it was UTC: files
-- stay as they are when the merchant moves his zone. 0 is not known.

-- +goose Up
ALTER TABLE generation ADD COLUMN told bigint NOT NULL DEFAULT 0;
ALTER TABLE gen_file ADD COLUMN told bigint NOT NULL DEFAULT 0;
UPDATE generation SET told = time + (SELECT m.zone_minutes * 60000000 FROM merchant AS m WHERE m.merchant_id = generation.merchant_id);
UPDATE gen_file SET told = changed + (SELECT m.zone_minutes * 60000000 FROM merchant AS m WHERE m.merchant_id = gen_file.merchant_id);

-- +goose Down
ALTER TABLE gen_file DROP COLUMN told;
ALTER TABLE generation DROP COLUMN told;
