package download

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// etagOf gives the strong entity tag of bytes with this SHA-256. Plain and
// compressed bytes differ and so do their tags.
func etagOf(sum [32]byte) string { return `"` + hex.EncodeToString(sum[:]) + `"` }

// reprDigest gives the digest of the chosen representation (RFC 9530).
func reprDigest(sum [32]byte) string {
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

func httpTime(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

// precondition evaluates the conditional headers in the order of RFC 9110
// (13.2.2) and gives 0, 304 or 412. Dates are compared for equality: an offer
// that is moved to another feed may show an older file than before.
func precondition(r *http.Request, etag, modified string) int {
	h := r.Header
	if values := h.Values("If-Match"); len(values) > 0 {
		if !matchesETag(values, etag, false) {
			return http.StatusPreconditionFailed
		}
	} else if v := h.Get("If-Unmodified-Since"); v != "" && isHTTPDate(v) && modified != "" && !sameDate(v, modified) {
		return http.StatusPreconditionFailed
	}
	if values := h.Values("If-None-Match"); len(values) > 0 {
		if matchesETag(values, etag, true) {
			return http.StatusNotModified
		}
	} else if v := h.Get("If-Modified-Since"); v != "" && modified != "" && sameDate(v, modified) {
		return http.StatusNotModified
	}
	return 0
}

// matchesETag says whether a list of entity tags names ours. weak admits tags
// marked as weak, as If-None-Match does.
func matchesETag(values []string, etag string, weak bool) bool {
	for _, v := range values {
		for rest := v; ; {
			rest = strings.TrimLeft(rest, " \t,")
			if rest == "" {
				break
			}
			if rest[0] == '*' {
				return true
			}
			tag := rest
			isWeak := strings.HasPrefix(tag, "W/")
			if isWeak {
				tag = tag[2:]
			}
			if len(tag) < 2 || tag[0] != '"' {
				break // not a tag: what follows cannot be read either
			}
			end := strings.IndexByte(tag[1:], '"')
			if end < 0 {
				break
			}
			if tag[:end+2] == etag && (weak || !isWeak) {
				return true
			}
			rest = tag[end+2:]
		}
	}
	return false
}

func isHTTPDate(v string) bool {
	_, err := http.ParseTime(v)
	return err == nil
}

// sameDate compares a date of a request, in any of HTTP's spellings, with ours.
func sameDate(v, modified string) bool {
	if v == modified {
		return true
	}
	t, err := http.ParseTime(v)
	return err == nil && httpTime(t) == modified
}

// rangeApplies evaluates If-Range: only bytes of exactly this representation
// continue what the client has.
func rangeApplies(r *http.Request, etag, modified string) bool {
	v := r.Header.Get("If-Range")
	switch {
	case v == "":
		return true
	case strings.HasPrefix(v, `"`):
		return v == etag
	case strings.HasPrefix(v, "W/"):
		return false
	}
	return v == modified
}

// rangeGuarded says whether a request whose preconditions hold has told which
// bytes it goes on with.
func rangeGuarded(r *http.Request) bool {
	if r.Header.Get("If-Range") != "" {
		return true
	}
	match := r.Header.Values("If-Match")
	return len(match) > 0 && !strings.Contains(strings.Join(match, ","), "*")
}

// asksForRest says whether a request for a document that is sent whole goes on
// with one that it does not name.
func asksForRest(r *http.Request) bool {
	if r.Method != http.MethodGet || rangeGuarded(r) {
		return false
	}
	from, _, result := parseRange(r.Header.Values("Range"), 1<<62)
	return result == rangeOutside || result == rangeOne && from > 0
}

type rangeResult uint8

const (
	rangeNone    rangeResult = iota // send everything
	rangeOne                        // send from..to
	rangeOutside                    // 416
)

// parseRange reads a Range header for size bytes; the range is [from, to).
// Several ranges, and anything that is no range of bytes, are answered with
// everything, as the RFC allows: nobody who reads feeds asks for pieces.
func parseRange(values []string, size int64) (from, to int64, result rangeResult) {
	if len(values) != 1 {
		return 0, 0, rangeNone
	}
	spec, ok := strings.CutPrefix(values[0], "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return 0, 0, rangeNone
	}
	if first == "" { // the last so many bytes
		n, ok := parseOffset(last)
		switch {
		case !ok:
			return 0, 0, rangeNone
		case n == 0 || size == 0:
			return 0, 0, rangeOutside
		}
		return max(size-n, 0), size, rangeOne
	}
	a, ok := parseOffset(first)
	if !ok {
		return 0, 0, rangeNone
	}
	b := size - 1
	if last != "" {
		if b, ok = parseOffset(last); !ok || b < a {
			return 0, 0, rangeNone
		}
		b = min(b, size-1)
	}
	if a >= size {
		return 0, 0, rangeOutside
	}
	return a, b + 1, rangeOne
}

// parseOffset reads digits; numbers too large to be told apart are the largest.
func parseOffset(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 1<<63 - 2, true
	}
	return min(n, 1<<63-2), true
}

// acceptsGzip says whether a request asks for gzip by name and does not prefer
// the plain form. "*" alone does not ask: importers exist that send it and
// cannot inflate (CONSUMERS 19).
func acceptsGzip(h http.Header) bool {
	gzip, identity, star := -1, -1, -1
	for _, v := range h.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(v, ",") {
			coding, params, _ := strings.Cut(part, ";")
			q := quality(params)
			switch strings.ToLower(strings.TrimSpace(coding)) {
			case "gzip", "x-gzip":
				gzip = max(gzip, q)
			case "identity":
				identity = max(identity, q)
			case "*":
				star = max(star, q)
			}
		}
	}
	if identity < 0 && star == 0 {
		identity = 0
	}
	return gzip > 0 && gzip >= identity
}

// quality reads a q-value in thousandths; none is 1, and one that cannot be
// read is 0: what is not clearly asked for is not sent.
func quality(params string) int {
	for p := range strings.SplitSeq(params, ";") {
		name, value, ok := strings.Cut(p, "=")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(f >= 0 && f <= 1) {
			return 0
		}
		return int(f * 1000)
	}
	return 1000
}
