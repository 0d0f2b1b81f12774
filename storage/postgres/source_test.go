package postgres_test

import (
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/internal/partner"
	"feedmill/storage/postgres"
)

// TestSource looks at what tells databases apart, on connections that find
// functions of the test where the server's own are asked: another server has
// begun at another moment, and a standby says that it is one.
func TestSource(t *testing.T) {
	t.Parallel()
	ctx, address := t.Context(), server.Database(t)
	c, err := pgx.Connect(ctx, address)
	must(t, err)
	defer c.Close(ctx)
	_, err = c.Exec(ctx, `CREATE SCHEMA another; CREATE SCHEMA standby;
		CREATE FUNCTION another.pg_postmaster_start_time() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.pg_postmaster_start_time() + interval ''1 microsecond''';
		CREATE FUNCTION standby.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'`)
	must(t, err)
	of := func(schema string) *postgres.DB {
		t.Helper()
		u, err := url.Parse(address)
		must(t, err)
		q := u.Query()
		q.Set("search_path", schema+",pg_catalog,public")
		u.RawQuery = q.Encode()
		return open(t, u.String(), postgres.Options{})
	}
	versions := func(db *postgres.DB) partner.Version {
		t.Helper()
		v, err := db.AccessVersion(ctx)
		must(t, err)
		a, err := db.Accounts(ctx)
		must(t, err)
		if a.Version != v {
			t.Errorf("accounts of version %+v, want %+v", a.Version, v)
		}
		return v
	}
	first := versions(of("public"))
	if again := versions(of("public")); again != first {
		t.Errorf("asked again: %+v, want %+v", again, first)
	}
	next := versions(of("another"))
	if next.Source == first.Source || next.Accounts != first.Accounts || next.Pointers != first.Pointers {
		t.Errorf("another server has version %+v, want %+v with another source", next, first)
	}
	if copied := versions(setup(t, postgres.Options{})); copied.Source == first.Source {
		t.Errorf("another database of the server has the source of the first, %d", first.Source)
	}
	standby := of("standby")
	if _, err := standby.AccessVersion(ctx); feed.KindOf(err) != feed.KindUnavailable || feed.HintOf(err) == "" {
		t.Errorf("of a standby: got %v with the hint %q, want a refusal that says what to do", err, feed.HintOf(err))
	}
	if err := standby.Ping(ctx); err == nil {
		t.Error("a standby is ready")
	}
	_, err = standby.Accounts(ctx)
	must(t, err)
}
