package grammar

import (
	"errors"
	"fmt"
	"slices"
)

// maxPositions bounds the expansion of counted particles: maxOccurs="5000"
// would make an automaton of as many states.
const maxPositions = 2000

// glushkov builds the position automaton of a content model. Position i
// stands for one occurrence of a particle; counted particles are unrolled,
// and every copy remembers the particle it was made of.
type glushkov struct {
	of     []*particle // by position
	follow [][]int     // by position
	err    error
}

// part is what the construction knows about a piece of the model.
type part struct {
	nullable    bool
	first, last []int
}

// newModel compiles a particle into a deterministic automaton. Models that
// break unique particle attribution are refused.
func newModel(p *particle) (*Model, error) {
	g := &glushkov{}
	whole := g.build(p)
	if g.err != nil {
		return nil, g.err
	}
	m := &Model{}
	index := map[string]int32{}
	type pending struct {
		next   []int // positions that may come
		accept bool
	}
	var queue []pending
	state := func(next []int, accept bool) int32 {
		slices.Sort(next)
		next = slices.Compact(next)
		key := fmt.Sprint(next, accept)
		if i, ok := index[key]; ok {
			return i
		}
		i := int32(len(queue))
		index[key] = i
		queue = append(queue, pending{next, accept})
		return i
	}
	final := map[int]bool{}
	for _, i := range whole.last {
		final[i] = true
	}
	state(whole.first, whole.nullable)
	for at := 0; at < len(queue); at++ {
		now := queue[at]
		s := State{Accept: now.accept}
		for i := 0; i < len(now.next); i++ {
			pos := now.next[i]
			if i > 0 && slices.ContainsFunc(now.next[:i], func(o int) bool { return g.of[o] == g.of[pos] }) {
				continue // merged with an earlier copy of the same particle
			}
			var next []int
			accept := false
			for _, other := range now.next {
				if g.of[other] == g.of[pos] {
					next = append(next, g.follow[other]...)
					accept = accept || final[other]
				} else if err := overlap(g.of[pos], g.of[other]); err != nil {
					return nil, err
				}
			}
			s.Edges = append(s.Edges, Edge{Element: g.of[pos].element, Any: g.of[pos].any,
				Many: g.of[pos].max < 0 || g.of[pos].max > 1, To: state(next, accept)})
		}
		m.States = append(m.States, s)
	}
	if err := consistent(g.of); err != nil {
		return nil, err
	}
	return m.minimised(), nil
}

// overlap reports an element that two particles could both claim.
func overlap(a, b *particle) error {
	switch {
	case a.element != nil && b.element != nil && a.element.Name == b.element.Name:
		return fmt.Errorf("content model is ambiguous: two particles for element %q", a.element.Name.Local)
	case a.any != nil && b.element != nil && a.any.Allows(b.element.Name.Space):
		return fmt.Errorf("content model is ambiguous: element %q and a wildcard", b.element.Name.Local)
	case a.any != nil && b.any != nil && a.any.meets(b.any):
		return errors.New("content model is ambiguous: two wildcards for the same namespace")
	}
	return nil
}

// meets reports whether two wildcards share a namespace.
func (w *Wildcard) meets(o *Wildcard) bool {
	if w.any || o.any || w.not && o.not {
		return true
	}
	if w.not {
		w, o = o, w
	}
	return slices.ContainsFunc(w.spaces, o.Allows)
}

// consistent refuses two declarations of one name with different types in one
// model (element declarations consistent).
func consistent(particles []*particle) error {
	known := map[Name]*Element{}
	for _, p := range particles {
		if p.element == nil {
			continue
		}
		if e, ok := known[p.element.Name]; ok && e != p.element && e.Type != p.element.Type {
			return fmt.Errorf("element %q has two types in one content model", p.element.Name.Local)
		}
		known[p.element.Name] = p.element
	}
	return nil
}

// position adds one occurrence of a leaf.
func (g *glushkov) position(p *particle) part {
	if len(g.of) == maxPositions {
		g.err = fmt.Errorf("content model needs more than %d positions: lower its maxOccurs or make it unbounded", maxPositions)
		return part{nullable: true}
	}
	i := len(g.of)
	g.of = append(g.of, p)
	g.follow = append(g.follow, nil)
	return part{first: []int{i}, last: []int{i}}
}

// build adds a particle with its occurrences.
func (g *glushkov) build(p *particle) part {
	if p.empty() {
		return part{nullable: true}
	}
	whole := part{nullable: true}
	for i := 0; i < p.min && g.err == nil; i++ {
		one := g.term(p)
		if i == p.min-1 && p.max < 0 {
			g.loop(one)
		}
		whole = g.concat(whole, one)
	}
	switch {
	case p.max < 0 && p.min == 0:
		one := g.term(p)
		g.loop(one)
		one.nullable = true
		return one
	case p.max > p.min:
		// a{0,3} becomes (a(a(a)?)?)?, which stays deterministic.
		var copies []part
		for i := p.min; i < p.max && g.err == nil; i++ {
			copies = append(copies, g.term(p))
		}
		rest := part{nullable: true}
		for _, one := range slices.Backward(copies) {
			rest = g.concat(one, rest)
			rest.nullable = true
		}
		whole = g.concat(whole, rest)
	}
	return whole
}

// loop lets a piece follow itself.
func (g *glushkov) loop(p part) {
	for _, l := range p.last {
		g.follow[l] = append(g.follow[l], p.first...)
	}
}

// concat puts b after a.
func (g *glushkov) concat(a, b part) part {
	for _, l := range a.last {
		g.follow[l] = append(g.follow[l], b.first...)
	}
	out := part{nullable: a.nullable && b.nullable, first: slices.Clone(a.first), last: slices.Clone(b.last)}
	if a.nullable {
		out.first = append(out.first, b.first...)
	}
	if b.nullable {
		out.last = append(out.last, a.last...)
	}
	return out
}

// term adds one occurrence of what a particle holds.
func (g *glushkov) term(p *particle) part {
	if p.element != nil || p.any != nil {
		return g.position(p)
	}
	if !p.choice {
		whole := part{nullable: true}
		for _, k := range p.kids {
			whole = g.concat(whole, g.build(k))
		}
		return whole
	}
	var whole part
	for _, k := range p.kids {
		one := g.build(k)
		whole.nullable = whole.nullable || one.nullable
		whole.first = append(whole.first, one.first...)
		whole.last = append(whole.last, one.last...)
	}
	return whole
}

// minimised merges states that cannot be told apart (Moore's algorithm), so
// that a repeating choice of sixty elements is one state and not sixty.
func (m *Model) minimised() *Model {
	class := make([]int32, len(m.States))
	for count := 0; ; {
		keys := map[string]int32{}
		next := make([]int32, len(m.States))
		for i, s := range m.States {
			edges := make([]string, 0, len(s.Edges))
			for _, e := range s.Edges {
				edges = append(edges, fmt.Sprintf("%p %p %t %d", e.Element, e.Any, e.Many, class[e.To]))
			}
			slices.Sort(edges)
			key := fmt.Sprint(s.Accept, class[i], edges)
			c, ok := keys[key]
			if !ok {
				c = int32(len(keys))
				keys[key] = c
			}
			next[i] = c
		}
		class = next
		if len(keys) == count {
			break
		}
		count = len(keys)
	}
	out := &Model{}
	for i, s := range m.States {
		if int(class[i]) != len(out.States) {
			continue // classes are numbered in the order of their first state
		}
		merged := State{Accept: s.Accept, Edges: slices.Clone(s.Edges)}
		for j := range merged.Edges {
			merged.Edges[j].To = class[merged.Edges[j].To]
		}
		out.States = append(out.States, merged)
	}
	return out
}
