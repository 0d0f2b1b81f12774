package records

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const keyColumns = `merchant_id, key_id, name, scopes, secret_hash, created, expires, revoked, last_used, cidrs`

const (
	sqlKey       = `SELECT ` + keyColumns + ` FROM api_key WHERE merchant_id = $1 AND key_id = $2`
	sqlKeys      = `SELECT ` + keyColumns + ` FROM api_key WHERE merchant_id = $1 ORDER BY created, key_id`
	sqlLockKey   = sqlKey + ` FOR NO KEY UPDATE`
	sqlFindKey   = `SELECT ` + keyColumns + ` FROM api_key WHERE key_id = $1` // every merchant
	sqlInsertKey = `INSERT INTO api_key (` + keyColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, NULL, $8)`
	sqlRevokeKey = `UPDATE api_key SET revoked = $1 WHERE merchant_id = $2 AND key_id = $3 AND revoked IS NULL`
	sqlUseKey    = `UPDATE api_key SET last_used = $1 WHERE merchant_id = $2 AND key_id = $3 AND (last_used IS NULL OR last_used < $4)`
)

// CreateKey adds a key that [partner.NewKey] has made.
func (d *DB) CreateKey(ctx context.Context, actor partner.Actor, k partner.Key) error {
	if err := k.Validate(); err != nil {
		return err
	}
	return d.write(ctx, "create key "+string(k.ID), func(ctx context.Context, t *Tx) error {
		err := t.exec(ctx, sqlInsertKey, k.Merchant, k.ID, k.Name, k.Scopes.String(), k.SecretHash[:], Micros(k.CreatedAt), OptionalMicros(k.ExpiresAt),
			partner.FormatCIDRs(k.CIDRs))
		if err != nil {
			return err
		}
		return t.Audit(actor, k.Merchant, "key.create", string(k.ID), nil, partner.FactsOf(&k))
	})
}

// Keys gives a merchant's keys, the oldest first, ended ones included.
func (d *DB) Keys(ctx context.Context, merchant partner.MerchantID) (list []partner.Key, err error) {
	err = d.read(ctx, "list keys", func(ctx context.Context, t *Tx) error {
		list, err = t.keys(ctx, sqlKeys, merchant)
		return err
	})
	return list, err
}

// FindKey gives a key by its public id, whosever it is: it is how a request
// comes to be a merchant's. The caller checks the secret.
func (d *DB) FindKey(ctx context.Context, id partner.KeyID) (k partner.Key, err error) {
	err = d.read(ctx, "find key", func(ctx context.Context, t *Tx) error {
		k, err = t.key(ctx, sqlFindKey, id, id)
		return err
	})
	return k, err
}

// UseKey notes that a key was used at a time. Notes closer than a minute are
// left out, so that a busy client does not write all the time.
func (d *DB) UseKey(ctx context.Context, merchant partner.MerchantID, id partner.KeyID, at time.Time) error {
	return d.writeAs(ctx, "note use of key "+string(id), How{Again: true}, func(ctx context.Context, t *Tx) error {
		return t.exec(ctx, sqlUseKey, Micros(at), merchant, id, Micros(at.Add(-time.Minute)))
	})
}

// RevokeKey ends a key for good. Revoking it twice is no error.
func (d *DB) RevokeKey(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.KeyID) error {
	return d.writeAs(ctx, "revoke key "+string(id), How{Again: true}, func(ctx context.Context, t *Tx) error {
		k, err := t.key(ctx, sqlLockKey, id, merchant, id)
		if err != nil || !k.RevokedAt.IsZero() {
			return err
		}
		if err := t.exec(ctx, sqlRevokeKey, t.Now, merchant, id); err != nil {
			return err
		}
		after := k
		after.RevokedAt = FromMicros(t.Now)
		return t.Audit(actor, merchant, "key.revoke", string(id), partner.FactsOf(&k), partner.FactsOf(&after))
	})
}

func (t *Tx) key(ctx context.Context, query string, id partner.KeyID, args ...any) (partner.Key, error) {
	list, err := t.keys(ctx, query, args...)
	if err != nil {
		return partner.Key{}, err
	}
	if len(list) == 0 {
		return partner.Key{}, partner.Missing("key", string(id))
	}
	return list[0], nil
}

func (t *Tx) keys(ctx context.Context, query string, args ...any) (list []partner.Key, err error) {
	err = t.each(ctx, query, args, func(row Row) error {
		var k partner.Key
		var scopes, cidrs string
		var hash []byte
		var created int64
		var expires, revoked, used *int64
		if err := row.Scan(&k.Merchant, &k.ID, &k.Name, &scopes, &hash, &created, &expires, &revoked, &used, &cidrs); err != nil {
			return err
		}
		copy(k.SecretHash[:], hash)
		k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsed = FromMicros(created), FromOptional(expires), FromOptional(revoked), FromOptional(used)
		if k.Scopes, err = partner.ParseScopes(scopes); err != nil {
			return fmt.Errorf("record of key %s: %w", k.ID, err)
		}
		if k.CIDRs, err = partner.ParseCIDRs(cidrs); err != nil {
			return fmt.Errorf("record of key %s: %w", k.ID, err)
		}
		list = append(list, k)
		return nil
	})
	return list, err
}

const (
	sqlIdempotent = `SELECT fingerprint, status, body, started FROM idempotency WHERE merchant_id = $1 AND idem_key = $2 FOR NO KEY UPDATE`
	// A row that is so old that it counts for nothing.
	sqlReserveIdempotent = `INSERT INTO idempotency (merchant_id, idem_key, fingerprint, started) VALUES ($1, $2, $3, $4)
		ON CONFLICT (merchant_id, idem_key) DO NOTHING`
	sqlBeginIdempotent = `INSERT INTO idempotency (merchant_id, idem_key, fingerprint, started) VALUES ($1, $2, $3, $4)
		ON CONFLICT (merchant_id, idem_key) DO UPDATE SET fingerprint = excluded.fingerprint, started = excluded.started, status = NULL, body = NULL`
	sqlEndIdempotent    = `UPDATE idempotency SET status = $1, body = $2 WHERE merchant_id = $3 AND idem_key = $4 AND status IS NULL`
	sqlForgetIdempotent = `DELETE FROM idempotency WHERE merchant_id = $1 AND idem_key = $2 AND status IS NULL`
	sqlPruneIdempotent  = `DELETE FROM idempotency WHERE merchant_id = $1 AND started < $2`
)

// BeginIdempotent begins a request under a key of the client's choice. An answer
// that is not nil is that of the same request sent before, and nothing is to be
// done; else the request is to be carried out and ended by [DB.EndIdempotent],
// or by [DB.ForgetIdempotent] where it came to nothing. fingerprint tells the
// same request from another one: another one under the same key is KindInvalid,
// the same one while it is still being carried out KindConflict.
func (d *DB) BeginIdempotent(ctx context.Context, merchant partner.MerchantID, key string, fingerprint [32]byte) (answer *partner.IdempotentAnswer, err error) {
	if err := partner.CheckIdempotencyKey(key); err != nil {
		return nil, err
	}
	err = d.write(ctx, "begin request", func(ctx context.Context, t *Tx) error {
		answer = nil
		// Of two that come at once the second waits for the first one's row.
		if err := t.exec(ctx, sqlReserveIdempotent, merchant, key, fingerprint[:], t.Now-partner.IdempotencyAge.Microseconds()); err != nil {
			return err
		}
		var print, body []byte
		var status *int64
		var started int64
		found, err := t.one(ctx, sqlIdempotent, []any{merchant, key}, &print, &status, &body, &started)
		if err != nil {
			return err
		}
		now := FromMicros(t.Now)
		switch age := now.Sub(FromMicros(started)); {
		case !found, age >= partner.IdempotencyAge:
		case !bytes.Equal(print, fingerprint[:]):
			return &feed.Error{Kind: feed.KindInvalid, Message: "the idempotency key was used for another request", Hint: "give each request a key of its own"}
		case status != nil:
			answer = &partner.IdempotentAnswer{Status: int(*status), Body: body}
			return nil
		case age < partner.IdempotencyTries:
			return &feed.Error{Kind: feed.KindConflict, Message: "the same request is still being carried out", Hint: "send it again later"}
		}
		return t.exec(ctx, sqlBeginIdempotent, merchant, key, fingerprint[:], t.Now)
	})
	return answer, err
}

// EndIdempotent keeps the answer to a request that was begun.
func (d *DB) EndIdempotent(ctx context.Context, merchant partner.MerchantID, key string, answer partner.IdempotentAnswer) error {
	if len(answer.Body) > partner.MaxIdempotentBody {
		return feed.Errorf(feed.KindInvalid, "an answer of %d bytes is too long to be kept", len(answer.Body))
	}
	return d.writeAs(ctx, "end request", How{Again: true}, func(ctx context.Context, t *Tx) error {
		body := answer.Body
		if body == nil {
			body = []byte{}
		}
		return t.exec(ctx, sqlEndIdempotent, answer.Status, body, merchant, key)
	})
}

// ForgetIdempotent lets a request that came to nothing be tried again under its key.
func (d *DB) ForgetIdempotent(ctx context.Context, merchant partner.MerchantID, key string) error {
	return d.writeAs(ctx, "forget request", How{Again: true}, func(ctx context.Context, t *Tx) error {
		return t.exec(ctx, sqlForgetIdempotent, merchant, key)
	})
}
