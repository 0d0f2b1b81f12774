package download_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/download"
	"feedmill/internal/partner"
	"feedmill/storage/sqlite"
)

// TestHostile sends what nobody should: all of it is one answer, byte for byte,
// or plainly not HTTP.
func TestHostile(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	_, _, _, foreign := w.account(t, func(o *partner.Offer) { o.Profile.Currency = feed.MustCurrency("EUR") })
	uniform := w.get(t, "/o/nothing/gateway.xml")
	if uniform.status != 404 || uniform.header.Get("Content-Type") != "application/problem+json" || uniform.header.Get("Cache-Control") != "no-store" ||
		uniform.header.Get("Set-Cookie")+uniform.header.Get("Location")+uniform.header.Get("ETag") != "" {
		t.Fatalf("got %d %v", uniform.status, uniform.header)
	}
	address := w.full.Files[0].Address()
	number := strings.TrimSuffix(address, "full.xml")
	s := w.secret
	flip := func(i int) string {
		c := byte('a')
		if s[i] == c {
			c = 'b'
		}
		return s[:i] + string(c) + s[i+1:]
	}
	other, _ := partner.NewLink(w.merchant.ID, w.offer.ID, "never stored", time.Now(), time.Time{})
	_, unknown := partner.NewLink(other.Merchant, other.Offer, "never stored", time.Now(), time.Time{})
	for _, path := range []string{
		// links
		"/o/" + flip(4) + "/gateway.xml", "/o/" + flip(30) + "/gateway.xml", "/o/" + flip(len(s)-1) + "/gateway.xml",
		"/o/" + unknown.Reveal() + "/gateway.xml", "/o/" + graft(s, unknown.Reveal()) + "/gateway.xml", "/o/" + s[:len(s)-1] + "/gateway.xml", "/o/" + s + "a/gateway.xml",
		"/o/" + strings.ToUpper(s) + "/gateway.xml", "/o/" + s + "%00/gateway.xml", "/o/%66m1_" + s[4:] + "/gateway.xml",
		"/o/fm1_/gateway.xml", "/o/*/gateway.xml", "/o/null/gateway.xml", "/o/--/gateway.xml", "/o/" + string(w.link.ID) + "/gateway.xml",
		"/o/" + strings.Repeat("a", 6000) + "/gateway.xml", "/o/'or'1'='1/gateway.xml",
		// paths
		"/o//gateway.xml", "//o/" + s + "/gateway.xml", "/o/" + s, "/o/" + s + "/", "/o/" + s + "//gateway.xml", "/o/" + s + "/gateway.xml/",
		"/o/" + s + "/./gateway.xml", "/o/" + s + "/../" + s + "/gateway.xml", "/o/" + s + "/%2e%2e/full.xml", "/o/" + s + "/..%2f..%2fetc%2fpasswd",
		"/o/" + s + "%2fgateway.xml", "/o/" + s + "/gateway.xml%00", "/o/" + s + "/gateway.xml%20", "/o/" + s + "/gateway%2exml", "/o/" + s + "/GATEWAY.XML",
		"/o/" + s + "/gateway.xml;a=b", "/o/" + s + `\gateway.xml`, "/o/" + s + "/full", "/o/" + s + "/full.xml.gz", "/o/" + s + "/full_change.xml",
		"/o/" + s + "/full_change2026-01-01T00-00-00.xml", "/o/" + s + "/full_change%25s.xml", "/O/" + s + "/gateway.xml",
		"/", "/o", "/o/", "/favicon.ico", "/robots.txt", "/.git/config", "/metrics", "/debug/pprof/", "/edi/", "/edi/export-offer.php/", "/panel/",
		// generations
		"/o/" + s + "/0/full.xml", "/o/" + s + "/-1/full.xml", "/o/" + s + "/+1/full.xml", "/o/" + s + "/01/full.xml", "/o/" + s + "/1e0/full.xml",
		"/o/" + s + "/99999999999999999999/full.xml", "/o/" + s + "/9223372036854775807/full.xml", "/o/" + s + "/" + number + "light.xml",
		"/o/" + s + "/" + number + "gateway.xml", "/o/" + s + "/" + number + "manifest.json", "/o/" + s + "/" + number + "../full.xml", "/o/" + s + "/" + address + "/x",
		"/o/" + foreign + "/" + address,
		// IdoSell's address
		"/edi/export-offer.php", "/edi/export-offer.php?type=gateway", "/edi/export-offer.php?token=" + s, "/edi/export-offer.php?token=" + flip(20) + "&type=full",
		"/edi/export-offer.php?token=" + s + "&token=" + s + "&type=full", "/edi/export-offer.php?token=" + s + "&type=full&type=light",
		"/edi/export-offer.php?token=" + s + "&type=full&shop=4", "/edi/export-offer.php?token=" + s + "&type=full&shop=03", "/edi/export-offer.php?token=" + s + "&type=full&format=json",
		"/edi/export-offer.php?token=" + s + "&type=sizes&format=csv", "/edi/export-offer.php?token=" + s + "&type=full&iof_2_6", "/edi/export-offer.php?token=" + s + "&type=../full",
		"/edi/export-offer.php?token=" + s + "&type=full_change", "/edi/export-offer.php?token=" + s + "&type=full;shop=3", "/edi/export-offer.php?token=" + s + "&type=full&%zz",
		"/edi/export-offer.php?token=" + s + "&type=gateway.xml", "/edi/export-offer.php?type=full&token=" + s + "&x=" + strings.Repeat("y", 3000),
		"/edi/export-offer.php?token=fm1_&type=full", "/edi/%65xport-offer.php?token=" + s + "&type=full", "/edi/export-offer.PHP?token=" + s + "&type=full",
	} {
		got := w.raw(t, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		got.header.Del("Connection")
		if got.err != nil || !same(got, uniform) {
			t.Errorf("%.120s: got %d %v %.100s %v, want the uniform answer", path, got.status, got.header, got.body, got.err)
		}
	}
	// The same address with headers that try to change its meaning.
	for _, header := range []string{
		"X-Original-URL: /o/" + s + "/gateway.xml", "X-HTTP-Method-Override: GET", "X-Forwarded-For: 127.0.0.1", "Range: bytes=0-1", "If-None-Match: *",
		"Expect: 100-continue", "Accept-Encoding: gzip", "Cookie: token=" + s, "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "Authorization: Bearer " + s,
	} {
		got := w.raw(t, "GET /o/nothing/gateway.xml HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+header+"\r\n\r\n")
		got.header.Del("Connection")
		if got.err != nil || !same(got, uniform) {
			t.Errorf("%s: got %d %v", header, got.status, got.header)
		}
	}
	// Methods, known link or not.
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "G3T"} {
		var first answer
		for i, path := range []string{"/o/" + s + "/gateway.xml", "/o/nothing/gateway.xml", "/o/" + s + "/" + address, "/edi/export-offer.php?token=" + s + "&type=full"} {
			got := w.raw(t, method+" "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			if got.status != 405 || got.header.Get("Allow") != "GET, HEAD" || i > 0 && !same(got, first) {
				t.Errorf("%s %.30s: got %d %v", method, path, got.status, got.header)
			}
			first = got
		}
	}
	// What is hardly HTTP is refused by the server or answered the uniform way; never 200, never a redirect.
	for _, request := range []string{
		"GET /o/" + s + "/gateway.xml\r\n\r\n", "GET  /o/" + s + "/gateway.xml HTTP/1.1\r\nHost: x\r\n\r\n", "GET /o/" + s + "/gateway.xml HTTP/1.1\r\n\r\n",
		"GET /o/" + s + "/gateway.xml HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET o/" + s + "/gateway.xml HTTP/1.1\r\nHost: x\r\n\r\n",
		"CONNECT /o/" + s + "/gateway.xml HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /o/" + s + "/gateway.xml HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 2<<20) + "\r\n\r\n", "GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /o/" + s + "/gateway.xml HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n", "GET /o/" + s + "/gateway.xml HTTP/9.9\r\nHost: x\r\n\r\n",
		"GET /o/" + s + "/gateway.xml HTTP/1.1\r\nHost: x\r\n X: folded\r\n\r\n", "\x16\x03\x01\x02\x00\x01",
	} {
		d := w.raw(t, request+"\r\n\r\n")
		if d.err == nil && (d.status < 400 || d.status >= 500 && d.status != 505 && d.status != 501) {
			t.Errorf("%.60q: got %d", request, d.status)
		}
	}
	if got := w.get(t, "/o/"+s+"/gateway.xml"); got.status != 200 {
		t.Errorf("after all that the right link gives %d", got.status)
	}
}

// graft makes a secret with one's public part and another's random part, whose
// checksum is right.
func graft(public, random string) string {
	b := public[:20] + random[20:63]
	sum := crc32.ChecksumIEEE([]byte(b))
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	check := make([]byte, 6)
	for i := 5; i >= 0; i-- {
		check[i] = digits[sum%62]
		sum /= 62
	}
	return b + string(check)
}

func TestGraft(t *testing.T) {
	t.Parallel()
	_, a := partner.NewLink(partner.NewMerchantID(), partner.NewOfferID(), "a", time.Now(), time.Time{})
	_, b := partner.NewLink(partner.NewMerchantID(), partner.NewOfferID(), "b", time.Now(), time.Time{})
	got, ok := partner.ParseSecret(graft(a.Reveal(), b.Reveal()))
	if !ok || got.Link() != a.Link() || got.Matches(a.Hash()) || graft(a.Reveal(), a.Reveal()) != a.Reveal() {
		t.Error("the graft is not what TestHostile needs")
	}
}

// TestSwitches turns every switch off and on: off is the uniform answer at
// once, on is the same address again; a revoked link stays revoked.
func TestSwitches(t *testing.T) {
	t.Parallel()
	// No step ends by its time limit here: only the switch ends a download
	// whose client does not read.
	w := setup(t, config{bigFull: 24 << 20, options: func(o *download.Options) { o.StepTimeout = time.Hour }})
	uniform := w.get(t, "/o/nothing/gateway.xml")
	address := w.pathOf(&w.full.Files[0])
	gateway := w.get(t, "/o/"+w.secret+"/gateway.xml")
	m, p, o := w.merchant.ID, w.partner.ID, w.offer.ID
	version := map[string]int64{"m": 1, "p": 1, "o": 1}
	for _, c := range []struct {
		name string
		set  func(on bool) error
	}{
		{"sharing", func(on bool) error {
			x, err := w.db.SetSharing(t.Context(), actor, m, on, version["m"])
			version["m"] = x.Version
			return err
		}},
		{"partner feed", func(on bool) error {
			x, err := w.db.SetPartnerFeed(t.Context(), actor, m, p, on, version["p"])
			version["p"] = x.Version
			return err
		}},
		{"partner state", func(on bool) error {
			x, err := w.db.Partner(t.Context(), m, p)
			if err != nil {
				return err
			}
			x.State = partner.StateBlocked
			if on {
				x.State = partner.StateActive
			}
			x, err = w.db.UpdatePartner(t.Context(), actor, x)
			version["p"] = x.Version
			return err
		}},
		{"offer feed", func(on bool) error {
			x, err := w.db.SetOfferFeed(t.Context(), actor, m, o, on, version["o"])
			version["o"] = x.Version
			return err
		}},
	} {
		client := w.slow(t, address)
		if n := len(w.srv.Running()); n != 1 {
			t.Fatalf("%s: %d downloads run, want 1", c.name, n)
		}
		check(t, c.set(false))
		for _, path := range []string{"/o/" + w.secret + "/gateway.xml", address, "/o/" + w.secret + "/manifest.json", "/o/" + w.secret + "/light.xml", "/edi/export-offer.php?token=" + w.secret + "&type=full"} {
			if got := w.get(t, path); !same(got, uniform) {
				t.Errorf("%s off: %.12s gives %d", c.name, path, got.status)
			}
		}
		await(t, c.name+": the download ends", func() bool { return len(w.srv.Running()) == 0 })
		// What lay in buffers was dropped with the connection.
		if err := client.rest(); !errors.Is(err, syscall.ECONNRESET) || client.read > 2<<20 {
			t.Errorf("%s off: the running download read %d bytes and ended with %v", c.name, client.read, err)
		}
		check(t, c.set(true))
		if got := w.get(t, "/o/"+w.secret+"/gateway.xml"); !same(got, gateway) {
			t.Errorf("%s on again: %d", c.name, got.status)
		}
		if got := w.get(t, address); got.status != 200 || len(got.body) != 24<<20 {
			t.Errorf("%s on again: the file gives %d, %d bytes", c.name, got.status, len(got.body))
		}
	}
	client := w.slow(t, address)
	check(t, w.db.RevokeLink(t.Context(), actor, m, w.link.ID))
	if got := w.get(t, address); !same(got, uniform) {
		t.Errorf("revoked: %d", got.status)
	}
	if err := client.rest(); !errors.Is(err, syscall.ECONNRESET) || client.read > 2<<20 {
		t.Errorf("revoked: the running download read %d bytes and ended with %v", client.read, err)
	}
	// The client sees the end before the handler has told of it.
	await(t, "the log tells of the last one", func() bool { return strings.Count(w.log.String(), `"cut":true`) >= 5 })
	if log := w.log.String(); strings.Count(log, `"cut":true`) != 5 || !strings.Contains(log, `"why":"offer-feed-off"`) {
		t.Errorf("the log tells of %d cut downloads, want 5", strings.Count(log, `"cut":true`))
	}
}

// TestOthersGoOn switches one partner off while another downloads the same bytes.
func TestOthersGoOn(t *testing.T) {
	t.Parallel()
	w := setup(t, config{bigFull: 24 << 20})
	_, _, _, other := w.account(t, nil)
	theirs := w.slow(t, "/o/"+other+"/full.xml")
	ours := w.slow(t, "/o/"+w.secret+"/full.xml")
	_, err := w.db.SetPartnerFeed(t.Context(), actor, w.merchant.ID, w.partner.ID, false, 1)
	check(t, err)
	if err := ours.rest(); err == nil || ours.read > 20<<20 {
		t.Errorf("ours: %d bytes, %v", ours.read, err)
	}
	check(t, theirs.conn.SetDeadline(time.Now().Add(30*time.Second)))
	n, err := io.CopyN(io.Discard, theirs.conn, 24<<20-theirs.read)
	if err != nil {
		t.Errorf("theirs: %d bytes more, %v", n, err)
	}
	if n := w.srv.Revoke(func(download.Transfer) bool { return false }); n != 0 {
		t.Errorf("revoking none cut %d", n)
	}
}

func TestReveal(t *testing.T) {
	t.Parallel()
	w := setup(t, config{reveal: true})
	uniform := w.get(t, "/o/nothing/gateway.xml")
	_, err := w.db.SetOfferFeed(t.Context(), actor, w.merchant.ID, w.offer.ID, false, 1)
	check(t, err)
	got := w.get(t, "/o/"+w.secret+"/full.xml")
	var problem struct {
		Type   string
		Status int
	}
	check(t, json.Unmarshal(got.body, &problem))
	if got.status != 403 || problem.Status != 403 || problem.Type != "urn:feedmill:problem:feed-disabled" || got.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if again := w.get(t, "/o/"+w.secret+"/gateway.xml"); !same(again, got) {
		t.Errorf("another address of the same offer: %d", again.status)
	}
	// Who does not hold the link, or no longer, is told nothing.
	check(t, w.db.RevokeLink(t.Context(), actor, w.merchant.ID, w.link.ID))
	if got := w.get(t, "/o/"+w.secret+"/full.xml"); !same(got, uniform) {
		t.Errorf("revoked: %d", got.status)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	w := setup(t, config{bigFull: 24 << 20})
	uniform := w.get(t, "/o/nothing/gateway.xml")
	l, secret := partner.NewLink(w.merchant.ID, w.offer.ID, "for a day", w.clock.Now(), w.clock.Now().Add(24*time.Hour))
	check(t, w.db.CreateLink(t.Context(), actor, l))
	path := "/o/" + secret.Reveal() + "/full.xml"
	client := w.slow(t, path)
	w.clock.Pass(24*time.Hour + time.Second)
	check(t, w.srv.Refresh(t.Context()))
	if got := w.get(t, path); !same(got, uniform) {
		t.Errorf("expired: %d", got.status)
	}
	if err := client.rest(); err == nil || client.read > 20<<20 {
		t.Errorf("expired: the running download read %d bytes and ended with %v", client.read, err)
	}
	if got := w.get(t, "/o/"+w.secret+"/full.xml"); got.status != 200 {
		t.Errorf("the link without an end: %d", got.status)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	uniform := w.get(t, "/o/nothing/gateway.xml")
	l, secret := partner.NewLink(w.merchant.ID, w.offer.ID, "new", w.clock.Now(), time.Time{})
	check(t, w.db.RotateLink(t.Context(), actor, w.link.ID, l, 48*time.Hour))
	a, b := w.get(t, "/o/"+w.secret+"/gateway.xml"), w.get(t, "/o/"+secret.Reveal()+"/gateway.xml")
	if a.status != 200 || b.status != 200 {
		t.Fatalf("while both live: %d, %d", a.status, b.status)
	}
	if !bytes.Equal(bytes.ReplaceAll(a.body, []byte(w.secret), []byte(secret.Reveal())), b.body) {
		t.Error("the two gateways differ in more than the link")
	}
	w.clock.Pass(49 * time.Hour)
	check(t, w.srv.Refresh(t.Context()))
	if got := w.get(t, "/o/"+w.secret+"/gateway.xml"); !same(got, uniform) {
		t.Errorf("the old link: %d", got.status)
	}
	if got := w.get(t, "/o/"+secret.Reveal()+"/light.xml"); got.status != 200 {
		t.Errorf("the new link: %d", got.status)
	}
}

// TestOtherProcess turns the switch by another handle on the same file: the
// server sees it by asking.
func TestOtherProcess(t *testing.T) {
	t.Parallel()
	w := setup(t, config{quiet: true, bigFull: 24 << 20, options: func(o *download.Options) { o.PollEvery = 20 * time.Millisecond; o.Grace = time.Hour }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.srv.Run(ctx); close(ended) }()
	other, err := sqlite.Open(t.Context(), w.path, sqlite.Options{})
	check(t, err)
	defer other.Close()
	client := w.slow(t, "/o/"+w.secret+"/full.xml")
	_, err = other.SetPartnerFeed(t.Context(), actor, w.merchant.ID, w.partner.ID, false, 1)
	check(t, err)
	await(t, "off", func() bool { return w.get(t, "/o/"+w.secret+"/gateway.xml").status == 404 })
	if err := client.rest(); err == nil || client.read > 20<<20 {
		t.Errorf("the running download read %d bytes and ended with %v", client.read, err)
	}
	_, err = other.SetPartnerFeed(t.Context(), actor, w.merchant.ID, w.partner.ID, true, 2)
	check(t, err)
	await(t, "on", func() bool { return w.get(t, "/o/"+w.secret+"/gateway.xml").status == 200 })
	cancel()
	<-ended
}

// failing is a database that can be cut off.
type failing struct {
	download.Records
	off   atomic.Bool
	files atomic.Bool
}

var errOff = errors.New("connection refused")

func (f *failing) AccessVersion(ctx context.Context) (partner.Version, error) {
	if f.off.Load() {
		return partner.Version{}, errOff
	}
	return f.Records.AccessVersion(ctx)
}

func (f *failing) FileByAddress(ctx context.Context, m partner.MerchantID, o partner.OfferID, g int64, k feed.Kind, label string) (publish.File, bool, error) {
	if f.files.Load() {
		return publish.File{}, false, errOff
	}
	return f.Records.FileByAddress(ctx, m, o, g, k, label)
}

// TestGrace cuts the database off: what is known is served for a minute, then
// nothing, then all again.
func TestGrace(t *testing.T) {
	t.Parallel()
	var db *failing
	w := setup(t, config{records: func(r download.Records) download.Records { db = &failing{Records: r}; return db }, quiet: true})
	path := "/o/" + w.secret + "/gateway.xml"
	db.off.Store(true)
	for _, step := range []struct {
		advance time.Duration
		want    int
		ready   bool
	}{{0, 200, true}, {20 * time.Second, 200, false}, {39 * time.Second, 200, false}, {5 * time.Second, 503, false}, {time.Hour, 503, false}} {
		w.clock.Pass(step.advance)
		if err := w.srv.Refresh(t.Context()); !errors.Is(err, errOff) {
			t.Fatalf("refresh: %v", err)
		}
		got, unknown := w.get(t, path), w.get(t, "/o/nothing/gateway.xml")
		if got.status != step.want {
			t.Errorf("%v on: got %d, want %d", step.advance, got.status, step.want)
		}
		if got.status == 503 && (!same(got, unknown) || got.header.Get("Retry-After") == "") {
			t.Errorf("a right link and a wrong one can be told apart: %v, %v", got, unknown)
		}
		if err := w.srv.Ready(t.Context()); (err == nil) != step.ready {
			t.Errorf("%v on: ready says %v", step.advance, err)
		}
	}
	db.off.Store(false)
	check(t, w.srv.Refresh(t.Context()))
	if got := w.get(t, path); got.status != 200 || w.srv.Ready(t.Context()) != nil {
		t.Errorf("with the database back: %d", got.status)
	}
	// A change that is known of but cannot be read: nothing is believed.
	db.off.Store(true)
	w.srv.Changed()
	if got := w.get(t, path); got.status != 503 {
		t.Errorf("after a change that could not be read: %d", got.status)
	}
	db.off.Store(false)
	w.srv.Changed()
	if got := w.get(t, path); got.status != 200 {
		t.Errorf("after it could: %d", got.status)
	}
	// Only addresses that are not current need the database.
	db.files.Store(true)
	if got := w.get(t, w.pathOf(&w.full.Files[0])); got.status != 200 {
		t.Errorf("a current file: %d", got.status)
	}
	if got := w.get(t, "/o/"+w.secret+"/77/full.xml"); got.status != 503 {
		t.Errorf("a file to be looked up: %d", got.status)
	}
}

func TestNotStarted(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	srv := download.New(w.db, w.store, download.Options{Now: w.clock.Now, Log: slog.New(slog.DiscardHandler)})
	url := serve(t, srv)
	if got := do(t, http.MethodGet, url+"/o/"+w.secret+"/gateway.xml"); got.status != 503 || srv.Ready(t.Context()) == nil {
		t.Errorf("before the first refresh: %d", got.status)
	}
}

func TestTooMany(t *testing.T) {
	t.Parallel()
	w := setup(t, config{bigFull: 24 << 20, options: func(o *download.Options) { o.Limits.RunningPerLink = 2 }})
	path := "/o/" + w.secret + "/full.xml"
	a, b := w.slow(t, path), w.slow(t, path)
	got := w.get(t, path)
	if got.status != 429 || got.header.Get("Retry-After") == "" || got.header.Get("ETag") != "" || got.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("the third download: %d %v", got.status, got.header)
	}
	if got := w.get(t, "/o/"+w.secret+"/gateway.xml"); got.status != 200 {
		t.Errorf("the gateway meanwhile: %d", got.status)
	}
	if n := w.srv.Revoke(func(tr download.Transfer) bool { return tr.Link == w.link.ID }); n != 2 {
		t.Errorf("revoked %d, want 2", n)
	}
	for _, c := range []*slow{a, b} {
		if err := c.rest(); err == nil || c.read > 20<<20 {
			t.Errorf("a revoked download read %d bytes and ended with %v", c.read, err)
		}
	}
	await(t, "both end", func() bool { return len(w.srv.Running()) == 0 })
	if got := w.get(t, path); got.status != 200 {
		t.Errorf("after they ended: %d", got.status)
	}
	// One of two ends: there is room for one more, and no more than that.
	await(t, "that ends too", func() bool { return len(w.srv.Running()) == 0 })
	w.slow(t, path)
	first := w.srv.Running()[0].Started
	w.clock.Pass(time.Second)
	w.slow(t, path)
	if n := w.srv.Revoke(func(tr download.Transfer) bool { return tr.Started.Equal(first) }); n != 1 {
		t.Fatalf("revoked %d, want the first", n)
	}
	await(t, "one ends", func() bool { return len(w.srv.Running()) == 1 })
	w.slow(t, path)
	if got := w.get(t, path); got.status != 429 {
		t.Errorf("a third download beside two of which one began late: %d", got.status)
	}
}

// TestLog looks for the secret in everything that was logged.
func TestLog(t *testing.T) {
	t.Parallel()
	w := setup(t, config{steps: true})
	hidden := w.secret[20:]
	for _, path := range []string{"/o/" + w.secret + "/gateway.xml", "/o/" + w.secret + "/full.xml", w.pathOf(&w.full.Files[0]), "/o/" + w.secret + "/nothing", "/o/" + w.secret + "x/full.xml",
		"/edi/export-offer.php?token=" + w.secret + "&type=full", "/edi/export-offer.php?type=full&client=" + w.secret, "/o/-/full.xml", "/" + w.secret} {
		w.get(t, path, "Authorization", "Bearer "+w.secret, "User-Agent", "importer/1.0 "+strings.Repeat("x", 1000))
		do(t, http.MethodPost, w.url+path)
	}
	log := w.log.String()
	if strings.Contains(log, hidden) || strings.Contains(log, w.secret) {
		t.Error("the log tells the secret")
	}
	for _, want := range []string{`"route":"/o/{link}/gateway.xml"`, `"route":"/o/{link}/{generation}/{file}"`, `"route":"/edi/export-offer.php"`, `"link":"` + string(w.link.ID) + `"`,
		`"offer":"` + string(w.offer.ID) + `"`, `"merchant":"` + string(w.merchant.ID) + `"`, `"status":404`, `"why":"malformed"`, fmt.Sprintf(`"bytes":%d`, twoSteps)} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not hold %s", want)
		}
	}
	if strings.Contains(log, strings.Repeat("x", 200)) {
		t.Error("the log holds a long user agent")
	}
}
