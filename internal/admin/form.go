package admin

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"feedmill/feed"
)

// Limits of what a form may send.
const (
	maxFormBytes  = 1 << 20
	maxFormFields = 500
)

// said is a message with its arguments.
type said struct {
	Key  string
	Args []any
}

// Refuses says that the message tells of something that was not done.
func (s said) Refuses() bool {
	return slices.Contains([]string{"form.said", "form.said.hint", "link.again", "link.over", "link.toomany", "problem.script", "resume.other", "signin.ended"}, s.Key)
}

// form is what stands in the fields of a form and what is wrong with it. What
// somebody has typed stays as he typed it, however wrong it is.
type form struct {
	raw  url.Values
	errs map[string]said
	// sent says that it came from the browser.
	sent bool
}

// newForm makes a form that has not been filled in; pairs are names and values.
func newForm(pairs ...string) *form {
	f := &form{raw: url.Values{}, errs: map[string]said{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.raw.Set(pairs[i], pairs[i+1])
	}
	return f
}

// readForm reads the form that a request has sent.
func readForm(w http.ResponseWriter, r *http.Request) (*form, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, feed.Errorf(feed.KindInvalid, "the form is larger than %d bytes", maxFormBytes)
		}
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: "the form cannot be read", Err: err}
	}
	count := 0
	for _, v := range r.PostForm {
		count += len(v)
	}
	if count > maxFormFields {
		return nil, feed.Errorf(feed.KindInvalid, "the form has %d fields, at most %d are read", count, maxFormFields)
	}
	return &form{raw: r.PostForm, errs: map[string]said{}, sent: true}, nil
}

// set puts a value into a field.
func (f *form) set(name, value string) *form {
	f.raw.Set(name, value)
	return f
}

// setAll puts several values into a field.
func (f *form) setAll(name string, values []string) *form {
	f.raw[name] = values
	return f
}

// setFlag ticks a box or not.
func (f *form) setFlag(name string, on bool) *form {
	if on {
		f.raw.Set(name, "on")
	} else {
		f.raw.Del(name)
	}
	return f
}

// Value gives what stands in a field, as a page may show it: characters that
// nobody sees and HTML does not know are left out.
func (f *form) Value(name string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return -1
		}
		return r
	}, f.raw.Get(name))
}

// Values gives all that stands in fields of one name.
func (f *form) Values(name string) []string { return f.raw[name] }

// Has says whether a value stands in a field of this name.
func (f *form) Has(name, value string) bool { return slices.Contains(f.raw[name], value) }

// Failed says whether anything is wrong.
func (f *form) Failed() bool { return len(f.errs) > 0 }

// Whole gives what is wrong with the form as a whole.
func (f *form) Whole() *said {
	if s, ok := f.errs[""]; ok {
		return &s
	}
	return nil
}

// Error gives what is wrong with a field.
func (f *form) Error(name string) *said {
	if s, ok := f.errs[name]; ok {
		return &s
	}
	return nil
}

// fail says what is wrong with a field, or with the form as a whole where name
// is "". The first complaint about a field stays.
func (f *form) fail(name, key string, args ...any) {
	if _, ok := f.errs[name]; !ok {
		f.errs[name] = said{key, args}
	}
}

// take puts an error that somebody can mend into the form, and gives back any other.
func (f *form) take(name string, err error) error {
	var known *feed.Error
	if err == nil {
		return nil
	}
	if errors.As(err, &known) && known.Kind == feed.KindInvalid {
		if known.Hint != "" {
			f.fail(name, "form.said.hint", known.Message, known.Hint)
			return nil
		}
		f.fail(name, "form.said", known.Message)
		return nil
	}
	return err
}

// holdsScript says whether a text brings a script along. Pages show every text as
// text; but nobody names a partner so, and other programs read the names too.
func holdsScript(v string) bool {
	v = strings.ToLower(strings.Join(strings.Fields(v), ""))
	return strings.Contains(v, "<script") || strings.Contains(v, "</script") || strings.Contains(v, "javascript:")
}

// trimmed takes away what stands around a text that was copied from somewhere
// else: blanks, and signs that nobody sees. A login that ends with one would be
// one that nobody can type, and two partners would have one name to the eye.
func trimmed(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		switch {
		case unicode.IsSpace(r), r == '\u200b', r == '\u2060', r == '\ufeff': // zero width, joined to nothing
			return true
		}
		return r == '\u200e' || r == '\u200f' || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069' // which way to write
	})
}

// line reads one line of at most most characters; least of 1 makes it needed.
func (f *form) line(name string, least, most int) string {
	v := trimmed(f.raw.Get(name))
	switch n := utf8.RuneCountInString(v); {
	case v == "" && least > 0:
		f.fail(name, "form.needed")
	case !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl):
		f.fail(name, "form.oneline")
	case holdsScript(v):
		f.fail(name, "form.script")
	case n < least:
		f.fail(name, "form.short", least)
	case n > most:
		f.fail(name, "form.long", most)
	}
	return v
}

// text reads any number of lines.
func (f *form) text(name string, most int) string {
	v := trimmed(strings.ReplaceAll(f.raw.Get(name), "\r\n", "\n"))
	bad := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	switch {
	case !utf8.ValidString(v) || strings.ContainsFunc(v, bad):
		f.fail(name, "form.control")
	case holdsScript(v):
		f.fail(name, "form.script")
	case utf8.RuneCountInString(v) > most:
		f.fail(name, "form.long", most)
	}
	return v
}

// lines yields the lines of such a text that are not blank, without the blanks around them.
func (f *form) lines(name string, most int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(f.text(name, most)) {
			if line = trimmed(line); line != "" && !yield(line) {
				return
			}
		}
	}
}

// secret reads a password as it was typed, blanks included.
func (f *form) secret(name string) string { return f.raw.Get(name) }

// flag reads a box.
func (f *form) flag(name string) bool { return f.raw.Get(name) != "" }

// whole reads a whole number; nothing is 0.
func (f *form) whole(name string, least, most int64) int64 {
	v := trimmed(f.raw.Get(name))
	if v == "" && least <= 0 {
		return 0
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < least || n > most {
		f.fail(name, "form.range", least, most)
		return 0
	}
	return n
}

// choice reads one of the values.
func (f *form) choice(name string, among ...string) string {
	v := f.raw.Get(name)
	if !slices.Contains(among, v) {
		f.fail(name, "form.choice")
		return ""
	}
	return v
}

// option reads the value of one of the options.
func (f *form) option(name string, among []option) string {
	var values []string
	for _, o := range among {
		values = append(values, o.Value)
	}
	return f.choice(name, values...)
}

// choices reads any of the values, in the order of among.
func (f *form) choices(name string, among ...string) (list []string) {
	for _, v := range f.raw[name] {
		if !slices.Contains(among, v) {
			f.fail(name, "form.choice")
			return nil
		}
	}
	for _, v := range among {
		if slices.Contains(f.raw[name], v) {
			list = append(list, v)
		}
	}
	return list
}

// words reads words separated by commas or line ends.
func (f *form) words(name string, each, most int) (list []string) {
	for _, w := range strings.FieldsFunc(f.raw.Get(name), func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		if w = trimmed(w); w == "" || slices.Contains(list, w) {
			continue
		}
		if !utf8.ValidString(w) || utf8.RuneCountInString(w) > each || strings.ContainsFunc(w, unicode.IsControl) {
			f.fail(name, "form.long", each)
			return nil
		}
		if holdsScript(w) {
			f.fail(name, "form.script")
			return nil
		}
		list = append(list, w)
	}
	if len(list) > most {
		f.fail(name, "form.many", most)
	}
	return list
}

// parsed reads a field with a parser of the domain; "" is the zero value.
func parsed[T any](f *form, name string, parse func(string) (T, error)) (v T) {
	text := trimmed(f.raw.Get(name))
	if text == "" {
		return v
	}
	v, err := parse(text)
	if err != nil {
		f.fail(name, "form.said", message(err))
	}
	return v
}

// message gives what an error has to say to people.
func message(err error) string {
	var known *feed.Error
	if errors.As(err, &known) && known.Message != "" {
		return known.Message
	}
	return err.Error()
}

// percent reads a percentage with a comma or a point.
func (f *form) percent(name string, parse func(string) (feed.Percent, error)) feed.Percent {
	return parsed(f, name, func(s string) (feed.Percent, error) {
		return parse(percentText(s))
	})
}

// percentText lets people write a comma and a percent sign.
func percentText(s string) string {
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(decimalPoint(s)), "%"))
}

// decimalPoint lets people write a comma.
func decimalPoint(s string) string { return strings.ReplaceAll(s, ",", ".") }

// typedQuantity reads a quantity as people write it.
func typedQuantity(s string) (feed.Quantity, error) { return feed.ParseQuantity(decimalPoint(s)) }

// localForm is how browsers send a moment.
const localForm = "2006-01-02T15:04"

// moment reads a moment in a zone; nothing is the zero time.
func (f *form) moment(name string, zone *time.Location) time.Time {
	v := trimmed(f.raw.Get(name))
	if v == "" {
		return time.Time{}
	}
	for _, layout := range []string{localForm, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, v, zone); err == nil {
			return t.UTC()
		}
	}
	f.fail(name, "form.moment")
	return time.Time{}
}

// version reads the version that the form was made from.
func (f *form) version() int64 {
	n, err := strconv.ParseInt(f.raw.Get("version"), 10, 64)
	if err != nil || n < 1 {
		f.fail("", "form.version")
	}
	return n
}

// option is one choice of a field.
type option struct {
	Value, Label string
}

// inputView is one field of a form with everything around it.
type inputView struct {
	Form                  *form
	Name, Label, ID       string
	Kind, Auto, HintKey   string
	HintArgs              []any
	Max, Rows             int
	Need                  bool
	Options               []option
	Value                 string
	Err                   *said
	Checked               bool
	Describes, ErrID, Tip string
}

// newInput makes a text field.
func newInput(f *form, name, label string) inputView {
	in := inputView{Form: f, Name: name, Label: label, ID: "f-" + name, Kind: "text", Value: f.Value(name), Err: f.Error(name)}
	in.ErrID, in.Tip = in.ID+"-error", in.ID+"-hint"
	in.Checked = f.flag(name)
	return in.described()
}

// described says which texts belong to the field.
func (in inputView) described() inputView {
	var ids []string
	if in.Err != nil {
		ids = append(ids, in.ErrID)
	}
	if in.HintKey != "" {
		ids = append(ids, in.Tip)
	}
	in.Describes = strings.Join(ids, " ")
	return in
}

func inputKind(kind string, in inputView) inputView {
	in.Kind = kind
	if kind == "password" {
		in.Value = "" // never sent back
	}
	return in
}

func inputMax(n int, in inputView) inputView {
	in.Max = n
	return in
}

func inputHint(args ...any) (inputView, error) {
	in, ok := args[len(args)-1].(inputView)
	key, isKey := args[0].(string)
	if !ok || !isKey {
		return in, fmt.Errorf("hint wants a message and a field")
	}
	in.HintKey, in.HintArgs = key, args[1:len(args)-1]
	return in.described(), nil
}

func inputNeed(in inputView) inputView {
	in.Need = true
	return in
}

func inputAmong(options []option, in inputView) inputView {
	in.Options, in.Kind = options, "select"
	return in
}

func inputAuto(auto string, in inputView) inputView {
	in.Auto = auto
	return in
}

func inputRows(n int, in inputView) inputView {
	in.Rows, in.Kind = n, "area"
	return in
}
