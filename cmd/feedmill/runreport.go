package main

import (
	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// runReport is what generate and publish print of a run as JSON, and what the
// records keep of it.
type runReport struct {
	Products int64 `json:"products"`
	// Whole says that products are all of the catalog.
	Whole    bool         `json:"whole"`
	Restored bool         `json:"restored,omitempty"`
	Behind   float64      `json:"behind_seconds,omitempty"`
	Feeds    []feedReport `json:"feeds"`
}

// feedReport is what became of one feed.
type feedReport struct {
	Kind       feed.Kind `json:"kind"`
	Key        string    `json:"key"`
	Generation int64     `json:"generation"`
	Published  bool      `json:"published,omitempty"`
	Products   int64     `json:"products"`
	Added      int64     `json:"added,omitempty"`
	Changed    int64     `json:"changed,omitempty"`
	Removed    int64     `json:"removed,omitempty"`
	Full       bool      `json:"full,omitempty"`
	Waiting    bool      `json:"waiting,omitempty"`
	Held       string    `json:"held,omitempty"`
	// Compared tells why the whole feed was compared.
	Compared string        `json:"compared,omitempty"`
	Missed   int64         `json:"missed,omitempty"`
	LeftOut  []leftOutLine `json:"left_out,omitempty"`
}

// leftOutLine counts products that a profile does not show.
type leftOutLine struct {
	Reason   string `json:"reason"`
	Products int64  `json:"products"`
	Example  string `json:"example"`
}

func reportOf(r *publish.Report) runReport {
	out := runReport{Products: r.Products, Whole: r.Whole, Restored: r.Restored, Behind: r.Behind.Seconds(), Feeds: []feedReport{}}
	for i := range r.Feeds {
		f := &r.Feeds[i]
		line := feedReport{Kind: f.Feed.Kind, Key: f.Feed.Key, Generation: f.Generation.Number, Published: f.Published, Products: f.Products,
			Added: f.Added, Changed: f.Changed, Removed: f.Removed, Full: f.Full, Waiting: f.Waiting, Compared: f.Whole, Missed: f.Missed,
			LeftOut: leftOutLines(f.LeftOut)}
		if f.Held != nil {
			line.Held = f.Held.Error()
		}
		out.Feeds = append(out.Feeds, line)
	}
	return out
}

func leftOutLines(list []publish.LeftOut) (out []leftOutLine) {
	for _, l := range list {
		out = append(out, leftOutLine{l.Reason, l.Products, l.Example})
	}
	return out
}

// mergeReport is what import prints as JSON.
type mergeReport struct {
	Added           int64            `json:"added"`
	Changed         int64            `json:"changed"`
	Removed         int64            `json:"removed"`
	Unchanged       int64            `json:"unchanged"`
	AddedExamples   []feed.ProductID `json:"added_examples,omitempty"`
	ChangedExamples []feed.ProductID `json:"changed_examples,omitempty"`
	RemovedExamples []feed.ProductID `json:"removed_examples,omitempty"`
}

func mergeReportOf(p *partner.MergePlan) mergeReport { return mergeReport(*p) }
