package verify

import (
	"cmp"
	"slices"

	"feedmill/feed"
)

// chain is what is kept of one feed's full and change files in one epoch.
type chain struct {
	fulls   []*entry // ascending by generation
	changes []*entry // likewise
	// known says that bases and targets are known; those of a gateway without
	// a manifest are not.
	known bool
}

// sorted brings the files of a chain into order.
func (ch *chain) sorted() {
	by := func(a, b *entry) int { return cmp.Compare(a.generation, b.generation) }
	slices.SortStableFunc(ch.fulls, by)
	slices.SortStableFunc(ch.changes, by)
}

// judgeLinks judges bases, targets and labels of the change files, without
// looking at what they hold. broken says before which change files something
// is missing.
func (c *checker) judgeLinks(ch *chain) (broken map[*entry]bool) {
	broken = map[*entry]bool{}
	reach := int64(0) // the newest generation that a reader may stand at
	fulls := ch.fulls
	for i, f := range ch.changes {
		at := place{file: f.name}
		c.judgeLabel(ch, i)
		if !ch.known {
			continue
		}
		if f.target != f.generation || f.base < 1 || f.base >= f.target {
			c.add(ruleChainBase, at, "it leads from generation %d to %d and was made by generation %d", f.base, f.target, f.generation)
			broken[f] = true
			reach = f.generation
			continue
		}
		full := int64(0)
		for len(fulls) > 0 && fulls[0].generation < f.generation {
			full = fulls[0].generation
			fulls = fulls[1:]
		}
		switch before := max(reach, full); {
		case before > 0 && f.base > before:
			c.add(ruleChainGap, at, "it leads from generation %d on, and what stands before it leads to %d", f.base, before)
			broken[f] = true
		case reach > 0 && f.base < reach && i > 0 && !broken[ch.changes[i-1]]:
			c.add(ruleChainOverlap, at, "it leads from generation %d on, and the change file before it leads to %d already", f.base, reach)
			broken[f] = true
		}
		reach = f.target
	}
	return broken
}

// judgeLabel judges the label of a change file, alone and against the one
// before it.
func (c *checker) judgeLabel(ch *chain, i int) {
	f := ch.changes[i]
	at := place{file: f.name}
	t, err := feed.ParseLabel(f.label)
	if err != nil || feed.Label(t) != f.label {
		c.add(ruleLabelName, at, "its label %.40q is no time of the form 2026-03-02T10-00-00", f.label)
		return
	}
	if i > 0 && ch.changes[i-1].label >= f.label {
		c.add(ruleLabelOrder, at, "its label %s is not after %s of the older generation %d", f.label, ch.changes[i-1].label, ch.changes[i-1].generation)
		return
	}
	if i > 0 && !f.changed.IsZero() && !ch.changes[i-1].changed.Before(f.changed) {
		c.add(ruleLabelOrder, at, "its time %s is not after %s of the older generation %d", stamp(f.changed), stamp(ch.changes[i-1].changed), ch.changes[i-1].generation)
	}
}

// step is what change files say of a product, newest word first.
type step struct {
	node
	by *entry
}

// walker applies change files to full files.
type walker struct {
	*checker
	base  []node // products of the last full file
	full  *entry // that file; nil before the first
	words map[uint64]step
	sure  bool // everything between full and here is known
}

// judgeChain proves that full files and the change files between them agree,
// and gives the products as the newest change file leaves them; ok is false
// when that is not known.
func (c *checker) judgeChain(ch *chain) (now []node, ok bool) {
	broken := c.judgeLinks(ch)
	w := &walker{checker: c, words: map[uint64]step{}, sure: true}
	fulls, changes := ch.fulls, ch.changes
	for len(fulls)+len(changes) > 0 {
		// A full file and a change file of one generation: the change leads to it.
		if len(fulls) == 0 || len(changes) > 0 && changes[0].generation <= fulls[0].generation {
			w.change(changes[0], broken[changes[0]])
			changes = changes[1:]
			continue
		}
		w.meet(fulls[0])
		fulls = fulls[1:]
	}
	if w.full == nil || !w.sure {
		return nil, false
	}
	return w.now(), true
}

// change takes in a change file.
func (w *walker) change(f *entry, broken bool) {
	if f.read && f.sound && f.found == 0 {
		w.add(ruleChangeEmpty, place{file: f.name}, "it holds no product")
	}
	if broken || !f.sound {
		if w.full != nil && w.sure {
			w.skip("the products after %s were not compared, because %s is not to be relied on", w.full.name, f.name)
		}
		// What was said before the hole may have been taken back in it.
		w.sure = false
		clear(w.words)
		if !f.sound {
			return
		}
	}
	for _, n := range f.list {
		id := n.product()
		at := place{file: f.name, product: id}
		if before, known := w.look(id); known {
			switch {
			case n.marked() && before == nil:
				w.add(ruleChangeIdle, at, "it removes a product that is not there")
			case !n.marked() && before != nil && before.digest == n.digest:
				w.add(ruleChangeIdle, at, "it repeats the product as it was")
			}
		}
		w.words[id] = step{n, f}
	}
}

// look gives a product as it stands; known is false when that cannot be said.
func (w *walker) look(id uint64) (n *node, known bool) {
	if s, ok := w.words[id]; ok {
		if s.marked() {
			return nil, true
		}
		return &s.node, true
	}
	if w.full == nil || !w.sure {
		return nil, false
	}
	if i, ok := slices.BinarySearchFunc(w.base, id, func(n node, id uint64) int { return cmp.Compare(n.product(), id) }); ok {
		return &w.base[i], true
	}
	return nil, true
}

// meet compares what a full file holds with what the change files before it
// have said, and goes on from it.
func (w *walker) meet(f *entry) {
	if !f.sound {
		w.skip("%s was not compared with the change files, because it is not to be relied on", f.name)
		return // what stood before still stands
	}
	switch {
	case w.full != nil && w.sure:
		w.compare(f)
		w.rep.Compared++
	default:
		w.agree(f)
	}
	w.full, w.base, w.sure = f, f.list, true
	clear(w.words)
}

// agree compares the newest word on each product with the first full file
// that is kept.
func (w *walker) agree(f *entry) {
	for _, id := range sortedKeys(w.words) {
		s := w.words[id]
		i, there := slices.BinarySearchFunc(f.list, id, func(n node, id uint64) int { return cmp.Compare(n.product(), id) })
		switch at := (place{file: f.name, product: id}); {
		case s.marked() && there:
			w.add(ruleChainLost, at, "it has the product that %s removed, and no change file brought it back", s.by.name)
		case !s.marked() && !there:
			w.add(ruleChainGone, at, "it lacks the product that %s has, and no change file removed it", s.by.name)
		case there && !s.marked() && f.list[i].digest != s.digest:
			w.add(ruleChainContent, at, "its node is not that of %s, the last change file before it that has the product", s.by.name)
		}
	}
}

// compare holds full(a) + changes(a..b) against full(b).
func (w *walker) compare(f *entry) {
	source := func(id uint64) string {
		if s, ok := w.words[id]; ok {
			return s.by.name
		}
		return w.full.name
	}
	now := w.now()
	i := 0
	for _, n := range f.list {
		id := n.product()
		for ; i < len(now) && now[i].product() < id; i++ {
			gone := now[i].product()
			w.add(ruleChainGone, place{file: f.name, product: gone}, "it lacks the product that %s has, and no change file removed it", source(gone))
		}
		at := place{file: f.name, product: id}
		switch {
		case i == len(now) || now[i].product() != id:
			w.add(ruleChainLost, at, "it has the product, and %s with the change files after it do not", w.full.name)
			continue
		case now[i].digest != n.digest:
			w.add(ruleChainContent, at, "its node is not that of %s, which has the last word before it", source(id))
		}
		i++
	}
	for ; i < len(now); i++ {
		gone := now[i].product()
		w.add(ruleChainGone, place{file: f.name, product: gone}, "it lacks the product that %s has, and no change file removed it", source(gone))
	}
}

// now gives the products as they stand.
func (w *walker) now() []node {
	if len(w.words) == 0 {
		return w.base
	}
	ids := sortedKeys(w.words)
	out := make([]node, 0, len(w.base)+len(ids))
	i := 0
	for _, id := range ids {
		for ; i < len(w.base) && w.base[i].product() < id; i++ {
			out = append(out, w.base[i])
		}
		if i < len(w.base) && w.base[i].product() == id {
			i++
		}
		if s := w.words[id]; !s.marked() {
			out = append(out, s.node)
		}
	}
	return append(out, w.base[i:]...)
}

func sortedKeys(m map[uint64]step) []uint64 {
	ids := make([]uint64, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// judgeLight compares the products of light with those of full and change
// files.
func (c *checker) judgeLight(light *entry, now []node) {
	i := 0
	for _, n := range light.list {
		id := n.product()
		for ; i < len(now) && now[i].product() < id; i++ {
			c.add(ruleLightMissing, place{file: light.name, product: now[i].product()}, "it lacks the product")
		}
		if i < len(now) && now[i].product() == id {
			i++
			continue
		}
		if n.marked() {
			c.add(ruleLightUnknown, place{file: light.name, product: id}, "it sells a product that neither full nor a change file after it has")
		}
	}
	for ; i < len(now); i++ {
		c.add(ruleLightMissing, place{file: light.name, product: now[i].product()}, "it lacks the product")
	}
}

// judgeTwin compares the products of a CSV file with those of its XML twin.
func (c *checker) judgeTwin(csv, xml *entry) {
	if csv == nil || xml == nil || !csv.sound || !xml.sound || csv.generation != xml.generation {
		return
	}
	i := 0
	for _, n := range csv.list {
		for ; i < len(xml.list) && xml.list[i].product() < n.id; i++ {
			c.add(ruleCSVProducts, place{file: csv.name, product: xml.list[i].product()}, "it lacks a product of %s", xml.name)
		}
		if i == len(xml.list) || xml.list[i].product() != n.id {
			c.add(ruleCSVProducts, place{file: csv.name, product: n.id}, "it has a product that %s lacks", xml.name)
			continue
		}
		i++
	}
	for ; i < len(xml.list); i++ {
		c.add(ruleCSVProducts, place{file: csv.name, product: xml.list[i].product()}, "it lacks a product of %s", xml.name)
	}
}
