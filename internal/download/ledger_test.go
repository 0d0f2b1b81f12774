package download_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/download"
	"feedmill/internal/partner"
	"feedmill/internal/testclock"
	"feedmill/storage/sqlite"
)

// books keeps what is written down.
type books struct {
	mu      sync.Mutex
	rows    []partner.Download
	batches []int
	fail    error
	hold    chan struct{} // nil: writing does not wait
	entered chan struct{}
}

func (b *books) RecordDownloads(ctx context.Context, batch []partner.Download) error {
	if b.entered != nil {
		b.entered <- struct{}{}
	}
	if b.hold != nil {
		select {
		case <-b.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	b.rows = append(b.rows, batch...)
	b.batches = append(b.batches, len(batch))
	return nil
}

func (b *books) setFail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = err
}

func ExampleNewLedger() {
	ledger := download.NewLedger(&books{}, download.LedgerOptions{Log: slog.New(slog.DiscardHandler)})
	// download.Options{Ledger: ledger} has a server use it.
	if err := ledger.Close(context.Background()); err != nil {
		panic(err)
	}
	// Output:
}

func TestLedger(t *testing.T) {
	t.Parallel()
	b := &books{}
	ledger := download.NewLedger(b, download.LedgerOptions{Every: time.Hour, Log: slog.New(slog.DiscardHandler)})
	w := setup(t, config{steps: true, options: func(o *download.Options) { from(o); o.Ledger = ledger }})
	_, _, off, offSecret := w.account(t, func(o *partner.Offer) { o.FeedEnabled = false })
	full := &w.full.Files[0]
	agent := []string{"User-Agent", "importer/1.0 " + strings.Repeat("é", 100), "X-Forwarded-For", "203.0.113.99"}
	get := func(method, path string, headers ...string) {
		do(t, method, w.url+path, append(slices.Clone(agent), headers...)...)
	}
	s := "/o/" + w.secret
	get("GET", s+"/gateway.xml")
	get("GET", s+"/manifest.json")
	get("GET", s+"/full.xml")
	get("GET", w.pathOf(full), "Range", "bytes=5-9")
	get("GET", w.pathOf(full), "Range", "bytes=0-") // as some programs ask for everything
	get("GET", w.pathOf(full), "Range", fmt.Sprintf("bytes=%d-", full.Plain.Size-7))
	get("GET", w.pathOf(full), "Range", "bytes=-7")
	get("GET", w.pathOf(full), "If-None-Match", "*")
	get("HEAD", s+"/light.xml")
	get("GET", "/o/"+offSecret+"/light.csv")
	get("GET", "/edi/export-offer.php?type=sizes&token="+w.secret)
	// No use of a link: these leave no row.
	get("GET", s+"/nothing.xml")
	get("GET", s+"/99/full.xml")
	get("POST", s+"/full.xml")
	get("GET", "/o/nothing/full.xml")
	get("GET", s+"/full.xml", "Range", "bytes=99999999-")
	check(t, ledger.Close(t.Context()))
	get("GET", s+"/full.xml") // too late: it is counted as lost
	type row struct {
		kind    feed.Kind
		gen     int64
		bytes   int64
		outcome partner.Outcome
		refusal partner.Refusal
	}
	gateway, manifest := int64(len(w.get(t, s+"/gateway.xml").body)), int64(len(w.get(t, s+"/manifest.json").body))
	want := []row{
		{feed.KindGateway, w.full.Number, gateway, partner.OutcomeComplete, 0}, {feed.KindGateway, w.full.Number, manifest, partner.OutcomeComplete, 0},
		{feed.KindFull, w.full.Number, full.Plain.Size, partner.OutcomeComplete, 0}, {feed.KindFull, w.full.Number, 5, partner.OutcomePart, 0},
		{feed.KindFull, w.full.Number, full.Plain.Size, partner.OutcomeComplete, 0}, {feed.KindFull, w.full.Number, 7, partner.OutcomeComplete, 0}, {feed.KindFull, w.full.Number, 7, partner.OutcomePart, 0},
		{feed.KindFull, w.full.Number, 0, partner.OutcomeUnchanged, 0}, {feed.KindLight, w.light.Number, 0, partner.OutcomePart, 0},
		{feed.KindLightCSV, 0, 119, partner.OutcomeRefused, partner.RefusedOfferFeedOff}, {feed.KindSizes, w.full.Number, int64(1000 + int(feed.KindSizes)), partner.OutcomeComplete, 0},
	}
	if len(b.rows) != len(want) || len(b.batches) != 1 {
		t.Fatalf("%d rows in %d batches, want %d in one: %+v", len(b.rows), len(b.batches), len(want), b.rows)
	}
	for i, r := range b.rows {
		got := row{r.Kind, r.Generation, r.Bytes, r.Outcome, r.Refusal}
		if want[i].outcome == partner.OutcomeRefused {
			got.bytes, want[i].bytes = 0, 0 // of the refusal itself
		}
		if got != want[i] {
			t.Errorf("row %d: got %+v, want %+v", i, got, want[i])
		}
		link := w.link
		if r.Outcome == partner.OutcomeRefused {
			link = off
		}
		if r.Link != link.ID || r.Offer != link.Offer || r.Merchant != w.merchant.ID || r.Address.String() != "203.0.113.0" ||
			len([]rune(r.Client)) != partner.MaxClient || r.Started.IsZero() || r.Took < 0 {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	if st := w.srv.Stats(); st.Ledger.Written != 11 || st.Ledger.Dropped != 3 || st.Ledger.Waiting != 0 {
		t.Errorf("stats %+v", st.Ledger)
	}
}

// TestBrokenIsWrittenDown breaks downloads off from either side.
func TestBrokenIsWrittenDown(t *testing.T) {
	t.Parallel()
	b := &books{}
	ledger := download.NewLedger(b, download.LedgerOptions{Every: time.Hour, Log: slog.New(slog.DiscardHandler)})
	w := setup(t, config{bigFull: 24 << 20, options: func(o *download.Options) { o.Ledger = ledger }})
	w.slow(t, w.pathOf(&w.full.Files[0])).conn.Close()
	await(t, "the client's end", func() bool { return len(w.srv.Running()) == 0 })
	w.slow(t, w.pathOf(&w.full.Files[0]))
	if n := w.srv.Revoke(func(download.Transfer) bool { return true }); n != 1 {
		t.Fatalf("cut %d", n)
	}
	await(t, "the cut", func() bool { return len(w.told()) == 2 })
	check(t, ledger.Close(t.Context()))
	for _, r := range b.rows {
		if r.Outcome != partner.OutcomeBroken || r.Bytes <= 0 || r.Bytes >= 24<<20 {
			t.Errorf("got %+v", r)
		}
	}
	told := w.told()
	slices.SortFunc(told, func(a, b download.Request) int { return strings.Compare(a.Why, b.Why) })
	if len(told) != 2 || told[0].Why != "broken-off" || told[0].Cut || told[1].Why != "cut" || !told[1].Cut || told[0].Route != "/o/{link}/{generation}/{file}" || told[0].Status != 200 {
		t.Errorf("the observer was told %+v", told)
	}
}

// TestLedgerNeverWaits fills the queue while the database hangs: requests are
// answered, what does not fit is counted.
func TestLedgerNeverWaits(t *testing.T) {
	t.Parallel()
	b := &books{hold: make(chan struct{}), entered: make(chan struct{}, 100)}
	ledger := download.NewLedger(b, download.LedgerOptions{Every: time.Hour, Batch: 2, Capacity: 5, Log: slog.New(slog.DiscardHandler)})
	w := setup(t, config{options: func(o *download.Options) { o.Ledger = ledger }})
	get := func() {
		if got := w.get(t, "/o/"+w.secret+"/light.xml"); got.status != http.StatusOK {
			t.Fatalf("got %d", got.status)
		}
	}
	get()
	get()
	<-b.entered // the first batch hangs
	for range 9 {
		get()
	}
	await(t, "the ends of the requests", func() bool { return ledger.Stats().Dropped == 4 })
	if n, capacity, dropped := w.srv.QueueStats(); n != 5 || capacity != 5 || dropped != 4 {
		t.Errorf("%d of %d wait, %d were lost", n, capacity, dropped)
	}
	close(b.hold)
	check(t, ledger.Close(t.Context()))
	if len(b.rows) != 7 {
		t.Errorf("%d rows", len(b.rows))
	}
}

// TestLedgerFaults has the database refuse for a while, and for ever.
func TestLedgerFaults(t *testing.T) {
	t.Parallel()
	b := &books{fail: errors.New("connection refused"), entered: make(chan struct{}, 1000)}
	ledger := download.NewLedger(b, download.LedgerOptions{Every: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	w := setup(t, config{options: func(o *download.Options) { o.Ledger = ledger }})
	w.get(t, "/o/"+w.secret+"/light.xml")
	<-b.entered
	<-b.entered // tried again
	b.setFail(nil)
	await(t, "the row is written", func() bool { return ledger.Stats().Written == 1 })
	b.setFail(errors.New("connection refused"))
	w.get(t, "/o/"+w.secret+"/light.xml")
	await(t, "the row is queued", func() bool { return len(b.entered) > 2 })
	check(t, ledger.Close(t.Context()))
	if st := ledger.Stats(); st.Written != 1 || st.Dropped != 1 {
		t.Errorf("stats %+v", st)
	}
	// A database that hangs does not keep a server from stopping.
	never := &books{hold: make(chan struct{}), entered: make(chan struct{}, 10)}
	hung := download.NewLedger(never, download.LedgerOptions{Every: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	v := setup(t, config{options: func(o *download.Options) { o.Ledger = hung }})
	v.get(t, "/o/"+v.secret+"/light.xml")
	<-never.entered
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := hung.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("closing: %v", err)
	}
	var none *download.Ledger
	if err := none.Close(t.Context()); err != nil || none.Stats() != (download.LedgerStats{}) {
		t.Errorf("no ledger: %v", err)
	}
}

// TestLedgerInRecords writes into a real database, and reads it back.
func TestLedgerInRecords(t *testing.T) {
	t.Parallel()
	var ledger *download.Ledger
	w := setup(t, config{options: func(o *download.Options) { from(o) }, records: func(r download.Records) download.Records {
		ledger = download.NewLedger(r.(*sqlite.DB), download.LedgerOptions{Every: time.Hour, Log: slog.New(slog.DiscardHandler)})
		return r
	}, ledger: func() *download.Ledger { return ledger }})
	path := "/o/" + w.secret + "/light.xml"
	w.get(t, path, "X-Forwarded-For", "203.0.113.99", "User-Agent", "importer/1.0")
	for range 5 { // said once
		w.get(t, path, "X-Forwarded-For", "203.0.113.99", "User-Agent", "importer/1.0", "If-None-Match", "*")
	}
	check(t, ledger.Close(t.Context()))
	list, err := w.db.Downloads(t.Context(), w.merchant.ID, partner.LedgerFilter{}, 10)
	check(t, err)
	if len(list) != 2 {
		t.Fatalf("got %+v", list)
	}
	for i, want := range []partner.Outcome{partner.OutcomeUnchanged, partner.OutcomeComplete} { // the newest first
		d := list[i].Download
		if d.Outcome != want || d.Link != w.link.ID || d.Kind != feed.KindLight || d.Generation != w.light.Number || d.Address.String() != "203.0.113.0" || d.Client != "importer/1.0" {
			t.Errorf("row %d: %+v", i, d)
		}
	}
	if st := ledger.Stats(); st.Repeats != 4 || st.Written != 2 {
		t.Errorf("stats %+v", st)
	}
	days, err := w.db.DownloadDays(t.Context(), w.merchant.ID, w.link.Offer, time.Unix(0, 0))
	check(t, err)
	if len(days) != 1 || days[0].Requests != 6 || days[0].Unchanged != 5 || days[0].Complete != 1 {
		t.Errorf("the day counts %+v", days)
	}
}

// TestRefusalsArePutTogether has the holders of known links ask thousands of times
// for what they are not given, under ever new names and from ever new places. The
// day counts each request, and the rows are few.
func TestRefusalsArePutTogether(t *testing.T) {
	t.Parallel()
	clock := testclock.New(testclock.Noon(), time.Microsecond)
	var ledger *download.Ledger
	w := setup(t, config{
		options: func(o *download.Options) {
			from(o)
			o.Limits = download.Limits{FilesPerLink: 3, GatewaysPerLink: -1, WholesPerDay: -1}
		},
		records: func(r download.Records) download.Records {
			ledger = download.NewLedger(r.(*sqlite.DB), download.LedgerOptions{Every: time.Millisecond, Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
			return r
		}, ledger: func() *download.Ledger { return ledger }})
	_, _, revoked, revokedSecret := w.account(t, nil)
	check(t, w.db.RevokeLink(t.Context(), actor, w.merchant.ID, revoked.ID))
	w.srv.Changed()
	_, _, off, offSecret := w.account(t, func(o *partner.Offer) { o.FeedEnabled = false })
	const asked = 600 // of each, over three minutes
	want := map[int]int{}
	for i := range asked {
		headers := []string{"X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", i%250, i%7), "User-Agent", fmt.Sprint("importer ", i)}
		if i%(asked/3) == asked/3-1 {
			clock.Pass(61 * time.Second)
		}
		for _, secret := range []string{revokedSecret, offSecret} {
			name := fmt.Sprintf("full_change2026-11-21T12-%02d-%02d.xml", i/60%60, i%60)
			if got := w.get(t, "/o/"+secret+"/"+name, headers...); got.status != http.StatusNotFound {
				t.Fatalf("%s: %d", name, got.status)
			}
		}
		want[w.get(t, "/o/"+w.secret+"/light.xml", headers...).status]++
	}
	if want[200] != 3 || want[429] != asked-3 {
		t.Fatalf("statuses of the live link: %v", want)
	}
	check(t, ledger.Close(t.Context()))
	list, err := w.db.Downloads(t.Context(), w.merchant.ID, partner.LedgerFilter{}, 1000)
	check(t, err)
	rows := map[string]int{}
	for _, e := range list {
		rows[string(e.Link)+" "+e.Refusal.String()]++
	}
	for what, most := range map[string]int{
		string(w.link.ID) + " ": 3, string(w.link.ID) + " limit": 5, string(revoked.ID) + " revoked": 5, string(off.ID) + " offer-feed-off": 5} {
		if n := rows[what]; n < 2 || n > most {
			t.Errorf("%q has %d rows, want 2 to %d", what, n, most)
		}
		delete(rows, what)
	}
	if len(rows) > 0 {
		t.Errorf("more rows: %v", rows)
	}
	for offer, refused := range map[partner.OfferID]int64{w.link.Offer: asked - 3, revoked.Offer: asked, off.Offer: asked} {
		days, err := w.db.DownloadDays(t.Context(), w.merchant.ID, offer, time.Unix(0, 0))
		check(t, err)
		var n int64
		for _, d := range days {
			n += d.Refused
		}
		if n != refused {
			t.Errorf("offer %s: %d refusals are counted, want %d", offer, n, refused)
		}
	}
	if st := ledger.Stats(); st.Dropped != 0 {
		t.Errorf("%d are lost", st.Dropped)
	}
}

// A batch that is given up does not keep later ones from being written down.
func TestLedgerAfterALongOutage(t *testing.T) {
	t.Parallel()
	b := &books{}
	b.setFail(errors.New("connection refused"))
	ledger := download.NewLedger(b, download.LedgerOptions{Every: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { check(t, ledger.Close(context.WithoutCancel(t.Context()))) })
	w := setup(t, config{options: func(o *download.Options) { o.Ledger = ledger }})
	w.get(t, "/o/"+w.secret+"/light.xml")
	await(t, "the batch is given up", func() bool { return ledger.Stats().Dropped > 0 })
	b.setFail(nil)
	w.get(t, "/o/"+w.secret+"/light.xml")
	await(t, "the next download is written down", func() bool { return ledger.Stats().Written > 0 })
}

// TestRefusalsDuringAnOutage: while the database is away refusals take no place in
// the queue that others need, and are counted when it is back.
func TestRefusalsDuringAnOutage(t *testing.T) {
	t.Parallel()
	b := &books{}
	b.setFail(errors.New("connection refused"))
	// The first is tried at once, and not again before the requests are through: a
	// batch that is tried too often is given up.
	ledger := download.NewLedger(b, download.LedgerOptions{Every: 10 * time.Second, Batch: 1, Capacity: 8, Log: slog.New(slog.DiscardHandler)})
	w := setup(t, config{options: func(o *download.Options) { o.Ledger = ledger }})
	_, _, _, offSecret := w.account(t, func(o *partner.Offer) { o.FeedEnabled = false })
	const asked = 200
	for range asked {
		w.get(t, "/o/"+offSecret+"/light.xml")
	}
	w.get(t, "/o/"+w.secret+"/light.xml")
	// A client has the whole answer a moment before the server is done with it.
	await(t, "the last request's end", func() bool { return len(w.told()) == asked+1 })
	b.setFail(nil)
	check(t, ledger.Close(t.Context()))
	var refused, complete int64
	for _, r := range b.rows {
		switch r.Outcome {
		case partner.OutcomeRefused:
			refused += 1 + r.More
		case partner.OutcomeComplete:
			complete++
		}
	}
	if st := ledger.Stats(); refused != asked || complete != 1 || st.Dropped != 0 || len(b.rows) > 4 {
		t.Errorf("%d refused, %d complete, %d lost, in %d rows", refused, complete, st.Dropped, len(b.rows))
	}
}
