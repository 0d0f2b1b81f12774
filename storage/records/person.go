package records

import (
	"context"
	"time"

	"feedmill/internal/auth"
	"feedmill/internal/partner"
)

const personColumns = `merchant_id, user_id, partner_id, login, name, role, language, password, factor, factor_step, factor_time, created, disabled, last_login, version`

const (
	sqlPerson       = `SELECT ` + personColumns + ` FROM person WHERE merchant_id = $1 AND user_id = $2`
	sqlPersons      = `SELECT ` + personColumns + ` FROM person WHERE merchant_id = $1 ORDER BY login`
	sqlFindPerson   = `SELECT ` + personColumns + ` FROM person WHERE login = $1` // every merchant
	sqlCountOwners  = `SELECT count(*) FROM person WHERE role = 'owner' AND disabled = 0`
	sqlInsertPerson = `INSERT INTO person (` + personColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1)`
	sqlUpdatePerson = `UPDATE person SET partner_id = $1, login = $2, name = $3, role = $4, language = $5, password = $6,
		factor = $7, factor_step = $8, factor_time = $9, disabled = $10, version = version + 1
		WHERE merchant_id = $11 AND user_id = $12 AND version = $13`
	sqlNoteLogin     = `UPDATE person SET last_login = $1 WHERE merchant_id = $2 AND user_id = $3`
	sqlRenewPassword = `UPDATE person SET password = $1 WHERE merchant_id = $2 AND user_id = $3 AND password = $4`
	sqlUseStep       = `UPDATE person SET factor_step = $1 WHERE merchant_id = $2 AND user_id = $3 AND factor_step < $4`
	sqlDropRecovery  = `DELETE FROM recovery_code WHERE merchant_id = $1 AND user_id = $2`
	sqlAddRecovery   = `INSERT INTO recovery_code (merchant_id, user_id, hash) VALUES ($1, $2, $3)`
	sqlUseRecovery   = `DELETE FROM recovery_code WHERE merchant_id = $1 AND user_id = $2 AND hash = $3`
	sqlCountRecovery = `SELECT count(*) FROM recovery_code WHERE merchant_id = $1 AND user_id = $2`
)

// CreateUser adds a person's account; u.Version is ignored and becomes 1.
func (d *DB) CreateUser(ctx context.Context, actor partner.Actor, u auth.User) (auth.User, error) {
	if err := u.Validate(); err != nil {
		return u, err
	}
	u.Version = 1
	err := d.write(ctx, "create user "+u.Login, func(ctx context.Context, t *Tx) error {
		err := t.exec(ctx, sqlInsertPerson, u.Merchant, u.ID, optionalID(u.Partner), u.Login, u.Name, string(u.Role), u.Language, u.Password,
			u.Factor.Sealed, u.Factor.Step, ZeroMicros(u.Factor.Since), Micros(u.CreatedAt), ZeroMicros(u.DisabledAt), ZeroMicros(u.LastLogin))
		if err != nil {
			return err
		}
		return t.Audit(actor, u.Merchant, "user.create", string(u.ID), nil, u.Facts())
	})
	return u, err
}

// UpdateUser stores an account as it is to be; action is what the audit calls
// that. It fails with KindConflict unless u.Version is the present one.
func (d *DB) UpdateUser(ctx context.Context, actor partner.Actor, action string, u auth.User) (auth.User, error) {
	if err := u.Validate(); err != nil {
		return u, err
	}
	version := u.Version
	err := d.write(ctx, "change user "+string(u.ID), func(ctx context.Context, t *Tx) error {
		old, err := t.person(ctx, u.Merchant, u.ID)
		if err != nil {
			return err
		}
		n, err := t.Exec(ctx, sqlUpdatePerson, optionalID(u.Partner), u.Login, u.Name, string(u.Role), u.Language, u.Password,
			u.Factor.Sealed, u.Factor.Step, ZeroMicros(u.Factor.Since), ZeroMicros(u.DisabledAt), u.Merchant, u.ID, version)
		if err != nil {
			return err
		}
		if n == 0 {
			return partner.Conflict("user", string(u.ID), version, old.Version, old.Facts(), u.Facts())
		}
		u.Version = version + 1
		return t.Audit(actor, u.Merchant, action, string(u.ID), old.Facts(), u.Facts())
	})
	return u, err
}

// User gives one account of a merchant.
func (d *DB) User(ctx context.Context, merchant partner.MerchantID, id auth.UserID) (u auth.User, err error) {
	err = d.read(ctx, "read user "+string(id), func(ctx context.Context, t *Tx) error {
		u, err = t.person(ctx, merchant, id)
		return err
	})
	return u, err
}

// Users gives the accounts of a merchant by login.
func (d *DB) Users(ctx context.Context, merchant partner.MerchantID) (list []auth.User, err error) {
	err = d.read(ctx, "list users", func(ctx context.Context, t *Tx) error {
		list, err = t.persons(ctx, sqlPersons, merchant)
		return err
	})
	return list, err
}

// FindUser gives the account with a login, whosever it is.
func (d *DB) FindUser(ctx context.Context, login string) (u auth.User, err error) {
	err = d.read(ctx, "find user", func(ctx context.Context, t *Tx) error {
		list, err := t.persons(ctx, sqlFindPerson, login)
		if err == nil && len(list) == 0 {
			return partner.Missing("user", login)
		}
		if err == nil {
			u = list[0]
		}
		return err
	})
	return u, err
}

// Owners counts the owners whose accounts are in use, of all merchants.
func (d *DB) Owners(ctx context.Context) (n int, err error) {
	err = d.read(ctx, "count owners", func(ctx context.Context, t *Tx) error {
		_, err := t.one(ctx, sqlCountOwners, nil, &n)
		return err
	})
	return n, err
}

// NoteLogin notes that somebody has signed in.
func (d *DB) NoteLogin(ctx context.Context, merchant partner.MerchantID, id auth.UserID, at time.Time) error {
	return d.write(ctx, "note login", func(ctx context.Context, t *Tx) error {
		return t.exec(ctx, sqlNoteLogin, Micros(at), merchant, id)
	})
}

// RenewPassword puts a new form of the same password in the old one's place.
func (d *DB) RenewPassword(ctx context.Context, merchant partner.MerchantID, id auth.UserID, before, after string) error {
	return d.write(ctx, "renew password", func(ctx context.Context, t *Tx) error {
		return t.exec(ctx, sqlRenewPassword, after, merchant, id, before)
	})
}

// UseStep notes that a code of a step was used; false when one as late was used before.
func (d *DB) UseStep(ctx context.Context, merchant partner.MerchantID, id auth.UserID, step int64) (used bool, err error) {
	err = d.write(ctx, "use code", func(ctx context.Context, t *Tx) error {
		n, err := t.Exec(ctx, sqlUseStep, step, merchant, id, step)
		used = n == 1
		return err
	})
	return used, err
}

// SetRecovery puts new recovery codes in the place of all old ones.
func (d *DB) SetRecovery(ctx context.Context, merchant partner.MerchantID, id auth.UserID, hashes [][32]byte) error {
	return d.write(ctx, "set recovery codes", func(ctx context.Context, t *Tx) error {
		if err := t.exec(ctx, sqlDropRecovery, merchant, id); err != nil {
			return err
		}
		for _, h := range hashes {
			if err := t.exec(ctx, sqlAddRecovery, merchant, id, h[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// UseRecovery uses a recovery code up; false when there is none.
func (d *DB) UseRecovery(ctx context.Context, merchant partner.MerchantID, id auth.UserID, hash [32]byte) (used bool, err error) {
	err = d.write(ctx, "use recovery code", func(ctx context.Context, t *Tx) error {
		n, err := t.Exec(ctx, sqlUseRecovery, merchant, id, hash[:])
		used = n == 1
		return err
	})
	return used, err
}

// Recovery counts the recovery codes that are left.
func (d *DB) Recovery(ctx context.Context, merchant partner.MerchantID, id auth.UserID) (n int, err error) {
	err = d.read(ctx, "count recovery codes", func(ctx context.Context, t *Tx) error {
		_, err := t.one(ctx, sqlCountRecovery, []any{merchant, id}, &n)
		return err
	})
	return n, err
}

func (t *Tx) person(ctx context.Context, merchant partner.MerchantID, id auth.UserID) (auth.User, error) {
	list, err := t.persons(ctx, sqlPerson, merchant, id)
	if err == nil && len(list) == 0 {
		err = partner.Missing("user", string(id))
	}
	if err != nil {
		return auth.User{}, err
	}
	return list[0], nil
}

func (t *Tx) persons(ctx context.Context, query string, args ...any) (list []auth.User, err error) {
	err = t.each(ctx, query, args, func(row Row) error {
		var s personScan
		if err := row.Scan(s.columns()...); err != nil {
			return err
		}
		list = append(list, s.user())
		return nil
	})
	return list, err
}

// personScan takes in a row of accounts.
type personScan struct {
	u                              auth.User
	partner                        *string
	since, created, disabled, last int64
}

func (s *personScan) columns() []any {
	u := &s.u
	return []any{&u.Merchant, &u.ID, &s.partner, &u.Login, &u.Name, &u.Role, &u.Language, &u.Password, &u.Factor.Sealed, &u.Factor.Step,
		&s.since, &s.created, &s.disabled, &s.last, &u.Version}
}

func (s *personScan) user() auth.User {
	if s.partner != nil {
		s.u.Partner = partner.ID(*s.partner)
	}
	s.u.Factor.Since, s.u.CreatedAt, s.u.DisabledAt, s.u.LastLogin = FromZero(s.since), FromMicros(s.created), FromZero(s.disabled), FromZero(s.last)
	return s.u
}

// optionalID stores no partner as NULL.
func optionalID(id partner.ID) any {
	if id == "" {
		return nil
	}
	return string(id)
}
