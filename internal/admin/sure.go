package admin

import (
	"slices"
	"strconv"
	"strings"
)

// sureField is the field of a form that says that somebody was asked.
const sureField = "sure"

// sureView asks once more before something is done that nobody can undo.
type sureView struct {
	Question said
	// Action is where the form goes once more, with all that was sent.
	Action, Back string
	Fields       []option
	// Sure is what the form says of having been asked.
	Sure string
	// Large says that a file was sent that is too long to stand in a page, and has
	// to be chosen once more; Multi that the form goes as one with a file does.
	Large, Multi bool
}

// sure says whether somebody has been asked whether he means it. Scripts ask
// within the page and say so in the form; where none run, the reply asks, and
// back, which lies below root, is where he goes who does not mean it.
func (c *call) sure(f *form, back, key string, args ...any) (reply, bool) {
	if f.Value(sureField) != "" || f.Failed() { // what cannot be taken is refused by whoever reads it next
		return reply{}, true
	}
	return show("sure", c.sureView(f, back, key, args)), false
}

// sureView asks with all that a form has sent.
func (c *call) sureView(f *form, back, key string, args []any) sureView {
	v := sureView{Question: said{key, args}, Action: c.r.URL.Path, Back: root + back, Sure: "1"}
	for name, values := range f.raw {
		if name == sureField {
			continue
		}
		for _, value := range values {
			v.Fields = append(v.Fields, option{name, value})
		}
	}
	slices.SortStableFunc(v.Fields, func(a, b option) int { return strings.Compare(a.Value, b.Value) })
	return v
}

// sureOf is [call.sure] for what the form says less of than the server knows: how
// many things go. What was agreed to is that number, and another one is asked
// about again. large is as in [sureView].
func (c *call) sureOf(f *form, back string, n int64, large bool, key string, args ...any) (reply, bool) {
	number := strconv.FormatInt(n, 10)
	if n == 0 || f.Value(sureField) == number || f.Failed() {
		return reply{}, true
	}
	v := c.sureView(f, back, key, append([]any{n}, args...))
	v.Sure, v.Large, v.Multi = number, large, true
	return show("sure", v), false
}

func surePage() page {
	return page{name: "sure", stories: func(*scene) []story {
		list := root + "/price-lists/t-aaaaaaaaaaaaaaaa"
		prices := sureView{Question: said{"pricelist.replace.ask", []any{int64(1_204), `Hurt <2026>`}}, Action: list + "/file", Back: list, Fields: []option{{"replace", "on"}, {"version", "7"}}, Sure: "1204", Multi: true}
		large := prices
		large.Large = true
		return []story{{state: "plain", data: sureView{Question: said{"partner.delete.ask", []any{`Bikes & <b>More</b>`}}, Action: root + "/partners/p-aaaaaaaaaaaaaaaa/delete", Back: root + "/partners/p-aaaaaaaaaaaaaaaa", Fields: []option{{"version", "7"}}, Sure: "1"}},
			{state: "prices", data: prices}, {state: "file", data: large}}
	}}
}
