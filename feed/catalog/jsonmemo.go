package catalog

import (
	"encoding/binary"
	"math/bits"
	"strings"

	"feedmill/feed"
	"feedmill/feed/internal/scan"
)

// Products name few producers, categories and parameters, and machines write
// the same one with the same bytes each time. A memo knows such an object by
// its text, so that it is read, checked and noted in the dictionaries once.
//
// What is remembered depends on the text and on the catalog's defaults alone;
// with other defaults the memory is emptied.

const (
	// memoSlots is how many texts of a kind have a place: so many that the few
	// hundred values of an ordinary catalog seldom share one.
	memoSlots = 1 << memoBits
	memoBits  = 11
	// memoHead is how much of a text says where it may be found. What an object
	// starts with, {"id":", tells nothing.
	memoHead, memoSame = 23, 7
	// memoLongest bounds the texts that are remembered, in bytes.
	memoLongest = 1 << 10
)

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
	memoTexts
	values []T // parallel to the slots
}

// memoTexts are the texts of a memo. Each has one place.
type memoTexts struct {
	slots        []memoSlot
	off          bool
	hits, misses int
	pause        int
}

// memoSlot is so small that it lies in one line of the processor's cache.
type memoSlot struct {
	// text is how the object starts or is written, "" in an empty slot.
	text string
	note *note
	// missed tells which text was missed here last: one that comes once is not
	// worth the memory.
	missed uint64
}

// note is what is known of a value that is remembered. It is another one for
// each text, as products under way point to it.
type note struct {
	// mark is that of parts of products that were found here.
	mark feed.Mark
	// noted says that the collector has seen the value.
	noted bool
}

// nowhere is the place of what is not to be remembered.
const nowhere = -1

// find looks for what the rest of a line starts with. at is where it belongs
// otherwise, [nowhere] when it is not to be remembered.
func (m *memoTexts) find(rest []byte) (at int, hit bool) {
	if m.pause > 0 {
		m.pause--
		return nowhere, false
	}
	if at, hit = m.known(rest); hit || at == nowhere {
		return at, hit
	}
	if m.misses++; m.misses == memoTrial {
		if m.hits < memoTrial/memoWorth {
			m.pause = memoPause
		}
		m.hits, m.misses = 0, 0
	}
	h := memoHash(rest)
	if s := &m.slots[at]; s.missed != h {
		s.missed = h
		return nowhere, false
	}
	return at, false
}

// known is find without counting what is missed: who asks it and does not find
// must ask find too.
func (m *memoTexts) known(rest []byte) (at int, hit bool) {
	if len(rest) < memoHead || m.off || m.pause > 0 {
		return nowhere, false
	}
	if len(m.slots) != memoSlots {
		m.slots = make([]memoSlot, memoSlots)
	}
	at = int(memoHash(rest) >> (64 - memoBits))
	s := &m.slots[at]
	if len(s.text) > 0 && scan.Starts(rest, s.text) {
		m.hits++
		return at, true
	}
	return at, false
}

// memoHash gives the hash of the head of a text.
func memoHash(rest []byte) uint64 {
	const k1, k2 = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
	return (binary.LittleEndian.Uint64(rest[memoSame:]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(rest[memoSame+8:])*k2, 29)) * k1
}

// keep remembers a value under its text; both are the memo's own.
func (m *memo[T]) keep(at int, text string, value T) *note {
	if m.values == nil {
		m.values = make([]T, memoSlots)
	}
	s := &m.slots[at]
	s.text, m.values[at] = strings.Clone(text), value
	s.note = &note{mark: *feed.NewMark(uint32(at))}
	return s.note
}

func (m *memo[T]) clear() {
	clear(m.slots)
	clear(m.values)
}

// memos are those of a decoder.
type memos struct {
	defaults   Defaults // under which they were made
	producers  memo[feed.Ref]
	categories memo[feed.Reference]
	units      memo[feed.Reference]
	parameters memo[parameterHead]
	values     memo[feed.ParameterValue]
	// pending are the notes of values that the current product is to note.
	pending []*note
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
	for _, n := range m.pending {
		n.noted = true
	}
	m.pending = m.pending[:0]
}

// use tells whether a value that was found is in the dictionaries, and if not
// sees to it that it will be known to be once the product is accepted.
func (m *memos) use(n *note) bool {
	if n.noted {
		return true
	}
	m.pending = append(m.pending, n)
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
	producer, category bool
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
	at, hit := m.find(d.lex.Rest())
	if hit {
		s := &m.slots[at]
		d.lex.Advance(len(s.text))
		d.draft.noticed.producer = d.memos.use(s.note)
		return m.values[at]
	}
	t := d.trace()
	r := d.ref()
	if at != nowhere && r.ID != "" && d.worth(start, t) {
		m.keep(at, d.lex.Since(start), feed.Ref{ID: strings.Clone(r.ID), Name: strings.Clone(r.Name)})
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
	at, hit := m.find(d.lex.Rest())
	if hit {
		s, v := &m.slots[at], &m.values[at]
		d.lex.Advance(len(s.text))
		r.ID, r.Names = v.ID, append(r.Names[:0], v.Names...)
		return d.memos.use(s.note)
	}
	t := d.trace()
	d.reference(r)
	if at != nowhere && r.ID != "" && d.worth(start, t) {
		m.keep(at, d.lex.Since(start), feed.Reference{ID: strings.Clone(r.ID), Names: cloneTexts(r.Names)})
	}
	return false
}

// parameters reads the list of parameters.
func (d *decoder) parameters() {
	p := &d.draft.p
	p.Parameters = p.Parameters[:0]
	known := &d.draft.noticed.parameters
	*known = (*known)[:0]
	every := true
	for open := d.list(); open && d.element(d.lim.Parameters); {
		var q *feed.Parameter
		p.Parameters, q = extend(p.Parameters)
		note, ok := d.knownParameter(q)
		switch {
		case ok:
		case d.lex.Next() == '{':
			note = d.parameter(q)
		default:
			d.memos.emptyParameter(q)
			d.wrong("an object")
		}
		*known = append(*known, note)
		every = every && note.whole()
	}
	d.draft.noticed.every = every
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

// knownParameter reads one of which head and values are remembered and nothing else
// is said, as of nearly all; it reads nothing where ok is false. Where it is tells
// nobody, as nothing can be wrong with it.
func (d *decoder) knownParameter(q *feed.Parameter) (note noticedParameter, ok bool) {
	start := d.lex.Offset()
	rest := d.lex.Rest()
	heads, values := &d.memos.parameters, &d.memos.values
	head, hit := heads.known(rest)
	if !hit {
		return note, false
	}
	i := len(heads.slots[head].text)
	note = noticedParameter{values: true}
	list := q.Values[:0]
	for sign := byte('['); i < len(rest) && rest[i] == sign && len(list) < d.lim.List; sign = ',' {
		at, hit := values.known(rest[i+1:])
		if !hit {
			break
		}
		s := &values.slots[at]
		i += 1 + len(s.text)
		var v *feed.ParameterValue
		list, v = extend(list)
		d.memos.take(v.Mark, v.Names)
		*v = values.values[at]
		note.values = d.memos.use(s.note) && note.values
	}
	if len(list) == 0 || len(rest)-i < 2 || rest[i] != ']' || rest[i+1] != '}' || heads.values[head].parameter.Section {
		q.Values = list
		return noticedParameter{}, false
	}
	d.memos.take(q.Mark, q.Names)
	*q = heads.values[head].parameter
	q.Values = list
	note.head = d.memos.use(heads.slots[head].note)
	d.lex.Pass(start + i + 2)
	return note, true
}

// parameter reads one.
func (d *decoder) parameter(q *feed.Parameter) (note noticedParameter) {
	start := d.lex.Offset()
	memo := &d.memos.parameters
	at, hit := memo.find(d.lex.Rest())
	var t trace
	var o object
	if hit {
		s, h := &memo.slots[at], &memo.values[at]
		d.memos.take(q.Mark, q.Names)
		values := q.Values[:0]
		*q = h.parameter
		q.Values = values
		d.lex.Enter(len(s.text))
		d.path.enter()
		d.path.last().name = parameterMembers.names[qValues]
		if !d.null() {
			note.values = d.values(q)
		}
		if d.lex.Closed() { // as nearly always
			d.path.leave()
			note.head = d.memos.use(s.note)
			if q.Section && len(q.Values) > 0 {
				d.refuseSection()
			}
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
		if at != nowhere && !hit && q.ID != "" && d.lex.Offset()-start <= memoLongest && d.plainSince(t) {
			h := *q
			h.ID, h.Names, h.Context, h.Values = strings.Clone(q.ID), cloneTexts(q.Names), strings.Clone(q.Context), nil
			kept := memo.keep(at, d.lex.Since(start), parameterHead{h, o.seen, o.last})
			memo.values[at].parameter.Mark = &kept.mark
		}
		note.values = d.values(q)
	}
	if same {
		note.head = d.memos.use(memo.slots[at].note)
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
			at, hit := d.memos.values.find(d.lex.Rest())
			if !hit {
				noted = false
				d.newValue(v, at)
				break
			}
			s := &d.memos.values.slots[at]
			d.lex.Advance(len(s.text))
			d.memos.take(v.Mark, v.Names)
			*v = d.memos.values.values[at]
			noted = d.memos.use(s.note) && noted
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

// newValue reads a value that is an object, and remembers it at a place if there is
// one.
func (d *decoder) newValue(v *feed.ParameterValue, at int) {
	*v = feed.ParameterValue{Names: d.memos.give(v.Mark, v.Names)}
	start, t := d.lex.Offset(), d.trace()
	d.value(v)
	if at != nowhere && v.ID != "" && d.worth(start, t) {
		k := *v
		k.ID, k.Names, k.Context = strings.Clone(v.ID), cloneTexts(v.Names), strings.Clone(v.Context)
		kept := d.memos.values.keep(at, d.lex.Since(start), k)
		d.memos.values.values[at].Mark = &kept.mark
	}
}
