package conformance

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"feedmill/schema"
)

// request is one line of a list of requests and what must come back.
type request struct {
	name   string
	method string // default GET
	path   string
	header map[string]string
	body   string
	status int
	want   map[string]string // headers: pattern
	in     []string          // parts of the body
	out    []string          // what the body must not hold
}

const brokenLight = `<?xml version="1.0" encoding="UTF-8"?>
<offer file_format="IOF" version="3.0" generated="2026-03-02 09:05:00">
  <products currency="PLN">
    <product id="7" vat="23.0"><price gross="12.30" net="9.00"/><b>&lt;script&gt;</b></product>
  </products>
</offer>`

func goodLight(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(sampleDir, "light.xml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func setup(t *testing.T, opt Options) http.Handler {
	t.Helper()
	opt.Temp = t.TempDir()
	opt.Now = func() time.Time { return noon }
	t.Cleanup(func() {
		if left, err := os.ReadDir(opt.Temp); err != nil || len(left) != 0 {
			t.Errorf("got %v left behind, %v", left, err)
		}
	})
	return Handler(opt)
}

func do(t *testing.T, h http.Handler, r request) *httptest.ResponseRecorder {
	t.Helper()
	method := r.method
	if method == "" {
		method = http.MethodGet
	}
	req := httptest.NewRequest(method, r.path, strings.NewReader(r.body))
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	if w.Code != r.status {
		t.Errorf("%s: got status %d, want %d: %.300s", r.name, w.Code, r.status, w.Body)
	}
	for k, pattern := range r.want {
		if !regexp.MustCompile(pattern).MatchString(w.Header().Get(k)) {
			t.Errorf("%s: got %s %q, want %s", r.name, k, w.Header().Get(k), pattern)
		}
	}
	for _, part := range r.in {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("%s: got no %q in %.2000s", r.name, part, w.Body)
		}
	}
	for _, part := range r.out {
		if strings.Contains(w.Body.String(), part) {
			t.Errorf("%s: got %q in %.2000s", r.name, part, w.Body)
		}
	}
	return w
}

// form makes a form with a file.
func form(t *testing.T, field, name, data string) (kind, body string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	if err := m.WriteField("before", "x"); err != nil {
		t.Fatal(err)
	}
	part, err := m.CreateFormFile(field, name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(part, data); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return m.FormDataContentType(), b.String()
}

var html = map[string]string{"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

func with(header map[string]string, k, v string) map[string]string {
	out := map[string]string{k: v}
	for a, b := range header {
		out[a] = b
	}
	return out
}

func TestRequests(t *testing.T) {
	t.Parallel()
	h := setup(t, Options{Enabled: true, PerMinute: 1e6, Burst: 1e6, MaxBytes: 32 << 10})
	good := goodLight(t)
	formKind, formBody := form(t, "file", `C:\offers\light.xml`, brokenLight)
	noKind, noBody := form(t, "other", "light.xml", brokenLight)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, good)
	z.Close()
	safe := map[string]string{"Content-Security-Policy": "^default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'", "X-Content-Type-Options": "^nosniff$", "Referrer-Policy": "^no-referrer$"}
	jsonKind := with(safe, "Content-Type", "^application/json$")
	problemKind := with(safe, "Content-Type", "^application/problem\\+json$")
	htmlKind := with(safe, "Content-Type", "^text/html; charset=utf-8$")
	for _, r := range []request{
		{name: "page", path: "/validate", status: 200, want: htmlKind, in: []string{`enctype="multipart/form-data"`, "/validate/assets/validate."}, out: []string{"<style", "style=", "onclick", "<script>"}},
		{name: "head of the page", method: "HEAD", path: "/validate", status: 200, want: htmlKind},
		{name: "valid body", method: "POST", path: "/validate?name=light.xml", body: good, status: 200, want: jsonKind, in: []string{`"valid":true`, `"name":"light.xml"`, `"kind":"light"`}},
		{name: "invalid body", method: "POST", path: "/validate", body: brokenLight, status: 200, want: jsonKind, in: []string{`"valid":false`, `"code":"IOF-PRICE-VAT"`, `"line":4`}},
		{name: "compressed body", method: "POST", path: "/validate?name=light.xml.gz", body: packed.String(), status: 200, want: jsonKind, in: []string{`"valid":true`}},
		{name: "page for a body", method: "POST", path: "/validate?name=light.xml", header: html, body: brokenLight, status: 200, want: htmlKind, in: []string{"IOF-PRICE-VAT", "XSD-ELEMENT-NOT-ALLOWED", "&lt;b&gt;", "Who is hurt", "<mark>"}, out: []string{"<b>", "<script>"}},
		{name: "page for a valid body", method: "POST", path: "/validate?name=light.xml", header: html, body: good, status: 200, want: htmlKind, in: []string{"Nothing was found"}},
		{name: "form", method: "POST", path: "/validate", header: with(html, "Content-Type", formKind), body: formBody, status: 200, want: htmlKind, in: []string{"<h2>light.xml</h2>", "IOF-PRICE-VAT"}},
		{name: "form for programs", method: "POST", path: "/validate", header: map[string]string{"Content-Type": formKind}, body: formBody, status: 200, want: jsonKind, in: []string{`"name":"light.xml"`}},
		{name: "form without the file", method: "POST", path: "/validate", header: map[string]string{"Content-Type": noKind}, body: noBody, status: 400, want: problemKind, in: []string{"no file was sent"}},
		{name: "page for a form without the file", method: "POST", path: "/validate", header: with(html, "Content-Type", noKind), body: noBody, status: 400, want: htmlKind, in: []string{"Not checked: no file was sent"}},
		{name: "broken form", method: "POST", path: "/validate", header: map[string]string{"Content-Type": "multipart/form-data; boundary=x"}, body: "nothing", status: 400, want: problemKind},
		{name: "form without boundary", method: "POST", path: "/validate", header: map[string]string{"Content-Type": "multipart/form-data"}, body: "nothing", status: 400, want: problemKind},
		{name: "body as curl declares it", method: "POST", path: "/validate?name=light.xml", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, body: good, status: 200, want: jsonKind, in: []string{`"valid":true`}},
		{name: "empty", method: "POST", path: "/validate", status: 400, want: problemKind},
		{name: "too large", method: "POST", path: "/validate", body: strings.Repeat("<a>", 32<<10), status: 413, want: problemKind, in: []string{"32768 bytes"}},
		{name: "too large for the page", method: "POST", path: "/validate", header: html, body: strings.Repeat("<a>", 32<<10), status: 413, want: htmlKind},
		{name: "damaged gzip", method: "POST", path: "/validate", body: "\x1f\x8bxx", status: 200, want: jsonKind, in: []string{`"valid":false`, `"IOF-GZIP"`}},
		{name: "page for a damaged gzip", method: "POST", path: "/validate?name=light.xml.gz", header: html, body: packed.String()[:packed.Len()/2], status: 200, want: htmlKind, in: []string{"Invalid", "IOF-GZIP"}, out: []string{`class="source"><code></code>`}},
		{name: "no XML", method: "POST", path: "/validate", header: html, body: "\x00\xff", status: 200, want: htmlKind, in: []string{"Invalid"}},
		{name: "odd name", method: "POST", path: "/validate?name=%2e%2e%2f%00%3Cb%3E", header: html, body: brokenLight, status: 200, want: htmlKind, in: []string{"&lt;b&gt;"}, out: []string{"<b>"}},
		{name: "other method", method: "PUT", path: "/validate", status: 405},
		{name: "unknown asset", path: "/validate/assets/validate.css", status: 404, want: problemKind},
		{name: "list of schemas", path: "/schemas/iof-3.0/", status: 200, want: with(safe, "Content-Type", "^text/plain"), in: []string{"light.xsd\n", "gateway.xsd\n"}},
		{name: "schema", path: "/schemas/iof-3.0/light.xsd", status: 200, want: map[string]string{"Content-Type": "^application/xml", "ETag": `^"[0-9a-f]{32}"$`, "Cache-Control": "public"}, in: []string{"<xs:schema"}},
		{name: "head of a schema", method: "HEAD", path: "/schemas/iof-3.0/light.xsd", status: 200, want: map[string]string{"ETag": `^"`}},
		{name: "part of a schema", path: "/schemas/iof-3.0/light.xsd", header: map[string]string{"Range": "bytes=0-4"}, status: 206, in: []string{"<?xml"}},
		{name: "unknown schema", path: "/schemas/iof-3.0/heavy.xsd", status: 404, want: problemKind},
		{name: "way out", path: "/schemas/iof-3.0/..%2fschema.go", status: 301},
	} {
		do(t, h, r)
	}
}

func TestAssetsAndSchemasAreCached(t *testing.T) {
	t.Parallel()
	h := setup(t, Options{Enabled: true})
	page := do(t, h, request{name: "page", path: "/validate", status: 200}).Body.String()
	found := regexp.MustCompile(`/validate/assets/validate\.[0-9a-f]{16}\.(css|js)`).FindAllString(page, -1)
	if len(found) != 2 {
		t.Fatalf("got %v, want a style sheet and a script", found)
	}
	for _, address := range found {
		do(t, h, request{name: address, path: address, status: 200, want: map[string]string{"Cache-Control": "immutable", "Content-Type": "^text/(css|javascript)"}})
	}
	for _, name := range schema.Files() {
		path := schemaPath + name
		tag := do(t, h, request{name: name, path: path, status: 200}).Header().Get("ETag")
		do(t, h, request{name: name + " again", path: path, header: map[string]string{"If-None-Match": tag}, status: 304})
		do(t, h, request{name: name + " changed", path: path, header: map[string]string{"If-None-Match": `"x"`}, status: 200})
	}
}

func TestOffUnlessEnabled(t *testing.T) {
	t.Parallel()
	h := setup(t, Options{})
	do(t, h, request{name: "page", path: "/validate", status: 404})
	do(t, h, request{name: "check", method: "POST", path: "/validate", body: brokenLight, status: 404})
	do(t, h, request{name: "schema", path: schemaPath + "full.xsd", status: 200})
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	now := noon
	h := Handler(Options{Enabled: true, PerMinute: 6, Burst: 2, Temp: t.TempDir(), Now: func() time.Time { return now },
		ClientAddr: func(r *http.Request) string { return r.Header.Get("From") }})
	post := func(from string, status int) {
		t.Helper()
		want := map[string]string{}
		if status == 429 {
			want["Retry-After"] = "^11$"
		}
		do(t, h, request{name: from, method: "POST", path: "/validate", header: map[string]string{"From": from}, body: brokenLight, status: status, want: want})
	}
	post("a", 200)
	post("a", 200)
	post("a", 429)
	post("b", 200)
	now = now.Add(10 * time.Second)
	post("a", 200)
	post("a", 429)
	do(t, h, request{name: "page", path: "/validate", header: map[string]string{"From": "a"}, status: 200})
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"203.0.113.9:1234": "203.0.113.9", "[::ffff:203.0.113.9]:1": "203.0.113.9", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:5": "fe80::/64", "@": "@", "host:80": "host"} {
		if got := clientAddr(&http.Request{RemoteAddr: in}); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// Uploads are checked only so many at a time; the rest is told to come again.
func TestBusy(t *testing.T) {
	t.Parallel()
	h := setup(t, Options{Enabled: true, AtOnce: 1, PerMinute: 1e9, Burst: 1e9})
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/validate", r)
	if err != nil {
		t.Fatal(err)
	}
	// The body goes when the server asks for it, and it does so with the slot in its hand.
	req.Header.Set("Expect", "100-continue")
	req.Header.Set("Content-Type", "application/xml")
	patient := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Hour}}
	t.Cleanup(patient.CloseIdleConnections)
	first := make(chan error, 1)
	go func() {
		resp, err := patient.Do(req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 {
				err = fmt.Errorf("status %d", resp.StatusCode)
			}
		}
		first <- err
	}()
	if _, err := io.WriteString(w, brokenLight[:50]); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(s.URL+"/validate", "application/xml", strings.NewReader(brokenLight))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the second upload: got status %d and Retry-After %q, want %d and some", resp.StatusCode, resp.Header.Get("Retry-After"), http.StatusServiceUnavailable)
	}
	if _, err := io.WriteString(w, brokenLight[50:]); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if err := <-first; err != nil {
		t.Errorf("the first upload: %v", err)
	}
}

func TestExcerpts(t *testing.T) {
	t.Parallel()
	l := func(text string, line, column int) [2]string {
		r := lineReader{r: bufio.NewReader(strings.NewReader(text))}
		before, after, err := r.at(line, column)
		if err != nil {
			t.Fatal(err)
		}
		return [2]string{before, after}
	}
	long := strings.Repeat("ą", 500)
	for _, tt := range []struct {
		text         string
		line, column int
		want         [2]string
	}{
		{"ab\ncd\n", 2, 2, [2]string{"c", "d"}}, {"ab\r\ncd", 1, 1, [2]string{"", "ab"}}, {"ab", 3, 1, [2]string{"", ""}}, {"ab", 1, 9, [2]string{"ab", ""}},
		{"\uFEFFab", 1, 2, [2]string{"a", "b"}}, {long, 1, 250, [2]string{long[:2*around], long[:2*around]}},
	} {
		if got := l(tt.text, tt.line, tt.column); got != tt.want {
			t.Errorf("%.20q line %d column %d: got %q, want %q", tt.text, tt.line, tt.column, got, tt.want)
		}
	}
	r := lineReader{r: bufio.NewReader(strings.NewReader("a\n" + long + "\nb\nc"))}
	for line, want := range map[int]string{4: "c"} {
		for _, before := range []int{1, 2, 3} {
			if _, _, err := r.at(before, 3); err != nil {
				t.Fatal(err)
			}
		}
		if _, got, err := r.at(line, 1); err != nil || got != want {
			t.Errorf("line %d: got %q, %v, want %q", line, got, err, want)
		}
	}
}

func FuzzPost(f *testing.F) {
	f.Add([]byte(brokenLight), "light.xml", "text/html")
	f.Add([]byte("\x1f\x8b"), "", "application/json")
	f.Fuzz(func(t *testing.T, body []byte, name, accept string) {
		h := Handler(Options{Enabled: true, Temp: t.TempDir(), Now: func() time.Time { return noon }})
		req := httptest.NewRequest(http.MethodPost, "/validate", bytes.NewReader(body))
		req.Header.Set("Accept", accept)
		q := req.URL.Query()
		q.Set("name", name)
		req.URL.RawQuery = q.Encode()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code != 200 && w.Code != 400 && w.Code != 422 {
			t.Fatalf("got status %d: %s", w.Code, w.Body)
		}
		if w.Header().Get("Content-Type") == "application/json" && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("got broken JSON: %s", w.Body)
		}
	})
}

func ExampleHandler() {
	h := Handler(Options{Enabled: true})
	req := httptest.NewRequest(http.MethodPost, "/validate?name=units.xml", strings.NewReader(`<?xml version="1.0"?><units generated="2026-03-02 01:00:00"/>`))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	var answer struct{ Valid bool }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w.Code, answer.Valid)
	// Output: 200 true
}
