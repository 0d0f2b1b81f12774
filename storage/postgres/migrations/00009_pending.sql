-- An offer that comes to a feed which nobody has kept up to date goes on showing
-- the feed that it had, until a run has looked at the new one.

-- +goose Up
ALTER TABLE offer_feed ADD COLUMN pending boolean NOT NULL DEFAULT false;
UPDATE offer_feed SET pending = true WHERE until IS NULL AND NOT EXISTS (SELECT 1 FROM feed AS f
    WHERE f.merchant_id = offer_feed.merchant_id AND f.kind = offer_feed.kind AND f.feed_key = offer_feed.feed_key AND f.current_gen > 0);

-- +goose Down
ALTER TABLE offer_feed DROP COLUMN pending;
