package download_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/download"
	"feedmill/storage"
)

// TestRanges asks for parts of both forms of a file and puts a whole together
// from them.
func TestRanges(t *testing.T) {
	t.Parallel()
	w := setup(t, config{steps: true})
	f := &w.full.Files[0]
	for _, form := range []struct {
		coding string
		key    string
		etag   string
	}{{"identity", f.Plain.Key, `"` + f.Plain.SHA256.String() + `"`}, {"gzip", f.Gzip.Key, `"` + f.Gzip.SHA256.String() + `"`}} {
		want := w.content[form.key]
		size := len(want)
		get := func(headers ...string) answer {
			return w.get(t, w.pathOf(f), append([]string{"Accept-Encoding", form.coding}, headers...)...)
		}
		var whole []byte
		const part = 300_000
		for from := 0; from < size; from += part {
			got := get("Range", fmt.Sprintf("bytes=%d-%d", from, from+part-1), "If-Range", form.etag)
			to := min(from+part, size)
			if got.status != 206 || got.header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", from, to-1, size) ||
				got.header.Get("Content-Length") != strconv.Itoa(to-from) || got.header.Get("ETag") != form.etag {
				t.Fatalf("%s from %d: got %d %v", form.coding, from, got.status, got.header)
			}
			whole = append(whole, got.body...)
		}
		if !bytes.Equal(whole, want) {
			t.Errorf("%s: the parts are not the whole", form.coding)
		}
		modified := f.Changed.UTC().Format(http.TimeFormat)
		for _, c := range []struct {
			headers  []string
			status   int
			from, to int
		}{
			{[]string{"Range", "bytes=-100"}, 206, size - 100, size},
			{[]string{"Range", "bytes=5-"}, 206, 5, size},
			{[]string{"Range", "bytes=0-0"}, 206, 0, 1},
			{[]string{"Range", fmt.Sprintf("bytes=%d-", size)}, 416, 0, 0},
			{[]string{"Range", "bytes=-0"}, 416, 0, 0},
			{[]string{"Range", "bytes=5-4"}, 200, 0, size},
			{[]string{"Range", "bytes=0-1,5-6"}, 200, 0, size},
			{[]string{"Range", "lines=0-1"}, 200, 0, size},
			{[]string{"Range", "bytes=0-1", "Range", "bytes=2-3"}, 200, 0, size},
			{[]string{"Range", "bytes=7-9", "If-Range", `"another"`}, 200, 0, size},
			{[]string{"Range", "bytes=7-9", "If-Range", "W/" + form.etag}, 200, 0, size},
			{[]string{"Range", "bytes=7-9", "If-Range", modified}, 206, 7, 10},
			{[]string{"Range", "bytes=7-9", "If-Range", "Sat, 01 Jan 2000 00:00:00 GMT"}, 200, 0, size},
			{[]string{"Range", "bytes=7-9", "If-None-Match", form.etag}, 304, 0, 0},
			{[]string{"Range", "bytes=7-9", "If-Match", `"another"`}, 412, 0, 0},
			{[]string{"If-None-Match", `"another", W/` + form.etag}, 304, 0, 0},
			{[]string{"If-None-Match", "*"}, 304, 0, 0},
			{[]string{"If-None-Match", `"another"`, "If-Modified-Since", modified}, 200, 0, size},
			{[]string{"If-Modified-Since", modified}, 304, 0, 0},
			{[]string{"If-Modified-Since", f.Changed.UTC().Format(time.RFC850)}, 304, 0, 0},
			{[]string{"If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"}, 200, 0, size},
			{[]string{"If-Modified-Since", "rubbish"}, 200, 0, size},
			{[]string{"If-Unmodified-Since", modified}, 200, 0, size},
			{[]string{"If-Unmodified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"}, 412, 0, 0},
			{[]string{"If-Match", form.etag}, 200, 0, size},
			{[]string{"If-Match", "W/" + form.etag}, 412, 0, 0},
		} {
			got := get(c.headers...)
			if got.status != c.status || !bytes.Equal(got.body, want[c.from:c.to]) || got.err != nil {
				t.Errorf("%s %v: got %d, %d bytes, %v, want %d", form.coding, c.headers, got.status, len(got.body), got.err, c.status)
			}
			switch c.status {
			case 304:
				if got.header.Get("ETag") != form.etag || got.header.Get("Cache-Control") != "private, no-cache, no-transform" || got.header.Get("Vary") != "Accept-Encoding" || got.header.Get("Content-Length") != "" {
					t.Errorf("%s %v: headers of 304: %v", form.coding, c.headers, got.header)
				}
			case 416:
				if got.header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) {
					t.Errorf("%s %v: headers of 416: %v", form.coding, c.headers, got.header)
				}
			}
			head := do(t, http.MethodHead, w.url+w.pathOf(f), append([]string{"Accept-Encoding", form.coding}, c.headers...)...)
			// A range means nothing to HEAD.
			want := c.status
			if want == 206 || want == 416 {
				want = 200
			}
			if head.status != want || len(head.body) != 0 || want == 200 && head.header.Get("Content-Length") != strconv.Itoa(size) {
				t.Errorf("%s %v: HEAD gives %d %v", form.coding, c.headers, head.status, head.header)
			}
		}
	}
	// The tag of one form is no tag of the other.
	if got := w.get(t, w.pathOf(f), "Accept-Encoding", "gzip", "If-None-Match", `"`+f.Plain.SHA256.String()+`"`); got.status != 200 {
		t.Errorf("the plain form's tag for the compressed form: %d", got.status)
	}
	if got := w.get(t, w.pathOf(f), "Accept-Encoding", "gzip", "Range", "bytes=9-", "If-Range", `"`+f.Plain.SHA256.String()+`"`); got.status != 200 {
		t.Errorf("continuing the plain form with the compressed one: %d", got.status)
	}
	// A file without a compressed twin is plain for everybody, and says what it depends on.
	for _, d := range w.full.Files {
		if d.Gzip.IsZero() {
			got := w.get(t, w.pathOf(&d), "Accept-Encoding", "gzip")
			if got.status != 200 || got.header.Get("Content-Encoding") != "" || got.header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: got %d %v", d.Kind, got.status, got.header)
			}
		}
	}
}

// TestKeepAlive sends several requests over one connection, some of them
// answered early, and pipelines two.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	light := w.content[w.light.Files[0].Plain.Key]
	one := "GET /o/" + w.secret + "/light.xml HTTP/1.1\r\nHost: x\r\n"
	got := w.raw(t, one+"\r\n"+"GET /o/nothing/x HTTP/1.1\r\nHost: x\r\n\r\n"+one+"Range: bytes=1-2\r\n\r\n")
	if got.status != 200 || !bytes.Equal(got.body, light) {
		t.Errorf("the first of three: %d, %d bytes", got.status, len(got.body))
	}
	if got := w.raw(t, strings.Replace(one, "HTTP/1.1", "HTTP/1.0", 1)+"\r\n"); got.status != 200 || !bytes.Equal(got.body, light) {
		t.Errorf("HTTP/1.0: %d, %d bytes", got.status, len(got.body))
	}
}

// TestEmptyFile serves a file of no bytes.
func TestEmptyFile(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	g := w.light
	g.Files = nil
	run := w.begin(t)
	number := run.First
	g.Number = number
	for _, f := range w.light.Files {
		f.Plain, f.Gzip, f.Generation = w.keep(t, 99, int(f.Kind), nil), publish.Blob{}, number
		g.Files = append(g.Files, f)
	}
	g.Base, g.Time = w.light.Number, w.light.Time.Add(time.Second)
	check(t, w.db.Commit(t.Context(), run, []publish.Generation{g}, nil))
	got := w.get(t, "/o/"+w.secret+"/light.xml")
	if got.status != 200 || len(got.body) != 0 || got.header.Get("Content-Length") != "0" || got.err != nil {
		t.Errorf("got %d %v", got.status, got.header)
	}
	if got := w.get(t, "/o/"+w.secret+"/light.xml", "Range", "bytes=0-"); got.status != 416 {
		t.Errorf("a range of nothing: %d", got.status)
	}
}

// TestSlowButMoving has one client take a little now and then, and another stop
// for some steps' time and go on: both are given all. One who takes nothing is
// cut off in the end. It is the same whether the store has files or not, but that
// a little is too little where it has none.
func TestSlowButMoving(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only there it can be seen what a client has taken")
	}
	const size, stepTime = 24 << 20, 500 * time.Millisecond
	for name, blobs := range map[string]func(storage.Store) download.Blobs{
		"files": nil,
		"no files": func(s storage.Store) download.Blobs {
			return &bent{s, func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) { return rc, nil }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, config{bigFull: size, blobs: blobs, options: func(o *download.Options) { o.StepTimeout = stepTime }})
			path := w.pathOf(&w.full.Files[0])
			stuck := w.slow(t, path)
			clients, takes := []*slow{w.slow(t, path)}, []int64{512 << 10}
			if blobs == nil {
				clients, takes = append(clients, w.slow(t, path)), append(takes, 48<<10)
			}
			for range 3 {
				<-time.After(stepTime * 5 / 2)
				for i, s := range clients {
					n, err := io.CopyN(io.Discard, s.conn, takes[i])
					if s.read += n; err != nil {
						t.Fatalf("who takes %d bytes at a time was cut off after %d: %v", takes[i], s.read, err)
					}
				}
			}
			for i, s := range clients {
				// The connection stays when all has come.
				if n, err := io.CopyN(io.Discard, s.conn, size-32<<10-s.read); err != nil {
					t.Errorf("who takes %d bytes at a time was cut off after %d: %v", takes[i], s.read+n, err)
				}
			}
			await(t, "who takes nothing is cut off", func() bool { return len(w.srv.Running()) == 0 })
			if err := stuck.rest(); stuck.read >= size {
				t.Errorf("who takes nothing got %d bytes, %v", stuck.read, err)
			}
		})
	}
}
