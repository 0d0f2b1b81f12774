package metrics

import (
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics counts. All methods may be called concurrently, and on a nil one:
// then nothing is counted.
type Metrics struct {
	registry *prometheus.Registry
	scrape   *scrape

	requests, bytes, refused, runs, products, generations, published, missed, held *prometheus.CounterVec
	cut, restored                                                                  prometheus.Counter
	seconds, runSeconds                                                            *prometheus.HistogramVec

	storeCalls, storeBytes *prometheus.CounterVec
	storeSeconds           *prometheus.HistogramVec

	routes, reasons, kinds bounded
}

// New makes the metrics of a program of this version, with everything at zero.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: httpRequests.counter(), bytes: httpBytes.counter(), seconds: httpSeconds.histogram(),
		refused: refusals.counter(), cut: cuts.counter().WithLabelValues(),
		runs: runs.counter(), runSeconds: runSeconds.histogram(), products: runProducts.counter(), generations: generations.counter(),
		published: runBytes.counter(), missed: missed.counter(), held: held.counter(),
		restored:   restored.counter().WithLabelValues(),
		storeCalls: storeCalls.counter(), storeBytes: storeBytes.counter(), storeSeconds: storeSeconds.histogram(),
		routes: bounded{max: 64}, reasons: bounded{max: 64}, kinds: bounded{max: 32},
	}
	errors := scrapeErrors.counter()
	m.scrape = newScrape(errors)
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: build.Name, Help: build.Help}, build.Labels)
	info.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(m.requests, m.bytes, m.seconds, m.refused, m.cut, m.runs, m.runSeconds, m.products, m.generations, m.published,
		m.missed, m.held, m.restored, m.storeCalls, m.storeBytes, m.storeSeconds, errors, info, m.scrape,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// What is to be watched for has a line before it happens for the first time.
	for _, o := range outcomes() {
		m.runs.WithLabelValues(string(o))
	}
	for _, kind := range []string{"full", "light"} {
		m.missed.WithLabelValues(kind)
		m.held.WithLabelValues(kind)
	}
	return m
}

// Gatherer gives everything that is counted, for tests and for other ways out.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Request is one request that was answered.
type Request struct {
	// Route is the template of the address, never the address.
	Route string
	// Method is folded into "other" unless it is one that HTTP defines.
	Method string
	// Status is 0 where nothing was answered.
	Status int
	// Bytes counts those of the body that were sent.
	Bytes int64
	Took  time.Duration
	// Refused is the reason of a refusal out of a small closed set, "" for none.
	Refused string
	// Cut says that it was broken off because it was no longer allowed.
	Cut bool
}

// Request counts one request.
func (m *Metrics) Request(r Request) {
	if m == nil {
		return
	}
	route := m.routes.value(r.Route)
	m.requests.WithLabelValues(route, method(r.Method), status(r.Status)).Inc()
	m.bytes.WithLabelValues(route).Add(float64(max(r.Bytes, 0)))
	m.seconds.WithLabelValues(route).Observe(r.Took.Seconds())
	if r.Refused != "" {
		m.refused.WithLabelValues(m.reasons.value(r.Refused)).Inc()
	}
	if r.Cut {
		m.cut.Inc()
	}
}

func method(s string) string {
	switch s {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return s
	}
	return "other"
}

func status(n int) string {
	if n < 100 || n > 599 {
		return "none"
	}
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

// bounded lets so many different values through as a label, and calls the rest
// "other": whatever goes wrong in a caller, the number of lines stays small.
type bounded struct {
	max  int
	mu   sync.RWMutex
	seen map[string]bool
}

const other = "other"

func (b *bounded) value(s string) string {
	b.mu.RLock()
	known := b.seen[s]
	b.mu.RUnlock()
	if known {
		return s
	}
	if !labelText(s) {
		return other
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[s] {
		return s
	}
	if len(b.seen) >= b.max {
		return other
	}
	if b.seen == nil {
		b.seen = map[string]bool{}
	}
	b.seen[s] = true
	return s
}

// labelText says whether a text can be a template or a reason: short, printable,
// and without the long runs of letters and digits that secrets are made of.
func labelText(s string) bool {
	if s == "" || len(s) > 80 {
		return false
	}
	run := 0
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			if run++; run > 20 {
				return false
			}
		case c < ' ' || c > '~' || c == '"' || c == '\\':
			return false
		default:
			run = 0
		}
	}
	return true
}
