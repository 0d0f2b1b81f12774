package catalog

import (
	"strings"

	"feedmill/feed"
)

// categoryNote is a category that was given or mentioned.
type categoryNote struct {
	id string
	// parent and names are those of a given category.
	parent string
	names  feed.Texts
	// path is the whole path in each language (IOF 4.3).
	path  feed.Texts
	given bool
}

// addCategory adds a given category, whose parent stands before it.
func (c *Collector) addCategory(g *feed.Category) {
	i, isNew := c.entry(kindCategory, g.ID)
	if !isNew {
		c.merge(kindCategory, g.ID, &c.categories[i].names, g.Names)
		return
	}
	note := categoryNote{id: clone(g.ID), parent: clone(g.Parent), names: cloneTexts(g.Names), given: true}
	note.path = note.names
	if p, ok := c.index[kindCategory][g.Parent]; ok && g.Parent != "" && p < i {
		above := c.categories[p].path
		note.path = nil
		for _, t := range note.names {
			note.path = append(note.path, feed.Text{Lang: t.Lang, Value: above.Pick([]feed.Language{t.Lang}) + "/" + t.Value})
		}
	} else {
		note.parent = ""
	}
	c.categories = append(c.categories, note)
}

// noteCategory notes the category of a product by its paths.
func (c *Collector) noteCategory(r *feed.Reference) {
	i, isNew := c.entry(kindCategory, r.ID)
	if isNew {
		c.categories = append(c.categories, categoryNote{id: clone(r.ID), path: cloneTexts(r.Names)})
		return
	}
	note := &c.categories[i]
	if !note.given {
		c.merge(kindCategory, r.ID, &note.path, r.Names)
		return
	}
	for _, t := range r.Names {
		if v, ok := note.path.Get(t.Lang); ok && v != t.Value {
			c.conflict(kindCategory, r.ID, v, t.Value)
		}
	}
}

// tree builds the category tree: given categories first, then those that
// products mention, each behind its parent. A parent that nobody mentions is
// made with a derived id.
type tree struct {
	notes  []categoryNote
	byPath map[string]int // path in any language -> note
	byID   map[string]int
	out    []feed.Category
	placed map[string]bool // ids in out, and of what is under way
	// under are ids whose parents are being looked for: none of them can be a
	// parent of what is found there. A path in one language may read as that of
	// another category, or of a parent, in another.
	under map[string]bool
}

func (c *Collector) categoryTree() []feed.Category {
	t := tree{notes: c.categories, byPath: make(map[string]int), byID: c.index[kindCategory], placed: make(map[string]bool), under: make(map[string]bool)}
	for i := range t.notes {
		for _, p := range t.notes[i].path {
			if _, ok := t.byPath[p.Value]; !ok {
				t.byPath[p.Value] = i
			}
		}
	}
	for i := range t.notes {
		if t.notes[i].given {
			n := &t.notes[i]
			t.out = append(t.out, feed.Category{ID: n.id, Parent: n.parent, Names: append(feed.Texts(nil), n.names...)})
			t.placed[n.id] = true
		}
	}
	for i := range t.notes {
		t.place(&t.notes[i])
	}
	return t.out
}

// place puts a mentioned category into the tree, its parents before it.
func (t *tree) place(n *categoryNote) {
	if t.placed[n.id] {
		return
	}
	t.placed[n.id], t.under[n.id] = true, true
	defer delete(t.under, n.id)
	names := make(feed.Texts, 0, len(n.path))
	var above feed.Texts
	whole := len(n.path) == 0 || strings.Count(n.path[0].Value, "/") > 2*maxCategoryDepth
	for k, p := range n.path {
		up, leaf, nested := cutLast(p.Value)
		if whole || !nested {
			leaf = p.Value
		}
		names = append(names, feed.Text{Lang: p.Lang, Value: leaf})
		// Translations of the parents are known where the paths have equal depth.
		if nested && !whole && (k == 0 || strings.Count(p.Value, "/") == strings.Count(n.path[0].Value, "/")) {
			above = append(above, feed.Text{Lang: p.Lang, Value: up})
		}
	}
	if len(names) == 0 {
		names = append(names, feed.Text{Value: n.id})
	}
	parent := ""
	if len(above) > 0 && (len(n.path) == 0 || above[0].Lang == n.path[0].Lang) {
		parent = t.parent(above)
	}
	t.out = append(t.out, feed.Category{ID: n.id, Parent: parent, Names: names})
}

// parent gives the id of the category with these paths and places it.
func (t *tree) parent(path feed.Texts) string {
	if i, ok := t.byPath[path[0].Value]; ok && !t.under[t.notes[i].id] {
		n := &t.notes[i]
		t.place(n)
		return n.id
	}
	id := deriveEntryID(kindCategory, "", path[0].Value)
	if t.under[id] {
		return ""
	}
	if i, ok := t.byID[id]; ok {
		t.place(&t.notes[i])
	} else {
		t.place(&categoryNote{id: id, path: path})
	}
	return id
}

// cutLast splits a path at its last slash.
func cutLast(path string) (up, leaf string, nested bool) {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 || i == len(path)-1 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}
