package download_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// TestFiles asks for every file at every address it has, plain and compressed,
// by GET and HEAD, and looks at all that comes back.
func TestFiles(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	w.full = w.publish(t, w.offer.Profile.FullKey(), feed.KindFull, &w.full, 0)
	n := 0
	for _, g := range []publish.Generation{w.full, w.light} {
		for _, f := range g.Files {
			typ, format := f.Kind.String()+f.Label, "xml"
			if name, ok := strings.CutSuffix(typ, ".csv"); ok {
				typ, format = name, "csv"
			}
			for _, path := range []string{
				w.pathOf(&f),
				"/o/" + w.secret + "/" + f.Kind.FileName(f.Label),
				"/edi/export-offer.php?client=bike&language=pol&token=" + w.secret + "&shop=3&type=" + typ + "&format=" + format + "&iof_3_0",
			} {
				for _, zip := range []bool{false, true} {
					n++
					blob, headers := &f.Plain, []string{}
					if zip {
						headers = []string{"Accept-Encoding", "gzip, deflate"}
						if !f.Gzip.IsZero() {
							blob = &f.Gzip
						}
					}
					want := http.Header{
						"Content-Type":           {f.Kind.ContentType()},
						"Content-Length":         {strconv.FormatInt(blob.Size, 10)},
						"Etag":                   {`"` + blob.SHA256.String() + `"`},
						"Last-Modified":          {f.Changed.UTC().Format(http.TimeFormat)},
						"Repr-Digest":            {"sha-256=:" + base64.StdEncoding.EncodeToString(blob.SHA256[:]) + ":"},
						"Accept-Ranges":          {"bytes"},
						"Cache-Control":          {"private, no-cache, no-transform"},
						"X-Accel-Buffering":      {"no"},
						"Vary":                   {"Accept-Encoding"},
						"X-Content-Type-Options": {"nosniff"},
						"Referrer-Policy":        {"no-referrer"},
						"X-Robots-Tag":           {"noindex, nofollow"},
					}
					if blob == &f.Gzip {
						want.Set("Content-Encoding", "gzip")
					}
					if f.Kind == feed.KindFullChange {
						want.Set("Feedmill-Generation", fmt.Sprint(f.Generation))
						want.Set("Feedmill-Base", fmt.Sprint(f.Base))
						want.Set("Feedmill-Target", fmt.Sprint(f.Target))
						want.Set("Feedmill-Label", f.Label)
					}
					got := w.get(t, path, headers...)
					if got.status != 200 || got.err != nil || !bytes.Equal(got.body, w.content[blob.Key]) {
						t.Fatalf("%s: status %d, %d bytes, %v", f.Kind, got.status, len(got.body), got.err)
					}
					// An offer moved to a feed later than its file was made shows the move's time.
					if lm := got.header.Get("Last-Modified"); lm != want.Get("Last-Modified") && path != w.pathOf(&f) {
						want.Set("Last-Modified", lm)
					}
					if !maps.EqualFunc(got.header, want, slices.Equal) {
						t.Errorf("%s: headers %v, want %v", f.Kind, got.header, want)
					}
					head := do(t, http.MethodHead, w.url+path, headers...)
					if head.status != 200 || len(head.body) != 0 || !maps.EqualFunc(head.header, got.header, slices.Equal) {
						t.Errorf("%s: HEAD gives %d %v, GET %v", f.Kind, head.status, head.header, got.header)
					}
				}
			}
		}
	}
	if n != 6*14 {
		t.Errorf("%d requests, want 14 files at 3 addresses in 2 forms", n)
	}
}

// TestGateway reads the gateway as importers do, and fetches all that it names.
func TestGateway(t *testing.T) {
	t.Parallel()
	w := setup(t, config{options: nil})
	for range 3 {
		w.full = w.publish(t, w.offer.Profile.FullKey(), feed.KindFull, &w.full, 0)
	}
	first := w.get(t, "/o/"+w.secret+"/gateway.xml")
	if first.status != 200 || first.header.Get("Cache-Control") != "private, no-store, no-transform" || first.header.Get("Content-Type") != "application/xml; charset=utf-8" ||
		first.header.Get("Content-Length") != strconv.Itoa(len(first.body)) {
		t.Fatalf("got %d %v", first.status, first.header)
	}
	w.clock.Pass(10 * time.Second)
	if again := w.get(t, "/o/"+w.secret+"/gateway.xml", "Accept-Encoding", "gzip"); !bytes.Equal(again.body, first.body) {
		t.Error("the same generations have two gateways")
	}
	if edi := w.get(t, "/edi/export-offer.php?token="+w.secret+"&amp;type=gateway&amp;iof_3_0"); !bytes.Equal(edi.body, first.body) {
		t.Errorf("IdoSell's address gives another gateway: %d %s", edi.status, edi.body)
	}
	if cond := w.get(t, "/o/"+w.secret+"/gateway.xml", "If-None-Match", first.header.Get("ETag")); cond.status != 304 || len(cond.body) != 0 {
		t.Errorf("the same gateway again: %d", cond.status)
	}
	named := 0
	dec := xml.NewDecoder(bytes.NewReader(first.body))
	changed := ""
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		check(t, err)
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		attrs := map[string]string{}
		for _, a := range el.Attr {
			attrs[a.Name.Local] = a.Value
		}
		if attrs["hash"] == "" {
			continue
		}
		named++
		path, ok := strings.CutPrefix(attrs["url"], "https://feeds.example.com")
		if !ok || strings.Contains(path, "&") || el.Name.Local == "change" && !strings.Contains(path, "full_change") || el.Name.Local != "change" && !strings.Contains(path, el.Name.Local) {
			t.Errorf("%s has the address %s", el.Name.Local, attrs["url"])
		}
		got := w.get(t, path)
		if got.status != 200 || md5Hex(got.body) != attrs["hash"] {
			t.Errorf("%s: status %d, hash %s, want %s", el.Name.Local, got.status, md5Hex(got.body), attrs["hash"])
		}
		if el.Name.Local == "change" {
			if changed != "" && attrs["changed"] >= changed {
				t.Errorf("change of %s follows the one of %s", attrs["changed"], changed)
			}
			changed = attrs["changed"]
		}
	}
	if named != 1+3+1+9 {
		t.Errorf("%d files named, want full, 3 changes, light and 9 dictionaries", named)
	}
}

func md5Hex(b []byte) string { return publish.MD5(md5Sum(b)).String() }

// TestManifest holds the manifest against what was published.
func TestManifest(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	w.full = w.publish(t, w.offer.Profile.FullKey(), feed.KindFull, &w.full, 0)
	got := w.get(t, "/o/"+w.secret+"/manifest.json")
	if got.status != 200 || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %v", got.status, got.header)
	}
	var m struct {
		Sequence  int64
		Expires   time.Time
		Full      int64 `json:"full_retention_seconds"`
		Light     int64 `json:"light_retention_seconds"`
		Files     []struct{ Kind, URL, MD5, SHA256, Label string }
		Languages []string
	}
	check(t, json.Unmarshal(got.body, &m))
	if m.Sequence != w.full.Number || !m.Expires.Equal(w.light.Expires) || m.Full != 259200 || m.Light != 7200 || len(m.Files) != 14 {
		t.Errorf("manifest = %+v", m)
	}
	for _, f := range m.Files {
		got := w.get(t, strings.TrimPrefix(f.URL, "https://feeds.example.com"))
		sum := sha256Sum(got.body)
		if got.status != 200 || md5Hex(got.body) != f.MD5 || hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s: status %d, hashes do not agree", f.Kind, got.status)
		}
	}
}

// TestFilesSwitch gives an offer some kinds only: the others are neither listed
// nor served.
func TestFilesSwitch(t *testing.T) {
	t.Parallel()
	w := setup(t, config{offer: func(o *partner.Offer) { o.Files = partner.KindsOf(feed.KindFull, feed.KindLight, feed.KindSizes) }})
	for _, g := range []publish.Generation{w.full, w.light} {
		for _, f := range g.Files {
			want := 404
			if f.Kind == feed.KindFull || f.Kind == feed.KindLight || f.Kind == feed.KindSizes {
				want = 200
			}
			for _, path := range []string{w.pathOf(&f), "/o/" + w.secret + "/" + f.Kind.FileName("")} {
				if got := w.get(t, path); got.status != want {
					t.Errorf("%s: got %d, want %d", f.Kind, got.status, want)
				}
			}
		}
	}
	manifest := w.get(t, "/o/"+w.secret+"/manifest.json")
	if n := bytes.Count(manifest.body, []byte(`"url"`)); n != 3 {
		t.Errorf("the manifest lists %d files, want 3", n)
	}
}

// TestCredentials sends the link in a header: addresses in the answer then do
// not hold it.
func TestCredentials(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("bike:"+w.secret))
	for _, auth := range []string{"Bearer " + w.secret, "bearer  " + w.secret, basic, strings.Replace(basic, "Basic", "BASIC", 1)} {
		got := w.get(t, "/o/-/gateway.xml", "Authorization", auth)
		if got.status != 200 || bytes.Contains(got.body, []byte(w.secret)) || !bytes.Contains(got.body, []byte("https://feeds.example.com/o/-/")) {
			t.Errorf("%.12s: got %d, %.80s", auth, got.status, got.body)
		}
		if got := w.get(t, "/o/-/"+w.full.Files[0].Address(), "Authorization", auth); got.status != 200 {
			t.Errorf("%.12s: file %d", auth, got.status)
		}
		if got := w.get(t, "/o/-/light.xml", "Authorization", auth); got.status != 200 {
			t.Errorf("%.12s: light %d", auth, got.status)
		}
	}
	none := w.get(t, "/o/-/gateway.xml")
	if none.status != 401 || !strings.HasPrefix(none.header.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("without credentials: %d %v", none.status, none.header)
	}
	uniform := w.get(t, "/o/nothing/gateway.xml")
	for _, auth := range []string{"Bearer x", "Bearer " + w.secret + "x", "Basic " + base64.StdEncoding.EncodeToString([]byte(w.secret+":")), "Basic !!!", "Digest " + w.secret, w.secret} {
		got := w.get(t, "/o/-/gateway.xml", "Authorization", auth)
		if got.status != 401 && !same(got, uniform) {
			t.Errorf("%.20s: got %d %v", auth, got.status, got.header)
		}
	}
	// A header beside a link in the path means nothing.
	if got := w.get(t, "/o/nothing/gateway.xml", "Authorization", basic); !same(got, uniform) {
		t.Errorf("a wrong link with a right header: %d", got.status)
	}
	if got := w.get(t, "/o/"+w.secret+"/light.xml", "Authorization", "Bearer x"); got.status != 200 {
		t.Errorf("a right link with a wrong header: %d", got.status)
	}
}

// TestOldGenerations follows addresses past the generation that listed them.
func TestOldGenerations(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	oldFull, oldLight := w.full.Files[0], w.light.Files[0]
	w.publish(t, w.offer.Profile.FullKey(), feed.KindFull, &w.full, 0)
	w.publish(t, w.offer.Profile.LightKey(), feed.KindLight, &w.light, 0)
	present := w.get(t, "/o/"+w.secret+"/full.xml")
	if present.status != 200 || bytes.Equal(present.body, w.content[oldFull.Plain.Key]) {
		t.Errorf("the alias does not show the new file: %d", present.status)
	}
	for _, step := range []struct {
		advance     time.Duration
		full, light int
	}{{0, 200, 200}, {119 * time.Minute, 200, 200}, {2*time.Minute + partner.EdgeBehind, 200, 404}, {69 * time.Hour, 200, 404}, {2 * time.Hour, 404, 404}} {
		w.clock.Pass(step.advance)
		check(t, w.srv.Refresh(t.Context()))
		full, light := w.get(t, w.pathOf(&oldFull)), w.get(t, w.pathOf(&oldLight))
		if full.status != step.full || light.status != step.light {
			t.Errorf("%v on: full %d, light %d, want %d, %d", step.advance, full.status, light.status, step.full, step.light)
		}
		if full.status == 200 && !bytes.Equal(full.body, w.content[oldFull.Plain.Key]) {
			t.Error("an address has changed its bytes")
		}
	}
}

// TestProfileMove moves the offer to a feed that is not made yet, and then is.
func TestProfileMove(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	before := w.get(t, "/o/"+w.secret+"/full.xml")
	moved := w.offer
	moved.Profile.Currency = feed.MustCurrency("EUR")
	moved, err := w.db.UpdateOffer(t.Context(), actor, moved)
	check(t, err)
	if got := w.get(t, "/o/"+w.secret+"/full.xml"); got.status != 200 || !bytes.Equal(got.body, before.body) {
		t.Errorf("while the new feed is made: %d", got.status)
	}
	w.publish(t, moved.Profile.LightKey(), feed.KindLight, nil, 0)
	next := w.publish(t, moved.Profile.FullKey(), feed.KindFull, nil, 0)
	got := w.get(t, "/o/"+w.secret+"/full.xml")
	if got.status != 200 || !bytes.Equal(got.body, w.content[next.Files[0].Plain.Key]) {
		t.Errorf("after the first publication: %d", got.status)
	}
	if got := w.get(t, w.pathOf(&w.full.Files[0])); got.status != 200 {
		t.Errorf("what the last gateway listed: %d", got.status)
	}
}

// TestProfileReturn moves the offer away for days and back: until a run has
// looked at the old feed, the offer goes on showing what is newer.
func TestProfileReturn(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	first := w.get(t, "/o/"+w.secret+"/full.xml")
	moved, back := w.offer, w.offer.Profile
	moved.Profile.Currency = feed.MustCurrency("EUR")
	moved, err := w.db.UpdateOffer(t.Context(), actor, moved)
	check(t, err)
	w.publish(t, moved.Profile.LightKey(), feed.KindLight, nil, 0)
	w.publish(t, moved.Profile.FullKey(), feed.KindFull, nil, 0)
	away := w.get(t, "/o/"+w.secret+"/full.xml")
	w.clock.Pass(9 * 24 * time.Hour)
	moved.Profile = back
	_, err = w.db.UpdateOffer(t.Context(), actor, moved)
	check(t, err)
	if got := w.get(t, "/o/"+w.secret+"/full.xml"); got.status != 200 || !bytes.Equal(got.body, away.body) || bytes.Equal(got.body, first.body) {
		t.Errorf("the offer goes back to what is nine days old: status %d", got.status)
	}
	next := w.publish(t, back.FullKey(), feed.KindFull, &w.full, 0)
	w.publish(t, back.LightKey(), feed.KindLight, &w.light, 0)
	if got := w.get(t, "/o/"+w.secret+"/full.xml"); got.status != 200 || !bytes.Equal(got.body, w.content[next.Files[0].Plain.Key]) {
		t.Errorf("after the run: %d", got.status)
	}
}

// TestAliasTime moves the offer to a feed whose file bears the same time as the
// one before: a client that asks whether the alias has changed is told yes.
func TestAliasTime(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	moved := w.offer
	moved.Profile.Currency = feed.MustCurrency("EUR")
	// Another offer shows that feed already.
	neighbour := w.offer
	neighbour.ID, neighbour.Profile = partner.NewOfferID(), moved.Profile
	_, err := w.db.CreateOffer(t.Context(), actor, neighbour)
	check(t, err)
	w.publish(t, moved.Profile.LightKey(), feed.KindLight, nil, 0)
	next := w.publish(t, moved.Profile.FullKey(), feed.KindFull, nil, 0)
	before := w.get(t, "/o/"+w.secret+"/full.xml").header.Get("Last-Modified")
	if !next.Time.Equal(w.full.Time) {
		t.Fatalf("the fixture's times %v and %v differ", next.Time, w.full.Time)
	}
	w.clock.Pass(time.Minute)
	_, err = w.db.UpdateOffer(t.Context(), actor, moved)
	check(t, err)
	got := w.get(t, "/o/"+w.secret+"/full.xml", "If-Modified-Since", before)
	if got.status != 200 || !bytes.Equal(got.body, w.content[next.Files[0].Plain.Key]) {
		t.Errorf("asked for changes since %s: %d", before, got.status)
	}
	if again := w.get(t, "/o/"+w.secret+"/full.xml", "If-Modified-Since", got.header.Get("Last-Modified")); again.status != 304 {
		t.Errorf("asked again: %d", again.status)
	}
}

// TestUnpublished has a link that is right and nothing behind it yet.
func TestUnpublished(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	_, _, _, secret := w.account(t, func(o *partner.Offer) { o.Profile.Currency = feed.MustCurrency("EUR") })
	for _, name := range []string{"gateway.xml", "manifest.json", "full.xml", "light.xml"} {
		if got := w.get(t, "/o/"+secret+"/"+name); got.status != 503 || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d %v", name, got.status, got.header)
		}
	}
	if got := w.get(t, "/o/"+secret+"/"+w.full.Files[0].Address()); got.status != 404 {
		t.Errorf("another offer's file: %d", got.status)
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	// Without a public address the request's host is taken, if it is one.
	for host, want := range map[string]string{"feeds.example:8080": "http://feeds.example:8080/o/", "[::1]:80": "http://[::1]:80/o/", "a\"b": "http://localhost/o/", "a&b": "http://localhost/o/"} {
		if got := hostBase(t, w, host); !strings.HasPrefix(got, want) {
			t.Errorf("host %q: addresses begin with %.40s, want %s", host, got, want)
		}
	}
	w.merchant.BaseURL = "https://hurt.example/b2b"
	_, err := w.db.UpdateMerchant(t.Context(), actor, w.merchant)
	check(t, err)
	if got := w.get(t, "/o/"+w.secret+"/gateway.xml"); !bytes.Contains(got.body, []byte(`"https://hurt.example/b2b/o/`+w.secret+"/")) {
		t.Errorf("the merchant's own address is not used: %.300s", got.body)
	}
}

// TestRace publishes and switches while many read: every answer is whole.
func TestRace(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	done := make(chan struct{})
	failed := make(chan string, 100)
	for range 4 {
		go func() {
			for {
				select {
				case <-done:
					failed <- ""
					return
				default:
				}
				got := do(t, http.MethodGet, w.url+"/o/"+w.secret+"/light.xml")
				etag := strings.Trim(got.header.Get("ETag"), `"`)
				sum := sha256Sum(got.body)
				switch {
				case got.err != nil:
					// Cut: it was switched off under way.
				case got.status == 404:
				case got.status != 200 || hex.EncodeToString(sum[:]) != etag:
					failed <- fmt.Sprintf("status %d, %d bytes", got.status, len(got.body))
					return
				}
			}
		}()
	}
	version := w.offer.Version
	for range 15 {
		w.light = w.publish(t, w.offer.Profile.LightKey(), feed.KindLight, &w.light, 0)
		for _, on := range []bool{false, true} {
			o, err := w.db.SetOfferFeed(t.Context(), actor, w.merchant.ID, w.offer.ID, on, version)
			check(t, err)
			version = o.Version
			want := 404
			if on {
				want = 200
			}
			if got := w.get(t, "/o/"+w.secret+"/light.xml"); got.status != want {
				t.Errorf("switched %v: got %d", on, got.status)
			}
		}
	}
	close(done)
	for range 4 {
		if s := <-failed; s != "" {
			t.Error(s)
		}
	}
}
