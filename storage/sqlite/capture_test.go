package sqlite_test

import (
	"testing"
	"time"

	"feedmill/internal/partner"
	"feedmill/storage/sqlite"
)

// The usual ways to ask for what has changed lose changes here too, where
// transactions do follow each other: numbers of rows that are gone come again,
// clocks go back, and products change while somebody deals with them. The log
// loses nothing under the same.
func TestWaysToLoseChanges(t *testing.T) {
	t.Parallel()
	type probe struct {
		db   *sqlite.DB
		m    partner.MerchantID
		last int64
		// clock is what writers take for the time.
		clock int64
		// between is called in the middle of a look.
		between func()
	}
	execute := func(t *testing.T, p *probe, query string, args ...any) {
		t.Helper()
		if _, err := p.db.Writer().ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	products := func(t *testing.T, p *probe, query string, args ...any) (list []int64) {
		t.Helper()
		rows, err := p.db.Writer().QueryContext(t.Context(), query, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id, at int64
			if err := rows.Scan(&id, &at); err != nil {
				t.Fatal(err)
			}
			list, p.last = append(list, id), max(p.last, at)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return list
	}
	for _, c := range []struct {
		name, table string
		write       func(t *testing.T, p *probe, product int64)
		read        func(t *testing.T, p *probe) []int64
		loses       bool
	}{
		{"number above the last", `CREATE TABLE probe (seq INTEGER PRIMARY KEY, product INTEGER)`,
			func(t *testing.T, p *probe, product int64) {
				execute(t, p, `INSERT INTO probe (product) VALUES (?)`, product)
			},
			func(t *testing.T, p *probe) []int64 {
				list := products(t, p, `SELECT product, seq FROM probe WHERE seq > ?`, p.last)
				execute(t, p, `DELETE FROM probe WHERE seq <= ?`, p.last) // what was dealt with
				p.between()
				return list
			}, true},
		{"time above the last", `CREATE TABLE probe (product INTEGER PRIMARY KEY, updated INTEGER)`,
			func(t *testing.T, p *probe, product int64) {
				execute(t, p, `INSERT INTO probe VALUES (?, ?) ON CONFLICT (product) DO UPDATE SET updated = excluded.updated`, product, p.clock)
			},
			func(t *testing.T, p *probe) []int64 {
				list := products(t, p, `SELECT product, updated FROM probe WHERE updated > ?`, p.last)
				p.between()
				return list
			}, true},
		{"a row for each dirty product", `CREATE TABLE probe (product INTEGER PRIMARY KEY)`,
			func(t *testing.T, p *probe, product int64) {
				execute(t, p, `INSERT INTO probe VALUES (?) ON CONFLICT (product) DO NOTHING`, product)
			},
			func(t *testing.T, p *probe) []int64 {
				list := products(t, p, `SELECT product, 0 FROM probe`)
				p.between()
				for _, id := range list {
					execute(t, p, `DELETE FROM probe WHERE product = ?`, id)
				}
				return list
			}, true},
		{"the log", `CREATE TABLE probe (unused INTEGER)`,
			func(t *testing.T, p *probe, product int64) {
				execute(t, p, `INSERT INTO change_queue (merchant_id, product_id, scope, cause, time) VALUES (?, ?, '', 'probe', ?)`, p.m, product, p.clock)
			},
			func(t *testing.T, p *probe) (list []int64) {
				if _, err := p.db.Sequence(t.Context()); err != nil {
					t.Fatal(err)
				}
				p.between()
				events, err := p.db.Events(t.Context(), p.m, p.last, 1000)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range events {
					list, p.last = append(list, int64(e.Product)), e.Number
				}
				return list
			}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := setup(t, sqlite.Options{})
			m, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
			if err != nil {
				t.Fatal(err)
			}
			p := &probe{db: db, m: m.ID, clock: time.Now().UnixMicro(), between: func() {}}
			execute(t, p, c.table)
			made, seen := map[int64]int{}, map[int64]int{}
			write := func(product int64) {
				c.write(t, p, product)
				made[product]++
				p.clock++
			}
			look := func() {
				for _, id := range c.read(t, p) {
					seen[id]++
				}
			}
			write(1)
			p.between = func() { p.between = func() {}; write(1) }
			look()
			look()
			p.clock -= time.Hour.Microseconds() // somebody sets it right
			write(2)
			for range 3 {
				look()
			}
			lost := 0
			for id, n := range made {
				lost += max(n-seen[id], 0)
			}
			if c.loses != (lost > 0) {
				t.Errorf("seen %v of %v: lost %d", seen, made, lost)
			}
		})
	}
}
