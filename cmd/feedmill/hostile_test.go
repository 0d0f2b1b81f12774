package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestHostileRequests sends to the API and the panel of the real program what
// nobody should: each request is answered or its connection closed, nothing is
// given to who has no right to it, nothing panics, and whoever asks rightly
// afterwards is answered as before.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	d.run("import", "--catalog", filepath.Join("sample", "catalog.jsonl"))
	d.run("partner", "add", "Nord Shop")
	key := d.first(d.run("key", "new", "programs", "--json", "--scope", "accounts:read", "--scope", "accounts:write"), `(fmk_[0-9A-Za-z]+)`)
	base, said, _ := d.serve("all")
	code := d.first(d.waitFile(said, `give the code`), `give the code ([a-z2-7]+) within`)
	addr := strings.TrimPrefix(base, "http://")
	text := func(method, path, body string, headers ...string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: " + addr + "\r\n" + strings.Join(append(headers, ""), "\r\n") + fmt.Sprintf("Content-Length: %d\r\nConnection: close\r\n\r\n", len(body)) + body
	}
	bearer, asJSON, form, own := "Authorization: Bearer "+key, "Content-Type: application/json", "Content-Type: application/x-www-form-urlencoded", "Origin: "+base
	const api, panel = "/api/v1/partners", "/panel/sign-in"
	deep := strings.Repeat("[", 5000)
	type request struct {
		name, sent string
		want       string // of the first status
	}
	table := []request{
		{"as it should be", text("GET", api, "", bearer), "200"},
		{"the page as it should be", text("GET", panel, ""), "200"},
		// who asks
		{"no key", text("GET", api, ""), "401"},
		{"a key that is none", text("GET", api, "", "Authorization: Bearer x"), "401"},
		{"a cut key", text("GET", api, "", bearer[:len(bearer)-1]), "401"},
		{"a key of 10 KB", text("GET", api, "", "Authorization: Bearer "+strings.Repeat("a", 10_000)), "401"},
		{"two keys", text("GET", api, "", bearer, "Authorization: Bearer x"), "401"},
		{"a key as a password", text("GET", api, "", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("x:"+key))), "401"},
		{"a key in the address", text("GET", api+"?key="+key, ""), "401"},
		{"a key as a cookie", text("GET", api, "", "Cookie: feedmill-session="+key), "401"},
		{"a key with a nul", text("GET", api, "", "Authorization: Bearer "+key+"\x00"), "400"},
		{"a key with a blank before", text("GET", api, "", " "+bearer), "4.."},
		{"a session that is none", text("GET", "/panel/", "", "Cookie: feedmill-session=fms_"+strings.Repeat("A", 51)), "303"},
		{"a thousand cookies", text("GET", "/panel/", "", "Cookie: "+strings.Repeat("feedmill-session=x; ", 500)), "303"},
		{"a key at the panel", text("GET", "/panel/partners", "", bearer), "303"},
		// addresses
		{"dots", text("GET", "/api/v1/../../etc/passwd", "", bearer), "404"},
		{"encoded dots", text("GET", "/api/v1/%2e%2e/partners", "", bearer), "404"},
		{"double slash", text("GET", "//api/v1/partners", "", bearer), "404"},
		{"encoded slash", text("GET", "/api/v1%2Fpartners", "", bearer), "404"},
		{"an id of nonsense", text("GET", api+"/p-%00", "", bearer), "404"},
		{"an id of 3 KB", text("GET", api+"/"+strings.Repeat("p", 3000), "", bearer), "404"},
		{"an address of 10 KB", text("GET", api+"/"+strings.Repeat("p", 10_000), "", bearer), "414"},
		{"an address of 60 KB", text("GET", api+"/"+strings.Repeat("p", 60_000), "", bearer), "431"},
		{"a parameter twice", text("GET", api+"?limit=1&limit=2", "", bearer), "400"},
		{"a parameter that nobody knows", text("GET", api+"?admin=true", "", bearer), "400"},
		{"a cursor of nonsense", text("GET", api+"?cursor='%20OR%201=1", "", bearer), "400"},
		{"a limit below nothing", text("GET", api+"?limit=-1", "", bearer), "400"},
		{"a query of nonsense", text("GET", api+"?%zz", "", bearer), "4.."},
		{"dots at the panel", text("GET", "/panel/../api/v1/partners", ""), "40.|30."},
		{"an asset outside", text("GET", "/panel/assets/../../etc/passwd", ""), "40.|30."},
		{"an asset with encoded dots", text("GET", "/panel/assets/%2e%2e%2fpanel.go", ""), "40.|30."},
		{"a way back elsewhere", text("GET", panel+"?back=https://evil.example/", ""), "200"},
		// methods
		{"TRACE", text("TRACE", api, "", bearer), "405"},
		{"CONNECT", "CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\nConnection: close\r\n\r\n", "40."},
		{"a method that nobody knows", text("FROBNICATE", api, "", bearer), "405"},
		{"POST to a page", text("POST", "/panel/partners", "", own, form), "30.|40."},
		{"OPTIONS of everything", "OPTIONS * HTTP/1.1\r\nHost: " + addr + "\r\nConnection: close\r\n\r\n", "40."},
		// hosts and where it comes from
		{"no host", "GET " + api + " HTTP/1.1\r\n" + bearer + "\r\nConnection: close\r\n\r\n", "400"},
		{"two hosts", "GET " + api + " HTTP/1.1\r\nHost: a\r\nHost: b\r\n" + bearer + "\r\nConnection: close\r\n\r\n", "400"},
		{"another host at the panel", "GET " + panel + " HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n", "421"},
		{"a host of markup", "GET " + panel + " HTTP/1.1\r\nHost: \"><script>\r\nConnection: close\r\n\r\n", "400"},
		{"forwarded from nonsense", text("GET", api, "", bearer, "X-Forwarded-For: ' OR 1=1", "Forwarded: for=\"_x\""), "200"},
		{"forwarded a thousand times", text("GET", api, "", bearer, "X-Forwarded-For: "+strings.Repeat("127.0.0.1, ", 1000)), "200"},
		{"another site's form", text("POST", panel, "login=a&password=b", form, "Origin: https://evil.example"), "403"},
		{"another site's fetch", text("POST", panel, "login=a&password=b", form, "Sec-Fetch-Site: cross-site"), "403"},
		// other headers
		{"a header of 60 KB", text("GET", api, "", bearer, "X: "+strings.Repeat("y", 60_000)), "431"},
		{"five thousand headers", text("GET", api, "", bearer, strings.Repeat("X: y\r\n", 5000)+"X: y"), "431"},
		{"a range", text("GET", api, "", bearer, "Range: bytes=0-0", `If-Range: "x"`), "200"},
		{"an If-Match of nonsense", text("PATCH", api+"/p-aaaaaaaaaaaaaaaa", "{}", bearer, asJSON, "If-Match: nonsense"), "4.."},
		{"codings of nonsense", text("GET", api, "", bearer, "Accept-Encoding: "+strings.Repeat("gzip;q=0.1,", 500), "Accept: x/y/z"), "200|406"},
		{"a key of repetition of 10 KB", text("POST", api, `{"name": "x"}`, bearer, asJSON, "Idempotency-Key: "+strings.Repeat("k", 10_000)), "400"},
		{"expect", text("GET", api, "", bearer, "Expect: 200-maybe"), "417"},
		{"a language of 10 KB", text("GET", panel, "", "Accept-Language: "+strings.Repeat("pl;q=0.1,", 1100)), "200"},
		// bodies
		{"no JSON", text("POST", api, "name=x", bearer, asJSON), "400"},
		{"deep JSON", text("POST", api, deep, bearer, asJSON), "400"},
		{"a name twice", text("POST", api, `{"name": "a", "name": "b"}`, bearer, asJSON), "4.."},
		{"what nobody knows", text("POST", api, `{"name": "a", "role": "owner", "merchant": "m-aaaaaaaaaaaaaaaa"}`, bearer, asJSON), "422"},
		{"no type", text("POST", api, `{"name": "a"}`, bearer), "415"},
		{"a compressed bomb", text("POST", api, "\x1f\x8b\x08\x00\x00\x00\x00\x00", bearer, asJSON, "Content-Encoding: gzip"), "4.."},
		{"bytes that are no text", text("POST", api, "{\"name\": \"\xff\xfe\"}", bearer, asJSON), "4.."},
		{"nul in a name", text("POST", api, `{"name": "a\u0000b"}`, bearer, asJSON), "4.."},
		{"a form of 5 MB", text("POST", panel, "login="+strings.Repeat("a", 5<<20), form, own), "4.."},
		{"ten thousand fields", text("POST", panel, strings.Repeat("a=b&", 10_000), form, own), "4.."},
		{"a form in parts that never end", text("POST", panel, "--x\r\nContent-Disposition: form-data; name=\"login\"\r\n\r\na", "Content-Type: multipart/form-data; boundary=x", own), "4.."},
		// smuggling
		{"two lengths", "POST " + api + " HTTP/1.1\r\nHost: x\r\n" + bearer + "\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}", "400"},
		{"strange chunks", "POST " + api + " HTTP/1.1\r\nHost: x\r\n" + bearer + "\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501"},
		{"length and chunks", "POST " + api + " HTTP/1.1\r\nHost: " + addr + "\r\n" + bearer + "\r\n" + asJSON + "\r\nContent-Length: 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "4.."},
		{"chunks of nonsense", "POST " + api + " HTTP/1.1\r\nHost: " + addr + "\r\n" + bearer + "\r\n" + asJSON + "\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", "4.."},
		{"a body that ends early", "POST " + api + " HTTP/1.1\r\nHost: " + addr + "\r\n" + bearer + "\r\n" + asJSON + "\r\nContent-Length: 50\r\n\r\n{}", "4.."},
		{"an address with a line in it", "GET " + api + "\r\nX: y HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		{"binary", strings.Repeat("\x00\xff", 1000) + "\r\n\r\n", "400"},
	}
	if len(table) < 60 {
		t.Fatalf("%d requests, want 60", len(table))
	}
	for _, c := range table {
		status, header, body := sendRaw(t, addr, c.sent)
		if !regexp.MustCompile("^(?:" + c.want + ")$").MatchString(fmt.Sprint(status)) {
			t.Errorf("%s: status %d, want %s: %.300s", c.name, status, c.want, body)
		}
		if status != 200 && (strings.Contains(body, "Nord Shop") || strings.Contains(body, "goroutine ") || strings.Contains(body, code) || strings.Contains(body, key)) {
			t.Errorf("%s: the answer tells too much: %.300s", c.name, body)
		}
		if to := header.Get("Location"); strings.Contains(to, "evil.example") || strings.HasPrefix(to, "//") {
			t.Errorf("%s: leads to %s", c.name, to)
		}
	}
	for _, c := range table[:2] {
		if status, _, body := sendRaw(t, addr, c.sent); status != 200 {
			t.Errorf("%s, after all that: status %d: %.300s", c.name, status, body)
		}
	}
	log, err := os.ReadFile(filepath.Join(d.dir, "all.log"))
	d.must(err)
	if strings.Contains(string(log), "msg=panic") || strings.Contains(string(log), "goroutine ") {
		t.Errorf("something panicked:\n%.3000s", log)
	}
	d.end()
}

// sendRaw sends bytes as they are, and gives the first answer.
func sendRaw(t *testing.T, addr, sent string) (status int, header http.Header, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.WriteString(conn, sent)                 // it may be refused before all is sent
		if !strings.Contains(sent, "Connection: close") { // what is not whole ends here
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
	method, _, _ := strings.Cut(sent, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return 0, nil, err.Error()
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20)) // what is cut short is judged as it is
	return res.StatusCode, res.Header, string(b)
}
