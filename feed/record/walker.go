package record

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"feedmill/feed"
)

// Errors of decoding; they come wrapped with where and what.
var (
	// ErrVersion is a document of a version that this program cannot read.
	ErrVersion = errors.New("unknown version")
	// ErrDamaged is a document that is cut off, too long, or holds what no
	// encoder writes.
	ErrDamaged = errors.New("damaged document")
)

// maxLanguages is how many languages of a document are kept by number; further
// ones are spelled out each time.
const maxLanguages = 32

// walker goes over a structure field by field and either appends the fields to
// a document or reads them from one. One description of the structure serves
// both ways, so they cannot disagree. While encoding it only reads what it is
// given, so that a product may be encoded by several goroutines at once.
type walker struct {
	encoding bool
	out      []byte
	in       string
	pos      int
	err      error
	langs    [maxLanguages]feed.Language
	nlangs   int
	spare    spares // memory behind pointers, for decoding
}

// fail keeps the first error.
func (w *walker) fail(what string) {
	if w.err == nil {
		w.err = fmt.Errorf("%w at byte %d: %s", ErrDamaged, w.pos, what)
		w.pos = len(w.in)
	}
}

// uint walks a number.
func (w *walker) uint(v uint64) uint64 {
	if w.encoding {
		for v >= 0x80 {
			w.out = append(w.out, byte(v)|0x80)
			v >>= 7
		}
		w.out = append(w.out, byte(v))
		return 0
	}
	if w.pos < len(w.in) && w.in[w.pos] < 0x80 {
		w.pos++
		return uint64(w.in[w.pos-1])
	}
	return w.longUint()
}

// longUint reads a number of several bytes in its one shortest form.
func (w *walker) longUint() uint64 {
	var v uint64
	for i := 0; i < 10; i++ {
		if w.pos+i >= len(w.in) {
			w.fail("the document ends inside a number")
			return 0
		}
		c := w.in[w.pos+i]
		if i == 9 && c > 1 {
			break
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if c == 0 {
				break
			}
			w.pos += i + 1
			return v
		}
	}
	w.fail("a number is not in its shortest form")
	return 0
}

// byte walks a small number that is at most limit.
func (w *walker) byte(v, limit uint8, what string) uint8 {
	if w.encoding {
		w.out = append(w.out, v)
		return 0
	}
	if w.pos >= len(w.in) {
		w.fail("the document ends before " + what)
		return 0
	}
	v = w.in[w.pos]
	if v > limit {
		w.fail(what + " is none that is known")
		return 0
	}
	w.pos++
	return v
}

// bool walks a yes or no.
func (w *walker) bool(v *bool) {
	var b uint8
	if w.encoding && *v {
		b = 1
	}
	if b = w.byte(b, 1, "a yes or no"); !w.encoding {
		*v = b == 1
	}
}

// string walks a string.
func (w *walker) string(s *string) {
	if w.encoding {
		w.uint(uint64(len(*s)))
		w.out = append(w.out, *s...)
		return
	}
	n := w.uint(0)
	if n > uint64(len(w.in)-w.pos) {
		w.fail("the document ends inside a string")
		*s = ""
		return
	}
	*s = w.in[w.pos : w.pos+int(n)]
	w.pos += int(n)
}

// strings walks fields one after the other.
func (w *walker) strings(list ...*string) {
	for _, s := range list {
		w.string(s)
	}
}

// count walks the length of a list whose elements take at least min bytes each.
func (w *walker) count(n, min int) int {
	if w.encoding {
		w.uint(uint64(n))
		return n
	}
	c := w.uint(0)
	if c > uint64((len(w.in)-w.pos)/min) {
		w.fail("a list is longer than the rest of the document")
		return 0
	}
	return int(c)
}

// list begins a list whose elements take at least min bytes each, and gives it
// for the caller to walk its elements. Decoding keeps the memory of the list
// and of what its old elements held.
func list[T any](w *walker, s *[]T, min int) []T {
	n := w.count(len(*s), min)
	if !w.encoding {
		*s = grow(*s, n)
	}
	return *s
}

// grow gives a list of n elements in the memory of s; elements that were there
// before are left as they are, for their own memory to be used again.
func grow[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	old := s[:cap(s)]
	return append(old, make([]T, n-len(old))...)[:n]
}

// pointer begins something that may be absent, and says whether it is there for
// the caller to walk. Decoding takes memory from spare and gives it back.
func pointer[T any](w *walker, p, spare **T) bool {
	present := w.encoding && *p != nil
	w.bool(&present)
	if w.encoding {
		return present
	}
	old := *p
	*p = nil
	if !present {
		if old != nil {
			*spare = old
		}
		return false
	}
	if old == nil {
		// Handed over, so that two products of one decoder never share it.
		old, *spare = *spare, nil
	}
	if old == nil {
		old = new(T)
	}
	*p = old
	return true
}

// language walks a language: its number in the document, or its code when it
// is met first.
func (w *walker) language(l *feed.Language) {
	if w.encoding {
		if l.IsZero() {
			w.uint(0)
			return
		}
		for i := range w.nlangs {
			if w.langs[i] == *l {
				w.uint(uint64(i + 1))
				return
			}
		}
		w.uint(uint64(w.nlangs + 1))
		w.out = append(w.out, l.String()...)
		w.learn(*l)
		return
	}
	*l = feed.Language{}
	switch i := w.uint(0); {
	case i == 0:
	case i <= uint64(w.nlangs):
		*l = w.langs[i-1]
	case i == uint64(w.nlangs+1):
		code := w.code("language")
		if w.err != nil {
			return
		}
		var err error
		if *l, err = feed.ParseLanguage(code); err != nil || l.String() != code {
			w.fail("a language that is not known")
			return
		}
		if slices.Contains(w.langs[:w.nlangs], *l) {
			w.fail("a language that was named before")
			return
		}
		w.learn(*l)
	default:
		w.fail("a language that was not named before")
	}
}

func (w *walker) learn(l feed.Language) {
	if w.nlangs < maxLanguages {
		w.langs[w.nlangs] = l
		w.nlangs++
	}
}

// code reads three letters.
func (w *walker) code(what string) string {
	if len(w.in)-w.pos < 3 {
		w.fail("the document ends inside a " + what)
		return ""
	}
	w.pos += 3
	return w.in[w.pos-3 : w.pos]
}

// currency walks a currency by its code.
func (w *walker) currency(c *feed.Currency) {
	given := w.encoding && !c.IsZero()
	w.bool(&given)
	if w.encoding {
		w.out = append(w.out, c.String()...)
		return
	}
	*c = feed.Currency{}
	if !given {
		return
	}
	code := w.code("currency")
	if w.err != nil {
		return
	}
	var err error
	if *c, err = feed.ParseCurrency(code); err != nil {
		w.fail("a currency that is not known")
	}
}

// number walks a whole number that may be absent: 0, or its zigzag form plus one.
func (w *walker) number(i *feed.Int) {
	if w.encoding {
		v, ok := i.Get()
		if !ok {
			w.uint(0)
			return
		}
		w.uint(uint64(uint32(v<<1)^uint32(v>>31)) + 1)
		return
	}
	*i = feed.Int{}
	if v := w.uint(0); v > 1<<32 {
		w.fail("a number that is too large")
	} else if v > 0 {
		*i = feed.IntOf(unzigzag(uint32(v - 1)))
	}
}

func unzigzag(v uint32) int32 { return int32(v>>1) ^ -int32(v&1) }

// quantity walks a quantity: 0 for unknown, 1 for unlimited, else thousandths
// plus two.
func (w *walker) quantity(q *feed.Quantity) {
	if w.encoding {
		switch {
		case !q.Known():
			w.uint(0)
		case q.Unlimited():
			w.uint(1)
		default:
			w.uint(uint64(q.Thousandths()) + 2)
		}
		return
	}
	*q = feed.Quantity{}
	switch v := w.uint(0); v {
	case 0:
	case 1:
		*q = feed.Unlimited()
	default:
		var err error
		if *q, err = feed.QuantityOf(int64(v - 2)); err != nil {
			w.fail("a quantity that is out of range")
		}
	}
}

// weight walks a weight: 0 for unknown, else milligrams plus one.
func (w *walker) weight(g *feed.Weight) {
	if w.encoding {
		if !g.Known() {
			w.uint(0)
			return
		}
		w.uint(uint64(g.Milligrams()) + 1)
		return
	}
	*g = feed.Weight{}
	if v := w.uint(0); v > 0 {
		var err error
		if *g, err = feed.WeightOf(int64(v - 1)); err != nil {
			w.fail("a weight that is out of range")
		}
	}
}

// percent walks a percentage.
func (w *walker) percent(p *feed.Percent) {
	if w.encoding {
		w.uint(uint64(p.Millionths()))
		return
	}
	var err error
	if *p, err = feed.PercentOf(int64(w.uint(0))); err != nil {
		w.fail("a percentage that is out of range")
	}
}

// amount walks an amount.
func (w *walker) amount(a *feed.Amount) {
	if w.encoding {
		w.uint(uint64(a.Minor()))
		return
	}
	var err error
	if *a, err = feed.AmountOf(int64(w.uint(0))); err != nil {
		w.fail("an amount that is out of range")
	}
}

// priceList walks up to eight prices: a mask of those that are there, then those.
func (w *walker) priceList(list ...*feed.Price) {
	var mask uint8
	if w.encoding {
		for i, p := range list {
			if !p.IsZero() {
				mask |= 1 << i
			}
		}
	}
	sent := w.byte(mask, 1<<len(list)-1, "a mask of prices")
	if w.encoding {
		sent = mask
	}
	for i, p := range list {
		if !w.encoding {
			*p = feed.Price{}
		}
		if sent&(1<<i) != 0 {
			w.amount(&p.Net)
			w.amount(&p.Gross)
			if !w.encoding && p.IsZero() {
				w.fail("a price of nothing")
			}
		}
	}
}

// flags walks flags of two bits each.
func (w *walker) flags(list ...*feed.Flag) {
	var v uint64
	if w.encoding {
		for i, f := range list {
			v |= uint64(*f&3) << (2 * i)
		}
		w.uint(v)
		return
	}
	v = w.uint(0)
	if bits.Len64(v) > 2*len(list) {
		w.fail("more flags than there are")
		return
	}
	for i, f := range list {
		if *f = feed.Flag(v >> (2 * i) & 3); *f > feed.FlagYes {
			w.fail("a flag that is neither yes nor no")
		}
	}
}

// finish says whether the whole document was read.
func (w *walker) finish() error {
	if w.err == nil && w.pos != len(w.in) {
		w.fail("more bytes than belong to the document")
	}
	return w.err
}
