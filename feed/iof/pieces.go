package iof

import (
	"slices"
	"strings"

	"feedmill/feed"
)

// Products of a catalog have few parameters and values in common and say the
// same of them each time, so what a writer made of them is kept: finding it by
// what it says costs less than writing it again.

// Numbers of places, powers of two.
const (
	parameterPlaces = 256
	valuePlaces     = 512
	markedPlaces    = 2048
	// pieceLongest bounds what is kept, in bytes; up to pieceShort are copied at once.
	pieceLongest = 1 << 10
	pieceShort   = 96
)

// pieces remembers what was rendered of parameters and values. A piece has one
// place; one that another piece takes from it is rendered again.
type pieces struct {
	parameters []piece[feed.Parameter]
	values     []piece[feed.ParameterValue]
	units      []piece[feed.Reference]
	stocks     *[stockPlaces]stockPiece // by quantity
	// Those of marked parts, each kind by its own marks; there are none before the
	// first product.
	marked *markedParts
}

type markedParts struct{ parameters, values markedPieces }

type markedPieces [markedPlaces]markedPiece

// markedPiece was rendered of the part with a mark: nothing needs to be compared.
type markedPiece struct {
	mark *feed.Mark
	text []byte
	// start is how text begins, all of it where it is short.
	start [pieceShort]byte
}

// keep remembers what was rendered of the part with a mark.
func (p *markedPiece) keep(m *feed.Mark, text []byte) {
	if len(text) <= pieceLongest {
		p.mark, p.text = m, append(p.text[:0], text...)
		copy(p.start[:], text)
	}
}

// known appends the piece with a mark, if there is one and it is short. It is
// copied together with what happens to stand behind it, because a copy of known
// length costs less than one of the right length; the next piece stands on that.
func (l *markedPieces) known(dst []byte, m *feed.Mark) ([]byte, bool) {
	p := &l[m.Place()%markedPlaces]
	n := len(dst)
	if p.mark != m || len(p.text) > pieceShort || cap(dst)-n < pieceShort {
		return dst, false
	}
	*(*[pieceShort]byte)(dst[n : n+pieceShort]) = p.start
	return dst[:n+len(p.text)], true
}

type piece[T any] struct {
	of   T // without what is not part of the piece
	text []byte
	// missed tells which was looked for here last in vain: what comes once is not
	// worth the memory.
	missed uint32
}

// place gives where the piece of something with this id belongs.
func place(id string) uint32 {
	h := uint32(len(id))
	for i := max(len(id)-8, 0); i < len(id); i++ {
		h = h*0x01000193 ^ uint32(id[i])
	}
	h *= 0x9E3779B1
	return h ^ h>>15
}

// room says whether a piece that was missed is to be kept, and notes that it was.
func (p *piece[T]) room(h uint32, text []byte) bool {
	again := p.missed == h
	p.missed = h
	return again && len(text) <= pieceLongest
}

func (p *pieces) parameter(h uint32) *piece[feed.Parameter] {
	if p.parameters == nil {
		p.parameters = make([]piece[feed.Parameter], parameterPlaces)
	}
	return &p.parameters[h%parameterPlaces]
}

func (p *pieces) value(h uint32) *piece[feed.ParameterValue] {
	if p.values == nil {
		p.values = make([]piece[feed.ParameterValue], valuePlaces)
	}
	return &p.values[h%valuePlaces]
}

// parameterStart is appendParameterStart, remembered where t is there.
func (w *Writer) parameterStart(dst []byte, m *feed.Parameter, t *Texts) []byte {
	if t == nil {
		return w.appendParameterStart(dst, m)
	}
	if m.Mark != nil {
		p := &t.pieces.marked.parameters[m.Mark.Place()%markedPlaces]
		if p.mark == m.Mark {
			return append(dst, p.text...)
		}
		before := len(dst)
		dst = w.appendParameterStart(dst, m)
		p.keep(m.Mark, dst[before:])
		return dst
	}
	h := place(m.ID)
	p := t.pieces.parameter(h)
	if len(p.text) > 0 && sameStart(&p.of, m) {
		return append(dst, p.text...)
	}
	before := len(dst)
	dst = w.appendParameterStart(dst, m)
	if p.room(h, dst[before:]) {
		p.of = *m
		p.of.ID, p.of.Context, p.of.Names, p.of.Values = strings.Clone(m.ID), strings.Clone(m.Context), cloneTexts(m.Names), nil
		p.text = append(p.text[:0], dst[before:]...)
	}
	return dst
}

// sameStart says whether two parameters have all in common but their values.
func sameStart(a, b *feed.Parameter) bool {
	return a.ID == b.ID && a.Section == b.Section && a.Priority == b.Priority && a.Distinction == b.Distinction &&
		a.GroupDistinction == b.GroupDistinction && a.Hide == b.Hide && a.AuctionHide == b.AuctionHide && a.Context == b.Context &&
		slices.Equal(a.Names, b.Names)
}

// value is appendValue, remembered where t is there.
func (w *Writer) value(dst []byte, v *feed.ParameterValue, t *Texts) []byte {
	if t == nil {
		return w.appendValue(dst, v)
	}
	if v.Mark != nil {
		p := &t.pieces.marked.values[v.Mark.Place()%markedPlaces]
		if p.mark == v.Mark {
			return append(dst, p.text...)
		}
		before := len(dst)
		dst = w.appendValue(dst, v)
		p.keep(v.Mark, dst[before:])
		return dst
	}
	h := place(v.ID)
	p := t.pieces.value(h)
	if len(p.text) > 0 && p.of.ID == v.ID && p.of.Priority == v.Priority && p.of.Context == v.Context && slices.Equal(p.of.Names, v.Names) {
		return append(dst, p.text...)
	}
	before := len(dst)
	dst = w.appendValue(dst, v)
	if p.room(h, dst[before:]) {
		p.of = feed.ParameterValue{ID: strings.Clone(v.ID), Names: cloneTexts(v.Names), Priority: v.Priority, Context: strings.Clone(v.Context)}
		p.text = append(p.text[:0], dst[before:]...)
	}
	return dst
}

func cloneTexts(ts feed.Texts) feed.Texts {
	ts = slices.Clone(ts)
	for i := range ts {
		ts[i].Value = strings.Clone(ts[i].Value)
	}
	return ts
}
