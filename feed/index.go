package feed

// Index finds dictionary entries by id. It is made once for a run and is safe
// for concurrent use.
type Index struct {
	categories map[string]int
	paths      []Texts // of each category, parallel to d.Categories
	units      map[string]int
	series     map[string]int
	warranties map[string]int
	producers  map[string]int
	parameters map[string]int
	values     map[string]int
	sections   map[string]int
	d          *Dictionaries
}

// NewIndex makes an index over d, which must not change afterwards.
func NewIndex(d *Dictionaries) *Index {
	x := &Index{d: d}
	x.categories = indexOf(d.Categories, func(c *Category) string { return c.ID })
	x.units = indexOf(d.Units, func(u *Unit) string { return u.ID })
	x.series = indexOf(d.Series, func(s *SeriesEntry) string { return s.ID })
	x.warranties = indexOf(d.Warranties, func(w *Warranty) string { return w.ID })
	x.producers = indexOf(d.Producers, func(p *Ref) string { return p.ID })
	x.sections = indexOf(d.Sections, func(p *ParameterEntry) string { return p.ID })
	x.parameters = indexOf(d.Parameters, func(p *ParameterEntry) string { return p.ID })
	x.values = indexOf(d.Values, func(p *ParameterEntry) string { return p.ID })
	x.paths = make([]Texts, len(d.Categories))
	for i := range d.Categories {
		c := &d.Categories[i]
		if p, ok := x.categories[c.Parent]; ok && c.Parent != "" && p < i {
			for _, t := range c.Names {
				above := x.paths[p].Pick([]Language{t.Lang})
				x.paths[i] = append(x.paths[i], Text{t.Lang, above + "/" + t.Value})
			}
		} else {
			x.paths[i] = c.Names
		}
	}
	return x
}

// Dictionaries gives the lists that the index was made over; they must not be changed.
func (x *Index) Dictionaries() *Dictionaries { return x.d }

func indexOf[T any](list []T, id func(*T) string) map[string]int {
	m := make(map[string]int, len(list))
	for i := range list {
		m[id(&list[i])] = i
	}
	return m
}

// CategoryPath gives the names of a category as paths joined by "/" (IOF 4.3).
func (x *Index) CategoryPath(id string) (Texts, bool) {
	i, ok := x.categories[id]
	if !ok {
		return nil, false
	}
	return x.paths[i], true
}

// CategoryParent gives the id of the category above, "" at the root.
func (x *Index) CategoryParent(id string) (string, bool) {
	i, ok := x.categories[id]
	if !ok {
		return "", false
	}
	return x.d.Categories[i].Parent, true
}

// Producer gives a producer's name.
func (x *Index) Producer(id string) (string, bool) {
	i, ok := x.producers[id]
	if !ok {
		return "", false
	}
	return x.d.Producers[i].Name, true
}

// Unit gives a unit.
func (x *Index) Unit(id string) (*Unit, bool) { return find(x.units, x.d.Units, id) }

// Series gives a series entry.
func (x *Index) Series(id string) (*SeriesEntry, bool) { return find(x.series, x.d.Series, id) }

// Warranty gives a warranty.
func (x *Index) Warranty(id string) (*Warranty, bool) { return find(x.warranties, x.d.Warranties, id) }

// Section gives a section of parameters.xml.
func (x *Index) Section(id string) (*ParameterEntry, bool) {
	return find(x.sections, x.d.Sections, id)
}

// Parameter gives a parameter of parameters.xml.
func (x *Index) Parameter(id string) (*ParameterEntry, bool) {
	return find(x.parameters, x.d.Parameters, id)
}

// Value gives a parameter value of parameters.xml.
func (x *Index) Value(id string) (*ParameterEntry, bool) { return find(x.values, x.d.Values, id) }

func find[T any](m map[string]int, list []T, id string) (*T, bool) {
	i, ok := m[id]
	if !ok {
		return nil, false
	}
	return &list[i], true
}
