package download_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"feedmill/internal/download"
	"feedmill/internal/httpd"
	"feedmill/internal/partner"
)

// front runs the file server as the program does: within the HTTP server, with
// its limits, over a real listener.
func front(t testing.TB, w *world) (addr string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l, err := httpd.Listen(ctx, "127.0.0.1:0")
	check(t, err)
	srv := httpd.New(httpd.Routes{Files: w.srv}, httpd.Options{Log: slog.New(httpd.LogHandler(slog.NewJSONHandler(w.log, nil))), ConnContext: download.ConnContext})
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, l) }()
	return l.Addr().String(), func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	}
}

// exchange sends bytes as they are and gives the statuses of what comes back
// until the connection ends; half closes the sending side first.
func exchange(t testing.TB, addr, sent string) (statuses []int, first answer) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	check(t, err)
	defer conn.Close()
	check(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	go func() {
		_, _ = io.WriteString(conn, sent) // it may be refused before all is sent
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	r := bufio.NewReader(conn)
	for len(statuses) < 20 {
		method, _, _ := strings.Cut(sent, " ")
		res, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return statuses, first
		}
		body, err := io.ReadAll(res.Body)
		if len(statuses) == 0 {
			first = answer{status: res.StatusCode, header: res.Header, body: body, err: err}
		}
		statuses = append(statuses, res.StatusCode)
		if err != nil {
			return statuses, first
		}
	}
	return statuses, first
}

// TestHostileTable sends what nobody should, each with the one answer it gets.
// Whatever it is, nothing panics, stalls, or leaves a goroutine or a file open.
func TestHostileTable(t *testing.T) {
	// Not parallel: it counts goroutines and open files of the whole process.
	w := setup(t, config{steps: true})
	addr, stop := front(t, w)
	s := w.secret
	gateway, light := "/o/"+s+"/gateway.xml", "/o/"+s+"/light.xml"
	full := w.pathOf(&w.full.Files[0])
	get := func(path string, headers ...string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + strings.Join(append(headers, ""), "\r\n") + "Connection: close\r\n\r\n"
	}
	basic := func(text string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(text))
	}
	manyRanges := "Range: bytes=0-0" + strings.Repeat(",1-1", 3000)
	table := []struct {
		name, sent string
		want       []int
	}{
		// paths
		{"as it should be", get(gateway), []int{200}},
		{"nul in the path", get("/o/" + s + "/full.xml\x00"), []int{400}},
		{"encoded nul", get("/o/" + s + "/full.xml%00"), []int{404}},
		{"encoded dots", get("/o/" + s + "/%2e%2e/" + s + "/full.xml"), []int{404}},
		{"doubly encoded dots", get("/o/" + s + "/%252e%252e/full.xml"), []int{404}},
		{"dots", get("/o/" + s + "/../../etc/passwd"), []int{404}},
		{"encoded slash", get("/o/" + s + "%2Ffull.xml"), []int{404}},
		{"backslash", get(`/o/` + s + `\full.xml`), []int{404}},
		{"overlong UTF-8", get("/o/" + s + "/%c0%ae%c0%ae/full.xml"), []int{404}},
		{"bad escape", get("/o/" + s + "/%zz.xml"), []int{400}},
		{"cut escape", get("/o/" + s + "/full.xml%"), []int{400}},
		{"long path", get("/o/" + strings.Repeat("a", 4000) + "/gateway.xml"), []int{404}},
		{"path of 60 KB", get("/o/" + strings.Repeat("a", 60_000) + "/gateway.xml"), []int{431}},
		{"many segments", get("/o/" + strings.Repeat("a/", 3000)), []int{404}},
		{"double slash", get("//o/" + s + "/gateway.xml"), []int{404}},
		{"absolute form", get("http://evil.example/o/" + s + "/gateway.xml"), []int{200}},
		{"absolute form of another scheme", get("gopher://x/o/" + s + "/gateway.xml"), []int{200}},
		{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", []int{404}},
		{"no slash", get("o/" + s + "/gateway.xml"), []int{400}},
		{"fragment", get(gateway + "#x"), []int{404}},
		{"query on a file", get(light + "?x=" + strings.Repeat("y", 3000)), []int{200}},
		{"semicolon", get(light + ";jsessionid=1"), []int{404}},
		{"umlaut", get("/o/" + s + "/f\xc3\xbcll.xml"), []int{404}},
		{"bidi", get("/o/" + s + "/full\u202elmx.xml"), []int{404}},
		{"generation of many digits", get("/o/" + s + "/" + strings.Repeat("9", 500) + "/full.xml"), []int{404}},
		{"format string", get("/o/" + s + "/%25s%25n.xml"), []int{404}},
		// IdoSell's address
		{"query of 3 KB", get("/edi/export-offer.php?type=full&token=" + s + "&x=" + strings.Repeat("y", 3000)), []int{404}},
		{"token twice", get("/edi/export-offer.php?type=full&token=" + s + "&token=" + s), []int{404}},
		{"token as a list", get("/edi/export-offer.php?type=full&token[]=" + s), []int{404}},
		{"thousand parameters", get("/edi/export-offer.php?type=full&token=" + s + strings.Repeat("&a", 900)), []int{404}},
		// credentials
		{"bearer", get("/o/-/gateway.xml", "Authorization: Bearer "+s), []int{200}},
		{"basic", get("/o/-/gateway.xml", basic("anyone:"+s)), []int{200}},
		{"none", get("/o/-/gateway.xml"), []int{401}},
		{"basic without colon", get("/o/-/gateway.xml", basic(s)), []int{401}},
		{"basic that is no base64", get("/o/-/gateway.xml", "Authorization: Basic !!!!"), []int{401}},
		{"another scheme", get("/o/-/gateway.xml", "Authorization: Negotiate "+s), []int{401}},
		{"bearer of 10 KB", get("/o/-/gateway.xml", "Authorization: Bearer "+strings.Repeat("a", 10_000)), []int{404}},
		{"bearer, but another link in the path", get("/o/nothing/gateway.xml", "Authorization: Bearer "+s), []int{404}},
		{"two bearers", get("/o/-/gateway.xml", "Authorization: Bearer wrong", "Authorization: Bearer "+s), []int{404}},
		// headers
		{"absurd host", "GET " + gateway + " HTTP/1.1\r\nHost: \"><script>\r\nConnection: close\r\n\r\n", []int{400}},
		{"long host", "GET " + gateway + " HTTP/1.1\r\nHost: " + strings.Repeat("a", 5000) + "\r\nConnection: close\r\n\r\n", []int{200}},
		{"no host", "GET " + gateway + " HTTP/1.1\r\nConnection: close\r\n\r\n", []int{400}},
		{"two hosts", "GET " + gateway + " HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", []int{400}},
		{"header of 60 KB", get(gateway, "X: "+strings.Repeat("y", 60_000)), []int{431}},
		{"thousand headers", get(gateway, strings.Repeat("X: y\r\n", 5000)+"X: y"), []int{431}},
		{"header without name", get(gateway, ": x"), []int{400}},
		{"header with blank", get(gateway, "X y: z"), []int{400}},
		{"header with nul", get(gateway, "X: y\x00z"), []int{400}},
		{"folded header", get(gateway, "X: y", " folded"), []int{200}},
		{"dates of nonsense", get(light, "If-Modified-Since: "+strings.Repeat("9", 5000), "If-Unmodified-Since: yesterday"), []int{200}},
		{"ten thousand tags", get(light, "If-None-Match: "+strings.Repeat(`"a",`, 2500)), []int{200}},
		{"unclosed tag", get(light, `If-None-Match: "`), []int{200}},
		{"accept-encoding bomb", get(light, "Accept-Encoding: "+strings.Repeat("gzip;q=0.1,", 1000)), []int{200}},
		{"expect", get(light, "Expect: 200-maybe"), []int{417}},
		{"cookie", get("/o/nothing/gateway.xml", "Cookie: token="+s), []int{404}},
		{"upgrade", get(light, "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), []int{200}},
		// ranges
		{"many ranges", get(full, manyRanges), []int{200}},
		{"overlapping ranges", get(full, "Range: bytes=0-,0-,0-,0-,0-"), []int{200}},
		{"range beyond", get(full, "Range: bytes=99999999999-"), []int{416}},
		{"range of 40 digits", get(full, "Range: bytes="+strings.Repeat("9", 40)+"-"), []int{416}},
		{"negative range", get(full, "Range: bytes=--5"), []int{200}},
		{"backward range", get(full, "Range: bytes=9-5"), []int{200}},
		{"range in hex", get(full, "Range: bytes=0x10-0x20"), []int{200}},
		{"range of another unit", get(full, "Range: rows=0-5"), []int{200}},
		{"empty range", get(full, "Range: bytes=-"), []int{200}},
		{"a suffix too long", get(full, "Range: bytes=-99999999999999999999"), []int{206}},
		{"two ranges in two headers", get(full, "Range: bytes=0-1", "Range: bytes=2-3"), []int{200}},
		{"a part of something else", get(full, "Range: bytes=0-9", `If-Range: "something else"`), []int{200}},
		{"a part by a weak tag", get(full, "Range: bytes=0-9", `If-Range: W/"x"`), []int{200}},
		{"a part by an unclosed tag", get(full, "Range: bytes=0-9", `If-Range: "`), []int{200}},
		{"a part by 10 KB of tag", get(full, "Range: bytes=0-9", `If-Range: "`+strings.Repeat("a", 10_000)+`"`), []int{200}},
		{"a part by a date of nonsense", get(full, "Range: bytes=0-9", "If-Range: Tue, 99 Foo 20266 99:99:99 GMT"), []int{200}},
		// where it says it comes from
		{"an address of nonsense", get(light, "X-Forwarded-For: ', DROP TABLE link; --"), []int{200}},
		{"a thousand addresses", get(light, "X-Forwarded-For: "+strings.Repeat("192.0.2.1, ", 1000)+"192.0.2.1"), []int{200}},
		{"addresses in three headers", get(light, "X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "X-Real-Ip: ::1"), []int{200}},
		{"a link as address", get("/o/nothing/light.xml", "X-Forwarded-For: "+s), []int{404}},
		{"a link as host", "GET /o/nothing/light.xml HTTP/1.1\r\nHost: " + s + "\r\nX-Forwarded-Host: " + s + "\r\nConnection: close\r\n\r\n", []int{404}},
		// methods and versions
		{"POST", "POST " + light + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", []int{405}},
		{"CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nConnection: close\r\n\r\n", []int{404}},
		{"TRACE", "TRACE " + light + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", []int{405}},
		{"a method of 1000 letters", strings.Repeat("A", 1000) + " " + light + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", []int{405}},
		{"a method that is none", "G(T " + light + " HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
		{"HTTP/1.0", "GET " + light + " HTTP/1.0\r\n\r\n", []int{200}},
		{"HTTP/0.9", "GET " + light + "\r\n\r\n", []int{400}},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{404}},
		{"HTTP/9.9", "GET " + light + " HTTP/9.9\r\nHost: x\r\n\r\n", []int{505}},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", []int{400}},
		{"binary", strings.Repeat("\x00\xff", 1000) + "\r\n\r\n", []int{400}},
		{"nothing", "", nil},
		{"empty lines", "\r\n\r\n\r\n", []int{400}},
		{"cut off", "GET " + light + " HTTP/1.1\r\nHo", []int{400}},
		// smuggling and pipelining
		{"two lengths", "GET " + light + " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
		{"length and chunks", "GET " + light + " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET " + gateway + " HTTP/1.1\r\nHost: x\r\n\r\n", []int{200}},
		{"strange chunks", "GET " + light + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", []int{501}},
		{"chunks twice", "GET " + light + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", []int{501}},
		{"a body to GET", "GET " + light + " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", []int{200}},
		{"a body of terabytes", "GET " + light + " HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\nbody", []int{200}},
		{"negative length", "GET " + light + " HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", []int{400}},
		{"line feed alone", "GET " + light + " HTTP/1.1\nHost: x\nConnection: close\n\n", []int{200}},
		{"carriage return within", "GET " + light + " HTTP/1.1\r\nHost: x\rX: y\r\n\r\n", []int{400}},
		{"garbage after a request", "GET " + light + " HTTP/1.1\r\nHost: x\r\n\r\n\x00\x01\x02garbage\r\n\r\n", []int{200, 400}},
		{"ten in a row", strings.Repeat("GET /o/nothing/x HTTP/1.1\r\nHost: x\r\n\r\n", 10), []int{404, 404, 404, 404, 404, 404, 404, 404, 404, 404}},
	}
	if len(table) < 60 {
		t.Fatalf("%d requests, want 60", len(table))
	}
	send := func() {
		for _, c := range table {
			statuses, first := exchange(t, addr, c.sent)
			if fmt.Sprint(statuses) != fmt.Sprint(c.want) {
				t.Errorf("%s: got %v, want %v", c.name, statuses, c.want)
			}
			if first.err != nil || first.header.Get("Set-Cookie")+first.header.Get("Location")+first.header.Get("Server") != "" {
				t.Errorf("%s: %v, %v", c.name, first.header, first.err)
			}
			if strings.Contains(first.header.Get("Content-Type"), "html") || first.status != 200 && first.status != 206 && len(first.body) > 500 {
				t.Errorf("%s: the refusal says %.200q", c.name, first.body)
			}
		}
	}
	send() // what is made once is made now
	before, files := settled(t)
	send()
	await(t, "goroutines and files as before", func() bool {
		now, open := settled(t)
		return now <= before && open <= files
	})
	if strings.Contains(w.log.String(), `"msg":"panic"`) {
		t.Error("something panicked")
	}
	if statuses, _ := exchange(t, addr, get(gateway)); fmt.Sprint(statuses) != "[200]" {
		t.Errorf("after all that: %v", statuses)
	}
	stop()
}

// settled counts this process's goroutines and open files.
func settled(t testing.TB) (goroutines, files int) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	client.CloseIdleConnections()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil && runtime.GOOS == "linux" {
		t.Fatal(err)
	}
	var b bytes.Buffer
	check(t, pprof.Lookup("goroutine").WriteTo(&b, 1))
	return runtime.NumGoroutine(), len(list)
}

// TestSlowRequests opens connections that never finish a request: they are
// ended, and nobody waits for them meanwhile.
func TestSlowRequests(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it waits for the server's time limit of five seconds")
	}
	w := setup(t, config{})
	addr, stop := front(t, w)
	defer stop()
	var conns []net.Conn
	for range 200 {
		conn, err := net.Dial("tcp", addr)
		check(t, err)
		defer conn.Close()
		check(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
		_, err = io.WriteString(conn, "GET /o/"+w.secret+"/gateway.xml HTTP/1.1\r\nHost: x\r\nX-")
		check(t, err)
		conns = append(conns, conn)
	}
	for range 20 {
		if got := do(t, http.MethodGet, "http://"+addr+"/o/"+w.secret+"/gateway.xml"); got.status != 200 {
			t.Fatalf("meanwhile: %d", got.status)
		}
	}
	for _, conn := range conns {
		if b, err := io.ReadAll(conn); err != nil && !strings.Contains(err.Error(), "reset") || bytes.Contains(b, []byte("200 OK")) {
			t.Fatalf("got %q, %v", b, err)
		}
	}
}

// TestForeign walks every route with the links of all others: whoever does not
// hold the right one cannot tell a foreign address from one that nobody has.
func TestForeign(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	w.full = w.publish(t, w.offer.Profile.FullKey(), w.full.Feed.Kind, &w.full, 0)
	uniform := w.get(t, "/o/nothing/gateway.xml")
	// Another merchant, whose partner has links in all states.
	v := &world{db: w.db, clock: w.clock, merchant: w.merchant}
	var err error
	v.merchant.ID = partner.NewMerchantID()
	v.merchant, err = w.db.CreateMerchant(t.Context(), actor, v.merchant)
	check(t, err)
	v.shop = partner.Shop{ID: partner.NewShopID(), Merchant: v.merchant.ID, Number: 3, Name: "Main"}
	check(t, w.db.CreateShop(t.Context(), actor, v.shop))
	_, _, _, live := v.account(t, nil)
	_, _, _, off := v.account(t, func(o *partner.Offer) { o.FeedEnabled = false })
	_, _, revokedLink, revoked := v.account(t, nil)
	check(t, w.db.RevokeLink(t.Context(), actor, v.merchant.ID, revokedLink.ID))
	_, _, _, sibling := w.account(t, func(o *partner.Offer) { o.FeedEnabled = false }) // of the same merchant
	unknown, unknownSecret := partner.NewLink(w.merchant.ID, w.offer.ID, "never stored", time.Now(), time.Time{})
	_ = unknown

	var paths []string // with %s for the link
	for _, g := range []int64{w.full.Number, w.full.Base, w.light.Number, 1 << 40} {
		for _, f := range append(w.full.Files, w.light.Files...) {
			paths = append(paths, fmt.Sprintf("/o/%%s/%d/%s", g, f.Kind.FileName(f.Label)))
		}
	}
	for _, f := range append(w.full.Files, w.light.Files...) {
		name := f.Kind.FileName(f.Label)
		paths = append(paths, "/o/%s/"+name, "/edi/export-offer.php?token=%s&type="+strings.TrimSuffix(strings.TrimSuffix(name, ".xml"), ".csv"))
	}
	paths = append(paths, "/o/%s/gateway.xml", "/o/%s/manifest.json", "/o/%s/nothing.xml", "/edi/export-offer.php?token=%s&type=gateway", "/edi/export-offer.php?token=%s&type=full&shop=3&format=csv")
	for _, path := range paths {
		for name, secret := range map[string]string{"off": off, "revoked": revoked, "sibling": sibling, "unknown": unknownSecret.Reveal(), "grafted": graft(live, w.secret), "cut": live[:60]} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				got := do(t, method, w.url+fmt.Sprintf(path, secret))
				if method == http.MethodHead {
					got.body = uniform.body
				}
				if !same(got, uniform) {
					t.Errorf("%s %s with a link that is %s: %d %v", method, path, name, got.status, got.header)
				}
				if strings.HasPrefix(path, "/o/") {
					got = do(t, method, w.url+fmt.Sprintf(path, "-"), "Authorization", "Bearer "+secret)
					if method == http.MethodHead {
						got.body = uniform.body
					}
					if !same(got, uniform) {
						t.Errorf("%s %s with a bearer that is %s: %d %v", method, path, name, got.status, got.header)
					}
				}
			}
		}
		// A link that is live, but of another merchant: only what it has itself.
		if strings.Count(path, "/") == 4 {
			if got := w.get(t, fmt.Sprintf(path, live)); !same(got, uniform) {
				t.Errorf("%s with another merchant's live link: %d", path, got.status)
			}
		}
	}
}
