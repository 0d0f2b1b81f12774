package download

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// serveAddress answers /o/{link}/{generation}/{file}: bytes that never change.
func (s *Server) serveAddress(c *call) {
	vars := mux.Vars(c.r)
	if !c.open(vars["link"]) {
		return
	}
	number, ok := parseNumber(vars["generation"])
	kind, label, named := feed.ParseFileName(vars["file"])
	if !ok || !named || kind == feed.KindGateway || !c.entry.offer.Files.Has(kind) {
		c.notFound("no such file")
		return
	}
	if f := c.listed(number, kind, label); f != nil {
		c.sendFile(f, f.Changed)
		return
	}
	// Not listed now, but perhaps in a gateway that was handed out lately.
	f, found, err := s.records.FileByAddress(c.r.Context(), c.entry.offer.Merchant, c.entry.offer.ID, number, kind, label)
	switch {
	case err != nil:
		c.unavailable("find file: " + err.Error())
	case !found:
		c.notFound("no such file")
	default:
		c.sendFile(&f, f.Changed)
	}
}

// servePresent answers /o/{link}/{file}.
func (s *Server) servePresent(c *call) {
	vars := mux.Vars(c.r)
	if !c.open(vars["link"]) {
		return
	}
	kind, label, ok := feed.ParseFileName(vars["file"])
	if !ok {
		c.notFound("no such file")
		return
	}
	c.present(kind, label)
}

// serveEdi answers IdoSell's address.
func (s *Server) serveEdi(c *call) {
	q, err := url.ParseQuery(strings.ReplaceAll(c.r.URL.RawQuery, "&amp;", "&"))
	if err != nil || len(c.r.URL.RawQuery) > 2000 {
		c.notFound("malformed query")
		return
	}
	for name, values := range q {
		// Another version's importer must not be given files it cannot read,
		// and of two values nobody knows which one is meant.
		if len(values) > 1 || strings.HasPrefix(name, "iof_") && name != "iof_3_0" {
			c.notFound("ambiguous or of another version")
			return
		}
	}
	token := q.Get("token")
	if !c.openSecret(token, token) {
		return
	}
	if shop := q.Get("shop"); shop != "" && shop != strconv.Itoa(int(c.entry.shop.Number)) {
		c.notFound("another shop")
		return
	}
	name := q.Get("type") + ".xml"
	switch q.Get("format") {
	case "csv":
		name = q.Get("type") + ".csv"
	case "", "xml":
	default:
		c.notFound("no such format")
		return
	}
	kind, label, ok := feed.ParseFileName(name)
	if !ok {
		c.notFound("no such type")
		return
	}
	c.present(kind, label)
}

// present answers with the present file of a kind.
func (c *call) present(kind feed.Kind, label string) {
	if kind == feed.KindGateway {
		c.gatewayDocument()
		return
	}
	if !c.entry.offer.Files.Has(kind) {
		c.notFound("no such file")
		return
	}
	g, since := c.dir.present(c.feeds(kind))
	if g == nil {
		c.unpublished()
		return
	}
	for i := range g.Files {
		f := &g.Files[i]
		if f.Kind != kind || f.Label != label {
			continue
		}
		// An offer that was moved to a feed shows a file that may be as old as
		// the one before: the move counts as the change.
		changed := f.Changed
		if kind != feed.KindFullChange && since.After(changed) {
			changed = since
		}
		c.sendFile(f, changed)
		return
	}
	c.notFound("no such file")
}

// feeds gives the feeds that files of a kind come from.
func (c *call) feeds(kind feed.Kind) []attached {
	if kind == feed.KindLight || kind == feed.KindLightCSV {
		return c.entry.light
	}
	return c.entry.full
}

// unpublished answers when nothing has been made yet for a link that is right.
func (c *call) unpublished() { c.unavailable("not published yet") }

// listed gives a file that the present generations list, nil for none.
func (c *call) listed(number int64, kind feed.Kind, label string) *publish.File {
	g, _ := c.dir.present(c.feeds(kind))
	if g == nil {
		return nil
	}
	for i := range g.Files {
		if f := &g.Files[i]; f.Generation == number && f.Kind == kind && f.Label == label {
			return f
		}
	}
	return nil
}

// parseNumber reads a generation number in its one spelling.
func parseNumber(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}

// sendFile answers with a file, whole, in part or not at all, as the request's
// headers ask.
func (c *call) sendFile(f *publish.File, changed time.Time) {
	blob := &f.Plain
	h := c.w.Header()
	h.Set("Vary", "Accept-Encoding")
	if !f.Gzip.IsZero() && acceptsGzip(c.r.Header) {
		blob = &f.Gzip
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", f.Kind.ContentType())
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", etagOf(blob.SHA256))
	h.Set("Repr-Digest", reprDigest(blob.SHA256))
	h.Set("Accept-Ranges", "bytes")
	modified := httpTime(changed)
	h.Set("Last-Modified", modified)

	from, to := int64(0), blob.Size
	switch precondition(c.r, h.Get("ETag"), modified) {
	case http.StatusNotModified:
		c.empty(http.StatusNotModified)
		return
	case http.StatusPreconditionFailed:
		c.empty(http.StatusPreconditionFailed)
		return
	}
	status := http.StatusOK
	if c.r.Method == http.MethodGet && rangeApplies(c.r, h.Get("ETag"), modified) {
		switch a, b, r := parseRange(c.r.Header.Values("Range"), blob.Size); r {
		case rangeOne:
			from, to, status = a, b, http.StatusPartialContent
			h.Set("Content-Range", "bytes "+strconv.FormatInt(a, 10)+"-"+strconv.FormatInt(b-1, 10)+"/"+strconv.FormatInt(blob.Size, 10))
		case rangeOutside:
			h.Set("Content-Range", "bytes */"+strconv.FormatInt(blob.Size, 10))
			c.empty(http.StatusRequestedRangeNotSatisfiable)
			return
		}
	}
	h.Set("Content-Length", strconv.FormatInt(to-from, 10))
	if c.r.Method == http.MethodHead {
		c.w.WriteHeader(http.StatusOK)
		return
	}
	c.sendBlob(blob, from, to, status)
}

// empty answers without a body: what describes one is taken out.
func (c *call) empty(status int) {
	h := c.w.Header()
	drop := []string{"Content-Type", "Content-Encoding", "Repr-Digest"}
	if status != http.StatusNotModified {
		drop = append(drop, "ETag", "Last-Modified")
		h.Set("Content-Length", "0")
		h.Set("Cache-Control", "no-store")
	}
	for _, name := range drop {
		h.Del(name)
	}
	c.w.WriteHeader(status)
}
