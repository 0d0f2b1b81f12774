package metrics

import "time"

// Outcome says how a run ended.
type Outcome string

// The outcomes of runs.
const (
	// Published runs made at least one generation current.
	Published Outcome = "published"
	// Unchanged runs found nothing to publish.
	Unchanged Outcome = "unchanged"
	// Held runs left at least one generation for people to decide about.
	Held Outcome = "held"
	// Lost runs found that another was first, or under way.
	Lost Outcome = "lost"
	// Failed runs ended with an error.
	Failed Outcome = "failed"
)

// outcomes lists them.
func outcomes() []Outcome { return []Outcome{Published, Unchanged, Held, Lost, Failed} }

// Run is one publish run that has ended.
type Run struct {
	Outcome Outcome
	Took    time.Duration
	Feeds   []FeedRun
	// Restored says that the records had lost history.
	Restored bool
}

// FeedRun is what a run did for one feed.
type FeedRun struct {
	// Kind is "full" or "light".
	Kind      string
	Published bool
	Held      bool
	// Added, Changed and Removed count products, Bytes those of the new files.
	Added, Changed, Removed, Bytes int64
	// Missed counts differences that the hints had not named.
	Missed int64
}

// Run counts one run.
func (m *Metrics) Run(r Run) {
	if m == nil {
		return
	}
	m.runs.WithLabelValues(string(r.Outcome)).Inc()
	m.runSeconds.WithLabelValues().Observe(r.Took.Seconds())
	if r.Restored {
		m.restored.Inc()
	}
	for _, f := range r.Feeds {
		kind := m.kinds.value(f.Kind)
		m.missed.WithLabelValues(kind).Add(float64(max(f.Missed, 0)))
		if f.Held {
			m.held.WithLabelValues(kind).Inc()
		}
		if !f.Published {
			continue
		}
		m.generations.WithLabelValues(kind).Inc()
		m.published.WithLabelValues(kind).Add(float64(max(f.Bytes, 0)))
		for change, n := range map[string]int64{"added": f.Added, "changed": f.Changed, "removed": f.Removed} {
			m.products.WithLabelValues(kind, change).Add(float64(max(n, 0)))
		}
	}
}
