package consumer

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/feed/patch"
)

// catalog is what a supplier sells: product id to the body of its node.
type catalog map[string]string

// products makes a catalog of products 1 to n in one version.
func products(n int, version string) catalog {
	c := catalog{}
	for i := range n {
		c[fmt.Sprint(i+1)] = fmt.Sprintf("<description><name>product %d, %s</name></description>", i+1, version)
	}
	return c
}

func (c catalog) with(id, body string) catalog {
	next := maps.Clone(c)
	if next[id] = body; body == "" {
		delete(next, id)
	}
	return next
}

func (c catalog) doc(stamp time.Time, nodes func(id string) string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<offer file_format="IOF" version="3.0" extensions="yes" generated="%s">`+"\n"+`<products currency="PLN" language="pol">`+"\n", stamp.Format(time.DateTime))
	for _, id := range slices.SortedFunc(maps.Keys(c), patch.CompareID) {
		b.WriteString(nodes(id) + "\n")
	}
	b.WriteString("</products></offer>\n")
	return b.Bytes()
}

func (c catalog) node(id string) string { return `<product id="` + id + `">` + c[id] + `</product>` }

func (c catalog) full(stamp time.Time) []byte { return c.doc(stamp, c.node) }

func (c catalog) light(stamp time.Time) []byte {
	return c.doc(stamp, func(id string) string {
		return fmt.Sprintf(`<product id="%s"><price gross="%d.00"/></product>`, id, len(c[id]))
	})
}

// change gives the change document from c to next and its number of nodes.
func (c catalog) change(next catalog, stamp time.Time) ([]byte, int) {
	differ := catalog{}
	for id := range c {
		if next[id] != c[id] {
			differ[id] = next[id]
		}
	}
	for id := range next {
		if _, had := c[id]; !had {
			differ[id] = next[id]
		}
	}
	return differ.doc(stamp, func(id string) string {
		if differ[id] == "" {
			return `<product id="` + id + `" removed="yes"/>`
		}
		return differ.node(id)
	}), len(differ)
}

// entry is a file of the manifest.
type entry struct {
	Kind       string `json:"kind"`
	URL        string `json:"url"`
	Size       int    `json:"size"`
	MD5        string `json:"md5"`
	SHA256     string `json:"sha256"`
	Label      string `json:"label,omitempty"`
	Generation int64  `json:"generation"`
	Products   int    `json:"products"`
	Base       int64  `json:"base,omitempty"`
	Target     int64  `json:"target,omitempty"`
	GzipSize   int    `json:"gzip_size,omitempty"`

	changed time.Time
}

// supplier publishes generations and serves them, well or badly.
type supplier struct {
	t      *testing.T
	server *httptest.Server
	mu     sync.Mutex
	plain  bool // no manifest
	zip    bool
	files  map[string][]byte // by address below /o/secret/
	// what is published now
	sequence, epoch int64
	now             catalog
	at              time.Time
	entries         []entry
	gatewayDoc      []byte
	manifestDoc     []byte
	copies          map[int64]map[string]string // the right local copy of each state, by name the SHA-256
	// spoil, when set, may answer in the supplier's place.
	spoil func(w http.ResponseWriter, r *http.Request, name string, body []byte) bool
	asked []string
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func newSupplier(t *testing.T) *supplier {
	s := &supplier{t: t, files: map[string][]byte{}, epoch: 1, at: noon, now: catalog{}, copies: map[int64]map[string]string{}}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

func (s *supplier) gateway() string { return s.server.URL + "/o/secret/gateway.xml" }

// publish makes the next state: a change file where there was a full one, a
// full file at first and when asked for.
func (s *supplier) publish(next catalog, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := len(s.entries) == 0
	s.sequence += 2
	s.at = s.at.Add(time.Minute)
	number := s.sequence
	var list []entry
	have := int64(0)
	for _, e := range s.entries {
		switch {
		case e.Kind == "full_change":
			list = append(list, e)
			have = max(have, e.Target)
		case e.Kind == "full" && !first:
			if !full {
				list = append(list, e)
			}
			have = max(have, e.Generation)
		}
	}
	change, n := s.now.change(next, s.at)
	if !first && n > 0 {
		label := s.at.Format("2006-01-02T15-04-05")
		e := s.put("full_change", "full_change"+label+".xml", number, change, n)
		e.Label, e.Base, e.Target = label, have, number
		list = append(list, e)
	}
	if first || full {
		list = append(list, s.put("full", "full.xml", number, next.full(s.at), len(next)))
	}
	list = append(list, s.put("light", "light.xml", number+1, next.light(s.at), len(next)))
	for _, kind := range []string{"categories", "sizes"} {
		doc := fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?><%s file_format="IOF" version="3.0" language="pol"><!-- of a catalog of this many hundred products: %d --></%s>`, kind, len(next)/100, kind)
		list = append(list, s.put(kind, kind+".xml", 1, doc, 0))
	}
	s.sequence++
	s.entries, s.now = list, next
	s.describe()
	hash := func(b []byte) string {
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:])
	}
	copied := map[string]string{"light.xml": hash(next.light(s.at)), "full.xml": hash(next.full(s.at))}
	for _, e := range list {
		if e.Kind == "categories" || e.Kind == "sizes" {
			copied[e.Kind+".xml"] = e.SHA256
		}
	}
	s.copies[s.sequence] = copied
}

func (s *supplier) put(kind, name string, number int64, body []byte, n int) entry {
	m, h := md5.Sum(body), sha256.Sum256(body)
	address := fmt.Sprintf("%d/%s", number, name)
	s.files[address] = body
	e := entry{Kind: kind, URL: s.server.URL + "/o/secret/" + address, Size: len(body), MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(h[:]), Generation: number, Products: n, changed: s.at}
	if s.zip {
		e.GzipSize = len(zipped(body))
	}
	return e
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// describe writes gateway and manifest, changes newest first.
func (s *supplier) describe() {
	var b, changes, rest bytes.Buffer
	for _, e := range slices.Backward(s.entries) {
		tag := fmt.Sprintf(`<%%s url="%s" hash="%s" changed="%s"`, e.URL, e.MD5, e.changed.Format(time.DateTime))
		switch e.Kind {
		case "full_change":
			fmt.Fprintf(&changes, tag+"/>", "change")
		case "full":
		default:
			fmt.Fprintf(&rest, tag+"/>", e.Kind)
		}
	}
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><provider_description file_format="IOF" version="3.0" generated="%s"><meta><time><offer created="%s"/><offer expires="%s"/></time></meta>`,
		s.at.Format(time.DateTime), s.at.Format(time.DateTime), s.at.Add(7*24*time.Hour).Format(time.DateTime))
	for _, e := range s.entries {
		if e.Kind == "full" {
			fmt.Fprintf(&b, `<full url="%s" hash="%s" changed="%s"><changes>%s</changes></full>`, e.URL, e.MD5, e.changed.Format(time.DateTime), &changes)
		}
	}
	fmt.Fprintf(&b, "%s</provider_description>", &rest)
	s.gatewayDoc = b.Bytes()
	s.manifestDoc, _ = json.Marshal(map[string]any{"format": manifestFormat, "sequence": s.sequence, "epoch": s.epoch, "expires": s.at.Add(7 * 24 * time.Hour), "files": s.entries})
}

// edit changes the list of files and writes gateway and manifest anew.
func (s *supplier) edit(fn func(list []entry) []entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = fn(s.entries)
	s.describe()
}

func (s *supplier) setSpoil(fn func(w http.ResponseWriter, r *http.Request, name string, body []byte) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoil = fn
}

// ServeHTTP implements http.Handler.
func (s *supplier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	address := strings.TrimPrefix(r.URL.Path, "/o/secret/")
	s.mu.Lock()
	name := path.Base(address)
	s.asked = append(s.asked, name)
	body, ok := s.files[address]
	switch {
	case address == gatewayName:
		body, ok = s.gatewayDoc, true
	case address == manifestName && !s.plain:
		body, ok = s.manifestDoc, true
	}
	spoil, zip := s.spoil, s.zip
	s.mu.Unlock()
	if spoil != nil && spoil(w, r, name, body) {
		return
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	serve(w, r, body, zip && strings.HasPrefix(r.Header.Get("Accept-Encoding"), "gzip"))
}

// serve answers as a good server does.
func serve(w http.ResponseWriter, r *http.Request, body []byte, zip bool) {
	if zip {
		body = zipped(body)
		w.Header().Set("Content-Encoding", "gzip")
	}
	sum := sha256.Sum256(body)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// mirrored is a supplier of n products and a consumer who has them all.
func mirrored(t *testing.T, n int) (s *supplier, c *Consumer, dir string) {
	t.Helper()
	s = newSupplier(t)
	s.publish(products(n, "a"), true)
	c, dir = s.mirror(Options{})
	sync1(t, c)
	return s, c, dir
}

// mirror is a consumer of the supplier in a folder of its own.
func (s *supplier) mirror(opt Options) (*Consumer, string) {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "offer")
	return s.reopen(dir, opt), dir
}

func (s *supplier) reopen(dir string, opt Options) *Consumer {
	s.t.Helper()
	if opt.Now == nil {
		opt.Now = func() time.Time { return noon.Add(time.Hour) }
	}
	if opt.Sleep == nil {
		opt.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	c, err := New(s.gateway(), dir, opt)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := c.Close(); err != nil && !strings.Contains(err.Error(), "already closed") {
			s.t.Errorf("close: %v", err)
		}
	})
	return c
}

// holds says which of the supplier's states the folder holds, whole; -1 when
// none of them.
func (s *supplier) holds(dir string) (sequence int64, why string) {
	list, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return 0, ""
	}
	found := map[string]string{}
	for _, e := range list {
		if e.Name() == stateName {
			continue
		}
		sum, err := hashFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return -1, err.Error()
		}
		found[e.Name()] = sum
	}
	data, err := os.ReadFile(filepath.Join(dir, stateName))
	if err != nil {
		return -1, err.Error()
	}
	var st State
	if err := json.Unmarshal(data, &st); err != nil {
		return -1, err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for sequence, want := range s.copies {
		if maps.Equal(found, want) && (st.Sequence == sequence || s.plain) {
			for name, f := range st.Files {
				if f.SHA256 != want[name] {
					return -1, "state.json does not know " + name
				}
			}
			return sequence, ""
		}
	}
	return -1, fmt.Sprintf("it holds %v", slices.Sorted(maps.Keys(found)))
}

func (s *supplier) wantHeld(dir string, want int64) {
	s.t.Helper()
	if got, why := s.holds(dir); got != want {
		s.t.Fatalf("the folder holds state %d, want %d; %s", got, want, why)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*.next-*"))
	if err != nil || len(left) > 0 {
		s.t.Errorf("left beside the folder: %v, %v", left, err)
	}
}

// names gives what was asked for since the last call.
func (s *supplier) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.asked
	s.asked = nil
	return list
}
