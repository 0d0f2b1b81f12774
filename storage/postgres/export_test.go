package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/pgtest"
)

// Listening is closed when hints of other processes are first received.
func (d *DB) Listening() <-chan struct{} { return d.notifier.listening }

// TestServer has a database for each test, with schema and roles.
var TestServer = &pgtest.Server{Prepare: prepare}

// TestRoles exist on the tests' server; every database of a test grants to them.
var TestRoles = Roles{Serve: "feedmill_serve", Generate: "feedmill_generate", Admin: `Feedmill-"admin"`}

func prepare(ctx context.Context, url string) error {
	if _, err := Migrate(ctx, url, Options{}); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, r := range []string{TestRoles.Serve, TestRoles.Generate, TestRoles.Admin} {
		if _, err := conn.Exec(ctx, "CREATE ROLE "+pgx.Identifier{r}.Sanitize()+" LOGIN"); err != nil {
			return err
		}
	}
	for range 2 { // the second changes nothing
		if err := Grant(ctx, url, Options{}, TestRoles); err != nil {
			return err
		}
	}
	return nil
}
