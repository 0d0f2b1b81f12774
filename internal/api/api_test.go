package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/api"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

func Example() {
	// A program joins the parts: a service over its records, the records that
	// remember requests, and a server.
	var service *manage.Service
	var records api.Repeats
	handler, err := api.New(service, records, api.Options{})
	if err != nil {
		panic(err)
	}
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/api/v1/partners", nil))
	fmt.Println(rec.Code, rec.Header().Get("Content-Type"))
	// Output: 401 application/problem+json
}

// TestPages goes through lists page by page while things come in and go: what was
// there from beginning to end is seen once, and nothing twice.
func TestPages(t *testing.T) {
	t.Parallel()
	w := setup(t, "sqlite", api.Options{})
	key := w.key(w.mine, partner.KeyScopes)
	make1 := func(i int) string {
		p, err := w.manage.CreatePartner(w.ctx, w.mine.owner, partner.Partner{Name: fmt.Sprint("Partner ", i)})
		check(t, err)
		return string(p.ID)
	}
	stays := map[string]int{}
	for i := range 17 {
		stays[make1(i)] = 0
	}
	cursor, n := "", 100
	for pages := 1; ; pages++ {
		a := w.do(request{method: "GET", path: "/partners?limit=4&cursor=" + cursor, key: key})
		var page struct {
			Items []struct {
				ID string `json:"id"`
			} `json:"items"`
			Next string `json:"next"`
		}
		check(t, json.Unmarshal(a.body, &page))
		if len(page.Items) == 0 || len(page.Items) > 4 {
			t.Fatalf("page %d: %s", pages, a.body)
		}
		for _, i := range page.Items {
			stays[i.ID]++
			if stays[i.ID] > 1 {
				t.Errorf("%s stands in two pages", i.ID)
			}
		}
		n++
		make1(n)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	for id, seen := range stays {
		if seen == 0 {
			t.Errorf("%s stands in no page", id)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	w := setup(t, "sqlite", api.Options{PerMinute: 60, Burst: 3, RefusedPerMinute: 2})
	key, other := w.key(w.mine, partner.ScopeAccountsRead), w.key(w.mine, partner.ScopeAccountsRead)
	get := func(key string) answer { return w.do(request{method: "GET", path: "/key", key: key}) }
	for i := range 3 {
		if a := get(key); a.status != http.StatusOK {
			t.Fatalf("request %d: status %d", i, a.status)
		}
	}
	a := get(key)
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("one too many: status %d, header %v", a.status, a.header)
	}
	if a := get(other); a.status != http.StatusOK {
		t.Errorf("another key: status %d", a.status)
	}
	w.Pass(time.Second)
	if a := get(key); a.status != http.StatusOK {
		t.Errorf("a second later: status %d", a.status)
	}
	// Who guesses is not listened to any more, whatever he guesses.
	for range 2 {
		if a := get("fmk_guess"); a.status != http.StatusUnauthorized {
			t.Errorf("a guess: status %d", a.status)
		}
	}
	if a := get(other); a.status != http.StatusTooManyRequests {
		t.Errorf("after guesses from the address: status %d", a.status)
	}
	w.Pass(time.Minute)
	if a := get(other); a.status != http.StatusOK {
		t.Errorf("a minute later: status %d", a.status)
	}
}

func TestBodyLimits(t *testing.T) {
	t.Parallel()
	w := setup(t, "sqlite", api.Options{})
	key := w.key(w.mine, partner.KeyScopes)
	long := `{"name": "` + strings.Repeat("x", 1<<20) + `"}`
	if a := w.do(request{method: "POST", path: "/partners", key: key, body: long}); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body: status %d", a.status)
	}
	// The same without a length beforehand.
	req := httptest.NewRequestWithContext(w.ctx, "POST", api.Prefix+"/partners", io.MultiReader(strings.NewReader(long)))
	req.ContentLength = -1
	req.Header = http.Header{"Authorization": {"Bearer " + key}, "Content-Type": {"application/json"}}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, req)
	if rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body of no length: status %d", rec.Code)
	}
	if a := w.do(request{method: "GET", path: "/partners?q=" + strings.Repeat("x", 5000), key: key}); a.status != http.StatusRequestURITooLong {
		t.Errorf("a long address: status %d", a.status)
	}
	if a := w.do(request{method: "POST", path: "/products", key: key, body: "[]", header: http.Header{"Content-Encoding": {"gzip"}}}); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("a compressed body: status %d", a.status)
	}
	if a := w.do(request{method: "POST", path: "/price-lists/t-aaaaaaaaaaaaaaaa/prices", key: key, body: "\x1f\x8b\x08", header: http.Header{"Content-Type": {"application/x-ndjson"}}}); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("a compressed body that does not say so: status %d %s", a.status, a.body)
	}
	if a := w.do(request{method: "GET", path: "/partners", key: key, body: "{}"}); a.status != http.StatusBadRequest {
		t.Errorf("a body of a GET: status %d", a.status)
	}
	var deep bytes.Buffer
	deep.WriteString(`{"name": "x", "tags": ` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`)
	if a := w.do(request{method: "POST", path: "/partners", key: key, body: deep.String()}); a.status != http.StatusBadRequest {
		t.Errorf("a deep body: status %d", a.status)
	}
}

// slowRepeats hold a request up at its end, as one does whose work takes long.
type slowRepeats struct {
	api.Repeats
	begun, go1 chan struct{}
}

func (s *slowRepeats) EndIdempotent(ctx context.Context, m partner.MerchantID, key string, a partner.IdempotentAnswer) error {
	close(s.begun)
	<-s.go1
	return s.Repeats.EndIdempotent(ctx, m, key, a)
}

// TestRepeats sends the same request twice at a time: one is carried out, and the
// other told to come again; afterwards it has the answer of the first, byte for
// byte. After a week it is a request like any other.
func TestRepeats(t *testing.T) {
	t.Parallel()
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			w := setup(t, database, api.Options{})
			slow := &slowRepeats{w.db, make(chan struct{}), make(chan struct{})}
			a, err := api.New(w.manage, slow, api.Options{Now: w.Now, PerMinute: -1})
			check(t, err)
			quick := w.api
			key, second := w.key(w.mine, partner.KeyScopes), w.key(w.mine, partner.KeyScopes)
			r := request{method: "POST", path: "/partners", key: key, body: `{"name": "Once"}`, header: http.Header{"Idempotency-Key": {"k"}}}
			var first answer
			var done sync.WaitGroup
			done.Go(func() {
				req := httptest.NewRequestWithContext(w.ctx, r.method, api.Prefix+r.path, strings.NewReader(r.body))
				req.Header = http.Header{"Authorization": {"Bearer " + key}, "Content-Type": {"application/json"}, "Idempotency-Key": {"k"}}
				rec := httptest.NewRecorder()
				a.ServeHTTP(rec, req)
				first = answer{rec.Code, rec.Result().Header, rec.Body.Bytes()}
			})
			<-slow.begun
			w.api = quick
			if got := w.do(r); got.status != http.StatusConflict || got.header.Get("Retry-After") == "" {
				t.Errorf("while it is carried out: status %d, %s", got.status, got.body)
			}
			close(slow.go1)
			done.Wait()
			again := w.do(r)
			if first.status != http.StatusCreated || again.status != first.status || !bytes.Equal(again.body, first.body) || again.header.Get("Location") != first.header.Get("Location") {
				t.Errorf("first %d %s, again %d %s", first.status, first.body, again.status, again.body)
			}
			other := r
			other.body = `{"name": "Twice"}`
			if got := w.do(other); got.status != http.StatusUnprocessableEntity {
				t.Errorf("another request under the key: status %d, %s", got.status, got.body)
			}
			other.key = second
			if got := w.do(other); got.status != http.StatusCreated {
				t.Errorf("another API key's request of the same name: status %d, %s", got.status, got.body)
			}
			w.Pass(partner.IdempotencyAge + time.Hour)
			if got := w.do(r); got.status != http.StatusConflict || strings.Contains(string(got.body), "in-progress") {
				t.Errorf("after a week: status %d, %s", got.status, got.body)
			}
		})
	}
}

// TestCanary looks for secrets where they must not be: in the log, in refusals, in
// the audit and in what is kept of answers.
func TestCanary(t *testing.T) {
	t.Parallel()
	w := setup(t, "sqlite", api.Options{})
	key := w.key(w.mine, partner.KeyScopes)
	mine := w.furnish(w.mine)
	var kept keeper
	kept.Repeats = w.db
	a, err := api.New(w.manage, &kept, api.Options{Now: w.Now, PerMinute: -1})
	check(t, err)
	secrets := []string{key}
	for i, path := range []string{"/offers/{offer}/links", "/links/{link}/rotate"} {
		body := []string{`{"name": "canary"}`, `{"overlap_seconds": 0}`}[i]
		req := httptest.NewRequestWithContext(w.ctx, "POST", api.Prefix+mine.fill(path), strings.NewReader(body))
		req.Header = http.Header{"Authorization": {"Bearer " + key}, "Content-Type": {"application/json"}, "Idempotency-Key": {fmt.Sprint("c", i)}}
		rec := httptest.NewRecorder()
		a.ServeHTTP(rec, req)
		var made struct {
			Secret string `json:"secret"`
		}
		check(t, json.Unmarshal(rec.Body.Bytes(), &made))
		if rec.Code != http.StatusCreated || len(made.Secret) < 40 {
			t.Fatalf("%s: status %d, %s", path, rec.Code, rec.Body)
		}
		secrets = append(secrets, made.Secret)
	}
	if len(kept.bodies) != 2 {
		t.Fatalf("%d answers were kept, want 2", len(kept.bodies))
	}
	places := map[string]string{"the answers that are kept": strings.Join(kept.bodies, "\n")}
	// A secret in every place where a client could put it by mistake.
	var refusals strings.Builder
	for _, o := range w.spec.operations() {
		for _, s := range secrets[:2] {
			r := o.request(key, mine)
			r.path += map[bool]string{true: "&", false: "?"}[strings.Contains(r.path, "?")] + "key=" + s
			refusals.Write(w.send(r).body)
			r = o.request(s[:len(s)-1], mine)
			refusals.Write(w.send(r).body)
			r = o.request(key, mine)
			r.path = strings.ReplaceAll(r.path, mine["link"], s)
			r.header = http.Header{"Idempotency-Key": {s}, "If-Match": {s}}
			if r.method == "GET" && !strings.Contains(r.path, s) {
				continue
			}
			refusals.Write(w.send(r).body)
		}
	}
	places["refusals"] = refusals.String()
	export := w.do(request{method: "GET", path: "/audit/export", key: key})
	places["the audit"] = string(export.body)
	places["the log"] = w.log.String()
	for place, text := range places {
		if text == "" {
			t.Errorf("%s: nothing was looked at", place)
		}
		for i, s := range secrets {
			if strings.Contains(text, s) || strings.Contains(text, s[20:60]) {
				t.Errorf("secret %d stands in %s", i, place)
			}
		}
	}
}

// keeper sees what is kept of answers.
type keeper struct {
	api.Repeats
	bodies []string
}

func (k *keeper) EndIdempotent(ctx context.Context, m partner.MerchantID, key string, a partner.IdempotentAnswer) error {
	k.bodies = append(k.bodies, string(a.Body)+" "+key)
	return k.Repeats.EndIdempotent(ctx, m, key, a)
}

// broken is a part that fails, with words that are not for users.
type broken struct{ api.Repeats }

func (broken) BeginIdempotent(context.Context, partner.MerchantID, string, [32]byte) (*partner.IdempotentAnswer, error) {
	return nil, fmt.Errorf("begin request: %w", errors.New("password=hunter2"))
}

// TestFaultsAreOurs has a part fail: the client is told that it is not his fault,
// and nothing else.
func TestFaultsAreOurs(t *testing.T) {
	t.Parallel()
	w := setup(t, "sqlite", api.Options{})
	a, err := api.New(w.manage, broken{w.db}, api.Options{Now: w.Now, PerMinute: -1, RequestID: func(context.Context) string { return "abc" }})
	check(t, err)
	w.api = a
	got := w.do(request{method: "POST", path: "/partners", key: w.key(w.mine, partner.KeyScopes), body: `{"name": "x"}`, header: http.Header{"Idempotency-Key": {"k"}}})
	if got.status != http.StatusInternalServerError || bytes.Contains(got.body, []byte("hunter2")) || !bytes.Contains(got.body, []byte("urn:feedmill:request:abc")) {
		t.Errorf("status %d, %s", got.status, got.body)
	}
}

// TestProfiles has every setting of a profile come back as it was sent.
func TestProfiles(t *testing.T) {
	t.Parallel()
	w := setup(t, "sqlite", api.Options{})
	mine := w.furnish(w.mine)
	key := w.key(w.mine, partner.KeyScopes)
	profile := `{"languages":["pol","eng"],"currency":"PLN","rates":[{"from":"EUR","rate":"4.3"}],"base":"wholesale","lead":"gross","price_list":"` + mine["list"] + `","only_listed":true,"discounts":{"overall":"5.0","categories":[{"key":"1","percent":"1.0"}],"producers":[{"key":"2","percent":"2.5"}],"products":[{"key":"3","percent":"3.0"}]},` +
		`"assortment":{"include":[{"field":"category","value":"a"},{"field":"producer","value":"b"},{"field":"product","value":"c"}],"exclude":[{"field":"tag","value":"d"}],"in_stock_only":true},` +
		`"stock":{"warehouses":[1,2],"per_warehouse":true,"buffer":"2","cap":"50","unlimited":"-1"},` +
		`"dialect":{"default_namespace":true,"escaped_text":true,"single_language":true,"one_size_zero":true,"swap_codes":true,"no_bundles":true,"full_without_stock":true,"all_extensions":true},"site":7,"csv":true}`
	a := w.do(request{method: "PATCH", path: "/offers/" + mine["offer"], key: key, body: `{"version": 1, "profile": ` + profile + `}`})
	if !bytes.Contains(a.body, []byte(`"profile":`+profile)) {
		t.Errorf("status %d\ngot  %s\nwant %s", a.status, a.body, profile)
	}
	// The text above has every member that a stored profile can have.
	var members map[string]any
	check(t, json.Unmarshal([]byte(profile), &members))
	full, err := partner.DecodeProfile([]byte(profile))
	check(t, err)
	if (full.Dialect != feed.Dialect{DefaultNamespace: true, EscapedText: true, SingleLanguage: true, OneSizeZero: true, SwapCodes: true, NoBundles: true, FullWithoutStock: true, AllExtensions: true}) {
		t.Errorf("dialect %+v", full.Dialect)
	}
	w.spec.mu.Lock()
	defer w.spec.mu.Unlock()
	properties, _ := member[map[string]any](w.spec.doc, "components", "schemas", "Profile", "properties")
	for name := range properties {
		if members[name] == nil {
			t.Errorf("the document has the setting %s, and the test does not", name)
		}
	}
}

// TestHungUp: a client who goes away in the middle of a long answer is no fault.
func TestHungUp(t *testing.T) {
	t.Parallel()
	w := setup(t, "sqlite", api.Options{})
	req := httptest.NewRequestWithContext(w.ctx, http.MethodGet, api.Prefix+"/audit/export", http.NoBody)
	req.RemoteAddr = "203.0.113.9:4711"
	req.Header.Set("Authorization", "Bearer "+w.key(w.mine, partner.KeyScopes))
	func() {
		defer func() {
			if got := recover(); got != http.ErrAbortHandler {
				t.Errorf("the answer ended with %v, want %v", got, http.ErrAbortHandler)
			}
		}()
		w.api.ServeHTTP(hungUp{httptest.NewRecorder()}, req)
	}()
	if log := w.log.String(); !strings.Contains(log, "broken off") || strings.Contains(log, `"ERROR"`) {
		t.Errorf("logged %s", log)
	}
}

type hungUp struct{ http.ResponseWriter }

func (hungUp) Write([]byte) (int, error) { return 0, syscall.EPIPE }
