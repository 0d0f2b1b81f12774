package pricing

import (
	"strconv"
	"strings"

	"feedmill/feed"
)

// none is the position of a rule that there is not.
const none = -1

// matcher finds the first rule of a list that matches a product. Rules are
// looked up, never walked, so a thousand of them cost what one costs.
type matcher struct {
	rules []feed.Rule
	// Rule positions by what they look for; the lowest one of equal rules.
	categories, producers, codes, tags map[string]int
	ids                                map[feed.ProductID]int
}

func newMatcher(rules []feed.Rule) *matcher {
	m := &matcher{
		rules:      append([]feed.Rule(nil), rules...),
		categories: map[string]int{}, producers: map[string]int{}, codes: map[string]int{}, tags: map[string]int{},
		ids: map[feed.ProductID]int{},
	}
	for i, r := range m.rules {
		switch r.Field {
		case feed.RuleCategory:
			putFirst(m.categories, r.Value, i)
		case feed.RuleProducer:
			putFirst(m.producers, r.Value, i)
		case feed.RuleTag:
			putFirst(m.tags, r.Value, i)
		case feed.RuleProduct:
			putFirst(m.codes, r.Value, i)
			if id, ok := productID(r.Value); ok {
				putFirst(m.ids, id, i)
			}
		}
	}
	return m
}

func putFirst[K comparable](m map[K]int, key K, i int) {
	if _, ok := m[key]; !ok {
		m[key] = i
	}
}

// productID reads a key as a product's id in its one spelling.
func productID(s string) (feed.ProductID, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != s {
		return 0, false
	}
	return feed.ProductID(n), true
}

// match gives the first rule that matches p, or none. category is the first
// category rule that matches, as found before.
func (m *matcher) match(p *feed.Product, category int, producerName string) int {
	best := category
	best = lookup(m.producers, p.Producer.ID, best)
	best = lookup(m.producers, producerName, best)
	if len(m.ids) > 0 {
		if i, ok := m.ids[p.ID]; ok {
			best = earlier(best, i)
		}
	}
	if len(m.codes) > 0 {
		for i := range p.Sizes {
			best = lookup(m.codes, p.Sizes[i].Code, best)
		}
	}
	if len(m.tags) > 0 {
		for _, t := range p.Tags {
			best = lookup(m.tags, t, best)
		}
	}
	return best
}

// lookup gives the earlier of best and the rule for key. The empty key is no name.
func lookup(m map[string]int, key string, best int) int {
	if len(m) == 0 || key == "" {
		return best
	}
	if i, ok := m[key]; ok {
		return earlier(best, i)
	}
	return best
}

// earlier gives the lower of two rule positions; none is later than all.
func earlier(a, b int) int {
	if a == none || (b != none && b < a) {
		return b
	}
	return a
}

// firstOnPaths gives the first rule for a prefix of one of the paths that ends
// at a "/" or at the end.
func firstOnPaths(m map[string]int, paths feed.Texts) int {
	best := none
	if len(m) == 0 {
		return best
	}
	for i := range paths {
		for path := paths[i].Value; path != ""; {
			best = lookup(m, path, best)
			cut := strings.LastIndexByte(path, '/')
			if cut < 0 {
				break
			}
			path = path[:cut]
		}
	}
	return best
}

// nearestOnPaths gives the rule for the longest part of a path, counted in
// steps from its end, over all languages.
func nearestOnPaths(m map[string]int, paths feed.Texts) int {
	best, bestSteps := none, 0
	if len(m) == 0 {
		return best
	}
	for i := range paths {
		steps := 0
		for path := paths[i].Value; path != "" && (best == none || steps < bestSteps); steps++ {
			if r, ok := m[path]; ok {
				best, bestSteps = r, steps
				break
			}
			cut := strings.LastIndexByte(path, '/')
			if cut < 0 {
				break
			}
			path = path[:cut]
		}
	}
	return best
}

// categoryRules are the rules that hold for a category, found once for each
// category of the dictionaries; none where there is none.
type categoryRules struct{ include, exclude, discount int }

// categories finds the rules of every category of the index. A category stands
// after its parent, so one pass hands everything down the tree.
func categories(x *feed.Index, include, exclude, discounts map[string]int) map[string]categoryRules {
	list := x.Dictionaries().Categories
	found := make(map[string]categoryRules, len(list))
	for i := range list {
		c := &list[i]
		paths, _ := x.CategoryPath(c.ID)
		own := categoryRules{
			include:  ownRule(include, c.ID, paths),
			exclude:  ownRule(exclude, c.ID, paths),
			discount: ownDiscount(discounts, c.ID, paths),
		}
		if above, ok := found[c.Parent]; ok && c.Parent != "" {
			own.include = earlier(own.include, above.include)
			own.exclude = earlier(own.exclude, above.exclude)
			if own.discount == none {
				own.discount = above.discount
			}
		}
		found[c.ID] = own
	}
	return found
}

// ownRule gives the first rule that names the category itself.
func ownRule(m map[string]int, id string, paths feed.Texts) int {
	best := lookup(m, id, none)
	for i := range paths {
		best = lookup(m, paths[i].Value, best)
	}
	return best
}

// ownDiscount gives the discount that names the category itself: by its id,
// else by its path.
func ownDiscount(m map[string]int, id string, paths feed.Texts) int {
	if best := lookup(m, id, none); best != none {
		return best
	}
	return ownRule(m, "", paths)
}

// category gives the rules for the category of p. One that is not in the
// dictionaries is matched by its id and by the paths that came with the product.
func (r *Rules) category(p *feed.Product) categoryRules {
	if r.anyCategory && p.Category.ID != "" {
		if c, ok := r.categories[p.Category.ID]; ok {
			return c
		}
	}
	if !r.anyCategory {
		return categoryRules{none, none, none}
	}
	id, paths := p.Category.ID, p.Category.Names
	c := categoryRules{
		include:  earlier(lookup(r.include.categories, id, none), firstOnPaths(r.include.categories, paths)),
		exclude:  earlier(lookup(r.exclude.categories, id, none), firstOnPaths(r.exclude.categories, paths)),
		discount: lookup(r.discounts.categories, id, none),
	}
	if c.discount == none {
		c.discount = nearestOnPaths(r.discounts.categories, paths)
	}
	return c
}

// producerName gives the name of the producer of p; the dictionary's wins.
func (r *Rules) producerName(p *feed.Product) string {
	if !r.anyProducer {
		return ""
	}
	if name, ok := r.index.Producer(p.Producer.ID); ok {
		return name
	}
	return p.Producer.Name
}
