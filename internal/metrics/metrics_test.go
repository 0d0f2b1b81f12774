package metrics_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"feedmill/feed"
	"feedmill/internal/metrics"
	"feedmill/storage"
	"feedmill/storage/memstore"
	"feedmill/storage/storagetest"
)

func Example() {
	m := metrics.New("1.0")
	m.Request(metrics.Request{Route: "/o/{link}/gateway.xml", Method: "GET", Status: 200, Bytes: 900, Took: 2 * time.Millisecond})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "feedmill_http_requests_total") {
			fmt.Println(lines.Text())
		}
	}
	// Output: feedmill_http_requests_total{method="GET",route="/o/{link}/gateway.xml",status="200"} 1
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// busy gives metrics of which every family has at least one line.
func busy(t *testing.T) *metrics.Metrics {
	t.Helper()
	m := metrics.New("1.0")
	m.Request(metrics.Request{Route: "/o/{link}/gateway.xml", Method: "GET", Status: 404, Took: time.Millisecond, Refused: "unknown"})
	m.Request(metrics.Request{Route: "/o/{link}/{file}", Method: "GET", Status: 200, Bytes: 5000, Took: time.Second, Cut: true})
	m.Run(metrics.Run{Outcome: metrics.Published, Took: time.Second, Restored: true, Feeds: []metrics.FeedRun{
		{Kind: "full", Published: true, Added: 3, Changed: 2, Removed: 1, Bytes: 700, Missed: 4}, {Kind: "light", Held: true, Added: 50}}})
	store := m.Store(memstore.New(memstore.Options{}))
	if _, err := store.Put(t.Context(), "a", strings.NewReader("12345"), 5, storage.Attrs{}); err != nil {
		t.Fatal(err)
	}
	body, _, err := store.Open(t.Context(), "a", storage.Range{Off: 1, Len: 3})
	if err != nil {
		t.Fatal(err)
	}
	body.Close()
	m.Read(metrics.Sources{
		Now: func() time.Time { return noon },
		Feeds: func(context.Context) ([]metrics.Feed, error) {
			return []metrics.Feed{
				{Kind: "light", Merchant: "m-1", Made: noon.Add(-time.Hour), Expires: noon.Add(time.Hour)},
				{Kind: "light", Merchant: "m-1", Made: noon.Add(-time.Minute), Expires: noon.Add(-time.Minute)},
				{Kind: "full", Merchant: "m-2", Made: noon.Add(-2 * time.Hour), Expires: noon.Add(5 * time.Hour)}}, nil
		},
		Changes: func(context.Context) (int64, time.Time, error) { return 7, noon.Add(-90 * time.Second), nil },
		Jobs: func(context.Context) ([]metrics.JobCount, error) {
			return []metrics.JobCount{{"publish", "waiting", 2}}, nil
		},
		Pools: func() []metrics.Pool {
			return []metrics.Pool{{Name: "read", InUse: 1, Idle: 2, Max: 16, Waits: 3, Waited: time.Second}}
		},
		Downloads: func() metrics.Downloads {
			return metrics.Downloads{Running: 4, Queued: 5, Dropped: 6, Age: 300 * time.Millisecond}
		},
		Cache: func() metrics.Cache {
			return metrics.Cache{Hits: 1, Misses: 2, Bypasses: 3, Damaged: 4, Evicted: 7, Bytes: 5, Files: 6}
		},
	})
	return m
}

// gather gives all lines of feedmill's own metrics by name and labels.
func gather(t *testing.T, m *metrics.Metrics) map[string]float64 {
	t.Helper()
	list, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]float64{}
	for _, f := range list {
		for _, metric := range f.GetMetric() {
			var labels []string
			for _, l := range metric.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			name := strings.TrimSpace(f.GetName() + " " + strings.Join(labels, ","))
			switch {
			case metric.GetCounter() != nil:
				lines[name] = metric.GetCounter().GetValue()
			case metric.GetGauge() != nil:
				lines[name] = metric.GetGauge().GetValue()
			case metric.GetHistogram() != nil:
				lines[name] = metric.GetHistogram().GetSampleSum()
			}
		}
	}
	return lines
}

func TestWhatIsCounted(t *testing.T) {
	t.Parallel()
	got := gather(t, busy(t))
	// Labels stand in the order of their names.
	for name, want := range map[string]float64{
		"feedmill_http_requests_total GET,/o/{link}/gateway.xml,404": 1,
		"feedmill_http_response_bytes_total /o/{link}/{file}":        5000,
		"feedmill_http_request_seconds /o/{link}/{file}":             1,
		"feedmill_refusals_total unknown":                            1,
		"feedmill_downloads_cut_total":                               1,
		"feedmill_publish_runs_total published":                      1,
		"feedmill_publish_runs_total failed":                         0,
		"feedmill_publish_run_seconds":                               1,
		"feedmill_publish_products_total added,full":                 3,
		"feedmill_publish_products_total removed,full":               1,
		"feedmill_publish_generations_total full":                    1,
		"feedmill_publish_bytes_total full":                          700,
		"feedmill_publish_missed_changes_total full":                 4,
		"feedmill_publish_missed_changes_total light":                0,
		"feedmill_publish_held_total light":                          1,
		"feedmill_publish_restored_total":                            1,
		"feedmill_feeds light":                                       2,
		"feedmill_feed_oldest_age_seconds light,m-1":                 3600,
		"feedmill_feed_first_expiry_seconds light,m-1":               -60,
		"feedmill_feed_oldest_age_seconds full,m-2":                  7200,
		"feedmill_changes_waiting":                                   7,
		"feedmill_changes_oldest_seconds":                            90,
		"feedmill_jobs publish,waiting":                              2,
		"feedmill_store_calls_total put,ok":                          1,
		"feedmill_store_bytes_total put":                             5,
		"feedmill_store_bytes_total open":                            3,
		"feedmill_downloads_running":                                 4,
		"feedmill_download_events_queued":                            5,
		"feedmill_download_events_dropped_total":                     6,
		"feedmill_accounts_age_seconds":                              0.3,
		"feedmill_cache_requests_total bypass":                       3,
		"feedmill_cache_damaged_total":                               4,
		"feedmill_cache_evicted_total":                               7,
		"feedmill_database_connections read,idle":                    2,
		"feedmill_database_connections read,in use":                  1,
		"feedmill_database_connections_max read":                     16,
		"feedmill_database_waits_total read":                         3,
		"feedmill_database_wait_seconds_total read":                  1,
		"feedmill_scrape_errors_total feeds":                         0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s = %v (there: %v), want %v", name, v, ok, want)
		}
	}
	if _, ok := got["feedmill_publish_products_total added,light"]; ok {
		t.Error("a held generation counts as published")
	}
}

// Every family has lines once it was used, and none is there that the list does
// not name.
func TestFamilies(t *testing.T) {
	t.Parallel()
	list, err := busy(t).Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names, want []string
	kinds := map[string]string{}
	for _, f := range list {
		if strings.HasPrefix(f.GetName(), "feedmill_") {
			names = append(names, f.GetName())
			kinds[f.GetName()] = strings.ToLower(f.GetType().String())
			for _, l := range f.GetMetric()[0].GetLabel() {
				kinds[f.GetName()] += " " + l.GetName()
			}
		}
	}
	for _, f := range metrics.Families() {
		want = append(want, f.Name)
		labels := slices.Sorted(slices.Values(f.Labels))
		if k := strings.TrimSpace(string(f.Kind) + " " + strings.Join(labels, " ")); kinds[f.Name] != k {
			t.Errorf("%s is %q, the list says %q", f.Name, kinds[f.Name], k)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("there are %q, the list names %q", names, want)
	}
	for _, runtime := range []string{"go_goroutines", "process_cpu_seconds_total"} {
		if gather(t, busy(t))[runtime] == 0 {
			t.Errorf("%s is missing", runtime)
		}
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	problems, err := testutil.GatherAndLint(busy(t).Gatherer())
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

// The list in the operator's page is the list of the program.
func TestDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(feedmill_\\w+)` \\| (\\w+) \\| ([^|]*) \\|").FindAllStringSubmatch(string(page), -1) {
		rows[m[1]] = m[2] + ": " + strings.TrimSpace(m[3])
	}
	for _, f := range metrics.Families() {
		labels := make([]string, len(f.Labels))
		for i, l := range f.Labels {
			labels[i] = "`" + l + "`"
		}
		if want := string(f.Kind) + ": " + strings.Join(labels, ", "); rows[f.Name] != want {
			t.Errorf("docs/operations.md says %q of %s, want %q", rows[f.Name], f.Name, want)
		}
		delete(rows, f.Name)
	}
	for name := range rows {
		t.Errorf("docs/operations.md lists %s, which does not exist", name)
	}
}

// Whatever a caller hands over, labels stay few and tell nothing.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m := metrics.New("1.0")
	const canary = "fml_k3h5j2k4h5j6k7h8g9f0d1s2a3q4w5e6r7t8y9u0"
	for _, route := range []string{"/o/" + canary + "/full.xml", canary, "", "/o/\x00", "/o/ż", strings.Repeat("/a", 60)} {
		m.Request(metrics.Request{Route: route, Method: canary, Status: 12345, Refused: route})
	}
	for i := range 10_000 {
		m.Request(metrics.Request{Route: fmt.Sprint("/r/", i), Method: fmt.Sprint("M", i), Status: i, Refused: fmt.Sprint("why ", i)})
		m.Run(metrics.Run{Outcome: metrics.Failed, Feeds: []metrics.FeedRun{{Kind: fmt.Sprint("k", i), Published: true}}})
	}
	m.Read(metrics.Sources{
		Feeds: func(context.Context) (list []metrics.Feed, err error) {
			for i := range 5000 {
				list = append(list, metrics.Feed{Kind: "full", Merchant: fmt.Sprint("m-", i), Made: noon.Add(-time.Duration(i) * time.Minute), Expires: noon})
			}
			return list, nil
		},
		Now: func() time.Time { return noon },
	})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text := w.Body.String()
	if w.Code != http.StatusOK || strings.Contains(text, "k3h5j2k4h5") {
		t.Errorf("status %d, a secret among it: %v", w.Code, strings.Contains(text, "k3h5j2k4h5"))
	}
	// The oldest merchant has a line of its own, the newest has not.
	if !strings.Contains(text, `merchant="m-4999"`) || strings.Contains(text, `merchant="m-1"`) || !strings.Contains(text, `merchant="other"`) {
		t.Error("the lines of merchants are not those of the hundred oldest and one for the rest")
	}
	if n := strings.Count(text, "\n"); n > 70_000 {
		t.Errorf("%d lines", n)
	}
	for name, most := range map[string]int{"feedmill_http_response_bytes_total{": 65, "feedmill_refusals_total{": 65, "feedmill_feed_oldest_age_seconds{": 101, "feedmill_publish_generations_total{": 35} {
		if n := strings.Count(text, name); n > most || n == 0 {
			t.Errorf("%d lines of %s, want 1 to %d", n, name, most)
		}
	}
}

// A source that fails or hangs is missing, and the rest is there.
func TestSourcesFail(t *testing.T) {
	t.Parallel()
	m := metrics.New("1.0")
	m.Read(metrics.Sources{
		Feeds:   func(context.Context) ([]metrics.Feed, error) { return nil, errors.New("no") },
		Changes: func(context.Context) (int64, time.Time, error) { return 0, time.Time{}, errors.New("no") },
		Jobs: func(context.Context) ([]metrics.JobCount, error) {
			return []metrics.JobCount{{"sweep", "done", 1}}, nil
		},
	})
	got := gather(t, m)
	if got["feedmill_jobs sweep,done"] != 1 {
		t.Errorf("the source that works: %v", got["feedmill_jobs sweep,done"])
	}
	if _, ok := got["feedmill_changes_waiting"]; ok {
		t.Error("a source that failed gave a number")
	}
	got = gather(t, m)
	if got["feedmill_scrape_errors_total feeds"] < 1 || got["feedmill_scrape_errors_total changes"] < 1 {
		t.Errorf("errors: %v, %v", got["feedmill_scrape_errors_total feeds"], got["feedmill_scrape_errors_total changes"])
	}
}

// Feeds are read once a minute, and their age grows meanwhile.
func TestFeedsAreReadNowAndThen(t *testing.T) {
	t.Parallel()
	m := metrics.New("1.0")
	now, reads, broken := noon, 0, false
	m.Read(metrics.Sources{Now: func() time.Time { return now }, Feeds: func(context.Context) ([]metrics.Feed, error) {
		if broken {
			return nil, errors.New("no")
		}
		reads++
		return []metrics.Feed{{Kind: "full", Merchant: "m", Made: noon, Expires: noon.Add(time.Hour)}}, nil
	}})
	for _, step := range []struct {
		after time.Duration
		reads int
	}{{0, 1}, {30 * time.Second, 1}, {61 * time.Second, 2}, {-time.Hour, 3}} {
		now = noon.Add(step.after)
		if got := gather(t, m)["feedmill_feed_oldest_age_seconds full,m"]; got != step.after.Seconds() || reads != step.reads {
			t.Errorf("after %v: age %v, %d reads, want %v and %d", step.after, got, reads, step.after.Seconds(), step.reads)
		}
	}
	// What was read last is told also while nothing can be read.
	broken, now = true, noon.Add(24*time.Hour)
	if got := gather(t, m)["feedmill_feed_first_expiry_seconds full,m"]; got != -23*3600 {
		t.Errorf("first expiry %v, want %v", got, -23*3600)
	}
}

// A counted store is a store: the contract's suite passes on it.
func TestStoreContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(testing.TB) storage.Store {
		return metrics.New("1.0").Store(memstore.New(memstore.Options{}))
	})
}

func TestStoreOutcomes(t *testing.T) {
	t.Parallel()
	m := metrics.New("1.0")
	inner := memstore.New(memstore.Options{})
	s := m.Store(storagetest.NewFaulty(inner, storagetest.Script(storagetest.Step{Op: storagetest.Delete, N: 1, Fault: storagetest.ErrorBefore}), nil))
	ctx, cancel := context.WithCancel(t.Context())
	if _, _, err := s.Open(ctx, "nothing", storage.Range{}); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	if err := s.Delete(ctx, "x"); !errors.Is(err, storagetest.ErrInjected) {
		t.Errorf("delete: %v", err)
	}
	for range s.List(ctx, "") {
	}
	cancel()
	if _, err := s.Stat(ctx, "x"); !errors.Is(err, context.Canceled) && !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("stat: %v", err)
	}
	got := gather(t, m)
	for name, want := range map[string]float64{"feedmill_store_calls_total open,missing": 1, "feedmill_store_calls_total delete,failed": 1, "feedmill_store_calls_total list,ok": 1} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	if m.Store(inner).(storage.ExclusiveCreator).ExclusiveCreate() != inner.ExclusiveCreate() {
		t.Error("the store's ability to create exclusively is lost")
	}
	var none *metrics.Metrics
	if got := none.Store(inner); got != storage.Store(inner) {
		t.Error("no metrics wrap a store")
	}
	none.Request(metrics.Request{})
	none.Run(metrics.Run{})
	none.Read(metrics.Sources{})
}

func TestListen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		address string
		public  bool
		kind    feed.ErrorKind
		ok      bool
	}{
		{"127.0.0.1:0", false, 0, true},
		{"[::1]:0", false, 0, true},
		{"localhost:0", false, 0, true},
		{"0.0.0.0:0", false, feed.KindInvalid, false},
		{":0", false, feed.KindInvalid, false},
		{":0", true, 0, true},
		{"127.0.0.1:99999", false, 0, false},
	} {
		l, err := metrics.Listen(t.Context(), c.address, c.public)
		if c.address == "[::1]:0" && err != nil && feed.KindOf(err) != feed.KindInvalid {
			continue // a machine without IPv6
		}
		if (err == nil) != c.ok || c.kind != 0 && feed.KindOf(err) != c.kind {
			t.Errorf("listen on %q, public %v: %v", c.address, c.public, err)
		}
		if err == nil {
			if at := l.Addr().(*net.TCPAddr); !c.public && !at.IP.IsLoopback() {
				t.Errorf("listens on %v", at)
			}
			l.Close()
		}
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	l, err := metrics.Listen(ctx, "127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- busy(t).Serve(ctx, l, slog.New(slog.DiscardHandler)) }()
	get := func(path, host string) (int, string) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	if status, body := get("/metrics", ""); status != http.StatusOK || !strings.Contains(body, "feedmill_changes_waiting 7") {
		t.Errorf("metrics: %d %.300s", status, body)
	}
	if status, body := get("/debug/pprof/goroutine?debug=1", ""); status != http.StatusOK || !strings.Contains(body, "goroutine profile") {
		t.Errorf("profile: %d %.300s", status, body)
	}
	// A page in a browser of this machine has a name of its own.
	if status, _ := get("/debug/pprof/heap", "evil.example"); status != http.StatusForbidden {
		t.Errorf("profile for another host's page: %d", status)
	}
	for _, path := range []string{"/", "/o/x/full.xml", "/healthz"} {
		if status, _ := get(path, ""); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
}

// Profiles are refused to other machines also on a public listener.
func TestProfilesAreLocal(t *testing.T) {
	t.Parallel()
	h := metrics.New("1.0").Handler()
	for from, want := range map[string]int{"192.0.2.1:1": http.StatusForbidden, "[2001:db8::1]:1": http.StatusForbidden, "127.0.0.1:1": http.StatusOK, "[::1]:1": http.StatusOK, "": http.StatusForbidden} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/debug/pprof/cmdline", nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %q: %d, want %d", from, w.Code, want)
		}
	}
}

func TestConcurrently(t *testing.T) {
	t.Parallel()
	m := busy(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				m.Request(metrics.Request{Route: fmt.Sprint("/", n%70), Method: "GET", Status: 200, Refused: fmt.Sprint(i)})
				m.Run(metrics.Run{Outcome: metrics.Unchanged})
				if n%50 == 0 {
					if _, err := m.Gatherer().Gather(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	if got := gather(t, m)["feedmill_publish_runs_total unchanged"]; got != 1600 {
		t.Errorf("%v runs were counted, want 1600", got)
	}
}

func FuzzLabels(f *testing.F) {
	f.Add("/o/{link}/full.xml", "GET", "malformed")
	f.Add("\xff\x00\"", "", "a\nb")
	f.Fuzz(func(t *testing.T, route, method, why string) {
		m := metrics.New("1.0")
		m.Request(metrics.Request{Route: route, Method: method, Refused: why, Status: len(route)})
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if w.Code != http.StatusOK {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
	})
}
