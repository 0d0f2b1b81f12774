package admin

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"feedmill/internal/auth"
)

// The forms of all templates: those with a secret go nowhere, and nothing else
// is left out for the name of a field.
func TestOnlySecretsAreLeftOut(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, dir := range []string{"templates", "parts"} {
		files, err := filepath.Glob(dir + "/*.html")
		if err != nil || len(files) == 0 {
			t.Fatalf("there are no %s: %v", dir, err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(data)
		}
	}
	form := regexp.MustCompile(`(?s)<form method="post" action="/panel(/[^"]*)".*?</form>`)
	secret := regexp.MustCompile(`\(input \.\w+ "([\w-]+)"[^)]*(?:kind "password"|auto "one-time-code")|\(input \.Form "(code)"|type="hidden" name="(code|key)"`)
	forms, secrets := 0, 0
	for _, f := range form.FindAllStringSubmatch(text.String(), -1) {
		forms++
		to := regexp.MustCompile(`\{\{[^}]*\}\}`).ReplaceAllString(f[1], "x")
		for _, m := range secret.FindAllStringSubmatch(f[0], -1) {
			secrets++
			name := m[1] + m[2] + m[3]
			r := httptest.NewRequest(http.MethodPost, root+to, nil)
			if got := carry(r, newForm(name, "hush", "name", "N"), "u-aaaaaaaaaaaaaaaa"); got != "" {
				t.Errorf("the secret %s that is sent to %s goes along: %s", name, to, got)
			}
		}
	}
	if forms < 40 || secrets < 8 {
		t.Errorf("found %d forms and %d secrets in them: the test looks at the wrong thing", forms, secrets)
	}
	for _, name := range []string{"code", "s_zipcode", "barcode", "postcode", "passwordless", "codes"} {
		r := httptest.NewRequest(http.MethodPost, root+"/partners/new", nil)
		if c, ok := parseCarried(carry(r, newForm(name, "12", "name", "N"), "u-aaaaaaaaaaaaaaaa")); !ok || len(c.Fields) != 2 {
			t.Errorf("a form with the field %s is lost: %+v", name, c)
		}
	}
}

// The merchant's settings have a postal code, and come through a session's end.
func TestSettingsOutliveASession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	version := b.part(b.get("/settings"), `name="version" value="(\d+)"`)
	s.Pass(auth.SessionIdle + time.Minute)
	b.see(b.post("/settings", "version", version, "name", "Hurtownia", "s_city", "Łódź", "s_zipcode", "90-001"), http.StatusUnauthorized, "Your session has ended", "90-001")
}

// What a page asks the password for goes along too.
func TestWhatWasWrittenOutlivesTheQuestionForAPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	s.Pass(auth.ReauthTime + time.Minute)
	a := b.see(b.post("/users/new", "login", "jan@example.com", "name", "Jan", "role", "readonly"), http.StatusOK, `name="password"`, "What comes next shows or changes secrets")
	sent := b.hiddenIn(a, "/prove")
	a = b.see(b.post("/prove", append(sent, "password", "wrong")...), http.StatusUnprocessableEntity)
	a = b.see(b.post("/prove", append(b.hiddenIn(a, "/prove"), "password", goodPassword)...), http.StatusOK, "What you had written", "jan@example.com")
	b.see(b.post("/users/new", b.hiddenIn(a, "/users/new")...), http.StatusOK, "jan@example.com")
	// Something else than a form of ours is led nowhere.
	if a := b.post("/resume", "carry", "to=https://evil.example&f.a=1"); a.to() != "/" {
		t.Errorf("got %d to %q", a.status, a.to())
	}
}

// An owner whose session has ended while he wrote, and who has to set up a
// second factor before he may go on, finds what he wrote behind it.
func TestWhatWasWrittenOutlivesSettingUpAFactor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, code := s.overHTTPS(t)
	cookie := ""
	// send posts a form as the browser does that holds the cookie.
	send := func(path string, status int, pairs ...string) answer {
		t.Helper()
		f := newForm()
		for i := 0; i < len(pairs); i += 2 {
			f.raw.Add(pairs[i], pairs[i+1])
		}
		r := httptest.NewRequest(http.MethodPost, "https://panel.example.com"+root+path, strings.NewReader(f.raw.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			if strings.HasSuffix(c.Name, "session") {
				cookie = c.Name + "=" + c.Value
			}
		}
		if w.Code != status {
			t.Fatalf("%s: got %d to %q, want %d: %s", path, w.Code, w.Header().Get("Location"), status, plain(w.Body.String()))
		}
		return answer{w.Code, w.Header(), w.Body.String()}
	}
	b := &browser{site: s}
	send("/setup", http.StatusSeeOther, "merchant", "H", "language", "pol", "currency", "PLN", "login", "anna", "new-password", goodPassword, "code", code)
	if a := send("/sharing", http.StatusSeeOther, "on", "off"); a.to() != "/account/second-factor" {
		t.Errorf("a switch: got %q", a.to())
	}
	for _, late := range []bool{false, true} {
		if late {
			s.Pass(auth.ReauthTime + time.Minute) // the password is asked for in between
		}
		a := send("/partners/new", http.StatusOK, "name", "Nord", "notes", "calls back")
		if late {
			a = send("/prove", http.StatusOK, append(b.hiddenIn(a, "/prove"), "password", goodPassword)...)
		}
		sent := b.hiddenIn(a, "/account/second-factor")
		a = send("/account/second-factor", http.StatusUnprocessableEntity, append(sent, "code", "000000")...)
		sent = b.hiddenIn(a, "/account/second-factor")
		key, ok := auth.ParseFactorKey(sent[1])
		if !ok {
			t.Fatalf("there is no key among %q", sent)
		}
		if !late {
			continue
		}
		a = send("/account/second-factor", http.StatusOK, append(sent, "code", key.Code(s.Now()))...)
		b.see(a, http.StatusOK, "Recovery codes")
		a = send("/resume", http.StatusOK, b.hiddenIn(a, "/resume")...)
		b.see(a, http.StatusOK, "What you had written", "calls back")
		if a := send("/partners/new", http.StatusSeeOther, b.hiddenIn(a, "/partners/new")...); !strings.HasPrefix(a.to(), "/partners/p-") {
			t.Errorf("sent at last: got %q", a.to())
		}
	}
}
