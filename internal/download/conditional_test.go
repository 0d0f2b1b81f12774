package download

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header string
		want   bool
	}{
		{"", false}, {"gzip", true}, {"GZIP", true}, {"x-gzip", true}, {"gzip, deflate, br", true}, {"deflate, gzip;q=0.5", true}, {" gzip ; q=0.1 ", true},
		{"identity", false}, {"*", false}, {"*;q=0.5", false}, {"deflate", false}, {"br", false}, {"gzip;q=0", false}, {"gzip;q=0.0", false}, {"gzip;q=0.000", false},
		{"gzip;q=0.5, identity;q=1", false}, {"gzip;q=0.5, identity;q=0.5", true}, {"gzip;q=1, identity;q=0.5", true}, {"identity, gzip", true}, {"identity;q=0, gzip;q=0.001", true},
		{"gzip;q=0.001, *;q=0", true}, {"gzip;q=x", false}, {"gzip;q=-1", false}, {"gzip;q=2", false}, {"gzip;q=", false}, {"gzip;q=NaN", false}, {"gzip;level=9", true},
		{"notgzip", false}, {"gzip2", false}, {";q=1,,,gzip", true}, {"gzip;q=0, gzip;q=0.5", true}, {"\tgzip\t", true},
	} {
		h := http.Header{}
		if c.header != "" {
			h.Set("Accept-Encoding", c.header)
		}
		if got := acceptsGzip(h); got != c.want {
			t.Errorf("acceptsGzip(%q) = %v, want %v", c.header, got, c.want)
		}
	}
	if !acceptsGzip(http.Header{"Accept-Encoding": {"deflate", "gzip"}}) {
		t.Error("the second of two headers is not read")
	}
}

func TestParseRange(t *testing.T) {
	t.Parallel()
	const size = 1000
	for _, c := range []struct {
		header   string
		from, to int64
		result   rangeResult
	}{
		{"bytes=0-0", 0, 1, rangeOne}, {"bytes=0-", 0, 1000, rangeOne}, {"bytes=999-", 999, 1000, rangeOne}, {"bytes=0-999", 0, 1000, rangeOne},
		{"bytes=500-5000", 500, 1000, rangeOne}, {"bytes=-1", 999, 1000, rangeOne}, {"bytes=-1000", 0, 1000, rangeOne}, {"bytes=-99999999999999999999", 0, 1000, rangeOne},
		{"bytes=0-99999999999999999999", 0, 1000, rangeOne}, {"bytes= 5-6 ", 5, 7, rangeOne},
		{"bytes=1000-", 0, 0, rangeOutside}, {"bytes=1000-2000", 0, 0, rangeOutside}, {"bytes=-0", 0, 0, rangeOutside}, {"bytes=99999999999999999999-", 0, 0, rangeOutside},
		{"bytes=9223372036854775807-9223372036854775807", 0, 0, rangeOutside},
		{"bytes=5-4", 0, 0, rangeNone}, {"bytes=", 0, 0, rangeNone}, {"bytes=-", 0, 0, rangeNone}, {"bytes=a-b", 0, 0, rangeNone}, {"bytes=0-1,5-6", 0, 0, rangeNone},
		{"bytes=+1-5", 0, 0, rangeNone}, {"bytes=1--5", 0, 0, rangeNone}, {"bytes=0x1-5", 0, 0, rangeNone}, {"items=0-5", 0, 0, rangeNone}, {"0-5", 0, 0, rangeNone}, {"", 0, 0, rangeNone},
	} {
		if from, to, r := parseRange([]string{c.header}, size); from != c.from || to != c.to || r != c.result {
			t.Errorf("parseRange(%q) = %d, %d, %d, want %d, %d, %d", c.header, from, to, r, c.from, c.to, c.result)
		}
	}
	for _, header := range []string{"bytes=0-0", "bytes=-5", "bytes=0-"} {
		if _, _, r := parseRange([]string{header}, 0); r != rangeOutside {
			t.Errorf("parseRange(%q) of nothing = %d, want outside", header, r)
		}
	}
	if _, _, r := parseRange([]string{"bytes=0-1", "bytes=2-3"}, size); r != rangeNone {
		t.Error("two headers are taken for a range")
	}
}

func FuzzParseRange(f *testing.F) {
	f.Add("bytes=0-5", int64(10))
	f.Add("bytes=-5", int64(3))
	f.Add("bytes=9223372036854775807-", int64(1))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		from, to, r := parseRange([]string{header}, size)
		if r == rangeOne && (from < 0 || from >= to || to > size) || r != rangeOne && (from != 0 || to != 0) {
			t.Errorf("parseRange(%q, %d) = %d, %d, %d", header, size, from, to, r)
		}
	})
}

func FuzzMatchesETag(f *testing.F) {
	f.Add(`W/"a", "b"`, `"b"`)
	f.Add(`*`, `"b"`)
	f.Fuzz(func(t *testing.T, list, etag string) {
		strong := matchesETag([]string{list}, etag, false)
		if weak := matchesETag([]string{list}, etag, true); strong && !weak {
			t.Errorf("%q matches %q strongly and not weakly", list, etag)
		}
	})
}

// TestAgainstServeContent asks the same of net/http, which reads the same rules
// in its own way: where both speak of one range, they agree.
func TestAgainstServeContent(t *testing.T) {
	t.Parallel()
	content := make([]byte, 300)
	for i := range content {
		content[i] = byte(i)
	}
	modified := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	etag := `"0123456789abcdef"`
	rapid.Check(t, func(t *rapid.T) {
		r := httptest.NewRequest(rapid.SampledFrom([]string{"GET", "HEAD"}).Draw(t, "method"), "/f", nil)
		pick := func(name string, values ...string) {
			if v := rapid.SampledFrom(append(values, "")).Draw(t, name); v != "" {
				r.Header.Set(name, v)
			}
		}
		tags := []string{etag, `W/` + etag, `"other"`, `"other", ` + etag, `W/"other" , W/` + etag, "*"}
		// Only the same date and one that cannot be compared: ours are compared for equality.
		same := modified.Format(http.TimeFormat)
		pick("If-None-Match", tags...)
		pick("If-Match", tags...)
		pick("If-Modified-Since", same, modified.Format(time.RFC850), "yesterday")
		pick("If-Unmodified-Since", same, "yesterday")
		pick("If-Range", etag, `W/`+etag, `"other"`, same, "yesterday")
		if r.Method == "GET" {
			pick("Range", "bytes=0-0", "bytes=0-", "bytes=-1", "bytes=299-", "bytes=10-20", "bytes=200-5000", "bytes=-1000", "bytes=300-", "bytes=5000-", "bytes=1-1", fmt.Sprintf("bytes=%d-%d",
				rapid.IntRange(0, 150).Draw(t, "from"), rapid.IntRange(150, 400).Draw(t, "to")))
		}
		want := httptest.NewRecorder()
		want.Header().Set("ETag", etag)
		want.Header().Set("Content-Type", "text/plain")
		http.ServeContent(want, r, "", modified, bytes.NewReader(content))

		status, from, to := http.StatusOK, int64(0), int64(len(content))
		if p := precondition(r, etag, same); p != 0 {
			status = p
		} else if rangeApplies(r, etag, same) {
			a, b, result := parseRange(r.Header.Values("Range"), to)
			switch result {
			case rangeOne:
				status, from, to = http.StatusPartialContent, a, b
			case rangeOutside:
				status = http.StatusRequestedRangeNotSatisfiable
			}
		}
		if status != want.Code {
			t.Fatalf("%v: got %d, net/http says %d", r.Header, status, want.Code)
		}
		if body := want.Body.Bytes(); r.Method == "GET" && status < 300 && !bytes.Equal(body, content[from:to]) {
			t.Fatalf("%v: got bytes %d to %d, net/http gives %d bytes", r.Header, from, to, len(body))
		}
	})
}

func TestHeaderParsersAreBounded(t *testing.T) {
	t.Parallel()
	// Long lists are read once, from left to right.
	long := strings.Repeat(`"x",`, 100_000)
	if matchesETag([]string{long}, `"y"`, true) || !matchesETag([]string{long + `"y"`}, `"y"`, true) {
		t.Error("a long list of tags is read wrongly")
	}
	if acceptsGzip(http.Header{"Accept-Encoding": {strings.Repeat("deflate;q=0.5,", 100_000)}}) {
		t.Error("a long list of codings is read wrongly")
	}
}
