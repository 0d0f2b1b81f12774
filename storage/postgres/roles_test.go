package postgres_test

import (
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage/dbtest"
	"feedmill/storage/postgres"
)

var roles = postgres.TestRoles

// as gives the address for another role.
func as(t testing.TB, address, role string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("user", role)
	u.RawQuery = q.Encode()
	return u.String()
}

// TestRoles does all that a process may do as each role, and some of what it
// must not be able to.
func TestRoles(t *testing.T) {
	t.Parallel()
	address := server.Database(t)
	ctx := t.Context()
	admin := open(t, as(t, address, roles.Admin), postgres.Options{})
	generate := open(t, as(t, address, roles.Generate), postgres.Options{})
	serve := open(t, as(t, address, roles.Serve), postgres.Options{})
	m := merchant(t, admin)
	shop := partner.Shop{ID: partner.NewShopID(), Merchant: m, Number: 1, Name: "s"}
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	forbidden := func(what string, err error) {
		t.Helper()
		if feed.KindOf(err) != feed.KindForbidden || feed.HintOf(err) == "" {
			t.Errorf("%s: %v, want it forbidden, with a hint", what, err)
		}
	}
	ok("admin: shop", admin.CreateShop(ctx, partner.Actor{}, shop))
	p, err := admin.CreatePartner(ctx, partner.Actor{}, partner.Partner{ID: partner.NewID(), Merchant: m, Name: "p"})
	ok("admin: partner", err)
	o, err := admin.CreateOffer(ctx, partner.Actor{}, partner.Offer{ID: partner.NewOfferID(), Merchant: m, Partner: p.ID, Shop: shop.ID, Name: "o", Profile: profileOf("PLN")})
	ok("admin: offer", err)
	link, _ := partner.NewLink(m, o.ID, "l", time.Now(), time.Time{})
	ok("admin: link", admin.CreateLink(ctx, partner.Actor{}, link))

	// The worker imports, publishes and sweeps.
	id := partner.NewImportID()
	_, err = generate.StageProducts(ctx, m, id, dbtest.Catalog(10, 1, 2))
	ok("generate: stage", err)
	ok("generate: stage dictionaries", generate.StageDictionaries(ctx, m, id, []byte("d"), 0))
	_, err = generate.Merge(ctx, partner.Actor{}, m, id, partner.MergeReplace, nil)
	ok("generate: merge", err)
	_, err = generate.SetDictionaries(ctx, partner.Actor{}, m, []byte("e"), 1)
	ok("generate: dictionaries", err)
	again := partner.NewImportID()
	_, err = generate.StageProducts(ctx, m, again, dbtest.Catalog(5, 2, 3))
	ok("generate: stage", err)
	_, err = generate.Merge(ctx, partner.Actor{}, m, again, partner.MergeReplace, nil)
	ok("generate: merge again", err)
	snap, err := generate.Snapshot(ctx, m)
	if err != nil {
		t.Fatalf("generate: snapshot: %v", err)
	}
	for _, err := range snap.Products(ctx) {
		ok("generate: products", err)
	}
	_, err = snap.Partners(ctx)
	ok("generate: partners", err)
	_, err = snap.Offers(ctx)
	ok("generate: offers", err)
	ok("generate: close", snap.Close())
	run, err := generate.Begin(ctx, string(m), "run", 3)
	ok("generate: begin", err)
	number := run.First
	run, err = generate.Renew(ctx, run)
	ok("generate: renew", err)
	first, second := generation(m, o.Profile.FullKey(), number, 0), generation(m, o.Profile.FullKey(), number+1, number)
	second.Layers = []publish.Blob{{Key: "layer", Size: 1}}
	ok("generate: attempt", generate.Attempt(ctx, run, []string{first.Files[0].Plain.Key, "left over"}))
	ok("generate: commit", generate.Commit(ctx, run, []publish.Generation{first}, nil))
	ok("generate: commit", generate.Commit(ctx, run, []publish.Generation{second}, map[publish.FeedRef]publish.Cursor{second.Feed: {Event: 1}}))
	ok("generate: hold", generate.Hold(ctx, run, []publish.Held{{Generation: generation(m, o.Profile.FullKey(), number+2, number+1)}}))
	_, found, err := generate.HeldGeneration(ctx, first.Feed)
	if ok("generate: held", err); !found {
		t.Error("generate: nothing is held")
	}
	_, err = generate.DiscardHeld(ctx, partner.Actor{}, m, "run")
	ok("generate: discard", err)
	ok("generate: finish", generate.FinishRun(ctx, m, "run", publish.RunEnd{}))
	ok("generate: new epoch", generate.NewEpoch(ctx, first.Feed, 1, 1, time.Time{}))
	_, err = generate.JudgeKeys(ctx, m, []string{"left over"}, 0, true)
	ok("generate: judge", err)
	ok("generate: prune runs", generate.PruneRuns(ctx, m))
	ok("generate: observe", generate.ObserveCondemned(ctx, m))
	_, err = generate.RetireFeeds(ctx, m)
	ok("generate: retire", err)
	_, _, err = generate.Floor(ctx, first.Feed)
	ok("generate: floor", err)
	_, err = generate.CondemnBlobs(ctx, m, 10)
	ok("generate: condemn", err)
	_, err = generate.DeletingBlobs(ctx, m, 0, 10)
	ok("generate: deleting", err)
	ok("generate: put off", generate.PutOffBlob(ctx, m, "none"))
	ok("generate: forget", generate.ForgetBlob(ctx, m, "none"))
	_, err = generate.PruneHistory(ctx, m)
	ok("generate: prune", err)
	_, err = generate.SweepImports(ctx, time.Now())
	ok("generate: sweep", err)
	_, err = generate.Changes(ctx, m, 10)
	ok("generate: changes", err)
	_, err = generate.Sequence(ctx)
	ok("generate: sequence", err)
	ok("generate: settle", generate.SettleEvents(ctx, m, 1))
	_, err = generate.TrimEvents(ctx, m)
	ok("generate: trim", err)
	_, err = generate.RefreshKeys(ctx)
	ok("generate: keys", err)
	_, err = generate.SetSharing(ctx, partner.Actor{}, m, true, 1)
	forbidden("generate: switch", err)
	_, err = generate.SetPartnerFeed(ctx, partner.Actor{}, m, p.ID, true, 1)
	forbidden("generate: switch", err)
	_, err = generate.SetOfferFeed(ctx, partner.Actor{}, m, o.ID, true, 1)
	forbidden("generate: switch", err)
	_, err = generate.Links(ctx, m, o.ID)
	forbidden("generate: links", err)
	// Switches whose time has come, and the end of what is kept for a time.
	_, err = admin.SetOfferSchedule(ctx, partner.Actor{}, m, o.ID, partner.Schedule{{At: time.Now().Add(-time.Minute).Truncate(time.Microsecond), On: true}}, o.Version)
	ok("admin: schedule", err)
	_, err = generate.SetOfferSchedule(ctx, partner.Actor{}, m, o.ID, nil, o.Version+1)
	forbidden("generate: schedule", err)
	moved, err := generate.ApplySchedules(ctx, m)
	if ok("generate: apply schedules", err); moved != 1 {
		t.Errorf("generate: %d schedules applied, want 1", moved)
	}
	_, err = generate.PruneLedger(ctx, m)
	ok("generate: prune ledger", err)
	_, err = generate.AuditHead(ctx, m)
	ok("generate: head of audit", err)
	_, err = generate.Keys(ctx, m)
	forbidden("generate: keys", err)
	forbidden("generate: revoke", generate.RevokeLink(ctx, partner.Actor{}, m, link.ID))
	forbidden("generate: link", generate.CreateLink(ctx, partner.Actor{}, link))

	// The edge reads.
	_, err = serve.AccessVersion(ctx)
	ok("serve: version", err)
	accounts, err := serve.Accounts(ctx)
	if ok("serve: accounts", err); len(accounts.Links) != 1 {
		t.Errorf("serve: %d links, want 1", len(accounts.Links))
	}
	gens, err := serve.CurrentGenerations(ctx, nil)
	if ok("serve: generations", err); len(gens) != 1 {
		t.Errorf("serve: %d generations, want 1", len(gens))
	}
	_, found, err = serve.FileByAddress(ctx, m, o.ID, number, feed.KindFull, "")
	if ok("serve: file", err); !found {
		t.Error("serve: the file is not found")
	}
	// It writes what was downloaded, and what an alarm does.
	alarmed, err := admin.Merchant(ctx, m)
	ok("admin: merchant", err)
	alarmed.Alarm = partner.LinkAlarm{Addresses: 1, Suspend: true}
	_, err = admin.UpdateMerchant(ctx, partner.Actor{}, alarmed)
	ok("admin: alarm", err)
	var used []partner.Download
	for _, a := range []string{"192.0.2.1", "198.51.100.1"} {
		used = append(used, partner.Download{Merchant: m, Link: link.ID, Offer: o.ID, Kind: feed.KindFull, Generation: 1, Started: time.Now(), Address: netip.MustParseAddr(a)})
	}
	ok("serve: downloads", serve.RecordDownloads(ctx, used))
	stopped, err := admin.Link(ctx, m, link.ID)
	if ok("admin: link", err); stopped.SuspendedAt.IsZero() {
		t.Error("serve: an alarm did not stop the link")
	}
	_, err = serve.Downloads(ctx, m, partner.LedgerFilter{}, 10)
	forbidden("serve: read the ledger", err)
	forbidden("serve: resume", serve.ResumeLink(ctx, partner.Actor{}, m, link.ID))
	_, err = serve.Keys(ctx, m)
	forbidden("serve: keys", err)
	_, err = serve.SetSharing(ctx, partner.Actor{}, m, true, 1)
	forbidden("serve: switch", err)
	forbidden("serve: revoke", serve.RevokeLink(ctx, partner.Actor{}, m, link.ID))
	_, err = serve.Begin(ctx, string(m), "run", 1)
	forbidden("serve: begin", err)
	_, err = serve.StageProducts(ctx, m, partner.NewImportID(), dbtest.Catalog(1, 1, 1))
	forbidden("serve: stage", err)
	_, err = serve.Audit(ctx, m, 0, 10)
	forbidden("serve: audit", err)
	_, err = serve.Dictionaries(ctx, m)
	forbidden("serve: dictionaries", err)

	// Nobody of them changes the schema or the audit.
	for _, role := range []string{roles.Serve, roles.Generate, roles.Admin} {
		conn, err := pgx.Connect(ctx, as(t, address, role))
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{
			"CREATE TABLE extra (i int)", "DROP TABLE link", "ALTER TABLE audit DISABLE TRIGGER ALL", "TRUNCATE audit",
			"UPDATE audit SET actor = 'x'", "DELETE FROM audit", "DELETE FROM audit_head", "DELETE FROM goose_db_version",
		} {
			if _, err := conn.Exec(ctx, statement); err == nil {
				t.Errorf("%s was able to %s", role, statement)
			}
		}
		conn.Close(ctx)
	}
	// Its owner does not do so by mistake either.
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, statement := range []string{"UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"} {
		if _, err := conn.Exec(ctx, statement); err == nil {
			t.Errorf("the owner was able to %s", statement)
		}
	}
	err = postgres.Grant(ctx, address, postgres.Options{}, postgres.Roles{Serve: "nobody"})
	if feed.KindOf(err) != feed.KindNotFound || feed.HintOf(err) == "" {
		t.Errorf("rights for nobody: %v with the hint %q", err, feed.HintOf(err))
	}
	// A role that had more has it no longer.
	if _, err := conn.Exec(ctx, "GRANT ALL ON link, merchant TO feedmill_serve; GRANT UPDATE (name) ON shop TO feedmill_serve"); err != nil {
		t.Fatal(err)
	}
	ok("grant again", postgres.Grant(ctx, address, postgres.Options{}, roles))
	_, err = serve.SetSharing(ctx, partner.Actor{}, m, true, 1)
	forbidden("serve: switch after the rights were set anew", err)
}
