package records

import (
	"context"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/partner"
)

const sessionColumns = `merchant_id, hash, user_id, stage, address, client, created, seen, proved`

const (
	sqlInsertSession = `INSERT INTO session (` + sessionColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	sqlFindSession   = `SELECT ` + sessionColumns + ` FROM session WHERE hash = $1` // every merchant
	sqlSessions      = `SELECT ` + sessionColumns + ` FROM session WHERE merchant_id = $1 AND user_id = $2`
	sqlSeeSession    = `UPDATE session SET seen = $1 WHERE merchant_id = $2 AND hash = $3`
	sqlProveSession  = `UPDATE session SET seen = $1, proved = $2 WHERE merchant_id = $3 AND hash = $4`
	sqlEndSession    = `DELETE FROM session WHERE merchant_id = $1 AND hash = $2`
	sqlEndSessions   = `DELETE FROM session WHERE merchant_id = $1 AND user_id = $2 AND hash <> $3`
	sqlPruneSessions = `DELETE FROM session WHERE created < $1 OR seen < $2`
	sqlInsertCode    = `INSERT INTO one_time_code (merchant_id, hash, user_id, purpose, expires) VALUES ($1, $2, $3, $4, $5)`
	sqlFindCode      = `SELECT hash, merchant_id, user_id, purpose, expires FROM one_time_code WHERE hash = $1 AND expires > $2`
	sqlUseCode       = `DELETE FROM one_time_code WHERE hash = $1`
	sqlPruneCodes    = `DELETE FROM one_time_code WHERE expires <= $1`
	sqlFailures      = `SELECT failures, last FROM failure_count WHERE failure_key = $1`
	sqlFail          = `INSERT INTO failure_count (failure_key, failures, last) VALUES ($1, 1, $2)
		ON CONFLICT (failure_key) DO UPDATE SET last = excluded.last,
		failures = CASE WHEN failure_count.last < $3 THEN 1 ELSE failure_count.failures + 1 END`
	sqlForgetFailures = `DELETE FROM failure_count WHERE failure_key = $1`
	sqlPruneFailures  = `DELETE FROM failure_count WHERE last < $1`
)

// CreateSession adds a session.
func (d *DB) CreateSession(ctx context.Context, s auth.Session) error {
	return d.write(ctx, "begin session", func(ctx context.Context, t *Tx) error {
		return t.exec(ctx, sqlInsertSession, s.Merchant, s.Hash[:], s.User, string(s.Stage), s.Address, s.Client, Micros(s.CreatedAt), Micros(s.Seen), ZeroMicros(s.Proved))
	})
}

// FindSession gives a session and its user, whosever they are.
func (d *DB) FindSession(ctx context.Context, hash [32]byte) (s auth.Session, u auth.User, err error) {
	err = d.read(ctx, "find session", func(ctx context.Context, t *Tx) error {
		list, err := t.sessions(ctx, sqlFindSession, hash[:])
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return feed.Errorf(feed.KindNotFound, "there is no such session")
		}
		s = list[0]
		u, err = t.person(ctx, s.Merchant, s.User)
		return err
	})
	return s, u, err
}

// TouchSession notes a session's use and, where proved is not zero, that its
// password was given again.
func (d *DB) TouchSession(ctx context.Context, merchant partner.MerchantID, hash [32]byte, seen, proved time.Time) error {
	return d.write(ctx, "note use of session", func(ctx context.Context, t *Tx) error {
		if proved.IsZero() {
			return t.exec(ctx, sqlSeeSession, Micros(seen), merchant, hash[:])
		}
		return t.exec(ctx, sqlProveSession, Micros(seen), Micros(proved), merchant, hash[:])
	})
}

// Sessions gives the sessions of an account.
func (d *DB) Sessions(ctx context.Context, merchant partner.MerchantID, id auth.UserID) (list []auth.Session, err error) {
	err = d.read(ctx, "list sessions", func(ctx context.Context, t *Tx) error {
		list, err = t.sessions(ctx, sqlSessions, merchant, id)
		return err
	})
	return list, err
}

// EndSession ends a session. One that is not there is no error.
func (d *DB) EndSession(ctx context.Context, merchant partner.MerchantID, hash [32]byte) error {
	return d.write(ctx, "end session", func(ctx context.Context, t *Tx) error {
		return t.exec(ctx, sqlEndSession, merchant, hash[:])
	})
}

// EndSessions ends all sessions of an account but one.
func (d *DB) EndSessions(ctx context.Context, merchant partner.MerchantID, id auth.UserID, but [32]byte) error {
	return d.write(ctx, "end sessions", func(ctx context.Context, t *Tx) error {
		return t.exec(ctx, sqlEndSessions, merchant, id, but[:])
	})
}

// PruneSessions forgets sessions, codes and counts of failures that count for
// nothing any more, of all merchants.
func (d *DB) PruneSessions(ctx context.Context, now time.Time) error {
	return d.write(ctx, "prune sessions", func(ctx context.Context, t *Tx) error {
		if err := t.exec(ctx, sqlPruneSessions, Micros(now.Add(-auth.SessionLife)), Micros(now.Add(-auth.SessionIdle))); err != nil {
			return err
		}
		if err := t.exec(ctx, sqlPruneCodes, Micros(now)); err != nil {
			return err
		}
		return t.exec(ctx, sqlPruneFailures, Micros(now.Add(-48*time.Hour)))
	})
}

// CreateCode adds a one-time code.
func (d *DB) CreateCode(ctx context.Context, c auth.Code) error {
	return d.write(ctx, "make code", func(ctx context.Context, t *Tx) error {
		return t.exec(ctx, sqlInsertCode, c.Merchant, c.Hash[:], c.User, string(c.Purpose), Micros(c.Expires))
	})
}

// FindCode gives a code that has not expired.
func (d *DB) FindCode(ctx context.Context, hash [32]byte) (c auth.Code, err error) {
	err = d.read(ctx, "find code", func(ctx context.Context, t *Tx) error {
		c, err = t.code(ctx, hash)
		return err
	})
	return c, err
}

// UseCode takes a code away and gives it, once.
func (d *DB) UseCode(ctx context.Context, hash [32]byte) (c auth.Code, err error) {
	err = d.write(ctx, "use code", func(ctx context.Context, t *Tx) error {
		if c, err = t.code(ctx, hash); err != nil {
			return err
		}
		n, err := t.Exec(ctx, sqlUseCode, hash[:])
		if err == nil && n != 1 {
			err = feed.Errorf(feed.KindNotFound, "the code has been used")
		}
		return err
	})
	return c, err
}

func (t *Tx) code(ctx context.Context, hash [32]byte) (c auth.Code, err error) {
	var text []byte
	var expires int64
	found, err := t.one(ctx, sqlFindCode, []any{hash[:], t.Now}, &text, &c.Merchant, &c.User, &c.Purpose, &expires)
	if err == nil && !found {
		err = feed.Errorf(feed.KindNotFound, "there is no such code")
	}
	copy(c.Hash[:], text)
	c.Expires = FromMicros(expires)
	return c, err
}

// Failures gives the counts of keys, in their order.
func (d *DB) Failures(ctx context.Context, keys [][32]byte) (list []auth.Failures, err error) {
	err = d.read(ctx, "count failures", func(ctx context.Context, t *Tx) error {
		list = nil
		for _, k := range keys {
			var f auth.Failures
			var last int64
			if _, err := t.one(ctx, sqlFailures, []any{k[:]}, &f.Count, &last); err != nil {
				return err
			}
			f.Last = FromZero(last)
			list = append(list, f)
		}
		return nil
	})
	return list, err
}

// Fail counts a failure for each key.
func (d *DB) Fail(ctx context.Context, keys [][32]byte, at, forgotten time.Time) error {
	return d.write(ctx, "note failure", func(ctx context.Context, t *Tx) error {
		for _, k := range keys {
			if err := t.exec(ctx, sqlFail, k[:], Micros(at), Micros(forgotten)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Forget forgets the failures of keys.
func (d *DB) Forget(ctx context.Context, keys [][32]byte) error {
	return d.write(ctx, "forget failures", func(ctx context.Context, t *Tx) error {
		for _, k := range keys {
			if err := t.exec(ctx, sqlForgetFailures, k[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *Tx) sessions(ctx context.Context, query string, args ...any) (list []auth.Session, err error) {
	err = t.each(ctx, query, args, func(row Row) error {
		var s auth.Session
		var hash []byte
		var created, seen, proved int64
		if err := row.Scan(&s.Merchant, &hash, &s.User, &s.Stage, &s.Address, &s.Client, &created, &seen, &proved); err != nil {
			return err
		}
		copy(s.Hash[:], hash)
		s.CreatedAt, s.Seen, s.Proved = FromMicros(created), FromMicros(seen), FromZero(proved)
		list = append(list, s)
		return nil
	})
	return list, err
}

var _ auth.Records = (*DB)(nil)
