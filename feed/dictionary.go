package feed

// Dictionaries are the lists that products refer to (IOF-3.0 section 7). Each
// slice is in the order in which its file lists it, and ids are unique in it.
// They are small beside a catalog and held in memory.
type Dictionaries struct {
	Producers  []Ref
	Categories []Category
	Units      []Unit
	Series     []SeriesEntry
	Warranties []Warranty
	Warehouses []Warehouse
	SizeGroups []SizeGroup
	// Sections, Parameters and Values are the three lists of parameters.xml.
	Sections, Parameters, Values []ParameterEntry
}

// Category is a node of the category tree (IOF 7.1). A category stands after
// its parent.
type Category struct {
	ID, Parent string
	// Names are of this node alone, not its path.
	Names Texts
}

// Unit is a unit of measure (IOF 7.4).
type Unit struct {
	ID    string
	Names Texts
	// Precision is the number of decimals of quantities in this unit, 0 to 3.
	Precision uint8
}

// SeriesEntry is a series or collection; a child stands after its parent (IOF 7.5).
type SeriesEntry struct {
	ID, Parent string
	Names      Texts
}

// Warranty is a warranty with its terms (IOF 7.7).
type Warranty struct {
	ID     string
	Kind   WarrantyKind
	Months Int
	Names  Texts
	// Descriptions are HTML.
	Descriptions Texts
}

// Warehouse is a warehouse (stocks.xml, IOF 7.6).
type Warehouse struct {
	ID    WarehouseID
	Names Texts
}

// SizeGroup is a group of sizes (IOF 7.2).
type SizeGroup struct {
	ID, Name string
	Sizes    []SizeEntry
}

// SizeEntry is a size of a group.
type SizeEntry struct {
	ID    string
	Names Texts
}

// ParameterEntry is a section, parameter or value of parameters.xml (IOF 7.8).
type ParameterEntry struct {
	ID                  string
	Names, Descriptions Texts
	// CardIcons and ListIcons are pictures by address, a language each; the
	// language is optional for the card and required for the list.
	CardIcons, ListIcons Texts
}

// Supplier is who publishes an offer (gateway meta, IOF 2.2).
type Supplier struct {
	// Name and ShortName may hold any letters; the gateway folds them to ASCII.
	Name, ShortName   string
	LogoURL           string
	Email, Phone, Fax string
	Website           string
	Street, Zipcode   string
	City, Country     string
	Province          string
}

// JoinDictionaries gives the entries of both; where both have an id, over's
// entry stands in base's place. Neither argument changes.
func JoinDictionaries(base, over *Dictionaries) *Dictionaries {
	entry := func(p *ParameterEntry) string { return p.ID }
	return &Dictionaries{
		Producers:  join(base.Producers, over.Producers, func(p *Ref) string { return p.ID }),
		Categories: parentsFirst(join(base.Categories, over.Categories, func(c *Category) string { return c.ID })),
		Units:      join(base.Units, over.Units, func(u *Unit) string { return u.ID }),
		Series:     join(base.Series, over.Series, func(s *SeriesEntry) string { return s.ID }),
		Warranties: join(base.Warranties, over.Warranties, func(w *Warranty) string { return w.ID }),
		Warehouses: join(base.Warehouses, over.Warehouses, func(w *Warehouse) WarehouseID { return w.ID }),
		SizeGroups: join(base.SizeGroups, over.SizeGroups, func(g *SizeGroup) string { return g.ID }),
		Sections:   join(base.Sections, over.Sections, entry),
		Parameters: join(base.Parameters, over.Parameters, entry),
		Values:     join(base.Values, over.Values, entry),
	}
}

func join[T any, K comparable](base, over []T, id func(*T) K) []T {
	out := append([]T(nil), base...)
	at := make(map[K]int, len(out))
	for i := range out {
		at[id(&out[i])] = i
	}
	for i := range over {
		if j, ok := at[id(&over[i])]; ok {
			out[j] = over[i]
		} else {
			out = append(out, over[i])
		}
	}
	return out
}

// parentsFirst moves each category behind its parent; those whose parent is
// missing, or is below themselves, become roots.
func parentsFirst(list []Category) []Category {
	at := make(map[string]int, len(list))
	for i := range list {
		at[list[i].ID] = i
	}
	out := make([]Category, 0, len(list))
	const (
		untouched = iota
		under
		placed
	)
	state := make([]uint8, len(list))
	var path []int
	for i := range list {
		// Walk up to a placed category or a root, then place the way down.
		for j := i; state[j] == untouched; {
			state[j] = under
			path = append(path, j)
			up, ok := at[list[j].Parent]
			if list[j].Parent == "" || !ok || state[up] == under {
				list[j].Parent = ""
				break
			}
			j = up
		}
		for k := len(path) - 1; k >= 0; k-- {
			state[path[k]] = placed
			out = append(out, list[path[k]])
		}
		path = path[:0]
	}
	return out
}
