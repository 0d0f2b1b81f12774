package admin

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// sheet is one form as it stands on a page.
type sheet struct {
	page, action string
	role         auth.Role
	nobody       bool
	fields       []sheetField
}

// sheetField is one field of it.
type sheetField struct {
	name, kind, value, id string
	// options are the values of a choice.
	options  []string
	checked  bool
	invalid  bool
	describe string
}

// typed says that people type into the field what they like.
func (f *sheetField) typed() bool {
	return slices.Contains([]string{"text", "search", "email", "url", "tel", "area", "number", "datetime-local"}, f.kind)
}

// sheets reads the forms of a page that change something.
func sheets(t *testing.T, page, body string) (list []sheet) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(body))
	d.Strict, d.Entity = false, xml.HTMLEntity
	var now *sheet
	var area strings.Builder
	open := "" // the select or textarea that is open
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("%s: %v", page, err)
		}
		switch e := token.(type) {
		case xml.CharData:
			if open == "textarea" {
				area.Write(e)
			}
		case xml.StartElement:
			attr := map[string]string{}
			has := func(name string) bool { _, ok := attr[name]; return ok }
			for _, a := range e.Attr {
				attr[a.Name.Local] = a.Value
			}
			f := sheetField{name: attr["name"], kind: attr["type"], value: attr["value"], id: attr["id"], checked: has("checked"), invalid: attr["aria-invalid"] == "true", describe: attr["aria-describedby"]}
			switch name := e.Name.Local; {
			case name == "form":
				now = &sheet{page: page, action: attr["action"]}
				if attr["method"] != "post" {
					now = nil
				}
			case now == nil:
			case name == "input":
				if f.kind == "" {
					f.kind = "text"
				}
				now.fields = append(now.fields, f)
			case name == "textarea":
				f.kind, open = "area", name
				area.Reset()
				now.fields = append(now.fields, f)
			case name == "select":
				f.kind, open = "select", name
				now.fields = append(now.fields, f)
			case name == "option" && open == "select":
				last := &now.fields[len(now.fields)-1]
				last.options = append(last.options, f.value)
				if has("selected") || len(last.options) == 1 {
					last.value = f.value
				}
			case name == "button" && attr["type"] != "button":
				f.kind = "button"
				now.fields = append(now.fields, f)
			}
		case xml.EndElement:
			switch name := e.Name.Local; {
			case name == "form" && now != nil:
				list = append(list, *now)
				now = nil
			case name == "textarea" && now != nil:
				now.fields[len(now.fields)-1].value = strings.TrimPrefix(area.String(), "\n")
				open = ""
			case name == "select":
				open = ""
			}
		}
	}
}

// key names what a form is, whatever it is about: its route and its fields.
func (f *sheet) key() string {
	var names []string
	for i := range f.fields {
		if f.fields[i].kind != "button" && !slices.Contains(names, f.fields[i].name) {
			names = append(names, f.fields[i].name)
		}
	}
	return f.action + " " + strings.Join(names, ",")
}

// values gives what the form sends as it stands.
func (f *sheet) values() url.Values {
	v := url.Values{}
	pressed := false
	for i := range f.fields {
		one := &f.fields[i]
		switch {
		case one.kind == "button":
			if !pressed && one.name != "" {
				v.Add(one.name, one.value)
			}
			pressed = true
		case one.name == "" || one.kind == "file":
		case one.kind == "checkbox" || one.kind == "radio":
			if one.checked {
				v.Add(one.name, one.value)
			}
		default:
			v.Add(one.name, one.value)
		}
	}
	return v
}

// storyForms gives each form of the storybook once.
func storyForms(t *testing.T) (list []sheet) {
	t.Helper()
	made, err := Storybook()
	if err != nil {
		t.Fatal(err)
	}
	b := made.(*storybook)
	seen := map[string]bool{}
	for _, pg := range pages() {
		if pg.stories == nil {
			continue
		}
		for _, st := range pg.stories(b.scene) {
			body, err := b.panel.render(b.scene.screenOf(pg.name, st, "en"), pg.name, st.part, b.scene.zone)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range sheets(t, pg.name+"/"+st.state, string(body)) {
				f.role, f.nobody = st.role, st.nobody
				if k := f.key(); !seen[k] {
					seen[k] = true
					list = append(list, f)
				}
			}
		}
	}
	return list
}

// estate is what forms can be about: ids of one merchant's things.
type estate struct {
	ids      map[string]string // by the letter that ids of a kind begin with
	merchant partner.Merchant
}

var storyID = regexp.MustCompile(`\b([a-z])-([a-d])[a-d]{15}\b`)

// real puts ids of the estate in the place of those of the storybook.
func (e *estate) real(text string) string {
	return storyID.ReplaceAllStringFunc(text, func(id string) string {
		if to := e.ids[id[:1]]; to != "" {
			return to
		}
		return id
	})
}

// estate makes a partner with an offer and a link, a shop and an account.
func (s *site) estate(b *browser, name string) *estate {
	s.t.Helper()
	a := b.follow(b.post("/partners/new", "name", "Nord of "+name, "offer", "on"))
	e := &estate{merchant: s.merchant(name), ids: map[string]string{"p": b.part(a, `/panel/partners/(p-[a-z2-7]{16})/settings`), "o": b.part(a, `/panel/offers/(o-[a-z2-7]{16})`)}}
	a = b.post("/offers/" + e.ids["o"] + "/links")
	e.ids["l"] = b.part(a, `/panel/links/(l-[a-z2-7]{16})`)
	e.ids["s"] = b.part(b.get("/shops"), `/panel/shops/(s-[a-z2-7]{16})`)
	u, _, err := s.auth.NewUser(s.t.Context(), partner.Actor{Name: "test"}, auth.User{Merchant: e.merchant.ID, Login: "jan@" + string(auth.NewUserID()), Role: auth.Manager})
	if err != nil {
		s.t.Fatal(err)
	}
	e.ids["u"] = string(u.ID)
	for _, pair := range [][2]string{{"EUR", "PLN"}, {"PLN", "EUR"}} {
		if a := b.post("/rates", "from", pair[0], "to", pair[1], "rate", "2"); a.to() != "/rates" {
			s.t.Fatalf("got %d %s", a.status, plain(a.body))
		}
	}
	e.ids["t"] = strings.TrimPrefix(b.post("/price-lists", "name", "Hurt", "currency", "PLN", "lead", "net").to(), "/price-lists/")
	return e
}

// sendValues sends what stands in a form; headers have "!" before their names.
func (b *browser) sendValues(action string, v url.Values, headers ...string) answer {
	b.t.Helper()
	var pairs []string
	for name, list := range v {
		for _, one := range list {
			pairs = append(pairs, name, one)
		}
	}
	return b.post(strings.TrimPrefix(action, root), append(pairs, headers...)...)
}

// secretive are forms that must not tell which of their fields is wrong, or know
// no fields of their own.
var secretive = []string{"/sign-in", "/second-factor", "/prove", "/reset", "/account/second-factor"}

// lost tells which typed values are not in their fields any more.
func (f *sheet) lost(t *testing.T, body string, sent url.Values) (names []string) {
	t.Helper()
	back := map[string]string{}
	for _, g := range sheets(t, f.page, body) {
		for i := range g.fields {
			if one := &g.fields[i]; one.typed() && sent.Has(one.name) && (back[one.name] == "" || one.value == sent.Get(one.name)) {
				back[one.name] = one.value
			}
		}
	}
	for i := range f.fields {
		if one := &f.fields[i]; one.typed() && back[one.name] != strings.ReplaceAll(sent.Get(one.name), "\r", "") {
			names = append(names, one.name)
		}
	}
	return names
}

// told says whether a page tells what is wrong with a field.
func told(t *testing.T, body, name string) bool {
	t.Helper()
	for _, g := range sheets(t, name, body) {
		for i := range g.fields {
			if one := &g.fields[i]; one.name == name && one.invalid && one.describe != "" {
				return true
			}
		}
	}
	return strings.Contains(body, `id="f-`+name+`-error"`)
}

// TestEveryFormRefuses sends to every form that the storybook shows what nobody
// should send: scripts, what is too long, choices that are none, ids of others,
// old versions, and all of it from other sites. Each is refused with a message,
// at the field where there is one; what was typed stands there again, and
// nothing is stored.
func TestEveryFormRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	owner := s.setUp("Hurtownia")
	mine := s.estate(owner, "Hurtownia")
	pln := mine.merchant.Currency
	if _, err := s.db.CreateMerchant(t.Context(), partner.Actor{Name: "test"}, partner.Merchant{ID: partner.NewMerchantID(), Name: "Other", Language: mine.merchant.Language, Currency: pln, SharingEnabled: true}); err != nil {
		t.Fatal(err)
	}
	stranger := s.staff(s.merchant("Other").ID, auth.Owner, "")
	shop := partner.Shop{ID: partner.NewShopID(), Merchant: s.merchant("Other").ID, Number: 1, Name: "Other"}
	if err := s.db.CreateShop(t.Context(), partner.Actor{Name: "test"}, shop); err != nil {
		t.Fatal(err)
	}
	foreign := s.estate(stranger, "Other")
	guest := s.staff(mine.merchant.ID, auth.Portal, partner.ID(mine.ids["p"]))
	// A form is damaged where a choice is none of those that it offers: nobody
	// has typed that.
	script, long := `x"><script>alert(1)</script>`, strings.Repeat("x", 150_000)
	facts := func() string {
		users, err := s.auth.Users(t.Context(), mine.merchant.ID)
		if err != nil {
			t.Fatal(err)
		}
		names := ""
		for _, u := range users {
			names += fmt.Sprint(u.ID, u.Login, u.Name, u.Role, u.Version, " ")
		}
		who := manage.Identity{Merchant: mine.merchant.ID, Role: manage.RoleReadonly}
		rates, err := s.manage.Rates(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		lists, err := s.manage.PriceLists(t.Context(), who)
		if err != nil || len(lists) != 1 || len(rates) != 2 {
			t.Fatalf("got %v, %v, %v", rates, lists, err)
		}
		return s.facts(mine.merchant.ID) + names + fmt.Sprint(rates, lists)
	}
	before := facts()
	attacks := 0
	empty := newSite(t).browser() // has no owner yet
	for _, f := range storyForms(t) {
		if strings.HasPrefix(f.page, "conflict/") || strings.HasPrefix(f.page, "resume/") {
			continue // what it sends again is a form of another page
		}
		action := mine.real(f.action)
		path := strings.TrimPrefix(f.action, root)
		by := owner
		switch {
		case f.role == auth.Portal:
			by = guest
		case f.page == "setup/first":
			by = empty
		case f.nobody:
			by = s.browser()
		}
		good := url.Values{}
		for name, list := range f.values() {
			for _, v := range list {
				good.Add(name, mine.real(v))
			}
		}
		with := func(name, value string) url.Values {
			v := url.Values{}
			for n, list := range good {
				v[n] = list
			}
			v[name] = []string{value}
			return v
		}
		refused := func(what, name string, v url.Values) {
			t.Helper()
			attacks++
			a := by.sendValues(action, v)
			at := fmt.Sprintf("%s (%s): %s in %s", path, f.page, what, name)
			if path == "/second-factor" && a.to() == "/sign-in" {
				return // there is nothing to do for whoever has not given a password
			}
			if a.status != http.StatusUnprocessableEntity && a.status != http.StatusTooManyRequests {
				t.Errorf("%s: got %d to %q: %.300s", at, a.status, a.to(), plain(a.body))
				return
			}
			if what == "a script" {
				for _, complaint := range lint(a.body, strings.HasPrefix(a.body, "<!doctype")) {
					t.Errorf("%s: %s", at, complaint)
				}
			}
			if strings.Contains(a.body, "<script>alert") {
				t.Errorf("%s: a script stands on the page", at)
			}
			if slices.Contains(secretive, path) {
				if !strings.Contains(a.body, "note bad") && !told(t, a.body, name) {
					t.Errorf("%s: no message: %.300s", at, plain(a.body))
				}
			} else if !told(t, a.body, name) && !(strings.HasPrefix(what, "no choice") && strings.Contains(a.body, "the form is damaged")) && !(path == "/account/password" && told(t, a.body, "password")) {
				t.Errorf("%s: no message at the field: %.600s", at, plain(a.body))
			}
			if path == "/reset" || path == "/second-factor" || path == "/account/second-factor" {
				return // a code is given once more
			}
			if lost := f.lost(t, a.body, v); len(lost) > 0 {
				t.Errorf("%s: what was typed into %v is lost", at, lost)
			}
		}
		for i := range f.fields {
			one := &f.fields[i]
			switch {
			case one.typed():
				refused("a script", one.name, with(one.name, script))
				refused("a long text", one.name, with(one.name, long))
			case one.kind == "password":
				refused("a long text", one.name, with(one.name, long))
			case one.kind == "select":
				v := with(one.name, "zzz"+script)
				if one.name == "partner" {
					v.Set("role", "partner")
				}
				refused("no choice", one.name, v)
			}
			// Ids of others are none of the choices.
			if one.kind == "select" && len(one.options) > 0 && storyID.MatchString(one.options[len(one.options)-1]) {
				v := with(one.name, foreign.real(one.options[len(one.options)-1]))
				if one.name == "partner" {
					v.Set("role", "partner")
				}
				refused("a foreign id", one.name, v)
			}
		}
		if storyID.MatchString(f.action) {
			attacks++
			if a := by.sendValues(foreign.real(f.action), good); a.status != http.StatusNotFound && a.status != http.StatusForbidden {
				t.Errorf("%s: with a foreign id: got %d to %q", path, a.status, a.to())
			}
		}
		if good.Has("version") && good.Get("version") != "" {
			for _, v := range []string{"", "x", "-1"} {
				if a := by.sendValues(action, with("version", v)); a.status != http.StatusUnprocessableEntity && a.status != http.StatusConflict {
					t.Errorf("%s: version %q: got %d to %q", path, v, a.status, a.to())
				}
			}
		}
		for _, header := range [][]string{{"!Sec-Fetch-Site", "cross-site"}, {"!Origin", "https://evil.example"}} {
			attacks++
			if a := by.sendValues(action, good, header...); a.status != http.StatusForbidden || !strings.Contains(a.body, "came from another site") {
				t.Errorf("%s: from another site: got %d to %q", path, a.status, a.to())
			}
		}
	}
	if after := facts(); after != before {
		t.Errorf("something was stored:\n%s\nbefore:\n%s", after, before)
	}
	if attacks < 250 {
		t.Errorf("only %d requests were made: the search is broken", attacks)
	}
}

// TestEveryRouteHasAForm: what changes something is done by a form that the
// storybook shows, and so the test above sees it.
func TestEveryRouteHasAForm(t *testing.T) {
	t.Parallel()
	forms := storyForms(t)
	hole := regexp.MustCompile(`\{[a-z]+\}`)
	for _, pg := range pages() {
		for _, rt := range pg.routes {
			if rt.method != "POST" {
				continue
			}
			pattern := regexp.MustCompile("^" + hole.ReplaceAllString(strings.ReplaceAll(root+rt.path, ".", `\.`), "[^/]+") + "$")
			if !slices.ContainsFunc(forms, func(f sheet) bool { return pattern.MatchString(f.action) }) {
				t.Errorf("no story has a form for %s", rt.path)
			}
		}
	}
}

// TestOldVersions: a form that was filled in before somebody else's change is
// answered with what stands now beside what was sent.
func TestOldVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	e := s.estate(b, "Hurtownia")
	s.goods(e.merchant.ID)
	for _, page := range []string{"/partners/" + e.ids["p"] + "/settings", "/offers/" + e.ids["o"], "/links/" + e.ids["l"], "/settings", "/shops", "/users/" + e.ids["u"], "/account", "/partners/" + e.ids["p"], "/rates", "/price-lists/" + e.ids["t"]} {
		a := b.get(page)
		for _, f := range sheets(t, page, a.body) {
			v := f.values()
			if !v.Has("version") {
				continue
			}
			v.Set("version", "77")
			if v.Has("name") {
				v.Set("name", "Typed & kept")
			}
			for name, value := range map[string]string{"item": "A", "price": "5", "lines": "code,price\nA,5\n"} {
				if v.Has(name) {
					v.Set(name, value)
				}
			}
			if v.Has("at") {
				v.Set("at", "2027-05-05T12:00")
			}
			a := b.sendValues(f.action, v)
			if v.Has("on") && (v.Get("on") == "on") == strings.HasSuffix(f.action, "/block") {
				if a.status != http.StatusSeeOther {
					t.Errorf("%s on %s: got %d, want it to close from any page", f.action, page, a.status)
				}
				continue
			}
			if a.status != http.StatusConflict {
				t.Errorf("%s on %s: got %d to %q: %.300s", f.action, page, a.status, a.to(), plain(a.body))
			} else if v.Has("name") && !strings.Contains(a.body, "Typed &amp; kept") {
				t.Errorf("%s on %s: what was typed is lost: %.600s", f.action, page, plain(a.body))
			}
			for _, complaint := range lint(a.body, true) {
				t.Errorf("%s: %s", f.action, complaint)
			}
		}
	}
}
