package admin

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// factPair is one fact on two sides, in words of the pages: before and after, or
// as it stands and as somebody wants it. "" is nothing.
type factPair struct{ Name, A, B string }

// factPairs tells one fact of two sides, which are JSON or "", as the form tells it
// that people change it by: what the form has many fields for becomes many, of
// which those that differ are given.
func (c *call) factPairs(names *roster, name, a, b string) ([]factPair, error) {
	var list []factPair
	switch name {
	case "discounts":
		list = c.formPairs(discountsForm(a), discountsForm(b), "overall", "categories", "producers", "products")
	case "profile":
		x, y := profileForm(a), profileForm(b)
		for _, f := range []*form{x, y} {
			if err := c.wordProfile(names, f); err != nil {
				return nil, err
			}
		}
		list = c.formPairs(x, y, "languages", "csv", "currency", "base", "lead", "price-list", "only-listed", "rates", "overall", "categories", "producers", "products",
			"in-stock", "include", "exclude", "warehouses", "per-warehouse", "buffer", "cap", "unlimited", "dialect")
	case "supplier":
		list = c.formPairs(supplierForm(a), supplierForm(b), supplierFields...)
	case "partner", "offer", "shop", "replaces":
		x, err := c.nameOf(names, readable(a))
		if err != nil {
			return nil, err
		}
		y, err := c.nameOf(names, readable(b))
		return []factPair{{name, x, y}}, err
	}
	if len(list) > 0 {
		return list, nil
	}
	// A part that no form shows, or one that this program cannot read, stands as it is.
	return []factPair{{name, c.factWord(name, a), c.factWord(name, b)}}, nil
}

func (c *call) nameOf(names *roster, id string) (string, error) {
	v, err := names.of(id)
	return cmp.Or(v.Name, id), err
}

// formPairs compares fields of two forms. Where one has none at all, what stands
// at nothing in the other is left out.
func (c *call) formPairs(a, b *form, fields ...string) (list []factPair) {
	if a == nil || b == nil {
		return nil
	}
	for _, name := range fields {
		x, y := strings.Join(a.raw[name], ", "), strings.Join(b.raw[name], ", ")
		if x == y {
			continue
		}
		if slices.Contains(flagFields, name) {
			x, y = flagWord(a, name), flagWord(b, name)
		}
		label := c.speaker().word("fact", name)
		if key := c.panel.templates.labels[name]; key != "" {
			label = c.say(key)
		}
		if slices.Contains(ruledDiscounts, name) { // what stands above them in the form
			label = c.say("fact.discounts") + " · " + label
		}
		list = append(list, factPair{label, x, y})
	}
	return list
}

// ruledDiscounts are the fields of discounts that hold rules.
var ruledDiscounts = []string{"categories", "producers", "products"}

// flagFields are the fields of profiles that are boxes.
var flagFields = []string{"csv", "only-listed", "in-stock", "per-warehouse"}

func flagWord(f *form, name string) string {
	switch {
	case len(f.raw) == 0:
		return ""
	case f.flag(name):
		return "true"
	}
	return "false"
}

// The forms of facts; nil for what cannot be read, an empty form for nothing.

func discountsForm(text string) *form {
	f := newForm()
	if text == "" || text == "null" {
		return f
	}
	d, err := partner.DecodeDiscounts([]byte(text))
	if err != nil {
		return nil
	}
	setDiscounts(f, &d)
	return f
}

func profileForm(text string) *form {
	if text == "" || text == "null" {
		return newForm()
	}
	p, err := partner.DecodeProfile([]byte(text))
	if err != nil {
		return nil
	}
	return formOfOffer(&partner.Offer{Profile: p})
}

func supplierForm(text string) *form {
	f := newForm()
	if text == "" || text == "null" {
		return f
	}
	var s feed.Supplier
	if json.Unmarshal([]byte(text), &s) != nil {
		return nil
	}
	for i, from := range supplierParts(&s) {
		f.set(supplierFields[i], *from)
	}
	return f
}

// wordProfile puts words in the place of what the form of a profile chooses among.
func (c *call) wordProfile(names *roster, f *form) error {
	if f == nil || len(f.raw) == 0 {
		return nil
	}
	s := c.speaker()
	f.set("base", s.word("base", f.raw.Get("base"))).set("lead", s.word("lead", f.raw.Get("lead")))
	for i, name := range f.raw["dialect"] {
		f.raw["dialect"][i] = s.word("dialect", name)
	}
	if id := f.raw.Get("price-list"); id != "" {
		list, err := c.nameOf(names, id)
		if err != nil {
			return err
		}
		f.set("price-list", list)
	}
	return nil
}

// factWord writes a fact as pages write such things elsewhere: moments in the
// merchant's zone, files and states by their words.
func (c *call) factWord(name, text string) string {
	s, plain := c.speaker(), readable(text)
	if plain == "" || plain == "null" {
		return ""
	}
	switch name {
	case "files", "state":
		family := map[string]string{"files": "kind", "state": "pstate"}[name]
		words := strings.Split(plain, ",")
		for i, w := range words {
			words[i] = s.word(family, strings.TrimSpace(w))
		}
		return strings.Join(words, ", ")
	case "language":
		for _, o := range languageOptions() {
			if o.Value == plain {
				return o.Label
			}
		}
	case "expires", "revoked", "suspended":
		if t, err := time.Parse(time.RFC3339, plain); err == nil {
			return s.moment(t)
		}
	case "zone_minutes":
		var minutes int64
		if json.Unmarshal([]byte(text), &minutes) == nil {
			return zoneText(time.Duration(minutes) * time.Minute)
		}
	case "stale_after":
		if d, err := time.ParseDuration(plain); err == nil {
			return s.span(d)
		}
	case "schedule":
		return c.scheduleWords(text)
	}
	return plain
}

// scheduleWords writes what a switch will do by itself, as [partner.FactsOf] gives
// it, the way a partner's card does.
func (c *call) scheduleWords(text string) string {
	var points []string
	if json.Unmarshal([]byte(text), &points) != nil {
		return readable(text)
	}
	for i, p := range points {
		to, at, _ := strings.Cut(p, " at ")
		if t, err := time.Parse(time.RFC3339, at); err == nil && (to == "on" || to == "off") {
			points[i] = c.say("partners.next."+to, c.speaker().moment(t))
		}
	}
	return strings.Join(points, "\n")
}
