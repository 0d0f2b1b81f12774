package api_test

import (
	"net/http"
	"net/url"
	"testing"

	"feedmill/internal/api"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// FuzzRequest sends any body and any query to each operation: nothing panics, no
// answer says that something went wrong on this side, and each is as the document
// says.
func FuzzRequest(f *testing.F) {
	w := setup(f, "sqlite", api.Options{})
	w.roles["owner"] = manage.Identity{Merchant: w.mine.ID, Role: manage.RoleOwner, Actor: partner.Actor{Name: "owner"}}
	mine := w.furnish(w.mine)
	ops := w.spec.operations()
	for i, o := range ops {
		f.Add(uint8(i), mine.fill(bodies[o.id()]), queries[o.id()], uint8(0))
	}
	hostile := []string{`{"a":`, `[[[[[[[[`, `{"version": 99999999999999999999}`, `{"version": 1e400}`, `null`, `"x"`, "{\"name\": \"\xff\"}", `{"name": "\ud800"}`, `{"name": "a\u0000b"}`,
		`{"patches": [{"id": 1, "stock": [{"quantity": 1e3}], "price": {"net": "-1"}}]}`, `[{"id": 1, "name": {"zzz": 1}, "sizes": [null]}, 7, "x"]`, `{"schedule": [{"at": "9999-12-31T23:59:59Z", "on": true}]}`,
		`{"profile": {"stock": {"cap": -5}, "discounts": {"overall": 1e1}}}`, `{"overlap_seconds": -1}`, `{"select": {"all": true}, "change": {"name": "x"}}`}
	for i, body := range hostile {
		f.Add(uint8(i*7), body, "?limit=1&cursor=AAAAAAAAAAAA", uint8(i))
		f.Add(uint8(i*5+3), body, "?version=0&from=x&%zz", uint8(i))
	}
	media := []string{"application/json", "application/x-ndjson", "text/plain", "application/json; charset=latin1", ""}
	f.Fuzz(func(t *testing.T, which uint8, body, query string, kind uint8) {
		w.t = t
		o := ops[int(which)%len(ops)]
		r := request{method: o.method, path: mine.fill(o.path), key: "owner", body: body, header: http.Header{"Content-Type": {media[int(kind)%len(media)]}}}
		if kind%2 == 1 && kind < 64 {
			r.header["If-Match"] = []string{"*"}
		}
		for _, c := range query {
			if c <= ' ' || c > '~' {
				query = ""
				break
			}
		}
		if query != "" && query[0] == '?' {
			r.path += query
		}
		if o.method == http.MethodGet || o.method == http.MethodDelete {
			r.body = ""
		}
		if _, err := url.ParseRequestURI("http://x" + api.Prefix + r.path); err != nil {
			return // no server would hand it on
		}
		a := w.send(r)
		if a.status >= 500 {
			t.Errorf("%s %s %q: status %d: %s\n%s", o.id(), r.path, body, a.status, a.body, w.log.String())
		}
		if err := w.spec.check(request{method: o.method, path: o.path}, a); err != nil {
			t.Errorf("%s %s %q: status %d: %v: %s", o.id(), r.path, body, a.status, err, a.body)
		}
	})
}
