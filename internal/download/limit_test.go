package download_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"feedmill/internal/download"
	"feedmill/internal/httpd/clientaddr"
	"feedmill/internal/partner"
)

// from has requests come from the address that X-Forwarded-For names.
func from(o *download.Options) {
	r, err := clientaddr.Parse("127.0.0.1")
	if err != nil {
		panic(err)
	}
	o.ClientAddr = r.Of
}

// TestLimits asks more often than is allowed, of each kind.
func TestLimits(t *testing.T) {
	t.Parallel()
	const ok, many = 200, 429
	type ask struct {
		path, from string
		n          int
		advance    time.Duration
		want       int
	}
	for _, c := range []struct {
		name   string
		limits download.Limits
		asks   []ask
	}{
		{"gateways of a link", download.Limits{GatewaysPerLink: 5}, []ask{
			{"gateway.xml", "", 3, 0, ok}, {"manifest.json", "", 2, 0, ok}, {"gateway.xml", "", 2, 0, many}, {"edi gateway", "", 1, 0, many},
			{"light.xml", "", 3, 0, ok}, {"gateway.xml", "", 1, 13 * time.Second, ok}, {"manifest.json", "", 1, 0, many}, {"gateway.xml", "", 5, time.Minute, ok}}},
		{"files of a link", download.Limits{FilesPerLink: 4}, []ask{
			{"light.xml", "", 2, 0, ok}, {"sizes.xml", "", 1, 0, ok}, {"nothing.xml", "", 1, 0, 404}, {"light.xml", "", 1, 0, many}, {"nothing.xml", "", 1, 0, many}, {"gateway.xml", "", 2, 0, ok}}},
		{"whole files", download.Limits{WholesPerDay: 2}, []ask{
			{"full.xml", "", 2, 0, ok}, {"full.xml", "", 1, time.Hour, many}, {"full.csv", "", 2, 0, ok}, {"light.xml", "", 3, 0, ok}, {"full.xml", "", 1, 12 * time.Hour, ok}, {"full.xml", "", 1, 0, many}}},
		{"gateways of an address", download.Limits{GatewaysPerAddress: 3}, []ask{
			{"gateway.xml", "203.0.113.1", 3, 0, ok}, {"gateway.xml", "203.0.113.1", 1, 0, many}, {"gateway.xml", "203.0.113.2", 1, 0, ok}, {"light.xml", "203.0.113.1", 1, 0, ok},
			{"gateway.xml", "2001:db8::1", 2, 0, ok}, {"gateway.xml", "2001:db8::ffff:2", 1, 0, ok}, {"gateway.xml", "2001:db8::3", 1, 0, many}, {"gateway.xml", "2001:db8:0:1::3", 1, 0, ok},
			{"gateway.xml", "", 5, 0, ok}}}, // this machine itself is not counted
		{"files of an address", download.Limits{FilesPerAddress: 3}, []ask{
			{"light.xml", "203.0.113.1", 2, 0, ok}, {"full.xml", "203.0.113.1", 1, 0, ok}, {"light.xml", "203.0.113.1", 1, 0, many}, {"nothing.xml", "203.0.113.1", 1, 0, many}, {"gateway.xml", "203.0.113.1", 1, 0, ok}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, l := range []*int{&c.limits.GatewaysPerLink, &c.limits.GatewaysPerAddress, &c.limits.FilesPerLink, &c.limits.FilesPerAddress, &c.limits.WholesPerDay} {
				if *l == 0 {
					*l = -1
				}
			}
			w := setup(t, config{options: func(o *download.Options) { from(o); o.Limits = c.limits }})
			for i, a := range c.asks {
				w.clock.Pass(a.advance)
				path := "/o/" + w.secret + "/" + a.path
				if a.path == "edi gateway" {
					path = "/edi/export-offer.php?token=" + w.secret + "&type=gateway"
				}
				for range a.n {
					var headers []string
					if a.from != "" {
						headers = []string{"X-Forwarded-For", a.from}
					}
					got := w.get(t, path, headers...)
					if got.status != a.want {
						t.Fatalf("step %d (%s): got %d, want %d", i, a.path, got.status, a.want)
					}
					if seconds, err := strconv.Atoi(got.header.Get("Retry-After")); got.status == many && (err != nil || seconds < 1 || seconds > 3600 || got.header.Get("Content-Type") != "application/problem+json" || got.header.Get("ETag") != "") {
						t.Errorf("step %d: headers of 429: %v", i, got.header)
					}
				}
			}
		})
	}
}

// TestDefaultLimits: what importers do is far below the limits that stand when
// nobody has set any.
func TestDefaultLimits(t *testing.T) {
	t.Parallel()
	w := setup(t, config{options: func(o *download.Options) { o.Limits = download.Limits{} }})
	for range 20 { // a nervous importer, for twenty minutes
		for _, path := range []string{"gateway.xml", "gateway.xml", "light.xml", "full.xml", "sizes.xml", "categories.xml"} {
			if got := w.get(t, "/o/"+w.secret+"/"+path); got.status != 200 {
				t.Fatalf("%s: %d", path, got.status)
			}
		}
		w.clock.Pass(time.Minute)
	}
}

// TestFullByTheClock: an importer that takes all of the same full file every five
// minutes, and has never heard of conditions, is not refused, however long nothing
// changes; one that does nothing else is.
func TestFullByTheClock(t *testing.T) {
	t.Parallel()
	w := setup(t, config{options: func(o *download.Options) { o.Limits = download.Limits{} }})
	for i := range 2 * 24 * 12 {
		if got := w.get(t, "/o/"+w.secret+"/full.xml"); got.status != 200 {
			t.Fatalf("after %d minutes: %d", 5*i, got.status)
		}
		w.clock.Pass(5 * time.Minute)
	}
	n, status := 0, 200
	for ; status == 200 && n <= 320; n++ {
		status = w.get(t, "/o/"+w.secret+"/full.xml").status
		w.clock.Pass(time.Second)
	}
	if status != 429 || n < 250 {
		t.Errorf("asked %d times in a row: got %d at last, want 429 after some 300", n, status)
	}
}

// TestWholeInSmallParts: a large file may be fetched in small parts.
func TestWholeInSmallParts(t *testing.T) {
	t.Parallel()
	limits := unlimited
	limits.WholesPerDay = 1
	w := setup(t, config{bigFull: 24 << 20, options: func(o *download.Options) { o.Limits = limits }})
	const part = 64 << 10
	for from := 0; from+part <= 24<<20; from += part {
		if got := w.get(t, w.pathOf(&w.full.Files[0]), "Range", fmt.Sprintf("bytes=%d-%d", from, from+part-1)).status; got != 206 {
			t.Fatalf("from byte %d: %d", from, got)
		}
	}
	if got := w.get(t, w.pathOf(&w.full.Files[0])).status; got != 429 {
		t.Errorf("a second whole: %d", got)
	}
}

// TestWholeInParts: parts count by their bytes, and what did not go out does not.
func TestWholeInParts(t *testing.T) {
	t.Parallel()
	limits := unlimited
	limits.WholesPerDay = 3
	w := setup(t, config{bigFull: 24 << 20, options: func(o *download.Options) { o.Limits = limits }})
	path := w.pathOf(&w.full.Files[0])
	part := func(from, n int) int {
		return w.get(t, path, "Range", fmt.Sprintf("bytes=%d-%d", from, from+n-1)).status
	}
	for i := range 12 { // a resumed download: twelve twelfths are one whole
		if got := part(i*2<<20, 2<<20); got != 206 {
			t.Fatalf("part %d: %d", i, got)
		}
	}
	for range 4 { // broken off near the beginning
		c := w.slow(t, path)
		c.conn.Close()
		await(t, "the download ends", func() bool { return len(w.srv.Running()) == 0 })
	}
	if got := w.get(t, path).status; got != 200 {
		t.Errorf("a second whole: %d", got)
	}
	if got := w.get(t, path).status; got != 429 {
		t.Errorf("more than three: %d", got)
	}
	if got := do(t, http.MethodHead, w.url+path).status; got != 200 {
		t.Errorf("HEAD sends nothing, and gives %d", got)
	}
	if got := w.get(t, path, "If-None-Match", "*").status; got != 304 {
		t.Errorf("unchanged sends nothing, and gives %d", got)
	}
}

// TestCIDR binds a link to networks.
func TestCIDR(t *testing.T) {
	t.Parallel()
	var book *accountsChanged
	w := setup(t, config{bigFull: 24 << 20, options: from, records: func(r download.Records) download.Records {
		book = &accountsChanged{Records: r}
		return book
	}})
	uniform := w.get(t, "/o/nothing/gateway.xml")
	path := "/o/" + w.secret + "/full.xml"
	if got := w.get(t, path, "X-Forwarded-For", "198.51.100.7"); got.status != 200 {
		t.Fatalf("before: %d", got.status)
	}
	running := w.slow(t, path) // from 127.0.0.1
	book.set(t, w, func(a *partner.Accounts) {
		a.Links[0].CIDRs = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/48")}
	})
	for from, want := range map[string]int{
		"203.0.113.9": 200, "::ffff:203.0.113.9": 200, "2001:db8::5": 200, "203.0.113.9:4444": 200, "6.6.6.6, 203.0.113.9": 200,
		"203.0.114.1": 404, "2001:db9::5": 404, "203.0.113.9, 6.6.6.6": 404, "unknown": 404, "": 404, "203.0.113.9, unknown": 404,
	} {
		got := w.get(t, path, "X-Forwarded-For", from)
		if got.status != want || want == 404 && !same(got, uniform) {
			t.Errorf("from %q: got %d, want %d", from, got.status, want)
		}
	}
	if err := running.rest(); err == nil || running.read > 20<<20 {
		t.Errorf("a download to an address that is not admitted any more read %d bytes, %v", running.read, err)
	}
}
