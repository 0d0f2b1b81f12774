package main

import (
	"fmt"
	"io"
	"slices"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/pricing"
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
	// Unmatched is what profiles name that the catalog does not have.
	Unmatched []unmatchedLine `json:"unmatched,omitempty"`
}

// unmatchedLine is a name in a profile that the catalog does not have.
type unmatchedLine struct {
	// Offer and OfferName say whose profile it is; "" where there is only one.
	Offer       string             `json:"offer,omitempty"`
	OfferName   string             `json:"offer_name,omitempty"`
	PartnerName string             `json:"partner_name,omitempty"`
	Setting     string             `json:"setting"`
	Kind        pricing.NameKind   `json:"kind"`
	Name        string             `json:"name"`
	Effect      pricing.NameEffect `json:"effect"`
	Near        string             `json:"near,omitempty"`
	Have        []string           `json:"have,omitempty"`
}

// unmatchedLines tells what profiles name that the catalog does not have; offers are those of
// the profiles, nil where there is one and it is nobody's.
func unmatchedLines(all [][]pricing.Unmatched, offers []runOffer) (out []unmatchedLine) {
	for i := range all {
		for _, u := range all[i] {
			line := unmatchedLine{Setting: u.Setting, Kind: u.Kind, Name: u.Name, Effect: u.Effect, Near: u.Near, Have: u.Have}
			if i < len(offers) {
				line.Offer, line.OfferName, line.PartnerName = string(offers[i].ID), offers[i].Name, offers[i].partner
			}
			out = append(out, line)
		}
	}
	return out
}

// mostUnmatched is how many names of each profile are told to people.
const mostUnmatched = 20

// offerNames tells people which offers are meant.
func offerNames(offers []runOffer) (names []string) {
	for i := range offers {
		names = append(names, fmt.Sprintf("offer %s (%s, %s)", offers[i].ID, offers[i].partner, offers[i].Name))
	}
	return names
}

// warnUnmatched tells people what profiles name that the catalog does not have; whose says of
// each where it stands. What makes an offer empty or sold out comes first.
func warnUnmatched(to io.Writer, all [][]pricing.Unmatched, whose []string) {
	for i := range all {
		list := slices.Clone(all[i])
		grave := func(u pricing.Unmatched) bool {
			return u.Effect == pricing.EffectNoStock || u.Effect == pricing.EffectEmpty
		}
		slices.SortStableFunc(list, func(a, b pricing.Unmatched) int {
			switch x, y := grave(a), grave(b); {
			case x && !y:
				return -1
			case y && !x:
				return 1
			}
			return 0
		})
		for k, u := range list {
			if k == mostUnmatched {
				fmt.Fprintf(to, "%s: warning: %d more names that the catalog does not have\n", whose[i], len(list)-k)
				break
			}
			fmt.Fprintf(to, "%s: warning: %s\n", whose[i], u)
		}
	}
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

func reportOf(r *publish.Report, offers []runOffer) runReport {
	out := runReport{Unmatched: unmatchedLines(r.Unmatched, offers), Products: r.Products, Whole: r.Whole, Restored: r.Restored, Behind: r.Behind.Seconds(), Feeds: []feedReport{}}
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
	Shared          *sharedReport    `json:"shared_codes,omitempty"`
}

func mergeReportOf(p *partner.MergePlan, shared catalog.SharedCodes) mergeReport {
	return mergeReport{p.Added, p.Changed, p.Removed, p.Unchanged, p.AddedExamples, p.ChangedExamples, p.RemovedExamples, sharedReportOf(shared)}
}

// importJob is what import prints as JSON where a job does the rest.
type importJob struct {
	Job    int64         `json:"job"`
	Shared *sharedReport `json:"shared_codes,omitempty"`
}

// sharedReport tells of codes that several products have.
type sharedReport struct {
	Count    int64            `json:"count"`
	Examples []sharedCodeLine `json:"examples"`
}

type sharedCodeLine struct {
	Code     string            `json:"code"`
	Products [2]feed.ProductID `json:"products"`
}

// sharedReportOf gives nil where there is nothing to tell.
func sharedReportOf(s catalog.SharedCodes) *sharedReport {
	if s.Count == 0 {
		return nil
	}
	r := &sharedReport{Count: s.Count}
	for _, c := range s.Examples {
		r.Examples = append(r.Examples, sharedCodeLine(c))
	}
	return r
}
