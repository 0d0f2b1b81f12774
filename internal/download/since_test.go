package download_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/patch"
	"feedmill/feed/publish"
	"feedmill/internal/download"
	"feedmill/internal/partner"
	"feedmill/storage"
)

// shelf is what a feed shows: product id to the body of its node.
type shelf map[int]string

func (s shelf) doc(at time.Time, node func(id int) string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<offer file_format="IOF" version="3.0" extensions="yes" generated="%s">`+"\n"+`<products currency="PLN" language="pol">`+"\n", at.Format(time.DateTime))
	for _, id := range slices.Sorted(maps.Keys(s)) {
		b.WriteString(node(id) + "\n")
	}
	b.WriteString("</products></offer>\n")
	return b.Bytes()
}

func (s shelf) full(at time.Time) []byte {
	return s.doc(at, func(id int) string { return fmt.Sprintf(`<product id="%d">%s</product>`, id, s[id]) })
}

// change gives the change document to next.
func (s shelf) change(next shelf, at time.Time) []byte {
	differ := shelf{}
	for id := range s {
		if next[id] != s[id] {
			differ[id] = next[id]
		}
	}
	for id := range next {
		if next[id] != s[id] {
			differ[id] = next[id]
		}
	}
	return differ.doc(at, func(id int) string {
		if differ[id] == "" {
			return fmt.Sprintf(`<product id="%d" removed="yes"/>`, id)
		}
		return fmt.Sprintf(`<product id="%d">%s</product>`, id, differ[id])
	})
}

// chain publishes a full file and change files after it, of real documents, and
// gives what the feed shows after each and the labels.
func (w *world) chain(t testing.TB, shelves ...shelf) (fulls [][]byte, labels []string) {
	t.Helper()
	var g publish.Generation
	g.Feed = w.full.Feed
	last := w.full
	for i, s := range shelves {
		w.clock.Pass(time.Minute)
		run := w.begin(t)
		at := feed.NextTime(last.Time, w.clock.Now())
		next := publish.Generation{Feed: w.full.Feed, Number: run.First, Base: last.Number, Time: at, Expires: at.Add(time.Hour), Products: int64(len(s)),
			Languages: w.full.Languages, Currency: w.full.Currency, Epoch: last.Epoch}
		zone := at.In(w.merchant.Zone())
		if i == 0 {
			f := publish.File{Kind: feed.KindFull, Generation: run.First, Changed: at, Products: int64(len(s))}
			f.Plain = w.keep(t, run.First, 1, s.full(zone))
			next.Files = []publish.File{f}
		} else {
			change := shelves[i-1].change(s, zone)
			f := publish.File{Kind: feed.KindFullChange, Label: feed.Label(zone), Generation: run.First, Changed: at, Base: last.Number, Target: run.First}
			f.Plain = w.keep(t, run.First, 2, change)
			next.Files = append([]publish.File{f}, last.Files...)
		}
		check(t, w.db.Commit(t.Context(), run, []publish.Generation{next}, nil))
		fulls, labels = append(fulls, s.full(zone)), append(labels, feed.Label(zone))
		last = next
	}
	w.full = last
	check(t, w.srv.Refresh(t.Context()))
	return fulls, labels
}

func (w *world) since(t testing.TB, label string, headers ...string) answer {
	t.Helper()
	return w.get(t, "/o/"+w.secret+"/full_change-since.xml?label="+label, headers...)
}

func applyTo(t testing.TB, full, change []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	_, err := patch.Apply(&out, patch.NewReader(bytes.NewReader(full)), patch.NewReader(bytes.NewReader(change)))
	check(t, err)
	return out.Bytes()
}

var shelves = []shelf{
	{1: "<a/>", 2: "<a/>", 3: "<a/>"},
	{1: "<b/>", 2: "<a/>", 3: "<a/>"},
	{1: "<b/>", 3: "<a/>", 4: "<c/>"},
	{1: "<b/>", 3: "<d/>", 4: "<c/>", 5: "<e/>"},
	{1: "<b/>", 3: "<d/>", 5: "<f/>"},
}

func TestSinceLeadsToThePresent(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	fulls, labels := w.chain(t, shelves...)
	now := fulls[len(fulls)-1]
	other := download.New(w.db, w.store, download.Options{PublicURL: "https://feeds.example.com", Now: w.clock.Now, Log: slog.New(slog.DiscardHandler), Limits: unlimited})
	check(t, other.Refresh(t.Context()))
	otherURL := serve(t, other)
	for i, label := range labels[:len(labels)-1] {
		a := w.since(t, label)
		if a.status != 200 || a.err != nil {
			t.Fatalf("since %s: status %d, %v, %s", label, a.status, a.err, a.body)
		}
		if got := applyTo(t, fulls[i], a.body); !bytes.Equal(got, now) {
			t.Errorf("since %s leads to\n%s\nwant\n%s", label, got, now)
		}
		base := w.full.Files[len(w.full.Files)-1-i].Generation
		want := map[string]string{"Feedmill-Base": fmt.Sprint(base), "Feedmill-Target": fmt.Sprint(w.full.Number), "Feedmill-Generation": fmt.Sprint(w.full.Number),
			"Feedmill-Label": labels[len(labels)-1], "Content-Type": "application/xml; charset=utf-8", "Content-Length": fmt.Sprint(len(a.body))}
		for name, v := range want {
			if got := a.header.Get(name); got != v {
				t.Errorf("since %s: %s is %q, want %q", label, name, got, v)
			}
		}
		// Every server makes the same bytes.
		b := do(t, http.MethodGet, otherURL+"/o/"+w.secret+"/full_change-since.xml?label="+label)
		if !same(a, b) {
			t.Errorf("since %s: another server answers %v", label, b.header)
		}
		head := do(t, http.MethodHead, w.url+"/o/"+w.secret+"/full_change-since.xml?label="+label)
		if head.status != 200 || head.header.Get("Content-Length") != want["Content-Length"] || len(head.body) != 0 {
			t.Errorf("HEAD: got %d, %v", head.status, head.header)
		}
		etag := a.header.Get("ETag")
		if c := w.since(t, label, "If-None-Match", etag); c.status != 304 {
			t.Errorf("got %d, want 304", c.status)
		}
		if c := w.since(t, label, "Range", "bytes=30-", "If-Range", etag); c.status != 206 || !bytes.Equal(c.body, a.body[30:]) {
			t.Errorf("got %d, %q", c.status, c.body)
		}
	}
}

func TestSinceCompressed(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	_, labels := w.chain(t, shelves...)
	plain := w.since(t, labels[1])
	for range 2 {
		a := w.since(t, labels[1], "Accept-Encoding", "gzip")
		if a.status != 200 || a.header.Get("Content-Encoding") != "gzip" || a.header.Get("ETag") == plain.header.Get("ETag") || a.header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("got %d, %v", a.status, a.header)
		}
		z, err := gzip.NewReader(bytes.NewReader(a.body))
		check(t, err)
		b, err := io.ReadAll(z)
		check(t, err)
		if !bytes.Equal(b, plain.body) {
			t.Errorf("got %q, want %q", b, plain.body)
		}
	}
}

// One step is the stored change file itself.
func TestSinceOfOneStep(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	_, labels := w.chain(t, shelves...)
	a, b := w.since(t, labels[len(labels)-2]), w.get(t, w.pathOf(&w.full.Files[0]))
	if a.status != 200 || !same(a, b) {
		t.Errorf("got %d %v, want %v", a.status, a.header, b.header)
	}
	if b.header.Get("Feedmill-Base") == "" || b.header.Get("Feedmill-Label") != labels[len(labels)-1] {
		t.Errorf("headers of a change file: %v", b.header)
	}
	full := w.get(t, "/o/"+w.secret+"/full.xml")
	if full.status != 200 || full.header.Get("Feedmill-Base") != "" {
		t.Errorf("headers of the full file: %v", full.header)
	}
}

func TestSinceRefusals(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	_, labels := w.chain(t, shelves...)
	var doc struct{ Type, Title, Detail, Full string }
	ask := func(label string, status int, kind string) {
		t.Helper()
		a := w.since(t, label)
		doc.Full = ""
		check(t, json.Unmarshal(a.body, &doc))
		if a.status != status || doc.Type != kind || a.header.Get("Content-Type") != "application/problem+json" || doc.Detail == "" {
			t.Errorf("%q: got %d, %s", label, a.status, a.body)
		}
	}
	ask(labels[len(labels)-1], 404, "urn:feedmill:problem:nothing-new")
	for _, bad := range []string{"", "yesterday", "2026-11-21", "2026-13-21T10-00-00", labels[0] + "x"} {
		ask(bad, 400, "urn:feedmill:problem:label")
	}
	ask("2001-01-01T00-00-00", 410, "urn:feedmill:problem:label-gone")
	if want := "https://feeds.example.com/o/" + w.secret + "/" + w.full.File(feed.KindFull).Address(); doc.Full != want {
		t.Errorf("the full file is at %q, want %q", doc.Full, want)
	}
	if a := w.get(t, strings.TrimPrefix(doc.Full, "https://feeds.example.com")); a.status != 200 {
		t.Errorf("the full file: %d", a.status)
	}
	if a := do(t, http.MethodHead, w.url+"/o/"+w.secret+"/full_change-since.xml?label=2001-01-01T00-00-00"); a.status != 410 || len(a.body) != 0 {
		t.Errorf("HEAD: got %d, %q", a.status, a.body)
	}
	// A stranger learns nothing.
	unknown := w.get(t, "/o/"+w.secret[:len(w.secret)-1]+"x/full_change-since.xml?label="+labels[0])
	if other := w.get(t, "/o/nobody/gateway.xml"); unknown.status != 404 || !same(unknown, other) {
		t.Errorf("got %v, want %v", unknown, other)
	}
	p, err := w.db.SetPartnerFeed(t.Context(), actor, w.merchant.ID, w.partner.ID, false, w.partner.Version)
	check(t, err)
	if a := w.since(t, labels[0]); p.FeedEnabled || !same(a, unknown) {
		t.Errorf("switched off: got %d, %v", a.status, a.header)
	}
}

// TestSinceAfterAMove moves the offer between feeds that others show as well. Both have been published at the same times, so their labels are the same:
// whoever asks with one from before the move has the products of the feed that was
// left, and is sent to the full file.
func TestSinceAfterAMove(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	moved := w.offer
	moved.Profile.Currency = feed.MustCurrency("EUR")
	here, there := w.offer.Profile, moved.Profile
	for _, p := range []feed.Profile{here, there} {
		neighbour := w.offer
		neighbour.ID, neighbour.Profile = partner.NewOfferID(), p
		_, err := w.db.CreateOffer(t.Context(), actor, neighbour)
		check(t, err)
	}
	w.publish(t, there.LightKey(), feed.KindLight, nil, 0)
	other := w.publish(t, there.FullKey(), feed.KindFull, nil, 0)
	publish := func() string {
		w.clock.Pass(time.Minute)
		w.full = w.publish(t, here.FullKey(), feed.KindFull, &w.full, 0)
		other = w.publish(t, there.FullKey(), feed.KindFull, &other, 0)
		check(t, w.srv.Refresh(t.Context()))
		if !w.full.Time.Equal(other.Time) {
			t.Fatalf("the fixture's times %v and %v differ", w.full.Time, other.Time)
		}
		return other.Files[len(kindsOf(feed.KindFull))].Label
	}
	first := publish()
	second := publish()
	if got := w.since(t, first); got.status != 200 {
		t.Fatalf("before the move: got %d", got.status)
	}
	w.clock.Pass(time.Minute)
	moved, err := w.db.UpdateOffer(t.Context(), actor, moved)
	check(t, err)
	check(t, w.srv.Refresh(t.Context()))
	for _, label := range []string{first, second} {
		if got := w.since(t, label); got.status != 410 || !bytes.Contains(got.body, []byte(`/o/`+w.secret+`/`+other.Files[0].Address())) {
			t.Errorf("since %s, from before the move: got %d, %s", label, got.status, got.body)
		}
	}
	// What was published for both since then is of one feed only.
	third := publish()
	publish()
	got := w.since(t, third)
	if got.status != 200 || got.header.Get("Feedmill-Base") != fmt.Sprint(other.Base) {
		t.Errorf("since %s, from after the move: got %d from generation %s, want %d", third, got.status, got.header.Get("Feedmill-Base"), other.Base)
	}
	// Back again its own old labels may be those of the feed in between.
	w.clock.Pass(time.Minute)
	moved.Profile = here
	_, err = w.db.UpdateOffer(t.Context(), actor, moved)
	check(t, err)
	last := publish()
	if got := w.since(t, third); got.status != 410 {
		t.Errorf("since %s, from before the way back: got %d", third, got.status)
	}
	if got := w.since(t, last); got.status != 404 {
		t.Errorf("since %s, the newest: got %d", last, got.status)
	}
}

// TestSinceAfterAMoveInOneRun moves the offer to a feed that the next run makes,
// with the feed that is left: what both got in that run has the same label, but
// the recipient can have it of the new feed alone.
func TestSinceAfterAMoveInOneRun(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	here := w.offer.Profile
	neighbour := w.offer
	neighbour.ID = partner.NewOfferID()
	_, err := w.db.CreateOffer(t.Context(), actor, neighbour)
	check(t, err)
	moved := w.offer
	moved.Profile.Currency = feed.MustCurrency("EUR")
	moved, err = w.db.UpdateOffer(t.Context(), actor, moved)
	check(t, err)
	w.publish(t, moved.Profile.LightKey(), feed.KindLight, nil, 0)
	w.clock.Pass(time.Minute)
	run, err := w.db.Begin(t.Context(), string(w.merchant.ID), "both", 2)
	check(t, err)
	at := w.clock.Now().Truncate(time.Second)
	var gens []publish.Generation
	for i, key := range []string{here.FullKey(), moved.Profile.FullKey()} {
		g := w.full
		g.Feed.Key, g.Number, g.Time, g.Expires = key, run.First+int64(i), at, at.Add(time.Hour)
		f := publish.File{Kind: feed.KindFull, Generation: g.Number, Changed: at, Products: 3, Plain: w.keep(t, g.Number, 1, text(g.Number, 500))}
		g.Base, g.Files = 0, []publish.File{f}
		if key == here.FullKey() {
			g.Base = w.full.Number
		}
		gens = append(gens, g)
	}
	w.clock.Pass(time.Minute) // a run takes time
	check(t, w.db.Commit(t.Context(), run, gens, nil))
	check(t, w.srv.Refresh(t.Context()))
	if got := w.since(t, feed.Label(at.In(w.merchant.Zone()))); got.status != 404 || !bytes.Contains(got.body, []byte("nothing-new")) {
		t.Errorf("since the first label after the move: got %d, %s", got.status, got.body)
	}
}

func TestSinceIsLeftOutWithItsKind(t *testing.T) {
	t.Parallel()
	w := setup(t, config{offer: func(o *partner.Offer) { o.Files = partner.KindsOf(feed.KindLight) }})
	_, labels := w.chain(t, shelves...)
	if a := w.since(t, labels[0]); a.status != 404 || strings.Contains(string(a.body), "urn:") {
		t.Errorf("got %d, %s", a.status, a.body)
	}
}

// A list with a gap leads nowhere.
func TestSinceOverAGap(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	_, labels := w.chain(t, shelves...)
	run := w.begin(t)
	g := w.full
	g.Number, g.Base, g.Time = run.First, w.full.Number, w.full.Time.Add(time.Minute)
	g.Files = slices.Delete(slices.Clone(g.Files), 1, 2)
	check(t, w.db.Commit(t.Context(), run, []publish.Generation{g}, nil))
	check(t, w.srv.Refresh(t.Context()))
	if a := w.since(t, labels[1]); a.status != 410 {
		t.Errorf("got %d, %s", a.status, a.body)
	}
}

// A process that has not heard of the newest publication yet does not send away
// who has, from another one.
func TestSinceWhatAnotherProcessPublished(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	w.chain(t, shelves[:2]...)
	still := w.clock.Now()
	other := download.New(w.db, w.store, download.Options{PublicURL: "https://feeds.example.com", Now: func() time.Time { return still }, Log: slog.New(slog.DiscardHandler), Limits: unlimited})
	check(t, other.Refresh(t.Context()))
	url := serve(t, other) + "/o/" + w.secret + "/full_change-since.xml?label="
	fulls, labels := w.chain(t, shelves[2:]...)
	a := do(t, http.MethodGet, url+labels[1])
	if a.status != 200 {
		t.Fatalf("got %d, %s", a.status, a.body)
	}
	if got := applyTo(t, fulls[1], a.body); !bytes.Equal(got, fulls[2]) {
		t.Errorf("it leads to\n%s\nwant\n%s", got, fulls[2])
	}
	if a := do(t, http.MethodGet, url+"2001-01-01T00-00-00"); a.status != 410 {
		t.Errorf("a label of long ago: got %d, %s", a.status, a.body)
	}
}

// breaking gives other bytes, or counts how often it was asked.
type breaking struct {
	storage.Store
	bad   atomic.Bool
	opens atomic.Int64
}

func (b *breaking) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	b.opens.Add(1)
	body, info, err := b.Store.Open(ctx, key, r)
	if err != nil || !b.bad.Load() {
		return body, info, err
	}
	data, err := io.ReadAll(body)
	body.Close()
	return io.NopCloser(bytes.NewReader(bytes.ReplaceAll(data, []byte("<d/>"), []byte("<z/>")))), info, err
}

// Damaged bytes make no file, and nothing of them is kept.
func TestSinceOverDamage(t *testing.T) {
	t.Parallel()
	var store *breaking
	w := setup(t, config{blobs: func(s storage.Store) download.Blobs { store = &breaking{Store: s}; return store }})
	fulls, labels := w.chain(t, shelves...)
	store.bad.Store(true)
	if a := w.since(t, labels[0]); a.status != 503 || a.header.Get("ETag") != "" {
		t.Errorf("got %d, %v", a.status, a.header)
	}
	store.bad.Store(false)
	if a := w.since(t, labels[0]); a.status != 200 || !bytes.Equal(applyTo(t, fulls[0], a.body), fulls[len(fulls)-1]) {
		t.Errorf("got %d, %s", a.status, a.body)
	}
}

// A client that has closed its sending side is answered, though the file has to
// be made first. net/http ends the context of its request.
func TestSinceWithoutMoreToSay(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	fulls, labels := w.chain(t, shelves...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, coding := range []string{"", "gzip"} {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/o/"+w.secret+"/full_change-since.xml?label="+labels[0], nil)
		r.Header.Set("Accept-Encoding", coding)
		rec := &fileRecorder{header: http.Header{}}
		w.srv.ServeHTTP(rec, r)
		body := rec.b.Bytes()
		if coding == "gzip" {
			z, err := gzip.NewReader(&rec.b)
			check(t, err)
			body, err = io.ReadAll(z)
			check(t, err)
		}
		if !bytes.Equal(applyTo(t, fulls[0], body), fulls[len(fulls)-1]) {
			t.Errorf("%q: got %s", coding, body)
		}
	}
}

// Many who ask the same are given the same work.
func TestSinceIsComposedOnce(t *testing.T) {
	t.Parallel()
	var store *breaking
	w := setup(t, config{blobs: func(s storage.Store) download.Blobs { store = &breaking{Store: s}; return store }})
	_, labels := w.chain(t, shelves...)
	before := store.opens.Load()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if a := w.since(t, labels[0]); a.status != 200 || a.err != nil {
				t.Errorf("got %d, %v", a.status, a.err)
			}
		})
	}
	all.Wait()
	if got := store.opens.Load() - before; got != int64(len(labels)-1) {
		t.Errorf("%d files were opened, want %d", got, len(labels)-1)
	}
}
