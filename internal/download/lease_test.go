package download_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/download"
	"feedmill/internal/partner"
	"feedmill/storage"
)

func revoke(a *partner.Accounts) {
	for i := range a.Links {
		a.Links[i].RevokedAt = time.Unix(1, 0)
	}
}

// TestLease has another process revoke a link while this one neither polls nor
// is told: within the lease the link may work, after it, it does not.
func TestLease(t *testing.T) {
	t.Parallel()
	var book *accountsChanged
	w := setup(t, config{quiet: true, records: func(r download.Records) download.Records {
		book = &accountsChanged{Records: r}
		return book
	}})
	path := "/o/" + w.secret + "/light.xml"
	asked := book.asked.Load()
	for range 20 {
		if got := w.get(t, path); got.status != 200 {
			t.Fatalf("got %d", got.status)
		}
	}
	if n := book.asked.Load() - asked; n != 0 {
		t.Errorf("20 requests within the lease asked the database %d times", n)
	}
	book.commit(revoke)
	w.clock.Pass(time.Second)
	if got := w.get(t, path); got.status != 404 {
		t.Errorf("a second after the revocation: got %d", got.status)
	}
	if n := w.srv.Stats().Confirmed; n != 1 {
		t.Errorf("%d requests asked, want 1", n)
	}
	book.commit(nil)
	w.clock.Pass(-time.Hour) // the clock is set back: nothing is known of what was
	if got := w.get(t, path); got.status != 200 {
		t.Errorf("on again, with the clock set back: got %d", got.status)
	}
}

// hanging is a database that does not answer for a while.
type hanging struct {
	download.Records
	hang atomic.Pointer[chan struct{}]
	in   atomic.Int64
}

func (h *hanging) AccessVersion(ctx context.Context) (partner.Version, error) {
	if c := h.hang.Load(); c != nil {
		h.in.Add(1)
		select {
		case <-*c:
		case <-ctx.Done():
			return partner.Version{}, ctx.Err()
		}
	}
	return h.Records.AccessVersion(ctx)
}

// TestHangingDatabase: a database that does not answer holds up the first
// requests for a moment and the others not at all, and is asked once.
func TestHangingDatabase(t *testing.T) {
	t.Parallel()
	var db *hanging
	w := setup(t, config{quiet: true, options: func(o *download.Options) { o.ConfirmWait = 20 * time.Millisecond }, records: func(r download.Records) download.Records {
		db = &hanging{Records: r}
		return db
	}})
	path := "/o/" + w.secret + "/light.xml"
	back := make(chan struct{})
	db.hang.Store(&back)
	w.clock.Pass(2 * time.Second)
	var work sync.WaitGroup
	for range 20 {
		work.Go(func() {
			if got := w.get(t, path); got.status != 200 {
				t.Errorf("within the grace: %d", got.status)
			}
		})
	}
	work.Wait()
	if n := db.in.Load(); n != 1 {
		t.Errorf("the database was asked %d times", n)
	}
	w.clock.Pass(time.Minute)
	if got := w.get(t, path); got.status != 503 || w.srv.Ready(t.Context()) == nil {
		t.Errorf("after the grace: %d", got.status)
	}
	close(back)
	db.hang.Store(nil)
	check(t, w.srv.Refresh(t.Context()))
	if got := w.get(t, path); got.status != 200 || w.srv.Ready(t.Context()) != nil {
		t.Errorf("when it answers again: %d", got.status)
	}
	// Without grace nothing is served that is not confirmed.
	strict := setup(t, config{quiet: true, options: func(o *download.Options) { o.Grace, o.ConfirmWait = -1, 20*time.Millisecond }, records: func(r download.Records) download.Records {
		db = &hanging{Records: r}
		return db
	}})
	never := make(chan struct{})
	defer close(never)
	db.hang.Store(&never)
	strict.clock.Pass(2 * time.Second)
	if got := strict.get(t, "/o/"+strict.secret+"/light.xml"); got.status != 503 {
		t.Errorf("without grace: %d", got.status)
	}
}

// TestSchedule: timed switches move at their moment, and cut what runs.
func TestSchedule(t *testing.T) {
	t.Parallel()
	var book *accountsChanged
	w := setup(t, config{bigFull: 24 << 20, records: func(r download.Records) download.Records {
		book = &accountsChanged{Records: r}
		return book
	}})
	off := w.clock.Now().Add(time.Hour)
	book.set(t, w, func(a *partner.Accounts) {
		a.Offers[0].Schedule = partner.Schedule{{At: off, On: false}, {At: off.Add(time.Hour), On: true}}
	})
	path := "/o/" + w.secret + "/full.xml"
	running := w.slow(t, path)
	for _, step := range []struct {
		advance time.Duration
		want    int
	}{{0, 200}, {59 * time.Minute, 200}, {time.Minute, 404}, {59 * time.Minute, 404}, {time.Minute, 200}} {
		w.clock.Pass(step.advance)
		check(t, w.srv.Refresh(t.Context()))
		if got := do(t, "HEAD", w.url+path); got.status != step.want {
			t.Errorf("%v later: got %d, want %d", step.advance, got.status, step.want)
		}
	}
	if err := running.rest(); err == nil || running.read > 20<<20 {
		t.Errorf("the download over the moment read %d bytes, %v", running.read, err)
	}
}

// counting counts what is asked of records and store.
type counting struct {
	download.Records
	download.Blobs
	asked atomic.Int64
}

func (c *counting) AccessVersion(ctx context.Context) (partner.Version, error) {
	c.asked.Add(1)
	return c.Records.AccessVersion(ctx)
}

func (c *counting) FileByAddress(ctx context.Context, m partner.MerchantID, o partner.OfferID, g int64, k feed.Kind, label string) (publish.File, bool, error) {
	c.asked.Add(1)
	return c.Records.FileByAddress(ctx, m, o, g, k, label)
}

func (c *counting) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	c.asked.Add(1)
	return c.Blobs.Open(ctx, key, r)
}

// TestUnchangedAsksNobody: a 304 touches neither database nor store, in all
// forms of address and both forms of file.
func TestUnchangedAsksNobody(t *testing.T) {
	t.Parallel()
	c := &counting{}
	w := setup(t, config{
		records: func(r download.Records) download.Records { c.Records = r; return c },
		blobs:   func(s storage.Store) download.Blobs { c.Blobs = s; return c },
	})
	for _, path := range []string{"/o/" + w.secret + "/gateway.xml", "/o/" + w.secret + "/manifest.json", "/o/-/gateway.xml", "/o/" + w.secret + "/full.xml", w.pathOf(&w.full.Files[0]),
		"/edi/export-offer.php?type=gateway&token=" + w.secret, "/edi/export-offer.php?type=light&token=" + w.secret, "/o/" + w.secret + "/full.csv"} {
		for _, coding := range []string{"identity", "gzip"} {
			auth := []string{"Accept-Encoding", coding, "Authorization", "Bearer " + w.secret}
			first := w.get(t, path, auth...)
			if first.status != 200 {
				t.Fatalf("%s: %d", path, first.status)
			}
			before := c.asked.Load()
			for range 3 {
				got := w.get(t, path, append(auth, "If-None-Match", first.header.Get("ETag"))...)
				if got.status != 304 || got.header.Get("ETag") != first.header.Get("ETag") || len(got.body) != 0 {
					t.Errorf("%s: got %d %v", path, got.status, got.header)
				}
			}
			if n := c.asked.Load() - before; n != 0 {
				t.Errorf("%s, %s: asked %d times", path, coding, n)
			}
			if got := w.get(t, path, auth...); got.status != 200 || !bytes.Equal(got.body, first.body) {
				t.Errorf("%s again: %d", path, got.status)
			}
		}
	}
	// A new generation has a new gateway, and the old tag is none any more.
	tag := w.get(t, "/o/"+w.secret+"/gateway.xml").header.Get("ETag")
	w.light = w.publish(t, w.offer.Profile.LightKey(), feed.KindLight, &w.light, 0)
	if got := w.get(t, "/o/"+w.secret+"/gateway.xml", "If-None-Match", tag); got.status != 200 {
		t.Errorf("after a publication: %d", got.status)
	}
}

// TestEdi asks for every type in both formats under IdoSell's address.
func TestEdi(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	w.full = w.publish(t, w.offer.Profile.FullKey(), feed.KindFull, &w.full, 0)
	type pair struct{ query, path string }
	list := []pair{{"type=gateway&format=xml", "gateway.xml"}, {"type=full&format=csv", "full.csv"}, {"type=light&format=csv", "light.csv"}}
	for _, f := range append(w.full.Files, w.light.Files...) {
		if f.Kind != feed.KindFullCSV && f.Kind != feed.KindLightCSV {
			list = append(list, pair{"type=" + strings.TrimSuffix(f.Kind.FileName(f.Label), ".xml"), f.Kind.FileName(f.Label)})
		}
	}
	if len(list) != 15 { // gateway, two of CSV, full, light, a change file and nine dictionaries and presets
		t.Fatalf("%d types", len(list))
	}
	for _, p := range list {
		want := w.get(t, "/o/"+w.secret+"/"+p.path)
		if want.status != 200 || len(want.body) == 0 {
			t.Fatalf("%s: %d", p.path, want.status)
		}
		for _, query := range []string{
			"client=anna&language=pol&token=%s&shop=3&" + p.query + "&iof_3_0", p.query + "&token=%s", "client=a%%40b.example&amp;token=%s&amp;" + p.query + "&amp;iof_3_0",
		} {
			address := w.url + "/edi/export-offer.php?" + fmt.Sprintf(query, w.secret)
			if got := do(t, "GET", address); !same(got, want) {
				t.Errorf("%s: got %d %v, %d bytes", query, got.status, got.header, len(got.body))
			}
			head := do(t, "HEAD", address)
			if head.status != 200 || len(head.body) != 0 || head.header.Get("Content-Length") != fmt.Sprint(len(want.body)) || head.header.Get("ETag") != want.header.Get("ETag") {
				t.Errorf("HEAD %s: got %d %v", query, head.status, head.header)
			}
		}
	}
}

// TestCutOffNode: a node that is cut off from the database ends what runs when
// the grace is over, whatever the database does, and not a moment before.
func TestCutOffNode(t *testing.T) {
	t.Parallel()
	for name, hangs := range map[string]bool{"an error": false, "no answer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var off *failing
			var hung *hanging
			w := setup(t, config{quiet: true, bigFull: 24 << 20, options: func(o *download.Options) { o.PollEvery, o.ConfirmWait = 5*time.Millisecond, 20*time.Millisecond },
				records: func(r download.Records) download.Records {
					off = &failing{Records: r}
					hung = &hanging{Records: off}
					return hung
				}})
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				w.srv.Run(ctx)
			}()
			never := make(chan struct{})
			defer func() { stop(); close(never); <-ended }()
			client := w.slow(t, "/o/"+w.secret+"/full.xml")
			if hangs {
				hung.hang.Store(&never)
			} else {
				off.off.Store(true)
			}
			w.clock.Pass(59 * time.Second)
			if got := w.get(t, "/o/"+w.secret+"/light.xml"); got.status != 200 {
				t.Errorf("within the grace: %d", got.status)
			}
			// The server may be at the last step of the light file still.
			await(t, "the slow download runs alone", func() bool { return len(w.srv.Running()) == 1 })
			w.clock.Pass(4 * time.Second)
			await(t, "the download ends", func() bool { return len(w.srv.Running()) == 0 })
			if err := client.rest(); !errors.Is(err, syscall.ECONNRESET) || client.read > 20<<20 {
				t.Errorf("the download read %d bytes and ended with %v", client.read, err)
			}
			if got := w.get(t, "/o/"+w.secret+"/light.xml"); got.status != 503 {
				t.Errorf("after the grace: %d", got.status)
			}
		})
	}
}

// lingering are records whose answer where a file lies takes a while.
type lingering struct {
	download.Records
	meanwhile func()
}

func (l *lingering) FileByAddress(ctx context.Context, m partner.MerchantID, o partner.OfferID, g int64, k feed.Kind, label string) (publish.File, bool, error) {
	f, ok, err := l.Records.FileByAddress(ctx, m, o, g, k, label)
	l.meanwhile()
	return f, ok, err
}

// TestSlowRecords lets the accounts grow too old to be believed while a file is
// looked up: that is no reason to call the file unknown.
func TestSlowRecords(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"confirmed again": 200, "cut off": 503, "revoked": 404} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			off, slow := &failing{}, &lingering{meanwhile: func() {}}
			w := setup(t, config{quiet: true, records: func(r download.Records) download.Records {
				off.Records = r
				slow.Records = off
				return slow
			}})
			old := w.pathOf(&w.full.Files[0])
			w.full = w.publish(t, w.offer.Profile.FullKey(), feed.KindFull, &w.full, 0)
			check(t, w.srv.Refresh(t.Context()))
			slow.meanwhile = func() {
				w.clock.Pass(5 * time.Minute)
				switch want {
				case 503:
					off.off.Store(true)
				case 404:
					check(t, w.db.RevokeLink(t.Context(), actor, w.merchant.ID, w.link.ID))
				}
			}
			if got := w.get(t, old); got.status != want {
				t.Errorf("got %d, want %d", got.status, want)
			}
		})
	}
}
