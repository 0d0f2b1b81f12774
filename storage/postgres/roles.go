package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
)

// Roles names the database roles that processes connect as. None of them owns
// anything: tables belong to the role that migrates. "" leaves a role out.
type Roles struct {
	// Serve answers partners' requests. It reads what decides who may read what,
	// and writes what was downloaded, with what alarms about links do.
	Serve string
	// Generate imports catalogs, publishes and sweeps. It reads accounts, changes
	// no more of them than switches whose time has come, and does not see links.
	Generate string
	// Admin changes accounts, and does what the other two do. It cannot change
	// or remove lines of the audit, nor the schema.
	Admin string
}

// grant is rights on one table, as SQL writes them.
type grant struct{ rights, table string }

func serveGrants() []grant {
	return []grant{
		{"SELECT", "merchant"}, {"SELECT", "shop"}, {"SELECT", "partner"}, {"SELECT", "offer"}, {"SELECT", "offer_feed"}, {"SELECT", "link"},
		{"SELECT", "access_version"}, {"SELECT", "feed"}, {"SELECT", "state_layer"}, {"SELECT", "generation"}, {"SELECT", "gen_file"}, {"SELECT", "blob"},
		// What was downloaded is written where it happens, and an alarm at once
		// with what it does. Lines of the audit are added, and not read.
		{"SELECT, INSERT, UPDATE", "link_use, link_day, download_day, offer_use, audit_head"}, {"SELECT, INSERT", "link_client"},
		{"INSERT", "download, audit"}, {"UPDATE (accounts, pointers)", "access_version"},
		{"SELECT", "goose_db_version"},
	}
}

func generateGrants() []grant {
	return []grant{
		{"SELECT, UPDATE (next_generation)", "merchant"}, {"SELECT", "shop"}, {"SELECT", "partner"},
		{"SELECT, UPDATE (full_key, light_key)", "offer"}, // new keys after an upgrade
		{"SELECT, INSERT, UPDATE (since, until, pending), DELETE", "offer_feed"},
		{"SELECT, UPDATE (accounts, pointers)", "access_version"},
		{"SELECT, INSERT", "audit"}, {"SELECT, INSERT, UPDATE", "audit_head"},
		{"SELECT", "rate, price_list, list_price"},
		// Switches whose time has come, and the end of what is kept for a time.
		{"UPDATE (feed_on, schedule, version)", "partner, offer"},
		{"SELECT, DELETE", "download, link_day, link_client, download_day, idempotency"},
		{"SELECT, INSERT, UPDATE, DELETE", "product"}, {"SELECT, INSERT, DELETE", "product_code"},
		{"SELECT, INSERT, UPDATE", "dictionary"}, {"SELECT, INSERT, DELETE", "change_queue"},
		{"SELECT, INSERT, UPDATE, DELETE", "import_run"}, {"SELECT, INSERT, DELETE", "import_product"}, {"SELECT, INSERT, DELETE", "import_mark"},
		{"SELECT, INSERT, UPDATE", "feed"}, {"SELECT, INSERT, UPDATE, DELETE", "generation"}, {"SELECT, INSERT, UPDATE, DELETE", "gen_file"},
		{"SELECT, INSERT, UPDATE, DELETE", "blob"}, {"SELECT, INSERT, UPDATE, DELETE", "state_layer"},
		{"SELECT, INSERT, DELETE", "event_log"}, {"SELECT, INSERT, UPDATE", "event_head"},
		{"SELECT, INSERT, UPDATE", "publish_lease"}, {"SELECT, INSERT, UPDATE, DELETE", "publish_run"},
		{"SELECT, INSERT, UPDATE, DELETE", "upload_attempt"},
		{"SELECT, INSERT, UPDATE, DELETE", "held_generation"}, {"SELECT, INSERT, DELETE", "held_blob"},
		{"SELECT", "goose_db_version"},
	}
}

// adminGrants names every table.
func adminGrants() []grant {
	return []grant{
		{"SELECT, INSERT, UPDATE, DELETE", "merchant, shop, partner, offer, offer_feed, link, access_version"},
		{"SELECT, INSERT, UPDATE, DELETE", "product, product_code, dictionary, change_queue, import_run, import_product, import_mark"},
		{"SELECT, INSERT, UPDATE, DELETE", "rate, price_list, list_price, offer_list"},
		{"SELECT, INSERT, UPDATE, DELETE", "feed, generation, gen_file, blob, state_layer"},
		{"SELECT, INSERT, UPDATE, DELETE", "event_log, event_head, publish_lease, publish_run, upload_attempt, held_generation, held_blob"},
		{"SELECT, INSERT, UPDATE, DELETE", "link_use, link_day, link_client, download, download_day, offer_use, api_key, idempotency"},
		{"SELECT, INSERT, UPDATE, DELETE", "person, recovery_code, session, one_time_code, failure_count"},
		{"SELECT, INSERT", "audit"}, {"SELECT, INSERT, UPDATE", "audit_head"},
		{"SELECT", "goose_db_version"},
	}
}

const sqlRoleExists = `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1), current_schema()`

// Grant gives each role the rights that it needs on the tables at url and takes
// all others on them away. It is meant to be called after every [Migrate], as
// the same user. The roles must exist.
func Grant(ctx context.Context, url string, opt Options, roles Roles) (err error) {
	cfg, err := parse(url, opt.withDefaults())
	if err != nil {
		return err
	}
	what := "grant rights in " + nameOf(&cfg.ConnConfig.Config)
	conn, err := pgx.ConnectConfig(ctx, cfg.ConnConfig)
	if err != nil {
		return fault(what, ended(ctx, err))
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, r := range []struct {
			role   string
			grants []grant
		}{{roles.Serve, serveGrants()}, {roles.Generate, generateGrants()}, {roles.Admin, adminGrants()}} {
			if r.role == "" {
				continue
			}
			if err := grantTo(ctx, tx, r.role, r.grants); err != nil {
				return fmt.Errorf("role %q: %w", r.role, err)
			}
		}
		return nil
	})
	return fault(what, ended(ctx, err))
}

func grantTo(ctx context.Context, tx pgx.Tx, role string, grants []grant) error {
	var exists bool
	var schema string
	if err := tx.QueryRow(ctx, sqlRoleExists, role).Scan(&exists, &schema); err != nil {
		return err
	}
	name, in := pgx.Identifier{role}.Sanitize(), pgx.Identifier{schema}.Sanitize()
	if !exists {
		return &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("there is no role %q", role), Hint: "have it made first: CREATE ROLE " + name + " LOGIN PASSWORD '...'"}
	}
	// One by one, and not ALL TABLES: others may keep tables in the schema.
	statements := []string{"GRANT USAGE ON SCHEMA " + in + " TO " + name}
	for _, g := range adminGrants() {
		statements = append(statements, "REVOKE ALL ON "+g.table+" FROM "+name)
	}
	for _, g := range grants {
		statements = append(statements, "GRANT "+g.rights+" ON "+g.table+" TO "+name)
	}
	_, err := tx.Exec(ctx, strings.Join(statements, ";"))
	return err
}

// grantedTables names the tables that roles have rights on.
func grantedTables() []string {
	var tables []string
	for _, g := range adminGrants() {
		tables = append(tables, strings.Split(g.table, ", ")...)
	}
	slices.Sort(tables)
	return tables
}
