package download

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// serveGateway answers /o/{link}/gateway.xml.
func (s *Server) serveGateway(c *call) {
	if c.open(mux.Vars(c.r)["link"]) {
		c.gatewayDocument()
	}
}

// gatewayDocument answers with the gateway of the offer's present generations.
// Its times are theirs and the link alone is filled in, so one generation and
// link have one gateway, byte for byte.
func (c *call) gatewayDocument() {
	full, light, ok := c.generations()
	if !ok {
		return
	}
	m := c.entry.merchant
	b := publish.AppendGateway(nil, publish.Gateway{
		Supplier: m.Supplier, Full: full, Light: light, URL: c.address(),
		Dialect: c.entry.offer.Profile.Dialect, GeneratedBy: c.s.opt.GeneratedBy, Zone: m.Zone(),
	})
	c.sendDocument(b, feed.KindGateway.ContentType())
}

// serveManifest answers /o/{link}/manifest.json.
func (s *Server) serveManifest(c *call) {
	if !c.open(mux.Vars(c.r)["link"]) {
		return
	}
	full, light, ok := c.generations()
	if !ok {
		return
	}
	b, err := json.MarshalIndent(publish.NewManifest(full, light, c.address()), "", " ")
	if err != nil {
		c.unavailable("write manifest: " + err.Error())
		return
	}
	c.sendDocument(append(b, '\n'), "application/json")
}

// generations gives what the offer shows now, with the files that it lists, or
// answers and gives false.
func (c *call) generations() (full, light *publish.Generation, ok bool) {
	full, _ = c.dir.present(c.entry.full)
	light, _ = c.dir.present(c.entry.light)
	if full == nil || light == nil {
		c.unpublished()
		return nil, nil, false
	}
	return c.listing(full), c.listing(light), true
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

// address gives the function that completes addresses of the offer's files.
func (c *call) address() func(*publish.File) string {
	base := c.entry.merchant.BaseURL
	if base == "" {
		base = c.s.opt.PublicURL
	}
	if base == "" {
		scheme := "http://"
		if c.r.TLS != nil {
			scheme = "https://"
		}
		base = scheme + hostOf(c.r)
	}
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

// sendDocument answers with a document that is made on request. It has no
// Last-Modified: two generations of two feeds may bear the same second, so only
// the entity tag tells documents apart.
func (c *call) sendDocument(b []byte, contentType string) {
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "private, no-store")
	h.Set("ETag", etagOf(sha256.Sum256(b)))
	switch precondition(c.r, h.Get("ETag"), "") {
	case http.StatusNotModified:
		c.empty(http.StatusNotModified)
		return
	case http.StatusPreconditionFailed:
		c.empty(http.StatusPreconditionFailed)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return
	}
	if _, err := c.w.Write(b); err != nil {
		c.why = "broken off: " + err.Error()
		panic(http.ErrAbortHandler)
	}
}
