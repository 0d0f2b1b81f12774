package catalog

import (
	"slices"
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/feed/catalog/internal/jsonlex"
	"feedmill/feed/internal/scan"
)

// decoder turns lines of the native format into products and dictionary
// entries. It allocates nothing for a line whose strings need no cleaning.
type decoder struct {
	*intake
	lex   jsonlex.Lexer
	memos memos
	// habits are those of the kinds of objects that were met, by their number.
	habits []*habit
	// languages are those of texts by language, in the order of the first that were met.
	languages [4]metLanguage
	xml       extensionChecker
	path      fieldPath
	// scalars are those of the last run.
	scalars jsonlex.Scalars
	// before are the prices of the product that were read last, by point: those of
	// sizes are mostly that of the product.
	before [pricePoints]lastPrice
	// productsSeen says that dictionary lines come late.
	productsSeen bool
	// firstRecord says that the line is the first of its file.
	firstRecord bool
	// offset is the position of the line in its file.
	offset int64
}

// object walks the members of one object.
type object struct {
	*habit
	seen uint64
	// last is the place behind the last member in names, 0 before the first.
	last int
}

// habit is the order in which the source writes the members of objects of one
// kind: machines always keep the same.
type habit struct {
	names []string
	keys  []jsonlex.Name
	// after gives, for each place behind a member, which one came next last time,
	// or that the object ended.
	after [65]uint8
	plan  jsonlex.Plan
	// runs are the bits of members that a run may read.
	runs uint64
}

// ends is what comes next behind the last member.
const ends = 0xFF

// object gives the state of an object of which nothing was read yet.
func (d *decoder) object(m *members) object {
	if m.number < len(d.habits) {
		if h := d.habits[m.number]; h != nil {
			return object{habit: h}
		}
	}
	return object{habit: d.newHabit(m)}
}

func (d *decoder) newHabit(m *members) *habit {
	h := &habit{names: m.names, keys: make([]jsonlex.Name, len(m.names))}
	for i, name := range m.names {
		h.keys[i] = jsonlex.NewName(name)
	}
	h.plan.Longest = d.lim.Field
	if d.habits == nil {
		d.habits = make([]*habit, memberKinds)
	}
	d.habits[m.number] = h
	return h
}

// enter begins an object with these members.
func (d *decoder) enter(m *members) object {
	if !d.lex.Opened() {
		d.lex.Object()
	}
	d.path.enter()
	return d.object(m)
}

// member goes to the next known member that is not null and gives its index in
// the names; ok is false behind the last one.
func (d *decoder) member(o *object) (i int, ok bool) {
	for {
		from, place := d.lex.Offset(), o.last
		next := &o.after[place]
		i := int(*next)
		if i == ends && d.lex.Closed() {
			d.path.leave()
			return 0, false
		}
		if i == ends || !d.lex.Named(&o.keys[i]) {
			name, ok := d.lex.Member()
			if !ok {
				*next = ends
				d.path.leave()
				return 0, false
			}
			if i = o.find(name); i < 0 {
				top := d.path.last()
				top.name, top.index = name, -1
				d.fail(d.field(), "is not a member", memberHint(name, o.names))
				d.lex.Skip()
				continue
			}
			*next = uint8(i)
		}
		bit := uint64(1) << (i & 63)
		if o.runs&bit != 0 { // a run would have read it
			d.lex.Learn(&o.plan, place, from, o.names[i], i)
		}
		o.last = i + 1
		top := d.path.last()
		top.name, top.index = o.names[i], -1
		if o.seen&bit != 0 {
			d.fail(d.field(), "occurs twice", "")
			d.lex.Skip()
			continue
		}
		o.seen |= bit
		if d.lex.Nil() && d.skipNull() { // as null has it, to be inlined
			continue
		}
		return i, true
	}
}

// run reads the members that come next as long as they are plain: texts says which
// may be strings, numbers which may be whole numbers, the same for all objects of
// a kind. What is anything else, or wrong, is left to member.
func (d *decoder) run(o *object, texts, numbers uint64) []jsonlex.Scalar {
	if o.runs == 0 {
		o.plan.Texts, o.plan.Numbers, o.runs = texts, numbers, texts|numbers
	}
	d.scalars.Last, d.scalars.Seen = o.last, o.seen
	d.lex.Run(&o.plan, &d.scalars)
	o.last, o.seen = d.scalars.Last, d.scalars.Seen
	return d.scalars.All()
}

// null reads null, which is as good as absent, if it is next.
func (d *decoder) null() bool { return d.lex.Nil() && d.skipNull() }

func (d *decoder) skipNull() bool {
	d.lex.Null()
	return true
}

// find gives the index of a name, -1 for none.
func (o *object) find(name string) int { return slices.Index(o.names, name) }

// has says whether the member of this index was there.
func (o *object) has(i int) bool { return o.seen&(1<<i) != 0 }

// list enters a list that holds at most max elements.
func (d *decoder) list() bool {
	if d.lex.Next() != '[' {
		d.wrong("a list")
		return false
	}
	d.lex.Array()
	d.path.last().index = -1
	return true
}

// element goes to the next element of the list; behind max elements the rest is
// refused and skipped.
func (d *decoder) element(max int) bool {
	top := d.path.last()
	if d.lex.Element() {
		if top.index++; top.index < max {
			return true
		}
		d.tooMany(top, max)
	}
	top.index = -1
	return false
}

// another goes to the next element if nothing but a comma stands before it, as
// nearly always; what element says counts where it does not.
func (d *decoder) another(max int) bool {
	top := d.path.last()
	if top.index+1 >= max || !d.lex.Comma() {
		return false
	}
	top.index++
	return true
}

// tooMany refuses and skips the rest of a list, from the element behind the last
// that may be.
func (d *decoder) tooMany(top *step, max int) {
	top.index = -1 // what is told of is the list
	d.fail(d.field(), "holds more than "+strconv.Itoa(max)+" elements", "")
	for more := true; more; more = d.lex.Element() {
		d.lex.Skip()
	}
}

// wrong reports a value of another kind than the one wanted, and skips it.
func (d *decoder) wrong(want string) {
	kind := d.lex.Kind()
	if kind != jsonlex.Invalid {
		hint := ""
		if d.lex.Empty() {
			hint = "leave it out when there is none" // some languages write empty objects so
		}
		d.refuse("is "+kind.String()+", not "+want, hint)
	}
	d.lex.Skip()
}

// str reads a string as it stands.
func (d *decoder) raw() string {
	if d.lex.Next() != '"' {
		d.wrong("a string")
		return ""
	}
	return d.lex.String()
}

// text reads a string that may stand in a file: clean and not too long.
func (d *decoder) text() string {
	s := d.raw()
	if len(s) > d.lim.Field {
		d.refuse("holds more than "+strconv.Itoa(d.lim.Field)+" bytes", "")
		return ""
	}
	if d.lex.Dirty() {
		s = d.clean(s)
	}
	return s
}

// id reads the id of a dictionary entry: a string without blanks or a whole number.
func (d *decoder) id() string {
	var s string
	switch d.lex.Kind() {
	case jsonlex.Number:
		s = d.lex.Number()
		if !isWhole(s) {
			d.refuse(s+" is not a whole number of 0 or more", "")
			return ""
		}
		return s
	case jsonlex.String:
		s = d.text()
	default:
		d.wrong("a string or a whole number")
		return ""
	}
	if !isID(s) && s != "" {
		return d.refuseID(s)
	}
	return s
}

// refuseID reports a text that cannot be an id, and gives none.
func (d *decoder) refuseID(s string) string {
	d.refuse(quote(s)+" is not an id", "ids have no blanks and at most 255 bytes")
	return ""
}

func isWhole(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// decimal reads a number, or a string that holds one, as text.
func (d *decoder) decimal() string {
	switch d.lex.Kind() {
	case jsonlex.Number:
		return d.lex.Number()
	case jsonlex.String:
		s := d.lex.String()
		if s == "" {
			d.refuseEmpty()
		}
		return s
	}
	d.wrong("a number")
	return ""
}

// refuseEmpty reports an empty string where there must be something.
func (d *decoder) refuseEmpty() { d.refuse("is empty", "leave it out when there is none") }

// integer reads a small whole number.
func (d *decoder) integer() feed.Int {
	if d.lex.Kind() != jsonlex.Number {
		d.wrong("a whole number")
		return feed.Int{}
	}
	s := d.lex.Number()
	if v, ok := small(s); ok {
		return feed.IntOf(int32(v))
	}
	v, err := strconv.ParseInt(s, 10, 32)
	if err != nil && s != "" {
		d.refuse(clip(s)+" is not a whole number of 32 bits", "")
		return feed.Int{}
	}
	return feed.IntOf(int32(v))
}

// small reads a number of few digits, which most are; ok is false for all else.
func small(s string) (v int64, ok bool) {
	if s == "" || len(s) > 6 {
		return 0, false
	}
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		v = v*10 + int64(c)
	}
	return v, true
}

// flag reads a boolean.
func (d *decoder) flag() feed.Flag {
	if d.boolean() {
		return feed.FlagYes
	}
	return feed.FlagNo
}

func (d *decoder) boolean() bool {
	if d.lex.Kind() != jsonlex.Bool {
		d.wrong("true or false")
		return false
	}
	return d.lex.Bool()
}

// quantity reads a number, or the word unlimited.
func (d *decoder) quantity() feed.Quantity {
	s := d.decimal()
	if v, ok := small(s); ok {
		return feed.Pieces(v)
	}
	d.draft.noticed.pieces = false
	if s == "unlimited" {
		return feed.Unlimited()
	}
	if s == "" {
		return feed.Quantity{}
	}
	q, err := feed.ParseQuantity(s)
	if err != nil {
		d.refuse(reason(err), "")
	}
	return q
}

const weightHint = "weights are grams"

// weight reads grams.
func (d *decoder) weight() feed.Weight {
	s := d.decimal()
	if s == "" {
		return feed.Weight{}
	}
	w, err := feed.ParseWeight(s)
	if err != nil {
		d.refuse(reason(err), weightHint)
	}
	return w
}

// texts reads a plain string in the default language, or an object of texts by
// language, into t.
func (d *decoder) texts(t feed.Texts) feed.Texts {
	t = t[:0]
	switch d.lex.Next() {
	case '"':
		if s := d.text(); s != "" {
			t = append(t, feed.Text{Lang: d.def.Language, Value: s})
		}
		return t
	case '{':
	default:
		d.wrong("a string or an object of texts by language")
		return t
	}
	d.lex.Object()
	d.path.enter()
	for k := 0; k == 0 || !d.lex.Closed(); k++ {
		name, lang, ok := d.expectedLanguage(k)
		if !ok {
			if name, ok = d.lex.Member(); !ok {
				break
			}
			lang = d.def.Language
			if name != "" {
				lang, ok = d.language(name)
			}
			d.expectLanguage(k, name, lang)
		}
		d.path.last().name = name
		if d.null() {
			continue
		}
		if !ok {
			d.refuse("is not a language code", "write three letters of ISO 639-2: pol, eng, ger")
			d.lex.Skip()
			continue
		}
		s := d.text()
		if _, twice := t.Get(lang); twice {
			d.refuse("occurs twice", "")
			continue
		}
		if s != "" {
			t = append(t, feed.Text{Lang: lang, Value: s})
		}
	}
	d.path.leave()
	return t
}

// expectedLanguage reads the code of a language, if it is the one that objects of
// texts have at this place, and says whether it did.
func (d *decoder) expectedLanguage(place int) (code string, lang feed.Language, ok bool) {
	if place >= len(d.languages) {
		return "", lang, false
	}
	l := &d.languages[place]
	if l.code == "" || !d.lex.Named(&l.name) {
		return "", lang, false
	}
	return l.code, l.lang, true
}

// expectLanguage expects a language at this place of objects of texts, if none is
// expected there: machines always keep the same order.
func (d *decoder) expectLanguage(place int, code string, lang feed.Language) {
	if place < len(d.languages) && d.languages[place].code == "" && len(code) == 3 && !lang.IsZero() {
		code = strings.Clone(code)
		d.languages[place] = metLanguage{jsonlex.NewName(code), code, lang}
	}
}

// metLanguage is a language by the code that the source has for it.
type metLanguage struct {
	name jsonlex.Name
	code string
	lang feed.Language
}

// amounts reads a price: an object of net and gross, or one number. Prices of the
// same kind are mostly written with the same signs throughout a product.
func (d *decoder) amounts(size, point int) {
	a := amounts{size: size, point: point}
	before := &d.before[point]
	switch d.lex.Next() {
	case '{':
		if before.like > 0 && scan.Starts(d.lex.Rest(), before.text) {
			d.lex.Advance(len(before.text))
			a.like = before.like
			a.net, a.gross = d.draft.prices[a.like-1].net, d.draft.prices[a.like-1].gross
			d.draft.prices = append(d.draft.prices, a)
			return
		}
		start, t := d.lex.Offset(), d.trace()
		d.netAndGross(&a)
		if a.net == "" && a.gross == "" {
			return
		}
		if d.plainSince(t) {
			*before = lastPrice{d.lex.Since(start), len(d.draft.prices) + 1}
		}
	case '"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		s := d.decimal()
		if s == "" {
			return
		}
		if d.def.NetPrices {
			a.net = s
		} else {
			a.gross = s
		}
	default:
		d.wrong("a number or an object of net and gross")
		return
	}
	d.draft.prices = append(d.draft.prices, a)
}

// lastPrice is how a price of the product was written last.
type lastPrice struct {
	text string
	like int // its index in the draft's prices, plus one; 0 for none
}

// netAndGross reads a price that is an object.
func (d *decoder) netAndGross(a *amounts) {
	o := d.enter(priceMembers)
	run := d.run(&o, 1<<priceNet|1<<priceGross, 0)
	for k := range run {
		v := &run[k]
		s := d.lex.Text(v)
		if s == "" {
			d.at(&o, v.Member)
			d.refuseEmpty()
		}
		if v.Member == priceNet {
			a.net = s
		} else {
			a.gross = s
		}
	}
	for {
		i, ok := d.member(&o)
		if !ok {
			break
		}
		if s := d.decimal(); i == priceNet {
			a.net = s
		} else {
			a.gross = s
		}
	}
	if a.net == "" && a.gross == "" && d.lex.Err() == nil && o.seen == 0 {
		d.refuse("is empty", "give net, gross or both")
	}
}

// oneOf reads a string that is one of a closed set.
func oneOf[T any](d *decoder, parse func(string) (T, error)) T {
	s := d.raw()
	v, err := parse(s)
	if err != nil {
		d.refuse(reason(err), "")
	}
	return v
}

// word reads a string that is one of the words.
func (d *decoder) word(words ...string) string {
	s := d.raw()
	for _, w := range words {
		if s == w {
			return w
		}
	}
	if d.lex.Err() == nil {
		d.refuse(quote(s)+" is none of "+strings.Join(words, ", "), "")
	}
	return ""
}
