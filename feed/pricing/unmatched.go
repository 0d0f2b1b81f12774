package pricing

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"feedmill/feed"
)

// NameKind is a kind of name in a profile that only the catalog gives a meaning.
type NameKind string

// The kinds.
const (
	NameLanguage  NameKind = "language"
	NameWarehouse NameKind = "warehouse"
	NameCategory  NameKind = "category"
	NameProducer  NameKind = "producer"
	NameProduct   NameKind = "product"
	NameTag       NameKind = "tag"
)

// NameEffect is what a name does to an offer that the catalog does not have.
type NameEffect string

// The effects, none of which stops a run: catalogs change, and a profile may be
// made before the goods come that it is about.
const (
	// EffectNoText: no product has a text in the language.
	EffectNoText NameEffect = "no-text"
	// EffectNotCounted: nothing is added to the stock.
	EffectNotCounted NameEffect = "not-counted"
	// EffectNoStock: the profile counts no warehouse that there is, so every
	// product is told to be sold out.
	EffectNoStock NameEffect = "no-stock"
	// EffectNoDiscount: the discount is given to nothing.
	EffectNoDiscount NameEffect = "no-discount"
	// EffectLetsNothingIn: the include rule lets nothing in.
	EffectLetsNothingIn NameEffect = "lets-nothing-in"
	// EffectEmpty: no include rule lets anything in, so the offer has no product.
	EffectEmpty NameEffect = "empty"
	// EffectLeavesNothingOut: the exclude rule leaves nothing out.
	EffectLeavesNothingOut NameEffect = "leaves-nothing-out"
)

// Unmatched is a name in a profile that the catalog does not have.
type Unmatched struct {
	// Setting is where it stands, as profile files write it:
	// discount.category."Tools/Saws".
	Setting string
	Kind    NameKind
	// Name is what stands there. Of warehouses with [EffectNoStock] it is all of
	// them, separated by commas.
	Name   string
	Effect NameEffect
	// Near is the name that was meant, most likely, "" for nobody knows.
	Near string
	// Have are the warehouses that there are, at most ten; of other kinds nil.
	Have []string
}

// String tells it in a line.
func (u Unmatched) String() string {
	name := strconv.Quote(u.Name)
	if u.Kind == NameWarehouse || u.Kind == NameLanguage {
		name = u.Name
	}
	text := fmt.Sprintf("%s: the catalog has no %s %s", u.Setting, u.Kind, name)
	switch u.Effect {
	case EffectNoText:
		text = fmt.Sprintf("%s: no product has a text in %s", u.Setting, name)
	case EffectNotCounted:
		text += ": it adds nothing to the stock"
	case EffectNoStock:
		text = fmt.Sprintf("%s: the catalog has none of these warehouses (%s): EVERY product is told to be sold out, with stock 0", u.Setting, name)
	case EffectNoDiscount:
		text += ": nothing gets this discount"
	case EffectLetsNothingIn:
		text += ": the rule lets nothing in"
	case EffectEmpty:
		text += ", and nothing that another include rule names: NO product is in the offer"
	case EffectLeavesNothingOut:
		text += ": the rule leaves nothing out"
	}
	if u.Near != "" {
		text += fmt.Sprintf("; did you mean %q?", u.Near)
	}
	if len(u.Have) > 0 {
		text += "; it has " + strings.Join(u.Have, ", ")
	}
	return text
}

// What is kept of names that there are, to find those that were meant.
const (
	watchNames = 1 << 14
	watchCodes = 16 // names of products, which are compared with every code
	watchHave  = 10
)

// Watch finds out which names in profiles the catalog does not have. Names that
// the dictionaries have are none of them; for the others it looks at each
// product, for as long as some are left, so that where all is right it looks at
// the first few only. It is not safe for concurrent use.
type Watch struct {
	index *feed.Index
	// What nobody has found yet.
	languages  map[feed.Language]bool
	warehouses map[feed.WarehouseID]bool
	names      [4]map[string]bool // by place in watched
	products   map[feed.ProductID]string
	left       int

	// anyLanguage says that nobody knows what language texts without one are in.
	anyLanguage bool
	// have, houses and nearCode are what the catalog has besides.
	have     [4]map[string]struct{}
	houses   map[feed.WarehouseID]struct{}
	nearCode map[string]string
}

// watched are the kinds of names that are texts.
var watched = [4]NameKind{NameCategory, NameProducer, NameProduct, NameTag}

func place(k NameKind) int { return slices.Index(watched[:], k) }

// NewWatch makes a watch for names in profiles, over a catalog that has the
// dictionaries of x and whose texts without a language are in one of the given.
func NewWatch(profiles []feed.Profile, x *feed.Index, languages ...feed.Language) *Watch {
	w := &Watch{index: x, languages: map[feed.Language]bool{}, warehouses: map[feed.WarehouseID]bool{}, products: map[feed.ProductID]string{},
		houses: map[feed.WarehouseID]struct{}{}, nearCode: map[string]string{}, anyLanguage: !slices.ContainsFunc(languages, func(l feed.Language) bool { return !l.IsZero() })}
	for i := range w.names {
		w.names[i], w.have[i] = map[string]bool{}, map[string]struct{}{}
	}
	for i := range profiles {
		for _, l := range profiles[i].Languages {
			if !l.IsZero() && !slices.Contains(languages, l) {
				w.languages[l] = true
			}
		}
		for _, id := range profiles[i].Stock.Warehouses {
			w.warehouses[id] = true
		}
		for _, n := range textNames(&profiles[i]) {
			if n.Kind == NameProduct {
				if id, ok := productID(n.Name); ok {
					w.products[id] = n.Name
				}
			}
			w.names[place(n.Kind)][n.Name] = true
		}
	}
	w.takeDictionaries()
	w.count()
	return w
}

// takeDictionaries strikes off what the dictionaries have.
func (w *Watch) takeDictionaries() {
	d := w.index.Dictionaries()
	if len(w.warehouses) > 0 {
		for i := range d.Warehouses {
			w.house(d.Warehouses[i].ID)
		}
	}
	if len(w.names[0]) > 0 {
		for i := range d.Categories {
			id := d.Categories[i].ID
			paths, _ := w.index.CategoryPath(id)
			w.found(0, id)
			for k := range paths {
				w.found(0, paths[k].Value)
			}
		}
	}
	if len(w.names[1]) > 0 {
		for i := range d.Producers {
			w.found(1, d.Producers[i].ID)
			w.found(1, d.Producers[i].Name)
		}
	}
}

func (w *Watch) count() {
	w.left = len(w.languages) + len(w.warehouses)
	for i := range w.names {
		w.left += len(w.names[i])
	}
}

// Left says whether there are names that nobody has found yet.
func (w *Watch) Left() bool { return w.left > 0 }

// Names gives names of a kind that nobody has found yet, in no order.
func (w *Watch) Names(k NameKind) iter.Seq[string] {
	if i := place(k); i >= 0 {
		return maps.Keys(w.names[i])
	}
	return func(func(string) bool) {}
}

// Strike strikes off a name that the catalog has.
func (w *Watch) Strike(k NameKind, name string) {
	if i := place(k); i >= 0 {
		delete(w.names[i], name)
		w.count()
	}
}

// found strikes a name off and remembers it among those that there are.
func (w *Watch) found(i int, name string) {
	if name == "" {
		return
	}
	if w.names[i][name] {
		delete(w.names[i], name)
		w.left--
	}
	if _, ok := w.have[i][name]; !ok && len(w.have[i]) < watchNames {
		w.have[i][strings.Clone(name)] = struct{}{}
	}
}

func (w *Watch) house(id feed.WarehouseID) {
	if w.warehouses[id] {
		delete(w.warehouses, id)
		w.left--
	}
	w.houses[id] = struct{}{}
}

// Over gives products and looks at each that it gives.
func (w *Watch) Over(products iter.Seq2[*feed.Product, error]) iter.Seq2[*feed.Product, error] {
	return func(yield func(*feed.Product, error) bool) {
		for p, err := range products {
			if err == nil && w.left > 0 {
				w.Look(p)
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// Look looks at a product of the catalog. It keeps nothing of p.
func (w *Watch) Look(p *feed.Product) {
	if len(w.languages) > 0 {
		w.lookTexts(p)
	}
	if len(w.warehouses) > 0 {
		for i := range p.Sizes {
			for k := range p.Sizes[i].Stock {
				id := p.Sizes[i].Stock[k].Warehouse
				if _, ok := w.houses[id]; !ok || w.warehouses[id] {
					w.house(id)
				}
			}
		}
	}
	if len(w.names[0]) > 0 {
		w.lookCategory(p)
	}
	if len(w.names[1]) > 0 {
		w.found(1, p.Producer.ID)
		if _, ok := w.index.Producer(p.Producer.ID); !ok {
			w.found(1, p.Producer.Name)
		}
	}
	if len(w.names[2]) > 0 {
		w.lookCodes(p)
	}
	if len(w.names[3]) > 0 {
		for _, t := range p.Tags {
			w.found(3, t)
		}
	}
}

// lookTexts strikes off the languages of a product's texts.
func (w *Watch) lookTexts(p *feed.Product) {
	for _, texts := range [...]feed.Texts{p.Names, p.ShortDescs, p.LongDescs} {
		for i := range texts {
			switch l := texts[i].Lang; {
			case texts[i].Value == "":
			case w.languages[l]:
				delete(w.languages, l)
				w.left--
			case l.IsZero() && w.anyLanguage:
				w.left -= len(w.languages)
				clear(w.languages)
			}
		}
	}
}

// lookCategory strikes off what rules for the category of a product may say.
func (w *Watch) lookCategory(p *feed.Product) {
	w.found(0, p.Category.ID)
	if _, ok := w.index.CategoryPath(p.Category.ID); ok {
		return // the names of the dictionaries count
	}
	for i := range p.Category.Names {
		for path := p.Category.Names[i].Value; path != ""; {
			w.found(0, path)
			cut := strings.LastIndexByte(path, '/')
			if cut < 0 {
				break
			}
			path = path[:cut]
		}
	}
}

// lookCodes strikes off a product's id and the codes of its sizes.
func (w *Watch) lookCodes(p *feed.Product) {
	strike := func(name string) {
		if w.names[2][name] {
			delete(w.names[2], name)
			w.left--
		}
	}
	if name, ok := w.products[p.ID]; ok {
		strike(name)
	}
	for i := range p.Sizes {
		code := p.Sizes[i].Code
		strike(code)
		// People know products by these too, but rules do not look at them.
		for _, other := range [...]string{p.Sizes[i].ProducerCode, p.Sizes[i].ExternalCode} {
			if other != "" && w.names[2][other] && w.nearCode[other] == "" {
				w.nearCode[other] = strings.Clone(code)
			}
		}
		if len(w.names[2]) > watchCodes {
			continue
		}
		for name := range w.names[2] {
			if w.nearCode[name] == "" && alike(name, code) {
				w.nearCode[name] = strings.Clone(code)
			}
		}
	}
}

// alike says whether one of two codes comes of the other by a slip at one place,
// without the cost of looking closely at every code.
func alike(a, b string) bool {
	if len(a) < 3 || len(a)-len(b) > 1 || len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	x, y := a[i:], b[i:]
	switch {
	case len(x) > len(y):
		return x[1:] == y
	case len(x) < len(y):
		return x == y[1:]
	case len(x) == 0 || x[1:] == y[1:]:
		return true
	}
	return len(x) > 1 && x[0] == y[1] && x[1] == y[0] && x[2:] == y[2:] || strings.EqualFold(a, b)
}

// Unmatched gives the names of a profile that nobody has found. It is right for
// the whole catalog once Look has seen all products, or Left says that nothing is
// left; the profile must be one of those that the watch was made for.
func (w *Watch) Unmatched(p *feed.Profile) (list []Unmatched) {
	if w.left == 0 {
		return nil
	}
	for i, l := range p.Languages {
		if w.languages[l] {
			list = append(list, Unmatched{Setting: fmt.Sprintf("languages[%d]", i), Kind: NameLanguage, Name: l.String(), Effect: EffectNoText})
		}
	}
	list = append(list, w.unmatchedWarehouses(p)...)
	names := textNames(p)
	letsIn := 0
	for _, n := range names {
		if n.Effect == EffectLetsNothingIn && !w.names[place(n.Kind)][n.Name] {
			letsIn++
		}
	}
	for _, n := range names {
		at := place(n.Kind)
		if !w.names[at][n.Name] {
			continue
		}
		if n.Effect == EffectLetsNothingIn && letsIn == 0 {
			n.Effect = EffectEmpty
		}
		if n.Near = w.nearCode[n.Name]; n.Kind != NameProduct {
			n.Near = w.near(at, n.Name)
		}
		list = append(list, n)
	}
	return list
}

// near finds the name that was meant. Of categories people often write the last
// step alone.
func (w *Watch) near(at int, name string) string {
	sorted := slices.Sorted(maps.Keys(w.have[at]))
	if near := feed.Nearest(name, slices.Values(sorted)); near != "" || watched[at] != NameCategory {
		return near
	}
	for _, path := range sorted {
		if strings.EqualFold(path[strings.LastIndexByte(path, '/')+1:], name) {
			return path
		}
	}
	return ""
}

func (w *Watch) unmatchedWarehouses(p *feed.Profile) (list []Unmatched) {
	var have, missing []string
	for _, id := range slices.Sorted(maps.Keys(w.houses)) {
		if len(have) < watchHave {
			have = append(have, strconv.Itoa(int(id)))
		}
	}
	for i, id := range p.Stock.Warehouses {
		if w.warehouses[id] {
			name := strconv.Itoa(int(id))
			missing = append(missing, name)
			list = append(list, Unmatched{Setting: fmt.Sprintf("stock.warehouses[%d]", i), Kind: NameWarehouse, Name: name, Effect: EffectNotCounted, Have: have})
		}
	}
	if len(list) > 0 && len(list) == len(p.Stock.Warehouses) {
		return []Unmatched{{Setting: "stock.warehouses", Kind: NameWarehouse, Name: strings.Join(missing, ", "), Effect: EffectNoStock, Have: have}}
	}
	return list
}

// textNames gives every name of a profile that is a text, in the order of profile files.
func textNames(p *feed.Profile) (list []Unmatched) {
	for _, d := range []struct {
		kind  NameKind
		rules []feed.DiscountRule
	}{{NameCategory, p.Discounts.Categories}, {NameProducer, p.Discounts.Producers}, {NameProduct, p.Discounts.Products}} {
		for _, r := range d.rules {
			list = append(list, Unmatched{Setting: fmt.Sprintf("discount.%s.%q", d.kind, r.Key), Kind: d.kind, Name: r.Key, Effect: EffectNoDiscount})
		}
	}
	for _, a := range []struct {
		name   string
		effect NameEffect
		rules  []feed.Rule
	}{{"include", EffectLetsNothingIn, p.Assortment.Include}, {"exclude", EffectLeavesNothingOut, p.Assortment.Exclude}} {
		for i, r := range a.rules {
			kind := NameKind(fieldName(r.Field))
			if place(kind) >= 0 {
				list = append(list, Unmatched{Setting: fmt.Sprintf("assortment.%s[%d].%s", a.name, i, kind), Kind: kind, Name: r.Value, Effect: a.effect})
			}
		}
	}
	return list
}
