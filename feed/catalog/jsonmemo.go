package catalog

import (
	"strings"

	"feedmill/feed"
	"feedmill/feed/catalog/internal/recall"
)

// Products name few producers, categories and parameters, and machines write
// the same one with the same bytes each time. A memo knows such an object by
// its text, so that it is read, checked and noted in the dictionaries once.
//
// What is remembered depends on the text and on the catalog's defaults alone;
// with other defaults the memory is emptied.

// memoLongest bounds the texts that are remembered, in bytes.
const memoLongest = 1 << 10

// A catalog in which little comes again has nothing from looking. After
// memoTrial misses without a hit to each memoWorth of them, memoPause texts are
// not looked for.
const (
	memoTrial = 256
	memoWorth = 4
	memoPause = 8 * memoTrial
)

// memo remembers values of one kind.
type memo[T any] struct {
	places *recall.Table // nil before the first is looked for
	// kept are the values by the place of their text.
	kept *[recall.Places]*kept[T]
	// missed tells which text was missed last, by what its hash starts with: one that
	// comes once is not worth the memory.
	missed *[recall.Places]uint64
	// last is the hash of the text that is to be remembered.
	last         uint64
	off          bool
	hits, misses int
	pause        int
}

// kept is a value that is remembered. It is another one for each text, as products
// under way point to it.
type kept[T any] struct {
	// mark is that of parts of products that were found here.
	mark feed.Mark
	// noted says that the collector has seen the value.
	noted bool
	value T
}

// find looks for what the rest of a line starts with, and gives nil where it is not
// known. size is that of the text; keep says that it is to be remembered.
func (m *memo[T]) find(rest []byte) (k *kept[T], size int, keep bool) {
	if m.pause > 0 {
		m.pause--
		return nil, 0, false
	}
	if m.off || len(rest) < recall.Least {
		return nil, 0, false
	}
	if m.places == nil {
		m.places, m.kept, m.missed = new(recall.Table), new([recall.Places]*kept[T]), new([recall.Places]uint64)
	}
	if at, size := m.places.Known(rest); at != recall.Nowhere {
		m.hits++
		return m.kept[at], size, false
	}
	if m.misses++; m.misses == memoTrial {
		if m.hits < memoTrial/memoWorth {
			m.pause = memoPause
		}
		m.hits, m.misses = 0, 0
	}
	h := recall.Hash(rest)
	missed := &m.missed[h>>48%recall.Places]
	if *missed != h {
		*missed = h
		return nil, 0, false
	}
	m.last = h
	return nil, 0, true
}

// asked says whether anything is looked for now.
func (m *memo[T]) asked() bool { return m.places != nil && m.pause == 0 }

// keep remembers a value under the text that find was asked for last; the value is
// the memo's own.
func (m *memo[T]) keep(text string, value T) *kept[T] {
	at := m.places.Keep(m.last, text)
	k := &kept[T]{mark: *feed.NewMark(uint32(at)), value: value}
	m.kept[at] = k
	return k
}

func (m *memo[T]) clear() {
	if m.places != nil {
		*m.places, *m.kept = recall.Table{}, [recall.Places]*kept[T]{}
	}
}

// memos are those of a decoder.
type memos struct {
	defaults   Defaults // under which they were made
	producers  memo[feed.Ref]
	categories memo[feed.Reference]
	units      memo[feed.Reference]
	parameters memo[parameterHead]
	values     memo[feed.ParameterValue]
	// found are the places of parameters and values that were found last.
	found [256]uint16
	// pending are what says so of values that the current product is to note.
	pending []*bool
	// spare is memory for names of parameters and values.
	spare []feed.Texts
}

// parameterHead is a parameter up to its values.
type parameterHead struct {
	parameter feed.Parameter
	seen      uint64
	last      int
}

// start begins a product.
func (m *memos) start(d Defaults) {
	m.pending = m.pending[:0]
	if m.defaults != d {
		m.defaults = d
		m.producers.clear()
		m.categories.clear()
		m.units.clear()
		m.parameters.clear()
		m.values.clear()
	}
}

// noted notes what the accepted product holds.
func (m *memos) noted() {
	for _, noted := range m.pending {
		*noted = true
	}
	m.pending = m.pending[:0]
}

// use tells whether a value that was found is in the dictionaries, and if not
// sees to it that it will be known to be once the product is accepted.
func (m *memos) use(noted *bool) bool {
	if *noted {
		return true
	}
	m.pending = append(m.pending, noted)
	return false
}

// trace tells whether anything was worth a word between two moments.
type trace struct {
	problems         int
	warnings         int64
	replaced, halves int
}

func (d *decoder) trace() trace {
	return trace{len(d.batch), d.warnings, d.replaced, d.lex.Replaced()}
}

// plainSince says whether what was read since then holds nothing that a later
// reading would have to report again.
func (d *decoder) plainSince(t trace) bool {
	return d.lex.Err() == nil && !d.bad && d.lex.Plain() && d.trace() == t
}

// noticed says which parts of a product are in the dictionaries already.
type noticed struct {
	producer, category, unit bool
	// pieces says that all quantities are whole.
	pieces bool
	// parameters are parallel to those of the product; those of formats that
	// notice nothing are missing. every says that all of them are whole.
	parameters []noticedParameter
	every      bool
}

type noticedParameter struct{ head, values bool }

// whole says that nothing of the parameter is new.
func (n noticedParameter) whole() bool { return n.head && n.values }

func (n *noticed) reset() { *n = noticed{parameters: n.parameters[:0]} }

// producer reads the producer.
func (d *decoder) producer() feed.Ref {
	start := d.lex.Offset()
	m := &d.memos.producers
	k, size, keep := m.find(d.lex.Rest())
	if k != nil {
		d.lex.Advance(size)
		d.draft.noticed.producer = d.memos.use(&k.noted)
		return k.value
	}
	t := d.trace()
	r := d.ref()
	if keep && r.ID != "" && d.worth(start, t) {
		m.keep(d.lex.Since(start), feed.Ref{ID: strings.Clone(r.ID), Name: strings.Clone(r.Name)})
	}
	return r
}

// worth says whether the value that was read since start is to be remembered.
// One without an id is not: which id it gets depends on what it stands in.
func (d *decoder) worth(start int, t trace) bool {
	return d.lex.Offset()-start <= memoLongest && d.plainSince(t) && d.lex.Since(start)[0] == '{'
}

// commonReference is reference for those that many products share; noted says
// that the dictionaries know it.
func (d *decoder) commonReference(m *memo[feed.Reference], r *feed.Reference) (noted bool) {
	start := d.lex.Offset()
	k, size, keep := m.find(d.lex.Rest())
	if k != nil {
		d.lex.Advance(size)
		r.ID, r.Names = k.value.ID, append(r.Names[:0], k.value.Names...)
		return d.memos.use(&k.noted)
	}
	t := d.trace()
	d.reference(r)
	if keep && r.ID != "" && d.worth(start, t) {
		m.keep(d.lex.Since(start), feed.Reference{ID: strings.Clone(r.ID), Names: cloneTexts(r.Names)})
	}
	return false
}

// parameters reads the list of parameters.
func (d *decoder) parameters() {
	p := &d.draft.p
	p.Parameters = p.Parameters[:0]
	known := &d.draft.noticed
	known.parameters, known.every = known.parameters[:0], true
	for open := d.list() && d.element(d.lim.Parameters); open; open = d.another(d.lim.Parameters) || d.element(d.lim.Parameters) {
		if n := d.knownParameters(); n > 0 {
			d.path.last().index += n - 1
			continue
		}
		var q *feed.Parameter
		p.Parameters, q = extend(p.Parameters)
		var note noticedParameter
		if d.lex.Next() == '{' {
			note = d.parameter(q)
		} else {
			d.memos.emptyParameter(q)
			d.wrong("an object")
		}
		known.parameters = append(known.parameters, note)
		known.every = known.every && note.whole()
	}
}

// take keeps the memory of names that those of the memory stand in for, which may
// not be written to; give gives it back.
func (m *memos) take(mark *feed.Mark, names feed.Texts) {
	if mark == nil && cap(names) > 0 {
		m.spare = append(m.spare, names[:0])
	}
}

func (m *memos) give(mark *feed.Mark, names feed.Texts) feed.Texts {
	if mark == nil {
		return names[:0]
	}
	n := len(m.spare)
	if n == 0 {
		return nil
	}
	names = m.spare[n-1]
	m.spare = m.spare[:n-1]
	return names
}

// emptyParameter empties what was another parameter.
func (m *memos) emptyParameter(q *feed.Parameter) {
	*q = feed.Parameter{Names: m.give(q.Mark, q.Names), Values: q.Values[:0]}
}

// knownParameters reads those that come next of which head and values are remembered
// and nothing else is said, as nearly all, and says how many there were. Where they
// are tells nobody, as nothing can be wrong with them.
func (d *decoder) knownParameters() (count int) {
	heads, values := &d.memos.parameters, &d.memos.values
	if !heads.asked() || !values.asked() {
		return 0
	}
	p, known := &d.draft.p, &d.draft.noticed
	room := min(len(d.memos.found), d.lim.List, d.lim.Parameters-len(p.Parameters))
	n, end := recall.Groups(d.lex.Rest(), heads.places, values.places, d.memos.found[:room])
	if n == 0 {
		return 0
	}
	var q *feed.Parameter
	for _, at := range d.memos.found[:n] {
		if at&recall.Head == 0 {
			k := values.kept[at%recall.Places]
			var v *feed.ParameterValue
			q.Values, v = extend(q.Values)
			d.memos.take(v.Mark, v.Names)
			*v = k.value
			if !d.memos.use(&k.noted) {
				known.parameters[len(known.parameters)-1].values, known.every = false, false
			}
			continue
		}
		k := heads.kept[at%recall.Places]
		p.Parameters, q = extend(p.Parameters)
		d.memos.take(q.Mark, q.Names)
		list := q.Values[:0]
		*q = k.value.parameter
		q.Values = list
		note := noticedParameter{d.memos.use(&k.noted), true}
		known.parameters = append(known.parameters, note)
		known.every = known.every && note.head
		count++
	}
	heads.hits += count
	values.hits += n - count
	d.lex.Pass(d.lex.Offset() + end)
	return count
}

// parameter reads one.
func (d *decoder) parameter(q *feed.Parameter) (note noticedParameter) {
	start := d.lex.Offset()
	memo := &d.memos.parameters
	k, size, keep := memo.find(d.lex.Rest())
	var t trace
	var o object
	hit := k != nil
	if hit {
		h := &k.value
		d.memos.take(q.Mark, q.Names)
		values := q.Values[:0]
		*q = h.parameter
		q.Values = values
		d.lex.Enter(size)
		d.path.enter()
		d.path.last().name = parameterMembers.names[qValues]
		if !d.null() {
			note.values = d.values(q)
		}
		if d.lex.Closed() { // as nearly always
			d.path.leave()
			note.head = d.memos.use(&k.noted)
			return note
		}
		// There is more to say of it.
		q.Names, q.Mark = append(d.memos.give(q.Mark, nil), q.Names...), nil
		o = d.object(parameterMembers)
		o.seen, o.last = h.seen, h.last
	} else {
		d.memos.emptyParameter(q)
		t = d.trace()
		o = d.enter(parameterMembers)
	}
	same := hit // what the dictionaries are told of it was in its head
	for {
		i, ok := d.member(&o)
		if !ok {
			break
		}
		if i != qValues {
			same = same && i != qID && i != qName && i != qSection
			d.parameterMember(q, i)
			continue
		}
		if keep && !hit && !q.Section && q.ID != "" && d.lex.Offset()-start <= memoLongest && d.plainSince(t) {
			h := *q
			h.ID, h.Names, h.Context, h.Values = strings.Clone(q.ID), cloneTexts(q.Names), strings.Clone(q.Context), nil
			kept := memo.keep(d.lex.Since(start), parameterHead{h, o.seen, o.last})
			kept.value.parameter.Mark = &kept.mark
		}
		note.values = d.values(q)
	}
	if same {
		note.head = d.memos.use(&k.noted)
	}
	if q.Section && len(q.Values) > 0 {
		d.refuseSection()
	}
	return note
}

func (d *decoder) refuseSection() {
	d.refuse("is a section and has values", "a section only heads the parameters behind it")
}

// values reads the values of a parameter and says whether the dictionaries know
// all of them.
func (d *decoder) values(q *feed.Parameter) (noted bool) {
	noted = true
	open := d.lex.ArrayOf('{')
	if open {
		d.path.last().index = 0
	} else {
		open = d.list() && d.element(d.lim.List)
	}
	for ; open; open = d.element(d.lim.List) {
		top := d.path.last()
		for {
			var v *feed.ParameterValue
			q.Values, v = extend(q.Values)
			if d.lex.Next() != '{' {
				noted = false
				d.plainValue(v)
				break
			}
			k, size, keep := d.memos.values.find(d.lex.Rest())
			if k == nil {
				noted = false
				d.newValue(v, keep)
				break
			}
			d.lex.Advance(size)
			d.memos.take(v.Mark, v.Names)
			*v = k.value
			noted = d.memos.use(&k.noted) && noted
			if top.index+1 >= d.lim.List || !d.lex.Comma() {
				break
			}
			top.index++
		}
	}
	return noted
}

// plainValue reads a value that is a name alone.
func (d *decoder) plainValue(v *feed.ParameterValue) {
	*v = feed.ParameterValue{Names: d.memos.give(v.Mark, v.Names)}
	if d.lex.Next() == '"' {
		v.Names = d.texts(v.Names)
	} else {
		d.wrong("a name or an object")
	}
}

// newValue reads a value that is an object, and remembers it if it is to.
func (d *decoder) newValue(v *feed.ParameterValue, keep bool) {
	*v = feed.ParameterValue{Names: d.memos.give(v.Mark, v.Names)}
	start, t := d.lex.Offset(), d.trace()
	d.value(v)
	if keep && v.ID != "" && d.worth(start, t) {
		k := *v
		k.ID, k.Names, k.Context = strings.Clone(v.ID), cloneTexts(v.Names), strings.Clone(v.Context)
		kept := d.memos.values.keep(d.lex.Since(start), k)
		kept.value.Mark = &kept.mark
	}
}
