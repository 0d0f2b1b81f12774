package killed_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/feed/patch"
	"feedmill/internal/harness/site"
	"feedmill/storage"
)

// yard is one installation whose commands are killed, one after the other.
type yard struct {
	t                 *testing.T
	feedmill, sweeper string
	dir               string
	place             site.Place
	env               []string
	path              string // of the gateway
	// imported is the last state of the catalog that a command was told to
	// bring in, published the one that readers see.
	imported, published int
	// generated is the state of the catalog that is in the folder of generate.
	generated int
}

const (
	stay  = 24 // products that every catalog has
	cycle = 6  // of them have a new price in each
	comes = 40 // is in every second catalog
	// patience is how long recovery may take.
	patience = 30 * time.Second
)

// price gives what a product costs in the n-th catalog.
func price(id, n int) int {
	last := n - ((n-id)%cycle+cycle)%cycle
	return 100 + max(last, 0)
}

func products(n int, share int) (list []site.Product) {
	for id := 1; id <= stay; id++ {
		if id%share == 0 {
			list = append(list, site.Product{ID: site.ID(id), Price: price(id, n), Stock: id % 7, Category: id % 3})
		}
	}
	if n%2 == 1 && share == 1 {
		list = append(list, site.Product{ID: comes, Price: 77, Stock: 1})
	}
	return list
}

// result is how a command ended.
type result struct {
	killed bool
	status int
	output string
	took   time.Duration
}

// run executes a program with some variables more.
func (y *yard) run(program string, args []string, env ...string) result {
	y.t.Helper()
	ctx, cancel := context.WithTimeout(y.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = y.dir
	cmd.Env = append(append(os.Environ(), y.env...), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	r := result{output: out.String(), took: time.Since(start)}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		r.status = exit.ExitCode()
		ws, ok := exit.Sys().(syscall.WaitStatus)
		r.killed = ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL && ctx.Err() == nil
	case err != nil:
		y.t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return r
}

// must runs the program and takes only success.
func (y *yard) must(args ...string) string {
	y.t.Helper()
	r := y.run(y.feedmill, args)
	if r.status != 0 {
		y.t.Fatalf("feedmill %s: exit status %d: %s", strings.Join(args, " "), r.status, r.output)
	}
	return r.output
}

// catalog writes the n-th catalog, or one share of it, and gives its name.
func (y *yard) catalog(n, share int) string {
	y.t.Helper()
	name := filepath.Join(y.dir, fmt.Sprintf("catalog-%d-%d.jsonl", n, share))
	if err := os.WriteFile(name, []byte(site.Text(products(n, share))), 0o600); err != nil {
		y.t.Fatal(err)
	}
	return name
}

// settle makes an installation with a history.
func (y *yard) settle() {
	y.t.Helper()
	y.env = append(y.env, "FEEDMILL_DATA="+y.place.Data, "FEEDMILL_JOBS_PUBLISH_EVERY=-1s", "FEEDMILL_FEEDS_FULL_SHARE=1000",
		"FEEDMILL_FEEDS_MAX_PRICE_MOVE=-1", "FEEDMILL_LOG_LEVEL=warn")
	y.must("import", "--catalog", y.catalog(0, 1))
	out := y.must("partner", "add", "Nord", "--json")
	m := regexp.MustCompile(`/o/fm1_[^"]*`).FindString(out)
	if m == "" {
		y.t.Fatalf("partner add tells no gateway: %s", out)
	}
	y.path = m
	// As many markers as stay, so that every run removes one.
	y.open(func(s *site.Site) {
		for i := range 16 {
			key, err := storage.Marker{Merchant: string(s.Merchant.ID), Feed: "all", Run: fmt.Sprint("old", i)}.Key()
			if err == nil {
				_, err = s.Store.Put(y.t.Context(), key, strings.NewReader("{}"), 2, storage.Attrs{Immutable: true})
			}
			if err != nil {
				y.t.Fatal(err)
			}
		}
	})
	for range 2 {
		y.advance()
	}
}

// advance brings in and publishes the next catalog.
func (y *yard) advance() {
	y.t.Helper()
	y.imported++
	y.must("import", "--catalog", y.catalog(y.imported, 1))
	y.must("publish")
	y.published = y.imported
}

// open opens the installation in this process.
func (y *yard) open(fn func(s *site.Site)) {
	y.t.Helper()
	s, closeAll, err := y.place.Open(y.t.Context(), time.Now)
	if err != nil {
		y.t.Fatal(err)
	}
	defer func() {
		if err := closeAll(); err != nil {
			y.t.Error(err)
		}
	}()
	fn(s)
}

// handled is an HTTP transport that calls a handler.
type handled struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (h handled) RoundTrip(r *http.Request) (res *http.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the answer breaks off: %v", v)
		}
	}()
	w := recorder{httptest.NewRecorder()}
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// recorder takes deadlines like a connection.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetWriteDeadline(time.Time) error { return nil }

const host = "http://feeds.example.com"

var (
	named = regexp.MustCompile(` url="([^"]+)" hash="([0-9a-f]{32})"`)
	gross = regexp.MustCompile(`<price gross="([0-9]+)\.[0-9]+"`)
)

// look reads everything that the gateway names, over the real edge, and gives
// the number of the catalog that it shows. What is torn fails the test.
func (y *yard) look() (shown int) {
	y.t.Helper()
	y.open(func(s *site.Site) {
		edge := s.Edge(host, nil)
		if err := edge.Refresh(y.t.Context()); err != nil {
			y.t.Fatal(err)
		}
		client := &http.Client{Transport: handled{edge}}
		get := func(address string) []byte {
			res, err := client.Get(address)
			if err != nil {
				y.t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != http.StatusOK {
				y.t.Fatalf("%s: %d, %v", strings.ReplaceAll(address, y.path, "…"), res.StatusCode, err)
			}
			return body
		}
		gateway := get(host + y.path)
		files := named.FindAllSubmatch(gateway, -1)
		if len(files) < 10 {
			y.t.Fatalf("the gateway names %d files", len(files))
		}
		for _, m := range files {
			if sum := md5.Sum(get(string(m[1]))); hex.EncodeToString(sum[:]) != string(m[2]) {
				y.t.Errorf("%s is not what the gateway says", filepath.Base(string(m[1])))
			}
		}
		shown = version(y.t, get(host+strings.TrimSuffix(y.path, "gateway.xml")+"light.xml"), y.imported)
	})
	return shown
}

// version gives the number of the one catalog whose prices a light file shows.
func version(t *testing.T, light []byte, newest int) int {
	t.Helper()
	prices := map[string]string{}
	for r := patch.NewReader(bytes.NewReader(light)); ; {
		n, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("light.xml: %v", err)
		}
		if m := gross.FindSubmatch(n.Raw); m != nil {
			prices[n.ID] = string(m[1])
		}
	}
	for n := newest; n >= 0; n-- {
		same := true
		for id := 1; id <= stay; id++ {
			same = same && prices[fmt.Sprint(id)] == fmt.Sprint(price(id, n))
		}
		if same {
			return n
		}
	}
	t.Errorf("light.xml shows no catalog whole: %v", prices)
	return -1
}

// age makes everything that is recorded ten days older.
func (y *yard) age() {
	y.t.Helper()
	const d = int64(10 * 24 * time.Hour / time.Microsecond)
	statements := []string{
		"UPDATE generation SET published = published - %[1]d, retired = retired - %[1]d WHERE retired IS NOT NULL",
		"UPDATE blob SET created = created - %[1]d, changed = changed - %[1]d",
		"UPDATE upload_attempt SET started = started - %[1]d",
	}
	ctx := y.t.Context()
	var exec func(string) error
	if y.place.Postgres != "" {
		c, err := pgx.Connect(ctx, y.place.Postgres)
		if err != nil {
			y.t.Fatal(err)
		}
		defer c.Close(ctx)
		exec = func(q string) error { _, err := c.Exec(ctx, q); return err }
	} else {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(y.place.Data, "feedmill.db")+"?_pragma=busy_timeout(10000)")
		if err != nil {
			y.t.Fatal(err)
		}
		defer db.Close()
		exec = func(q string) error { _, err := db.ExecContext(ctx, q); return err }
	}
	for _, q := range statements {
		if err := exec(fmt.Sprintf(q, d)); err != nil {
			y.t.Fatal(err)
		}
	}
}

// rubbish makes files that nobody needs any more: of generations that were
// replaced and of a run that was killed; some are condemned already.
func (y *yard) rubbish() {
	y.t.Helper()
	y.advance()
	y.imported++
	y.must("import", "--catalog", y.catalog(y.imported, 1))
	if r := y.run(y.feedmill, []string{"publish"}, "FEEDMILL_CRASH=publish.marked"); !r.killed {
		y.t.Fatalf("publish is not killed: %s", r.output)
	}
	y.must("publish")
	y.published = y.imported
	y.age()
	y.sweep()
	y.age()
}

func (y *yard) sweep() {
	y.t.Helper()
	if r := y.run(y.sweeper, []string{y.placeText()}); r.status != 0 {
		y.t.Fatalf("sweeper: exit status %d: %s", r.status, r.output)
	}
}

func (y *yard) placeText() string {
	y.t.Helper()
	text, err := json.Marshal(y.place)
	if err != nil {
		y.t.Fatal(err)
	}
	return string(text)
}
