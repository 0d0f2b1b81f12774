package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"feedmill/internal/auth"
)

// maxCarried bounds a form that goes along through signing in, as it is encoded.
const maxCarried = 200 << 10

// carriedForm is what somebody has sent when his session had ended, or when he
// had to show first who he is. It goes along in the pages where he does, so that
// nobody has to keep it, and is sent once he says so.
type carriedForm struct {
	// Again says that he has signed in for it.
	Again bool
	// Who has written it: nobody else is shown it.
	Who auth.UserID
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
// switch that was pressed is pressed again when its page is there. A form that
// carries another one hands that on. who has written it, "" for nobody knows.
func carry(r *http.Request, f *form, who auth.UserID) string {
	if text := f.Value("carry"); text != "" {
		if _, ok := parseCarried(text); ok {
			return text
		}
	}
	to := strings.TrimPrefix(r.URL.EscapedPath(), root)
	if !carries(to) || len(f.raw) == 0 || who == "" {
		return ""
	}
	all, written := url.Values{"to": {to}, "who": {string(who)}}, false
	for name, values := range f.raw {
		if name == sureField {
			continue // he is asked anew
		}
		written = written || writtenByHand(name) && strings.Join(values, "") != ""
		if secretField(name) {
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

// secretField says whether a field of this name holds a secret wherever it
// stands. Codes of second factors, of setting up and of resetting a password, and
// the key of a factor stand in pages alone whose forms never go along, see
// [carries]; a field called code elsewhere is one like others.
func secretField(name string) bool { return name == "password" || name == "new-password" }

// writtenByHand says whether a field holds what people have written, and not what the page says for itself.
func writtenByHand(name string) bool {
	return !slices.Contains([]string{"version", "back", "act", "on", "after"}, name)
}

// carries says whether a form may be carried to an address.
func carries(to string) bool {
	return safeBack(to) == to && to != "/" && !strings.ContainsAny(to, "?#") && !strings.HasPrefix(to, "/account") && !strings.HasPrefix(to, "/reset") && to != "/resume"
}

// parseCarried reads what [carry] has made; ok is false for anything else.
func parseCarried(text string) (c carriedForm, ok bool) {
	all, err := url.ParseQuery(text)
	if err != nil || len(text) > maxCarried || len(all["to"]) != 1 || all.Get("who") == "" || !carries(all.Get("to")) {
		return carriedForm{}, false
	}
	c.To, c.Who = all.Get("to"), auth.UserID(all.Get("who"))
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
// has sent goes along where that can be, also when he has signed out in another
// tab.
func (c *call) ended() (reply, error) {
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
	case c.writer() != "":
		text, err := c.carried()
		if err != nil {
			return reply{}, err
		}
		if text != "" {
			v, err := c.signInForm(newForm("back", "/"))
			v.Carry = text
			c.flash = []said{{"signin.kept", nil}}
			return reply{status: http.StatusUnauthorized, page: "signin", data: v}, err
		}
	}
	return move("/sign-in").saying("signin.ended"), nil
}

// writerCookie names the account whose pages a browser was shown last, and is
// kept for writerLife after that. It lets nobody in: it only keeps what one person
// has written from another who signs in where he did.
const (
	writerCookie = "writer"
	writerLife   = 7 * 24 * time.Hour
)

// writer gives whose page a form comes from, "" where nobody knows.
func (c *call) writer() auth.UserID {
	if c.session.Stage == auth.StageIn {
		return c.user.ID
	}
	if cookie, err := c.r.Cookie(c.panel.cookie(writerCookie)); err == nil && auth.UserID(cookie.Value).Valid() {
		return auth.UserID(cookie.Value)
	}
	return ""
}

// remember has the browser know whose page it shows.
func (c *call) remember() {
	c.panel.setCookie(c.w, writerCookie, string(c.user.ID), writerLife)
}

// resumed answers who has signed in: with what he had sent before, or the page
// that he came for. What somebody else had sent he is not shown.
func (c *call) resumed(carried, back string, again bool) reply {
	f, ok := parseCarried(carried)
	switch {
	case !ok:
		return move(back)
	case f.Who != c.user.ID:
		return move(back).saying("resume.other")
	}
	f.Again = again
	return show("resume", f)
}

// carried gives the form that a request sends as text, "" where none goes along.
func (c *call) carried() (string, error) {
	if c.r.Method != http.MethodPost || c.scripted() || !strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return "", nil
	}
	f, err := c.form()
	if err != nil {
		return "", err
	}
	return carry(c.r, f, c.writer()), nil
}

// firstFactor answers an owner who has to set up a second factor before anything
// else: what he has sent goes along.
func (c *call) firstFactor() (reply, error) {
	text, err := c.carried()
	if err != nil {
		return reply{}, err
	}
	if text == "" {
		return move("/account/second-factor").saying("factor.needed"), nil
	}
	c.flash = append(c.flash, said{"factor.needed", nil})
	return c.enrolOrProve(text)
}

func resumePage() page {
	return page{name: "resume", routes: []route{
		// Who was led elsewhere comes back to what he had sent.
		send("/resume", signedIn(), func(c *call, f *form) (reply, error) {
			return c.resumed(f.Value("carry"), "/", false), nil
		}),
	}, stories: func(*scene) []story {
		form := carriedForm{To: "/partners/p-aaaaaaaaaaaaaaaa/settings", Fields: []carriedField{
			{"name", "Nord Shop", true}, {"notes", "calls <b>back</b> on Monday\nat nine", true}, {"version", "7", false},
		}}
		again := form
		again.Again = true
		return []story{{state: "plain", nobody: true, data: again}, {state: "kept", nobody: true, data: form}}
	}}
}
