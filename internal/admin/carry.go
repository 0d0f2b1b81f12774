package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxCarried bounds a form that goes along through signing in, as it is encoded.
const maxCarried = 200 << 10

// carriedForm is what somebody has sent when his session had ended. It goes
// along in the page where he signs in again, so that nobody has to keep it, and
// is sent once he says so.
type carriedForm struct {
	// To is where it was sent, below root.
	To     string
	Fields []carriedField
}

// carriedField is one value of it; Told says that people have written it.
type carriedField struct {
	Name, Value string
	Told        bool
}

// carry gives a form as text for a hidden field, "" for one that does not go
// along: what holds a secret stands in no page, a file has not been kept, and a
// switch that was pressed is pressed again when its page is there.
func carry(r *http.Request, f *form) string {
	to := strings.TrimPrefix(r.URL.EscapedPath(), root)
	if !carries(to) || len(f.raw) == 0 {
		return ""
	}
	all, written := url.Values{"to": {to}}, false
	for name, values := range f.raw {
		written = written || writtenByHand(name) && strings.Join(values, "") != ""
		if strings.Contains(name, "password") || strings.Contains(name, "code") {
			return ""
		}
		all["f."+name] = values
	}
	text := all.Encode()
	if !written || len(text) > maxCarried {
		return ""
	}
	return text
}

// writtenByHand says whether a field holds what people have written, and not what the page says for itself.
func writtenByHand(name string) bool {
	return !slices.Contains([]string{"version", "back", "act", "on"}, name)
}

// carries says whether a form may be carried to an address.
func carries(to string) bool {
	return safeBack(to) == to && to != "/" && !strings.ContainsAny(to, "?#") && !strings.HasPrefix(to, "/account") && !strings.HasPrefix(to, "/reset")
}

// parseCarried reads what [carry] has made; ok is false for anything else.
func parseCarried(text string) (c carriedForm, ok bool) {
	all, err := url.ParseQuery(text)
	if err != nil || len(text) > maxCarried || len(all["to"]) != 1 || !carries(all.Get("to")) {
		return carriedForm{}, false
	}
	c.To = all.Get("to")
	for name, values := range all {
		name, found := strings.CutPrefix(name, "f.")
		if !found {
			continue
		}
		for _, v := range values {
			c.Fields = append(c.Fields, carriedField{name, v, v != "" && writtenByHand(name)})
		}
	}
	slices.SortStableFunc(c.Fields, func(a, b carriedField) int { return strings.Compare(a.Name, b.Name) })
	return c, len(c.Fields) > 0
}

// ended answers who has no session, or none any more: he signs in, and what he
// has sent goes along where that can be.
func (c *call) ended(held bool) (reply, error) {
	switch {
	case c.r.Method == http.MethodGet || c.r.Method == http.MethodHead:
		to := "/sign-in"
		if c.r.URL.Path != root+"/" {
			to += "?back=" + queryEscape(strings.TrimPrefix(c.r.URL.RequestURI(), root))
		}
		return move(to), nil
	case c.scripted():
		// The page that the script stands in.
		back := "/"
		if u, err := url.Parse(c.r.Header.Get("HX-Current-URL")); err == nil && strings.HasPrefix(u.Path, root+"/") {
			back = strings.TrimPrefix(u.RequestURI(), root)
		}
		return move("/sign-in?back=" + queryEscape(safeBack(back))).saying("signin.ended"), nil
	case held && strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		f, err := c.form()
		if err != nil {
			return reply{}, err
		}
		if text := carry(c.r, f); text != "" {
			v, err := c.signInForm(newForm("back", "/"))
			v.Carry = text
			c.flash = []said{{"signin.kept", nil}}
			return reply{status: http.StatusUnauthorized, page: "signin", data: v}, err
		}
	}
	return move("/sign-in").saying("signin.ended"), nil
}

// resumed answers who has signed in: with what he had sent before, or the page
// that he came for.
func (c *call) resumed(carried, back string) reply {
	if f, ok := parseCarried(carried); ok {
		return show("resume", f)
	}
	return move(back)
}

func resumePage() page {
	return page{name: "resume", stories: func(*scene) []story {
		return []story{{state: "plain", nobody: true, data: carriedForm{To: "/partners/p-aaaaaaaaaaaaaaaa/settings", Fields: []carriedField{
			{"name", "Nord Shop", true}, {"notes", "calls <b>back</b> on Monday\nat nine", true}, {"version", "7", false},
		}}}}
	}}
}
