package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A client that closes its side of the connection when it has sent its request
// is answered by the panel of the real program as any other is, also where the
// work takes long enough for the server to notice.
func TestHalfClosedAtThePanel(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	d.run("import", "--catalog", filepath.Join("sample", "catalog.jsonl"))
	base, said, _ := d.serve("all")
	code := d.first(d.waitFile(said, `give the code`), `give the code ([a-z2-7]+) within`)
	addr := strings.TrimPrefix(base, "http://")
	send := func(method, path, body, cookies string) (int, string, string) {
		status, header, answer := sendRaw(t, addr, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nCookie: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
			method, path, addr, base, cookies, len(body), body))
		var set []string
		for _, c := range header.Values("Set-Cookie") {
			pair, _, _ := strings.Cut(c, ";")
			set = append(set, pair)
		}
		return status, strings.Join(set, "; "), answer
	}
	// The password is made slow to guess, so that the server sees the closed side
	// long before it knows the answer.
	const owner = "merchant=Hurtownia&language=pol&currency=PLN&name=Anna&login=anna@example.com&new-password=four+good+words+here"
	status, cookies, answer := send("POST", "/panel/setup", owner+"&code="+code, "")
	if status != 303 || cookies == "" {
		t.Fatalf("making the owner: status %d: %.300s", status, answer)
	}
	for range 5 {
		for _, path := range []string{"/panel/", "/panel/partners", "/panel/products", "/panel/audit"} {
			if status, _, answer := send("GET", path, "", cookies); status != 200 {
				t.Errorf("%s: status %d: %.300s", path, status, answer)
			}
		}
	}
	if status, _, answer := send("POST", "/panel/sign-in", "login=anna@example.com&password=some+other+words+here", ""); status != 422 {
		t.Errorf("a wrong password: status %d, want 422: %.300s", status, answer)
	}
	d.end()
}
