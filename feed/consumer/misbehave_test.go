package consumer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/feed"
)

type spoiler = func(w http.ResponseWriter, r *http.Request, name string, body []byte) bool

// on spoils the answers about files whose name begins so.
func on(prefix string, fn func(w http.ResponseWriter, r *http.Request, body []byte)) spoiler {
	return func(w http.ResponseWriter, r *http.Request, name string, body []byte) bool {
		if !strings.HasPrefix(name, prefix) {
			return false
		}
		fn(w, r, body)
		return true
	}
}

// once spoils the first so many answers about such files.
func once(n int64, prefix string, fn func(w http.ResponseWriter, r *http.Request, body []byte)) spoiler {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, name string, body []byte) bool {
		if !strings.HasPrefix(name, prefix) || count.Add(1) > n {
			return false
		}
		fn(w, r, body)
		return true
	}
}

// flip changes one byte.
func flip(body []byte) []byte {
	b := bytes.Clone(body)
	b[len(b)/2] ^= 1
	return b
}

// cut sends a head that announces everything and a body that ends early, at
// the latest after most bytes of what the request asks for.
func cut(most int, reset bool) func(w http.ResponseWriter, r *http.Request, body []byte) {
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		rec := &recorder{header: http.Header{}}
		serve(rec, r, body, false)
		for k, v := range rec.header {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.status)
		_, _ = w.Write(rec.Bytes()[:min(most, rec.Len())])
		_ = http.NewResponseController(w).Flush()
		if rec.Len() <= most {
			return
		}
		if reset {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
				return
			}
		}
		panic(http.ErrAbortHandler)
	}
}

type recorder struct {
	bytes.Buffer
	header http.Header
	status int
}

func (r *recorder) Header() http.Header    { return r.header }
func (r *recorder) WriteHeader(status int) { r.status = status }

// misdeeds of a supplier: each is done to a consumer without a copy, and to one
// with a copy of the state before.
func misdeeds() map[string]struct {
	spoil spoiler
	edit  func(s *supplier)
	fault Fault  // "" when the consumer gets by
	text  string // in the error
	plain bool   // without a manifest
	fresh bool   // only where there is no copy; held only where there is one
	held  bool
} {
	type misdeed = struct {
		spoil spoiler
		edit  func(s *supplier)
		fault Fault
		text  string
		plain bool
		fresh bool
		held  bool
	}
	answer := func(status int, kind, text string) func(http.ResponseWriter, *http.Request, []byte) {
		return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	replaced := func(with func(body []byte) []byte) func(http.ResponseWriter, *http.Request, []byte) {
		return func(w http.ResponseWriter, r *http.Request, body []byte) { serve(w, r, with(body), false) }
	}
	all := map[string]misdeed{}
	for _, file := range []string{"full", "light.xml", "categories.xml"} {
		// With a copy it is the change file that is fetched.
		held := file != "categories.xml"
		all["flipped byte in "+file] = misdeed{spoil: on(file, replaced(flip)), fault: FaultHash, text: "its MD5 is", fresh: !held}
		all["flipped byte once in "+file] = misdeed{spoil: once(1, file, replaced(flip)), fresh: !held}
		all["cut short cleanly "+file] = misdeed{spoil: on(file, replaced(func(b []byte) []byte { return b[:len(b)-9] })), fault: FaultSize, text: "the manifest says", fresh: !held}
		all["cut short cleanly, no manifest, "+file] = misdeed{spoil: on(file, replaced(func(b []byte) []byte { return b[:len(b)-9] })), fault: FaultHash, text: "its MD5 is", plain: true, fresh: !held}
		all["too long "+file] = misdeed{spoil: on(file, func(w http.ResponseWriter, _ *http.Request, b []byte) {
			_ = http.NewResponseController(w).Flush() // no length
			_, _ = w.Write(append(bytes.Clone(b), " and more"...))
		}), fault: FaultSize, text: "more than", fresh: !held}
		all["breaks in "+file] = misdeed{spoil: on(file, cut(40, false)), fault: FaultUnreachable, text: "the connection", fresh: !held}
		all["breaks twice in "+file] = misdeed{spoil: once(2, file, cut(40, false)), fresh: !held}
		all["is reset twice in "+file] = misdeed{spoil: once(2, file, cut(40, true)), fresh: !held}
		all["a web page for "+file] = misdeed{spoil: on(file, answer(200, "text/html; charset=utf-8", "<html>busy</html>")), fault: FaultType, text: "a web page", fresh: !held}
		all["a web page unnamed for "+file] = misdeed{spoil: on(file, answer(200, "application/xml", "<html>busy</html>")), fault: FaultHash, plain: true, fresh: !held}
		all["503 once for "+file] = misdeed{spoil: once(1, file, answer(503, "text/plain", "busy")), fresh: !held}
		all["404 for "+file] = misdeed{spoil: on(file, answer(404, "text/plain", "gone")), fault: FaultStatus, text: "status 404", fresh: !held}
		all["404 once for "+file] = misdeed{spoil: once(1, file, answer(404, "text/plain", "gone")), fresh: !held}
		all["redirect of "+file] = misdeed{spoil: on(file, func(w http.ResponseWriter, r *http.Request, _ []byte) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}), fault: FaultRedirect, text: "status 302", fresh: !held}
		all["gzip unasked, marked, "+file] = misdeed{spoil: on(file, func(w http.ResponseWriter, r *http.Request, b []byte) { serve(w, r, b, true) }), fresh: !held}
		all["gzip unasked, unmarked, "+file] = misdeed{spoil: on(file, replaced(zipped)), fault: FaultHash, text: "compressed without being marked", plain: true, fresh: !held}
		all["unknown encoding of "+file] = misdeed{spoil: on(file, func(w http.ResponseWriter, r *http.Request, b []byte) {
			w.Header().Set("Content-Encoding", "br")
			serve(w, r, b, false)
		}), fault: FaultType, text: `"br"`, fresh: !held}
		all["damaged gzip of "+file] = misdeed{spoil: on(file, func(w http.ResponseWriter, r *http.Request, b []byte) {
			w.Header().Set("Content-Encoding", "gzip")
			serve(w, r, flip(zipped(b)), false)
		}), fault: FaultHash, fresh: !held}
		all["slow to the end of patience "+file] = misdeed{spoil: on(file, func(w http.ResponseWriter, r *http.Request, b []byte) {
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			_, _ = w.Write(b[:10])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}), fault: FaultStalled, text: "nothing came", fresh: !held}
		all["swapped after the gateway "+file] = misdeed{spoil: func() spoiler {
			var asked atomic.Int64
			return func(w http.ResponseWriter, r *http.Request, name string, body []byte) bool {
				if !strings.HasPrefix(name, file) || asked.Add(1) > 1 {
					return false
				}
				serve(w, r, bytes.ReplaceAll(body, []byte("product"), []byte("produkt")), false)
				return true
			}
		}(), fresh: !held}
	}
	all["gateway is a web page"] = misdeed{spoil: on("gateway", answer(200, "text/html", "<html/>")), fault: FaultType, text: "gateway.xml: the answer is a web page"}
	all["gateway is another document"] = misdeed{spoil: on("gateway", answer(200, "text/xml", "<html/>")), fault: FaultGateway, text: "a gateway is a <provider_description>"}
	all["gateway is cut"] = misdeed{spoil: on("gateway", replaced(func(b []byte) []byte { return b[:len(b)/2] })), fault: FaultGateway, text: "not well-formed"}
	all["gateway names nothing"] = misdeed{spoil: on("gateway", answer(200, "text/xml", "<provider_description/>")), fault: FaultManifest}
	all["gateway names nothing, no manifest"] = misdeed{spoil: on("gateway", answer(200, "text/xml", "<provider_description/>")), fault: FaultGateway, text: "does not name a full", plain: true}
	all["gateway without hashes"] = misdeed{spoil: on("gateway", replaced(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("hash="), []byte("hush=")) })), fault: FaultGateway, text: "has no hash"}
	all["gateway with strange hashes"] = misdeed{spoil: on("gateway", replaced(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`hash="`), []byte(`hash="v2-`)) })), fault: FaultGateway, text: "is no MD5"}
	all["gateway 500"] = misdeed{spoil: on("gateway", answer(500, "text/plain", "")), fault: FaultStatus, text: "status 500"}
	all["gateway redirect"] = misdeed{spoil: on("gateway", answer(301, "text/plain", "")), fault: FaultRedirect}
	all["gateway without end"] = misdeed{spoil: on("gateway", func(w http.ResponseWriter, r *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/xml")
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("<a>"), 10000)); err != nil {
				return
			}
		}
	}), fault: FaultSize, text: "more than"}
	all["manifest is no JSON"] = misdeed{spoil: on("manifest", answer(200, "application/json", "{")), fault: FaultManifest, text: "cannot be read"}
	all["manifest of another version"] = misdeed{spoil: on("manifest", answer(200, "application/json", `{"format":"feedmill-manifest/9"}`)), plain: true}
	all["manifest 503"] = misdeed{spoil: on("manifest", answer(503, "text/plain", "")), fault: FaultStatus, text: "manifest.json: the answer has status 503"}
	all["manifest torn once"] = misdeed{spoil: once(1, "manifest", replaced(func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"md5":"`), []byte(`"md5":"00000000000000000000000000000000","x":"`), 1)
	}))}
	all["manifest torn for good"] = misdeed{spoil: on("manifest", replaced(func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"md5":"`), []byte(`"md5":"00000000000000000000000000000000","x":"`), 1)
	})), fault: FaultManifest, text: "does not list"}
	all["manifest with wrong SHA-256"] = misdeed{spoil: on("manifest", replaced(func(b []byte) []byte {
		return bytes.ReplaceAll(b, []byte(`"sha256":"`), []byte(`"sha256":"`+strings.Repeat("0", 64)+`","x":"`))
	})), fault: FaultHash, text: "its SHA-256 is"}
	all["manifest with a SHA-256 that is none"] = misdeed{spoil: on("manifest", replaced(func(b []byte) []byte {
		return bytes.ReplaceAll(b, []byte(`"sha256":"`), []byte(`"sha256":"v2-`))
	})), fault: FaultManifest, text: "cannot be"}
	all["manifest with an MD5 that is none"] = misdeed{spoil: on("manifest", replaced(func(b []byte) []byte {
		return bytes.ReplaceAll(b, []byte(`"md5":"`), []byte(`"md5":"v2-`))
	})), fault: FaultManifest, text: "cannot be"}
	all["newest first"] = misdeed{edit: func(s *supplier) {
		s.edit(func(l []entry) []entry { slices.Reverse(l); return l })
	}}
	all["shuffled"] = misdeed{edit: func(s *supplier) {
		s.edit(func(l []entry) []entry {
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
			return l
		})
	}}
	for _, plain := range []bool{false, true} {
		name := map[bool]string{false: "", true: ", no manifest"}[plain]
		change := func(l []entry) int {
			return slices.IndexFunc(l, func(e entry) bool { return e.Kind == "full_change" && e.Target > 4 })
		}
		all["change listed twice"+name] = misdeed{plain: plain, edit: func(s *supplier) {
			s.edit(func(l []entry) []entry { return append(l, l[change(l)]) })
		}}
		all["change listed twice with two hashes"+name] = misdeed{plain: plain, text: "twice, with different hashes", edit: func(s *supplier) {
			s.edit(func(l []entry) []entry {
				e := l[change(l)]
				e.MD5 = strings.Repeat("0", 32)
				return append(l, e)
			})
		}, fault: FaultGateway}
		all["expired"+name] = misdeed{plain: plain, fault: FaultExpired, text: "was valid until", edit: func(s *supplier) {
			s.at = s.at.AddDate(0, 0, -20)
			s.edit(func(l []entry) []entry { return l })
		}}
	}
	all["gap in the chain"] = misdeed{fault: FaultGap, text: "it leads from generation", edit: func(s *supplier) {
		// The middle one of the changes that follow the full file.
		s.edit(func(l []entry) []entry {
			i := slices.IndexFunc(l, func(e entry) bool { return e.Kind == "full_change" && e.Target > 4 })
			return slices.Delete(l, i, i+1)
		})
	}}
	all["gateway older than before"] = misdeed{held: true, fault: FaultOlder, text: "it shows state", edit: func(s *supplier) {
		s.sequence = 1
		s.edit(func(l []entry) []entry { return l })
	}}
	all["gateway older than before, no manifest"] = misdeed{held: true, plain: true, fault: FaultOlder, text: "it was made at", edit: func(s *supplier) {
		s.at = noon.Add(-3 * time.Hour)
		s.edit(func(l []entry) []entry { return l })
	}}
	for _, plain := range []bool{false, true} {
		name := map[bool]string{false: "", true: ", no manifest"}[plain]
		all["empty offer"+name] = misdeed{plain: plain, fault: FaultShrunk, text: "it has no products", edit: func(s *supplier) { s.publish(catalog{}, true) }}
		all["half of the products gone, by full"+name] = misdeed{plain: plain, held: true, fault: FaultShrunk, text: "it has lost 40 of 80", edit: func(s *supplier) { s.publish(products(40, "c"), true) }}
		all["half of the products gone, by change"+name] = misdeed{plain: plain, held: true, fault: FaultShrunk, text: "of 80 products", edit: func(s *supplier) {
			next := s.now
			for i := range 40 {
				next = next.with(fmt.Sprint(2*i+1), "")
			}
			s.publish(next, false)
		}}
	}
	all["light shrinks alone"] = misdeed{held: true, fault: FaultShrunk, text: "light.xml: it has lost", edit: func(s *supplier) {
		s.edit(func(l []entry) []entry {
			i := slices.IndexFunc(l, func(e entry) bool { return e.Kind == "light" })
			l[i] = s.put("light", "light.xml", l[i].Generation+100, products(20, "x").light(s.at), 20)
			return l
		})
	}}
	all["a light file that is a page, without a hash"] = misdeed{plain: true, fault: FaultDocument, text: "light.xml: it is not the document", spoil: func(w http.ResponseWriter, r *http.Request, name string, body []byte) bool {
		switch name {
		case gatewayName:
			i := bytes.Index(body, []byte("<light url"))
			j := i + bytes.Index(body[i:], []byte(" hash="))
			serve(w, r, append(bytes.Clone(body[:j]), body[j+len(` hash="`)+33:]...), false)
		case "light.xml":
			answer(200, "application/xml", "<error/>")(w, r, nil)
		default:
			return false
		}
		return true
	}}
	all["full is light in disguise"] = misdeed{plain: true, fault: FaultDocument, text: "categories.xml: the document is a <sizes>", fresh: true, edit: func(s *supplier) {
		s.edit(func(l []entry) []entry {
			i := slices.IndexFunc(l, func(e entry) bool { return e.Kind == "categories" })
			changed := l[i].changed
			l[i] = s.put("categories", "categories.xml", 77, []byte("<sizes/>"), 0)
			l[i].changed = changed
			return l
		})
	}}
	all["wrong count in the manifest"] = misdeed{fault: FaultDocument, text: "the manifest says 7", edit: func(s *supplier) {
		s.edit(func(l []entry) []entry {
			l[slices.IndexFunc(l, func(e entry) bool { return e.Kind == "light" })].Products = 7
			return l
		})
	}}
	all["nonsense in the manifest"] = misdeed{fault: FaultManifest, text: "cannot be", edit: func(s *supplier) {
		s.edit(func(l []entry) []entry { l[0].Generation = -1; return l })
	}}
	wrongRange := func(change func(h http.Header)) spoiler {
		return on("full", func(w http.ResponseWriter, r *http.Request, body []byte) {
			if r.Header.Get("Range") == "" {
				cut(60, false)(w, r, body)
				return
			}
			rec := &recorder{header: http.Header{}}
			serve(rec, r, body, false)
			change(rec.header)
			for k, v := range rec.header {
				w.Header()[k] = v
			}
			w.WriteHeader(rec.status)
			_, _ = w.Write(rec.Bytes())
		})
	}
	all["206 with a wrong range"] = misdeed{spoil: wrongRange(func(h http.Header) {
		h.Set("Content-Range", strings.Replace(h.Get("Content-Range"), "bytes 60", "bytes 59", 1))
	}), fault: FaultRange, text: "bytes from 60 on were asked for"}
	all["206 of another file"] = misdeed{spoil: wrongRange(func(h http.Header) { h.Set("ETag", `"other"`) }), fault: FaultRange, text: "another file than the beginning"}
	all["206 without a range"] = misdeed{spoil: wrongRange(func(h http.Header) { h.Del("Content-Range") }), fault: FaultRange, text: "does not say which"}
	all["no rest, then all"] = misdeed{spoil: once(1, "full", cut(60, false))}
	return all
}

func TestMisbehavingSupplier(t *testing.T) {
	t.Parallel()
	for name, m := range misdeeds() {
		for _, held := range []bool{false, true} {
			if m.fresh && held || m.held && !held {
				continue
			}
			t.Run(fmt.Sprintf("%s/copy=%v", name, held), func(t *testing.T) {
				t.Parallel()
				s := newSupplier(t)
				s.plain = m.plain
				s.publish(products(80, "a"), true)
				c, dir := s.mirror(Options{Stall: 100 * time.Millisecond, Attempts: 3})
				if strings.Contains(name, "slow") {
					c.opt.Attempts = 2
				} else {
					c.opt.Stall = time.Minute
				}
				before := int64(0)
				if held {
					sync1(t, c)
					before = s.sequence
				}
				s.publish(s.now.with("3", "<a/>"), false)
				s.publish(s.now.with("4", "<b/>").with("90", "<c/>"), false)
				s.publish(s.now.with("5", ""), false)
				want := s.sequence
				if m.edit != nil {
					m.edit(s)
				}
				if m.spoil != nil {
					// The spoiler's own memory is of one run.
					s.setSpoil(misdeeds()[name].spoil)
				}
				_, err := c.Sync(t.Context())
				if m.fault == "" {
					if err != nil {
						t.Fatalf("got %v, want none", err)
					}
					s.wantHeld(dir, want)
				} else {
					var e *Error
					if !errors.As(err, &e) || e.Fault != m.fault || !strings.Contains(err.Error(), m.text) {
						t.Errorf("got %q: %v, want %q with %q", FaultOf(err), err, m.fault, m.text)
					}
					if k := feed.KindOf(err); k != feed.KindInvalid && k != feed.KindConflict && k != feed.KindUnavailable {
						t.Errorf("got kind %d of %v", k, err)
					}
					if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "127.0.0.1:")) && !strings.Contains(err.Error(), "read tcp") {
						t.Errorf("the error tells the address: %v", err)
					}
					s.wantHeld(dir, before)
				}
				// Once the supplier behaves, everything is well again.
				s.setSpoil(nil)
				s.edit(func(l []entry) []entry {
					return slices.DeleteFunc(l, func(e entry) bool { return e.Kind == "full_change" })
				})
				s.mu.Lock()
				s.at, s.sequence = noon.Add(30*time.Minute), 100
				s.mu.Unlock()
				s.publish(products(80, "b"), true)
				sync1(t, c)
				s.wantHeld(dir, s.sequence)
			})
		}
	}
}

// A break in the middle costs no more than what was not there yet.
func TestResume(t *testing.T) {
	t.Parallel()
	for _, zip := range []bool{false, true} {
		s := newSupplier(t)
		s.zip = zip
		s.publish(products(20_000, "a"), true)
		c, dir := s.mirror(Options{Attempts: 2})
		var ranges []string
		// It breaks each time after a step, and each time a step is progress enough.
		s.setSpoil(on("full", func(w http.ResponseWriter, r *http.Request, body []byte) {
			ranges = append(ranges, r.Header.Get("Range"))
			if zip {
				w.Header().Set("Content-Encoding", "gzip")
				cut(70_000, false)(w, r, zipped(body))
				return
			}
			cut(progress, false)(w, r, body)
		}))
		if zip {
			c.opt.Attempts = 10
		}
		sync1(t, c)
		s.wantHeld(dir, s.sequence)
		if len(ranges) < 2 || ranges[0] != "" || !strings.HasPrefix(ranges[1], "bytes=") {
			t.Errorf("gzip %v: got ranges %q", zip, ranges)
		}
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	s := newSupplier(t)
	var waits []time.Duration
	c, _ := s.mirror(Options{Backoff: time.Second, Attempts: 9, Sleep: func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		return nil
	}})
	s.setSpoil(on("gateway", func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusBadGateway) }))
	if _, err := c.Sync(t.Context()); FaultOf(err) != FaultStatus || feed.KindOf(err) != feed.KindUnavailable {
		t.Errorf("got %v", err)
	}
	want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}
	for i := range want {
		want[i] *= time.Second
	}
	if !slices.Equal(waits, want) {
		t.Errorf("waited %v, want %v", waits, want)
	}
	stop := errors.New("stop")
	c.opt.Sleep = func(context.Context, time.Duration) error { return stop }
	if _, err := c.Sync(t.Context()); !errors.Is(err, stop) || !strings.Contains(err.Error(), "status 502") {
		t.Errorf("got %v, want %v and what it was that made a pause necessary", err, stop)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.setSpoil(on("gateway", func(w http.ResponseWriter, r *http.Request, _ []byte) {
		w.Write([]byte("<provider"))
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	}))
	if _, err := c.Sync(ctx); !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "gateway.xml, after ") {
		t.Errorf("got %v, want %v and how far it had come", err, context.Canceled)
	}
}

// Whoever follows a hint must be able to do what it says.
func TestHintOfRedirect(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{"gateway": "the address of the gateway", "full": "name in his gateway"} {
		s := newSupplier(t)
		s.publish(products(20, "a"), true)
		c, _ := s.mirror(Options{})
		s.setSpoil(on(prefix, func(w http.ResponseWriter, r *http.Request, _ []byte) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}))
		if _, err := c.Sync(t.Context()); FaultOf(err) != FaultRedirect || !strings.Contains(feed.HintOf(err), want) {
			t.Errorf("%s: got %v with the hint %q, want one of %q", prefix, err, feed.HintOf(err), want)
		}
	}
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	s := newSupplier(t)
	s.publish(products(80, "a"), true)
	c, dir := s.mirror(Options{MaxLoss: 100, AllowExpired: true, AllowOlder: true, Authorize: func(r *http.Request) { r.SetBasicAuth("a", "b") }})
	sync1(t, c)
	s.publish(catalog{}, true)
	s.edit(func(l []entry) []entry { return l })
	sync1(t, c)
	s.wantHeld(dir, s.sequence)
	// Hashes that are none, and none at all.
	s = newSupplier(t)
	s.plain = true
	s.publish(products(80, "a"), true)
	s.edit(func(l []entry) []entry {
		for i := range l {
			l[i].MD5 = strings.Repeat("ab", 16)
		}
		return l
	})
	c, dir = s.mirror(Options{Unhashed: true})
	sync1(t, c)
	s.wantHeld(dir, s.sequence)
	if _, err := s.reopen(dir+"2", Options{}).Sync(t.Context()); FaultOf(err) != FaultHash {
		t.Errorf("got %v, want a wrong hash", err)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	s := newSupplier(t)
	c, dir := s.mirror(Options{Attempts: 2})
	s.server.Close()
	if _, err := c.Sync(t.Context()); FaultOf(err) != FaultUnreachable || feed.KindOf(err) != feed.KindUnavailable || strings.Contains(err.Error(), "/o/secret") {
		t.Errorf("got %v", err)
	}
	s.wantHeld(dir, 0)
}
