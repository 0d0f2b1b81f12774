package download

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/gorilla/mux"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// serveGateway answers /o/{link}/gateway.xml.
func (s *Server) serveGateway(c *call) {
	c.file.kind = feed.KindGateway
	if c.open(mux.Vars(c.r)["link"]) {
		c.gatewayDocument()
	}
}

// gatewayDocument answers with the gateway of the offer's present generations.
// Its times are theirs and the link alone is filled in, so one generation and
// link have one gateway, byte for byte.
func (c *call) gatewayDocument() {
	c.document(feed.KindGateway.ContentType(), false, func(full, light *publish.Generation, url func(*publish.File) string) ([]byte, error) {
		m := c.entry.merchant
		return publish.AppendGateway(nil, publish.Gateway{
			Supplier: m.Supplier, Full: full, Light: light, URL: url,
			Dialect: c.entry.offer.Profile.Dialect, GeneratedBy: c.s.opt.GeneratedBy, Zone: m.Zone(),
		}), nil
	})
}

// serveManifest answers /o/{link}/manifest.json.
func (s *Server) serveManifest(c *call) {
	c.file.kind = feed.KindGateway
	if !c.open(mux.Vars(c.r)["link"]) {
		return
	}
	c.document("application/json", true, func(full, light *publish.Generation, url func(*publish.File) string) ([]byte, error) {
		b, err := json.MarshalIndent(publish.NewManifest(full, light, url), "", " ")
		return append(b, '\n'), err
	})
}

// document answers with a document that is made on request from what the offer
// shows now. It has no Last-Modified: two generations of two feeds may bear the
// same second, so only the entity tag tells documents apart. The tag is
// remembered, so that who has the document already is told so without making it.
func (c *call) document(contentType string, manifest bool, make func(full, light *publish.Generation, url func(*publish.File) string) ([]byte, error)) {
	full, _ := c.dir.present(c.entry.full)
	light, _ := c.dir.present(c.entry.light)
	if full == nil || light == nil {
		c.unavailable(whyUnpublished, nil)
		return
	}
	c.file.generation = full.Number
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "private, no-store, no-transform")
	base := c.base()
	key := documentKey{link: c.link, hidden: c.segment == "-", manifest: manifest, base: base, full: full.Number, light: light.Number, accounts: c.dir.version.Accounts}
	var doc []byte
	tag, known := c.s.tags.get(key)
	if !known {
		var err error
		if doc, err = make(c.listing(full), c.listing(light), c.address(base)); err != nil {
			clearBody(h)
			c.unavailable(whyInternalError, err)
			return
		}
		tag = etagOf(sha256.Sum256(doc))
		c.s.tags.put(key, tag)
	}
	h.Set("ETag", tag)
	if status := precondition(c.r, tag, ""); status != 0 {
		c.empty(status)
		return
	}
	if asksForRest(c.r) {
		c.bareRange()
		return
	}
	if known {
		var err error
		if doc, err = make(c.listing(full), c.listing(light), c.address(base)); err != nil {
			clearBody(h)
			c.unavailable(whyInternalError, err)
			return
		}
	}
	c.sendDocument(doc)
}

// documentKey is all that the bytes of a document depend on.
type documentKey struct {
	link                  partner.LinkID
	hidden, manifest      bool
	base                  string
	full, light, accounts int64
}

// documentTags remembers the entity tags of documents.
type documentTags struct {
	mu  sync.RWMutex
	all map[documentKey]string
}

// maxTags bounds the memory for tags: some 250 bytes each.
const maxTags = 50_000

func (t *documentTags) get(k documentKey) (string, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	tag, ok := t.all[k]
	return tag, ok
}

func (t *documentTags) put(k documentKey, tag string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil || len(t.all) >= maxTags {
		t.all = map[documentKey]string{}
	}
	t.all[k] = tag
}

// listing gives a copy of a generation without the kinds that the offer leaves out.
func (c *call) listing(g *publish.Generation) *publish.Generation {
	if c.entry.offer.Files == 0 {
		return g
	}
	copied := *g
	copied.Files = make([]publish.File, 0, len(g.Files))
	for _, f := range g.Files {
		if c.entry.offer.Files.Has(f.Kind) {
			copied.Files = append(copied.Files, f)
		}
	}
	return &copied
}

// base gives what addresses of the answer begin with.
func (c *call) base() string {
	switch {
	case c.entry.merchant.BaseURL != "":
		return c.entry.merchant.BaseURL
	case c.s.opt.PublicURL != "":
		return c.s.opt.PublicURL
	case c.r.TLS != nil:
		return "https://" + hostOf(c.r)
	}
	return "http://" + hostOf(c.r)
}

// address gives the function that completes addresses of the offer's files.
func (c *call) address(base string) func(*publish.File) string {
	base += "/o/" + c.segment + "/"
	return func(f *publish.File) string { return base + f.Address() }
}

// hostOf gives the host that the request names, as far as it looks like one.
func hostOf(r *http.Request) string {
	for i := range len(r.Host) {
		c := r.Host[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(".-:[]", rune(c)) {
			return "localhost"
		}
	}
	if r.Host == "" {
		return "localhost"
	}
	return r.Host
}

// sendDocument answers with a document whose headers are set.
func (c *call) sendDocument(b []byte) {
	c.w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return
	}
	if _, err := c.w.Write(b); err != nil {
		c.why, c.detail, c.broken = whyBroken, err.Error(), true
		panic(http.ErrAbortHandler)
	}
}
