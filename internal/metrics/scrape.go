package metrics

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources are read when somebody looks. What is nil is not there, and what
// fails is missing from that answer and counted. Each gets three seconds.
type Sources struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Feeds gives the current generation of every feed that an offer is read
	// from. It is asked once a minute at most.
	Feeds func(ctx context.Context) ([]Feed, error)
	// Changes gives the number of changes that are not in every feed yet, and
	// when the oldest of them was made; zero when there is none.
	Changes func(ctx context.Context) (waiting int64, oldest time.Time, err error)
	// Jobs gives the number of jobs by kind and state.
	Jobs func(ctx context.Context) ([]JobCount, error)
	// Pools gives the pools of connections to the database.
	Pools func() []Pool
	// Downloads gives the state of the file server.
	Downloads func() Downloads
	// Cache gives the state of the disk cache.
	Cache func() Cache
}

// Feed is what is told of one feed's current generation.
type Feed struct {
	Kind, Merchant string
	Made, Expires  time.Time
}

// JobCount is the number of jobs of one kind in one state.
type JobCount struct {
	Kind, State string
	Jobs        int64
}

// Pool is a pool of connections.
type Pool struct {
	// Name is "write", "read" or "shared".
	Name             string
	InUse, Idle, Max int
	// Waits counts those who had to wait for a connection, Waited their time.
	Waits  int64
	Waited time.Duration
}

// Downloads is the state of the file server.
type Downloads struct {
	Running int
	// Queued waits to be written into the records; Dropped never will be.
	Queued  int
	Dropped int64
	// Age is how long ago the accounts were confirmed.
	Age time.Duration
}

// Cache is the state of the disk cache.
type Cache struct {
	Hits, Misses, Bypasses, Damaged, Evicted int64
	Bytes, Files                             int64
}

// Read has the sources read from now on, in place of those before.
func (m *Metrics) Read(s Sources) {
	if m == nil {
		return
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	m.scrape.mu.Lock()
	defer m.scrape.mu.Unlock()
	m.scrape.sources, m.scrape.feedsAt, m.scrape.feeds = s, time.Time{}, nil
}

const (
	sourceTimeout = 3 * time.Second
	feedsEvery    = time.Minute
	maxMerchants  = 100
)

// scrape is the collector of what is read.
type scrape struct {
	errors  *prometheus.CounterVec
	descs   map[string]*prometheus.Desc
	kinds   bounded
	mu      sync.Mutex // one look at a time
	sources Sources
	feeds   []Feed
	feedsAt time.Time
}

func newScrape(errors *prometheus.CounterVec) *scrape {
	s := &scrape{errors: errors, descs: map[string]*prometheus.Desc{}, kinds: bounded{max: 32}}
	for _, f := range []Family{running, eventsQueued, eventsDropped, snapshotAge, feeds, feedAge, feedExpiry, changesQueued, changeLag, jobs,
		cacheRequests, cacheDamaged, cacheEvicted, cacheBytes, cacheFiles, poolConnections, poolMax, poolWaits, poolWaited} {
		s.descs[f.Name] = f.desc()
	}
	for _, source := range []string{"feeds", "changes", "jobs"} {
		errors.WithLabelValues(source)
	}
	return s
}

// Describe implements prometheus.Collector.
func (s *scrape) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range s.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *scrape) Collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	put := func(f *Family, v float64, labels ...string) {
		kind := prometheus.GaugeValue
		if f.Kind == Counter {
			kind = prometheus.CounterValue
		}
		ch <- prometheus.MustNewConstMetric(s.descs[f.Name], kind, v, labels...)
	}
	src := &s.sources
	if src.Downloads != nil {
		d := src.Downloads()
		put(&running, float64(d.Running))
		put(&eventsQueued, float64(d.Queued))
		put(&eventsDropped, float64(d.Dropped))
		put(&snapshotAge, d.Age.Seconds())
	}
	if src.Cache != nil {
		c := src.Cache()
		put(&cacheRequests, float64(c.Hits), "hit")
		put(&cacheRequests, float64(c.Misses), "miss")
		put(&cacheRequests, float64(c.Bypasses), "bypass")
		put(&cacheDamaged, float64(c.Damaged))
		put(&cacheEvicted, float64(c.Evicted))
		put(&cacheBytes, float64(c.Bytes))
		put(&cacheFiles, float64(c.Files))
	}
	if src.Pools != nil {
		for _, p := range src.Pools() {
			put(&poolConnections, float64(p.InUse), p.Name, "in use")
			put(&poolConnections, float64(p.Idle), p.Name, "idle")
			put(&poolMax, float64(p.Max), p.Name)
			put(&poolWaits, float64(p.Waits), p.Name)
			put(&poolWaited, p.Waited.Seconds(), p.Name)
		}
	}
	s.collectFeeds(put)
	s.ask("changes", src.Changes != nil, func(ctx context.Context) error {
		waiting, oldest, err := src.Changes(ctx)
		if err != nil {
			return err
		}
		age := 0.0
		if !oldest.IsZero() {
			age = max(0, src.Now().Sub(oldest).Seconds())
		}
		put(&changesQueued, float64(waiting))
		put(&changeLag, age)
		return nil
	})
	s.ask("jobs", src.Jobs != nil, func(ctx context.Context) error {
		list, err := src.Jobs(ctx)
		if err != nil {
			return err
		}
		sums := map[[2]string]int64{}
		for _, j := range list {
			sums[[2]string{s.kinds.value(j.Kind), s.kinds.value(j.State)}] += j.Jobs
		}
		for labels, n := range sums {
			put(&jobs, float64(n), labels[:]...)
		}
		return nil
	})
}

// ask reads one source, in its time.
func (s *scrape) ask(name string, there bool, read func(ctx context.Context) error) {
	if !there {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), sourceTimeout)
	defer cancel()
	if err := read(ctx); err != nil {
		s.errors.WithLabelValues(name).Inc()
	}
}

func (s *scrape) collectFeeds(put func(f *Family, v float64, labels ...string)) {
	if s.sources.Feeds == nil {
		return
	}
	now := s.sources.Now()
	if since := now.Sub(s.feedsAt); s.feedsAt.IsZero() || since >= feedsEvery || since < 0 {
		s.ask("feeds", true, func(ctx context.Context) error {
			list, err := s.sources.Feeds(ctx)
			if err == nil {
				s.feeds, s.feedsAt = list, now
			}
			return err
		})
	}
	if s.feedsAt.IsZero() {
		return // never read yet
	}
	for kind, n := range countKinds(s.feeds, &s.kinds) {
		put(&feeds, float64(n), kind)
	}
	for _, f := range worst(s.feeds, &s.kinds) {
		put(&feedAge, now.Sub(f.Made).Seconds(), f.Kind, f.Merchant)
		put(&feedExpiry, f.Expires.Sub(now).Seconds(), f.Kind, f.Merchant)
	}
}

func countKinds(list []Feed, kinds *bounded) map[string]int {
	n := map[string]int{}
	for _, f := range list {
		n[kinds.value(f.Kind)]++
	}
	return n
}

// worst gives the oldest time and the first expiry for each kind and merchant.
// The merchants with the oldest generations have lines of their own, the rest
// one together.
func worst(list []Feed, kinds *bounded) []Feed {
	type line struct{ kind, merchant string }
	byLine := map[line]Feed{}
	oldest := map[string]time.Time{}
	add := func(f Feed) {
		key := line{f.Kind, f.Merchant}
		if have, ok := byLine[key]; ok {
			if have.Made.Before(f.Made) {
				f.Made = have.Made
			}
			if have.Expires.Before(f.Expires) {
				f.Expires = have.Expires
			}
		}
		byLine[key] = f
	}
	for _, f := range list {
		if at, ok := oldest[f.Merchant]; !ok || f.Made.Before(at) {
			oldest[f.Merchant] = f.Made
		}
	}
	names := make([]string, 0, len(oldest))
	for name := range oldest {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(oldest[a].Compare(oldest[b]), cmp.Compare(a, b))
	})
	own := map[string]bool{}
	for _, name := range names[:min(len(names), maxMerchants)] {
		own[name] = true
	}
	for _, f := range list {
		f.Kind = kinds.value(f.Kind)
		if !own[f.Merchant] {
			f.Merchant = other
		}
		add(f)
	}
	out := make([]Feed, 0, len(byLine))
	for _, f := range byLine {
		out = append(out, f)
	}
	return out
}
