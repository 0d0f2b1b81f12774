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
	// memoSlots is how many texts of a kind have a place: more than an ordinary
	// catalog has values. A text may lie in one of two places, so that two that come
	// again and again seldom have but one.
	memoSlots = 1 << memoBits
	memoBits  = 12
	// memoHead is how much of a text says where it may be found. What an object
	// starts with, {"id":", tells nothing.
	memoHead, memoSame = 23, 7
	// memoWide is how much of a text is looked at at once.
	memoWide = 64
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

// memo remembers values of one kind. Each text has one place of a pair.
type memo[T any] struct {
	slots *[memoSlots]memoSlot[T] // nil before the first is looked for
	// missed tells which text was missed last, by what its hash starts with: one that
	// comes once is not worth the memory.
	missed *[memoSlots]uint64
	// last is the hash of the text for which a place was given last.
	last         uint64
	off          bool
	hits, misses int
	pause        int
}

// memoSlot is so small that a pair lies in one line of the processor's cache.
type memoSlot[T any] struct {
	// tag is a part of the hash, size how long the text is.
	tag, size uint32
	kept      *kept[T] // nil in an empty slot
}

// kept is a value that is remembered. It is another one for each text, as products
// under way point to it.
type kept[T any] struct {
	// head is how the text starts.
	head [memoWide]byte
	// mark is that of parts of products that were found here.
	mark feed.Mark
	// noted says that the collector has seen the value.
	noted bool
	value T
	// text is how the object starts or is written.
	text string
}

// nowhere is the place of what is not to be remembered.
const nowhere = -1

// find looks for what the rest of a line starts with, and gives nil where it is not
// known. size is that of the text, at where it belongs if it is not known, [nowhere]
// when it is not to be remembered.
func (m *memo[T]) find(rest []byte) (k *kept[T], size, at int) {
	if m.pause > 0 {
		m.pause--
		return nil, 0, nowhere
	}
	if m.slots == nil && !m.off {
		m.slots, m.missed = new([memoSlots]memoSlot[T]), new([memoSlots]uint64)
	}
	if k, size = m.known(rest); k != nil || m.off || len(rest) < memoHead {
		return k, size, nowhere
	}
	if m.misses++; m.misses == memoTrial {
		if m.hits < memoTrial/memoWorth {
			m.pause = memoPause
		}
		m.hits, m.misses = 0, 0
	}
	h := memoHash(rest)
	if missed := &m.missed[h>>(64-memoBits)]; *missed != h {
		*missed = h
		return nil, 0, nowhere
	}
	m.last = h
	return nil, 0, m.room(h)
}

// known is find without counting what is missed: who asks it and does not find
// must ask find too.
func (m *memo[T]) known(rest []byte) (k *kept[T], size int) {
	if m.slots == nil || m.pause > 0 || len(rest) < memoHead {
		return nil, 0
	}
	h := memoHash(rest)
	at, other := pairOf(h), 0
	if m.slots[at+1].tag == uint32(h) { // no jump: nobody could foretell it
		other = 1
	}
	s := &m.slots[at+other]
	k, size = s.kept, int(s.size)
	switch {
	case k == nil || s.tag != uint32(h) || size > len(rest):
		return nil, 0
	case size > memoWide || cap(rest) < memoWide:
		if !scan.Starts(rest, k.text) {
			return nil, 0
		}
	default:
		// Nor does one depend on how long the text is: it is looked at with what stands
		// behind it in memory, which does not count.
		t, mask := (*[memoWide]byte)(rest[:memoWide]), memoMasks[size]
		if differ(t, &k.head, mask, 0)|differ(t, &k.head, mask, 8)|differ(t, &k.head, mask, 16)|differ(t, &k.head, mask, 24)|
			differ(t, &k.head, mask, 32)|differ(t, &k.head, mask, 40)|differ(t, &k.head, mask, 48)|differ(t, &k.head, mask, 56) != 0 {
			return nil, 0
		}
	}
	m.hits++
	return k, size
}

// differ gives the bits of the mask in which the eight bytes from i on differ.
func differ(a, b, mask *[memoWide]byte, i int) uint64 {
	return (binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:])) & binary.LittleEndian.Uint64(mask[i:])
}

// memoMasks are those of the first bytes of a text, by their number.
var memoMasks = func() (masks [memoWide + 1]*[memoWide]byte) {
	m := [2 * memoWide]byte{}
	for i := range memoWide {
		m[i] = 0xFF
	}
	for n := range masks {
		masks[n] = (*[memoWide]byte)(m[memoWide-n:])
	}
	return masks
}()

// pairOf gives the first of the two places that a text with this hash may have.
func pairOf(h uint64) int { return int(h >> (65 - memoBits) << 1) }

// room gives the place for a text with this hash: that of one with the same tag, as
// known looks at one of these alone, or an empty one.
func (m *memo[T]) room(h uint64) int {
	at := pairOf(h)
	a, b := &m.slots[at], &m.slots[at+1]
	switch {
	case b.tag == uint32(h):
		return at + 1
	case a.tag == uint32(h) || a.kept == nil:
		return at
	case b.kept == nil:
		return at + 1
	}
	return int(h >> (64 - memoBits))
}

// memoHash gives the hash of the head of a text.
func memoHash(rest []byte) uint64 {
	const k1, k2 = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
	return (binary.LittleEndian.Uint64(rest[memoSame:]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(rest[memoSame+8:])*k2, 29)) * k1
}

// keep remembers a value under its text at the place that find gave; the value is
// the memo's own.
func (m *memo[T]) keep(at int, text string, value T) *kept[T] {
	k := &kept[T]{mark: *feed.NewMark(uint32(at)), value: value, text: strings.Clone(text)}
	copy(k.head[:], text)
	m.slots[at] = memoSlot[T]{uint32(m.last), uint32(len(text)), k}
	return k
}

func (m *memo[T]) clear() {
	if m.slots != nil {
		clear(m.slots[:])
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
	k, size, at := m.find(d.lex.Rest())
	if k != nil {
		d.lex.Advance(size)
		d.draft.noticed.producer = d.memos.use(&k.noted)
		return k.value
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
	k, size, at := m.find(d.lex.Rest())
	if k != nil {
		d.lex.Advance(size)
		r.ID, r.Names = k.value.ID, append(r.Names[:0], k.value.Names...)
		return d.memos.use(&k.noted)
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
	for open := d.list() && d.element(d.lim.Parameters); open; open = d.another(d.lim.Parameters) || d.element(d.lim.Parameters) {
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
//
// Inlined, it would have no register of its own left.
//
//go:noinline
func (d *decoder) knownParameter(q *feed.Parameter) (note noticedParameter, ok bool) {
	rest := d.lex.Rest()
	head, i := d.memos.parameters.known(rest)
	if head == nil {
		return note, false
	}
	values, most, noted := &d.memos.values, d.lim.List, true
	list := q.Values[:0]
	for sign := byte('['); i < len(rest) && rest[i] == sign && len(list) < most; sign = ',' {
		k, size := values.known(rest[i+1:])
		if k == nil {
			break
		}
		i += 1 + size
		var v *feed.ParameterValue
		list, v = extend(list)
		d.memos.take(v.Mark, v.Names)
		*v = k.value
		noted = d.memos.use(&k.noted) && noted
	}
	q.Values = list
	if len(list) == 0 || len(rest)-i < 2 || rest[i] != ']' || rest[i+1] != '}' || head.value.parameter.Section {
		return note, false
	}
	d.memos.take(q.Mark, q.Names)
	*q = head.value.parameter
	q.Values = list
	d.lex.Pass(d.lex.Offset() + i + 2)
	return noticedParameter{d.memos.use(&head.noted), noted}, true
}

// parameter reads one.
func (d *decoder) parameter(q *feed.Parameter) (note noticedParameter) {
	start := d.lex.Offset()
	memo := &d.memos.parameters
	k, size, at := memo.find(d.lex.Rest())
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
			k, size, at := d.memos.values.find(d.lex.Rest())
			if k == nil {
				noted = false
				d.newValue(v, at)
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
		kept.value.Mark = &kept.mark
	}
}
