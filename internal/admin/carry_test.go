package admin

import (
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/internal/auth"
)

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// hiddenIn gives the hidden fields of the form of a page that is sent to action.
func (b *browser) hiddenIn(a answer, action string) (pairs []string) {
	b.t.Helper()
	_, form, ok := strings.Cut(a.body, `action="`+root+action+`"`)
	if !ok {
		b.t.Fatalf("no form is sent to %s: %.1500s", action, a.body)
	}
	form, _, _ = strings.Cut(form, "</form>")
	for _, m := range hiddenField.FindAllStringSubmatch(form, -1) {
		pairs = append(pairs, html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return pairs
}

// newPartner makes a partner with an offer, and gives his id, the address of his
// settings and their version.
func (b *browser) newPartner(name string) (id, settings, version string) {
	b.t.Helper()
	id = b.part(b.follow(b.post("/partners/new", "name", name, "offer", "on")), `/panel/partners/(p-[a-z2-7]{16})/`)
	settings = "/partners/" + id + "/settings"
	return id, settings, b.part(b.get(settings), `name="version" value="(\d+)"`)
}

// TestWhatWasWrittenOutlivesASession fills in a form for longer than a session
// lasts: what was written is there after signing in again, with a second factor
// too, and is stored when its writer says so and not before.
func TestWhatWasWrittenOutlivesASession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	id, settings, version := b.newPartner("Nord")
	const notes = "calls <b>back</b>\non Monday & \"Tuesday\""
	written := []string{"version", version, "name", "Nord", "phone", "+48 1", "notes", notes, "tags", "a, b", "act", "save"}

	s.Pass(auth.SessionIdle + time.Minute)
	a := b.see(b.post(settings, written...), http.StatusUnauthorized, "Your session has ended")
	sent := append(b.hiddenIn(a, "/sign-in"), "login", "anna@example.com")
	// A wrong password loses nothing.
	a = b.see(b.post("/sign-in", append(sent, "password", "wrong")...), http.StatusUnprocessableEntity)
	sent = append(b.hiddenIn(a, "/sign-in"), "login", "anna@example.com")
	a = b.see(b.post("/sign-in", append(sent, "password", goodPassword)...), http.StatusOK, "You are signed in again", "calls &lt;b&gt;back&lt;/b&gt;", "&#43;48 1")
	b.see(b.get(settings), http.StatusOK, `name="version" value="`+version+`"`)
	a = b.post(settings, b.hiddenIn(a, settings)...)
	b.see(b.follow(a), http.StatusOK, "calls &lt;b&gt;back&lt;/b&gt;", "on Monday")

	// With a second factor.
	key, ok := auth.ParseFactorKey(b.part(b.get("/account/second-factor"), `name="key" value="([A-Z2-7]+)"`))
	if !ok {
		t.Fatal("there is no key on the page")
	}
	b.see(b.post("/account/second-factor", "key", key.Reveal(), "code", key.Code(s.Now())), http.StatusOK, "Recovery codes")
	version = b.part(b.get(settings), `name="version" value="(\d+)"`)
	s.Pass(auth.SessionIdle + time.Minute)
	a = b.see(b.post(settings, "version", version, "name", "Nord", "notes", "a second time", "act", "save"), http.StatusUnauthorized)
	a = b.see(b.post("/sign-in", append(b.hiddenIn(a, "/sign-in"), "login", "anna@example.com", "password", goodPassword)...), http.StatusOK, "Six digits")
	a = b.see(b.post("/second-factor", append(b.hiddenIn(a, "/second-factor"), "code", "000000")...), http.StatusUnprocessableEntity)
	a = b.see(b.post("/second-factor", append(b.hiddenIn(a, "/second-factor"), "code", key.Code(s.Now()))...), http.StatusOK, "a second time")
	b.see(b.follow(b.post(settings, b.hiddenIn(a, settings)...)), http.StatusOK, "a second time")

	// What does not go along is said not to have been done.
	s.Pass(auth.SessionIdle + time.Minute)
	for name, pairs := range map[string][]string{
		"/partners/" + id + "/feed": {"on", "off", "version", version},
		"/account/password":         {"password", goodPassword, "new-password", "five good words are here"},
		"/users/new":                {"login", "x", "password", "something"},
	} {
		a := b.post(name, pairs...)
		if a.to() != "/sign-in" {
			t.Errorf("%s: got %d to %q", name, a.status, a.to())
		}
		b.see(b.follow(a), http.StatusOK, "was not done")
	}
	// A script is led to the page that it stands in.
	a = b.post("/partners/"+id+"/feed", "on", "off", "version", version, "!HX-Request", "true", "!HX-Current-URL", s.server.URL+root+"/partners?q=Nord")
	if got := a.header.Get("HX-Redirect"); got != root+"/sign-in?back=%2Fpartners%3Fq%3DNord" {
		t.Errorf("a script is sent to %q", got)
	}
}

// TestWhatWasWrittenOutlivesSigningOut signs out in one tab and sends a form from
// another: its writer finds it when he is back, a week later too, and nobody else
// who signs in there is shown it.
func TestWhatWasWrittenOutlivesSigningOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	_, settings, version := b.newPartner("Nord")
	written := []string{"version", version, "name", "Nord", "notes", "calls back on Monday", "act", "save"}

	b.follow(b.post("/sign-out"))
	sent := b.hiddenIn(b.see(b.post(settings, written...), http.StatusUnauthorized, "Sign in again; what you have written is kept"), "/sign-in")
	a := b.see(b.post("/sign-in", append(sent, "login", "anna@example.com", "password", goodPassword)...), http.StatusOK, "You are signed in again", "calls back on Monday")
	b.see(b.follow(b.post(settings, b.hiddenIn(a, settings)...)), http.StatusOK, "calls back on Monday")

	// Somebody else signs in where the form was sent, at once or behind another page.
	s.staff(s.merchant("").ID, auth.Manager, "")
	people, err := s.auth.Users(t.Context(), s.merchant("").ID)
	if err != nil {
		t.Fatal(err)
	}
	login := people[slices.IndexFunc(people, func(u auth.User) bool { return u.Role == auth.Manager })].Login
	version = b.part(b.get(settings), `name="version" value="(\d+)"`)
	written[1], written[5] = version, "for Anna alone"
	b.follow(b.post("/sign-out"))
	s.Pass(6 * 24 * time.Hour)
	sent = b.hiddenIn(b.see(b.post(settings, written...), http.StatusUnauthorized), "/sign-in")
	a = b.see(b.follow(b.post("/sign-in", append(sent, "login", login, "password", goodPassword)...)), http.StatusOK, "by another account")
	if strings.Contains(a.body, "for Anna alone") {
		t.Error("somebody else is shown what Anna has written")
	}
	_, carried, _ := strings.Cut(strings.Join(sent, "\x00"), "carry\x00")
	carried, _, _ = strings.Cut(carried, "\x00")
	if _, ok := parseCarried(carried); !ok {
		t.Fatalf("no form went along: %q", sent)
	}
	for _, path := range []string{"/resume", "/prove"} {
		a := b.see(b.follow(b.post(path, "carry", carried, "password", goodPassword)), http.StatusOK, "by another account")
		if strings.Contains(a.body, "for Anna alone") {
			t.Errorf("%s shows somebody else what Anna has written", path)
		}
	}
	// Fields are called what their own page calls them.
	fields := s.panel.templates.labels
	speak := &speaker{words: s.panel.words, lang: "pl"}
	for name, want := range map[string]string{"overall": "discount.overall", "text": "portal.request.text", "notes": "fact.notes", "s_city": "settings.city", "exclude": "offer.exclude"} {
		if got := s.panel.templates.fieldName(speak, name); got == name || s.panel.words.has(want) && got != speak.T(want) {
			t.Errorf("%s is called %q", name, got)
		}
	}
	for name, key := range fields {
		if !s.panel.words.has(key) {
			t.Errorf("%s is called %s, which is no message", name, key)
		}
	}
	// A browser in which nobody was ever signed in keeps nothing.
	fresh := s.browser()
	if a := fresh.post(settings, written...); a.to() != "/sign-in" {
		t.Errorf("got %d to %q", a.status, a.to())
	}
}

// TestCarriedForms refuses what no page of ours has made.
func TestCarriedForms(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "%zz", "to=/partners/new", "to=//evil.example/&f.a=1", "to=https://evil.example&f.a=1", "to=/partners/new?x&f.a=1", "to=/sign-out&f.a=1",
		"to=/account/password&f.a=1", "to=/reset&f.a=1", "to=/a&to=/b&f.a=1", "to=/\\evil&f.a=1", "to=/a&f.a=" + strings.Repeat("x", maxCarried), "to=/a&who=u-a&f.a=" + strings.Repeat("x", maxCarried), "to=/a&f.a=1", "to=/a&who=&f.a=1", "to=//evil.example/&who=u-a&f.a=1",
		"to=/sign-out&who=u-a&f.a=1", "to=/account/password&who=u-a&f.a=1"} {
		if f, ok := parseCarried(text); ok {
			t.Errorf("%.60q is taken: %+v", text, f)
		}
	}
	for _, c := range []struct {
		path  string
		form  *form
		along bool
	}{
		{"/partners/new", newForm("name", "N", "version", "0"), true},
		{"/partners/p-a/feed", newForm("on", "off", "version", "3", "back", "/partners"), false},
		{"/partners/new", newForm("name", ""), false},
		{"/users/new", newForm("login", "x", "new-password", "y"), false},
		{"/account", newForm("name", "N"), false},
		{"/second-factor", newForm("name", "N"), false},
		{"/price-lists/t-a/file", newForm("lines", strings.Repeat("x", maxCarried)), false},
	} {
		text := carry(httptest.NewRequest(http.MethodPost, root+c.path, nil), c.form, "u-aaaaaaaaaaaaaaaa")
		if _, ok := parseCarried(text); ok != c.along || ok != (text != "") {
			t.Errorf("%s: %.80q goes along: %v, want %v", c.path, text, ok, c.along)
		}
	}
	if f, ok := parseCarried("to=%2Fpartners%2Fnew&who=u-a&f.name=N&f.version=3"); !ok || f.Who != "u-a" || f.To != "/partners/new" || len(f.Fields) != 2 || !f.Fields[0].Told || f.Fields[1].Told {
		t.Errorf("got %+v, %v", f, ok)
	}
}
