package download

import (
	"context"
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
	number, ok := parseNumber(vars["generation"])
	kind, label, named := feed.ParseFileName(vars["file"])
	if ok = ok && named && kind != feed.KindGateway; ok {
		c.file = fileName{kind, label, number}
	}
	if !c.open(vars["link"]) {
		return
	}
	if !ok || !c.entry.offer.Files.Has(kind) {
		c.notFound(whyFile)
		return
	}
	if f := c.listed(number, kind, label); f != nil {
		c.sendFile(f, f.Changed)
		return
	}
	// Not listed now, but perhaps in a gateway that was handed out lately.
	f, found, err := s.records.FileByAddress(context.WithoutCancel(c.r.Context()), c.entry.offer.Merchant, c.entry.offer.ID, number, kind, label)
	switch {
	case err != nil:
		c.unavailable(whyRecords, err)
	case !found:
		c.notFound(whyFile)
	default:
		c.sendFile(&f, f.Changed)
	}
}

// servePresent answers /o/{link}/{file}.
func (s *Server) servePresent(c *call) {
	vars := mux.Vars(c.r)
	kind, label, ok := feed.ParseFileName(vars["file"])
	if ok {
		c.file = fileName{kind: kind, label: label}
	}
	if !c.open(vars["link"]) {
		return
	}
	if !ok {
		c.notFound(whyFile)
		return
	}
	c.present(kind, label)
}

// maxEdiQuery bounds the query of IdoSell's address, in bytes.
const maxEdiQuery = 2000

// ediGateway says whether a request for IdoSell's address is one for a gateway.
func ediGateway(r *http.Request) bool {
	return len(r.URL.RawQuery) <= maxEdiQuery && strings.Contains(r.URL.RawQuery, "type=gateway")
}

// serveEdi answers IdoSell's address.
func (s *Server) serveEdi(c *call) {
	if len(c.r.URL.RawQuery) > maxEdiQuery {
		c.notFound(whyMalformed)
		return
	}
	q, err := url.ParseQuery(strings.ReplaceAll(c.r.URL.RawQuery, "&amp;", "&"))
	if err != nil {
		c.notFound(whyMalformed)
		return
	}
	for name, values := range q {
		// Another version's importer must not be given files it cannot read,
		// and of two values nobody knows which one is meant.
		if len(values) > 1 || strings.HasPrefix(name, "iof_") && name != "iof_3_0" {
			c.notFound(whyMalformed)
			return
		}
	}
	name := q.Get("type") + ".xml"
	format := q.Get("format")
	if format == "csv" {
		name = q.Get("type") + ".csv"
	}
	kind, label, ok := feed.ParseFileName(name)
	if ok = ok && (format == "csv" || format == "xml" || format == ""); ok {
		c.file = fileName{kind: kind, label: label}
	}
	token := q.Get("token")
	if !c.openSecret(token, token) {
		return
	}
	if shop := q.Get("shop"); !ok || shop != "" && shop != strconv.Itoa(int(c.entry.shop.Number)) {
		c.notFound(whyFile)
		return
	}
	c.present(kind, label)
}

// present answers with the present file of a kind.
func (c *call) present(kind feed.Kind, label string) {
	c.moving = true
	if kind == feed.KindGateway {
		c.gatewayDocument()
		return
	}
	if !c.entry.offer.Files.Has(kind) {
		c.notFound(whyFile)
		return
	}
	g, since := c.dir.present(c.feeds(kind))
	if g == nil {
		c.unavailable(whyUnpublished, nil)
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
	c.notFound(whyFile)
}

// feeds gives the feeds that files of a kind come from.
func (c *call) feeds(kind feed.Kind) []attached {
	if kind == feed.KindLight || kind == feed.KindLightCSV {
		return c.entry.light
	}
	return c.entry.full
}

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
	c.file = fileName{f.Kind, f.Label, f.Generation}
	compressed := !f.Gzip.IsZero() && acceptsGzip(c.r.Header)
	if compressed {
		blob = &f.Gzip
	}
	// Names in their canonical form: a client that has the file already costs
	// little more than this.
	h := c.w.Header()
	tag, modified := etagOf(blob.SHA256), httpTime(changed)
	h["Vary"] = headerVary
	h["Cache-Control"] = headerPrivate
	h["Accept-Ranges"] = headerBytes
	h["Etag"] = []string{tag}
	h["Last-Modified"] = []string{modified}
	c.describe(f)
	if status := precondition(c.r, tag, modified); status != 0 {
		c.empty(status)
		return
	}
	h["Content-Type"] = []string{f.Kind.ContentType()}
	// A proxy that takes in more than it has passed on goes on with what it has
	// when the download is cut.
	h["X-Accel-Buffering"] = headerNo
	h["Repr-Digest"] = []string{reprDigest(blob.SHA256)}
	if compressed {
		h["Content-Encoding"] = headerGzip
	}
	from, to := int64(0), blob.Size
	status := http.StatusOK
	if c.r.Method == http.MethodGet && rangeApplies(c.r, tag, modified) {
		a, b, r := parseRange(c.r.Header.Values("Range"), blob.Size)
		if c.moving && (r == rangeOne && a > 0 || r == rangeOutside && blob.Size > 0) && !rangeGuarded(c.r) {
			c.bareRange()
			return
		}
		switch r {
		case rangeOne:
			from, to, status = a, b, http.StatusPartialContent
			c.rest = to == blob.Size && !strings.HasPrefix(c.r.Header.Get("Range"), "bytes=-")
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
