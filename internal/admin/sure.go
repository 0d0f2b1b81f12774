package admin

import (
	"slices"
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
}

// sure says whether somebody has been asked whether he means it. Scripts ask
// within the page and say so in the form; where none run, the reply asks, and
// back, which lies below root, is where he goes who does not mean it.
func (c *call) sure(f *form, back, key string, args ...any) (reply, bool) {
	if f.Value(sureField) != "" || f.Failed() { // what cannot be taken is refused by whoever reads it next
		return reply{}, true
	}
	v := sureView{Question: said{key, args}, Action: c.r.URL.Path, Back: root + back}
	for name, values := range f.raw {
		for _, value := range values {
			v.Fields = append(v.Fields, option{name, value})
		}
	}
	slices.SortStableFunc(v.Fields, func(a, b option) int { return strings.Compare(a.Value, b.Value) })
	return show("sure", v), false
}

func surePage() page {
	return page{name: "sure", stories: func(*scene) []story {
		return []story{{state: "plain", data: sureView{said{"partner.delete.ask", []any{`Bikes & <b>More</b>`}}, root + "/partners/p-aaaaaaaaaaaaaaaa/delete", root + "/partners/p-aaaaaaaaaaaaaaaa", []option{{"version", "7"}}}}}
	}}
}
