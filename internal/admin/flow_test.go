package admin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"feedmill/internal/auth"
	"feedmill/internal/partner"
)

// TestDayOfAMerchant goes through what a merchant does, without any script.
func TestDayOfAMerchant(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	nobody := s.browser()
	if a := nobody.get("/partners?q=x"); a.to() != "/sign-in?back=%2Fpartners%3Fq%3Dx" {
		t.Errorf("without a session: got %d to %s", a.status, a.to())
	}
	nobody.see(nobody.get("/sign-in"), http.StatusOK, "Nobody owns this installation yet")
	b := s.setUp("Hurtownia <Rowerowa>")
	m := s.merchant("")
	s.goods(m.ID)
	b.see(b.get("/"), http.StatusOK, "Hurtownia &lt;Rowerowa&gt;", "Overview", "Partners")
	if a := nobody.get("/setup"); a.to() != "/sign-in" {
		t.Errorf("set-up twice: got %d to %s", a.status, a.to())
	}

	// A partner with an offer.
	b.see(b.post("/partners/new", "name", "", "email", "it@nord.example", "tags", "gold, north", "offer", "on"), http.StatusUnprocessableEntity, "Please fill this in", "it@nord.example", "gold, north")
	a := b.follow(b.post("/partners/new", "name", "Nord <Shop>", "email", "it@nord.example", "tags", "gold, north", "notes", "a\nb", "offer", "on"))
	b.see(a, http.StatusOK, "Nord &lt;Shop&gt; is added", "it@nord.example", "There is no link yet")
	id := b.part(a, `/panel/partners/(p-[a-z2-7]{16})/settings`)
	offer := b.part(a, `/panel/offers/(o-[a-z2-7]{16})`)
	b.see(b.post("/partners/new", "name", "nord <shop>"), http.StatusUnprocessableEntity, "This is taken already")

	// What a discount would change, before it is stored, and storing it.
	a = b.see(b.get("/partners/"+id+"/settings"), http.StatusOK)
	version := b.part(a, `name="version" value="(\d+)"`)
	fields := []string{"name", "Nord <Shop>", "email", "it@nord.example", "tags", "gold, north", "overall", "12,5", "categories", "Bikes = 20\n", "version", version}
	b.see(b.post("/partners/"+id+"/settings", append(fields, "act", "preview")...), http.StatusOK, "What would change", "12,5", "Compared over 3 products")
	b.see(b.post("/partners/"+id+"/settings", "name", "Nord", "overall", "120", "categories", "Bikes", "version", version), http.StatusUnprocessableEntity, `value="120"`, "Bikes", "name = value")
	b.see(b.follow(b.post("/partners/"+id+"/settings", append(fields, "act", "save")...)), http.StatusOK, "Saved.")

	// Somebody else was faster: nothing is lost, and either may win.
	a = b.see(b.post("/partners/"+id+"/settings", "name", "Nordic", "notes", "mine & yours", "version", version), http.StatusConflict, "Somebody else was faster", "Nordic", "mine &amp; yours", "Store mine")
	now := b.part(a, `name="version" value="(\d+)"`)
	b.see(b.follow(b.post("/partners/"+id+"/settings", "name", "Nordic", "notes", "mine & yours", "version", now)), http.StatusOK, "Nordic", "mine &amp; yours")

	// A link: its address is shown once.
	a = b.see(b.post("/offers/"+offer+"/links"), http.StatusOK, "shown now and never again")
	address := b.part(a, `value="(http[^"]*/o/[^"]*/gateway\.xml)"`)
	if a.header.Get("Content-Encoding") != "" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page with a secret: got %v", a.header)
	}
	link := b.part(a, `/panel/links/(l-[a-z2-7]{16})`)
	a = b.see(b.get("/links/"+link), http.StatusOK, "live")
	if strings.Contains(a.body, address) || strings.Contains(b.get("/partners/"+id).body, address) {
		t.Error("the address is shown again")
	}
	secret, ok := partner.ParseSecret(strings.Split(address, "/")[4])
	if !ok || string(secret.Link()) != link {
		t.Errorf("%s is no address of link %s", address, link)
	}
	b.see(b.post("/links/"+link, "name", "shop", "cidrs", "203.0.113.1/24", "version", "1"), http.StatusUnprocessableEntity, "203.0.113.1/24")
	b.see(b.follow(b.post("/links/"+link, "name", "shop", "cidrs", "203.0.113.0/24", "version", "1")), http.StatusOK, "203.0.113.0/24")
	a = b.see(b.post("/links/"+link+"/rotate", "overlap", "24"), http.StatusOK, "shown now and never again", "The link before it works until 22 Nov 2026")
	if again := b.part(a, `value="(http[^"]*/o/[^"]*/gateway\.xml)"`); again == address {
		t.Error("a rotation gave the same address")
	}
	b.see(b.follow(b.post("/offers/"+offer+"/links")), http.StatusOK, "this offer has two live links already")

	// The switch in the list, with a form.
	a = b.see(b.get("/partners"), http.StatusOK, "Nordic")
	version = b.part(a, `name="version" value="(\d+)"`)
	a = b.follow(b.post("/partners/"+id+"/feed", "on", "off", "version", version, "back", "/partners?q=nord"))
	b.see(a, http.StatusOK, "Nordic receives nothing from now on", `aria-checked="false"`)
	// And with a script: the row alone comes back and says so.
	version = b.part(a, `name="version" value="(\d+)"`)
	a = b.see(b.post("/partners/"+id+"/feed", "on", "on", "version", version, "!HX-Request", "true"), http.StatusOK, `<tr id="row-`+id, "switched on", `aria-checked="true"`)
	if strings.Contains(a.body, "<html") {
		t.Error("a script was given a whole page")
	}
	// An old page closes all the same, whatever else has changed, and opens nothing.
	b.see(b.post("/partners/"+id+"/feed", "on", "off", "version", version, "!HX-Request", "true"), http.StatusOK, `<tr id="row-`+id, `aria-checked="false"`)
	a = b.post("/partners/"+id+"/feed", "on", "on", "version", version, "!HX-Request", "true")
	if a.status != http.StatusConflict || a.header.Get("HX-Refresh") != "true" {
		t.Errorf("an old row: got %d %v", a.status, a.header)
	}
	b.see(b.post("/partners/"+id+"/feed", "on", "on", "version", version), http.StatusConflict, "Store mine", "Stands now")
	for _, off := range []string{"/partners/" + id + "/feed", "/partners/" + id + "/orders", "/offers/" + offer + "/feed", "/offers/" + offer + "/orders", "/sharing"} {
		b.see(b.follow(b.post(off, "on", "off", "version", "1")), http.StatusOK)
	}
	b.see(b.follow(b.post("/partners/"+id+"/block", "on", "on", "version", "1")), http.StatusOK, "blocked")
	b.see(b.post("/sharing", "on", "on", "version", "1"), http.StatusConflict)
	b.see(b.follow(b.post("/sharing", "on", "on", "version", b.part(b.get("/"), `name="version" value="(\d+)"`))), http.StatusOK)
	for _, on := range [][2]string{{"block", "off"}, {"feed", "on"}} {
		version = b.part(b.get("/partners/"+id), `/`+on[0]+`"[^>]*>\s*<input type="hidden" name="version" value="(\d+)"`)
		b.see(b.follow(b.post("/partners/"+id+"/"+on[0], "on", on[1], "version", version)), http.StatusOK)
	}
	// What is sent twice stands like that, and nobody is asked to choose between the same and the same.
	version = b.part(b.get("/partners/"+id+"/settings"), `name="version" value="(\d+)"`)
	for _, said := range []string{"Saved.", "It stands like that already."} {
		b.see(b.follow(b.post("/partners/"+id+"/settings", "name", "Nordic", "notes", "twice", "version", version)), http.StatusOK, said)
	}

	// Timed switches, in the merchant's zone.
	p, err := s.db.Partner(t.Context(), m.ID, partner.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	v := func() string {
		t.Helper()
		return b.part(b.get("/partners/"+id), `schedule"><input type="hidden" name="version" value="(\d+)"`)
	}
	b.see(b.post("/partners/"+id+"/schedule", "at", "2026-11-20T10:00", "to", "off", "version", v()), http.StatusUnprocessableEntity, "That has passed already", "2026-11-20T10:00")
	b.see(b.post("/partners/"+id+"/schedule", "at", "tomorrow", "to", "off", "version", v()), http.StatusUnprocessableEntity, "tomorrow")
	b.see(b.follow(b.post("/partners/"+id+"/schedule", "at", "2026-11-27T18:00", "to", "off", "version", v())), http.StatusOK, "off at 27 Nov 2026, 18:00")
	b.see(b.follow(b.post("/partners/"+id+"/schedule", "clear", "1", "version", v())), http.StatusOK, "All times are forgotten")
	if after, _ := s.db.Partner(t.Context(), m.ID, p.ID); len(after.Schedule) != 0 || after.Name != "Nordic" {
		t.Errorf("got %+v", after)
	}

	// What was done stands in the audit, and its chain holds.
	b.see(b.get("/audit"), http.StatusOK, "offers switched off", "link rotated", "anna@example.com")
	b.see(b.post("/audit/verify"), http.StatusOK, "The chain holds")
	b.see(b.get("/partners/"+id+"/audit"), http.StatusOK, "link made", "partner added")
	b.see(b.get("/partners/"+id+"/ledger"), http.StatusOK, "Nothing was downloaded")
	b.see(b.get("/runs"), http.StatusOK)
	b.see(b.get("/held"), http.StatusOK, "Nothing is held")
	// Revoking, deleting.
	for _, l := range []string{link} {
		b.see(b.follow(b.post("/links/"+l+"/suspend")), http.StatusOK, "stopped")
		b.see(b.follow(b.post("/links/"+l+"/resume")), http.StatusOK, "answers again")
		b.see(b.follow(b.post("/links/"+l+"/revoke", "sure", "1")), http.StatusOK, "revoked")
	}
	// The merchant's one switch.
	a = b.get("/")
	version = b.part(a, `(?s)/panel/sharing".*?name="version" value="(\d+)"`)
	b.see(b.follow(b.post("/sharing", "on", "off", "version", version)), http.StatusOK, "no partner receives anything")
}

// TestOfferForm changes everything that an offer's form shows, and reads it back.
func TestOfferForm(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	s.goods(s.merchant("").ID)
	a := b.follow(b.post("/partners/new", "name", "Nord", "offer", "on"))
	offer := b.part(a, `/panel/offers/(o-[a-z2-7]{16})`)
	a = b.see(b.get("/offers/"+offer), http.StatusOK)
	shop := b.part(a, `<option value="(s-[a-z2-7]{16})"`)
	fields := []string{"name", "Second", "shop", shop, "languages", "pol, eng", "currency", "EUR", "rates", "PLN = 0,23", "base", "wholesale", "lead", "gross", "include", "tag: winter\nproduct: 1",
		"exclude", "producer: Acme", "in-stock", "on", "warehouses", "1, 2", "per-warehouse", "on", "buffer", "2,5", "cap", "50", "unlimited", "100", "csv", "on",
		"dialect", "no_bundles", "dialect", "escaped_text", "files", "full", "files", "light", "overall", "7.5", "products", "A = 3", "version", "1"}
	b.see(b.post("/offers/"+offer, append(fields, "act", "preview")...), http.StatusOK, "What would change")
	b.follow(b.post("/offers/"+offer, append(fields, "act", "save")...))
	a = b.see(b.get("/offers/"+offer), http.StatusOK, `value="pol, eng"`, `<option value="EUR" selected`, "PLN = 0.23", `<option value="wholesale" selected`, `<option value="gross" selected`, `value="2.5"`,
		"producer: Acme", `value="1, 2"`, `value="50"`, `value="7.5"`, "A = 3")
	for _, box := range []string{"no_bundles", "escaped_text", "light"} {
		if !strings.Contains(a.body, `value="`+box+`" checked`) {
			t.Errorf("box %s is not ticked", box)
		}
	}
	// Everything wrong at once: every field says so and keeps what was typed.
	a = b.post("/offers/"+offer, "name", "", "shop", "s-aaaaaaaaaaaaaaaa", "languages", "klingon", "currency", "XXX", "rates", "EUR", "base", "x", "lead", "y", "include", "colour: red",
		"exclude", "tag:", "warehouses", "one", "buffer", "-3", "cap", "many", "dialect", "z", "files", "everything", "overall", "x", "version", "2")
	b.see(a, http.StatusUnprocessableEntity, "klingon", "colour: red", "tag:", `value="one"`, `value="-3"`, `value="many"`)
	if n := strings.Count(a.body, `class="wrong"`); n < 12 {
		t.Errorf("%d fields complain, want at least 12: %s", n, plain(a.body))
	}
	if a := b.get("/offers/o-aaaaaaaaaaaaaaaa"); a.status != http.StatusNotFound {
		t.Errorf("an offer that is not there: got %d", a.status)
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	b.see(b.get("/account"), http.StatusOK, "anna@example.com", "this one")
	b.see(b.post("/account", "name", "Anna\x01", "language", "pl", "version", "1"), http.StatusUnprocessableEntity, "Only one line")
	b.see(b.follow(b.post("/account", "name", "Anna K.", "language", "pl", "version", "1")), http.StatusOK, "Zapisano", "Anna K.")
	b.see(b.follow(b.post("/language", "language", "el", "back", "/panel/account")), http.StatusOK, "Ο λογαριασμός σας")
	b.see(b.follow(b.post("/language", "language", "en", "back", "https://evil.example/")), http.StatusOK, "Overview")
	b.see(b.post("/account/password", "password", "wrong", "new-password", "five good words are here"), http.StatusUnprocessableEntity, "The password is not right")
	b.see(b.post("/account/password", "password", goodPassword, "new-password", "password123"), http.StatusUnprocessableEntity, "guessed first")
	b.see(b.follow(b.post("/account/password", "password", goodPassword, "new-password", "five good words are here")), http.StatusOK, "The password is changed")

	// The second factor wants the password anew once some time has passed.
	s.Pass(auth.ReauthTime)
	a := b.get("/account/second-factor")
	if a.to() != "/prove?back=%2Faccount%2Fsecond-factor" {
		t.Fatalf("got %d to %s", a.status, a.to())
	}
	b.see(b.follow(a), http.StatusOK, "What comes next shows or changes secrets")
	b.see(b.post("/prove", "password", "wrong", "back", "/account/second-factor"), http.StatusUnprocessableEntity)
	a = b.see(b.follow(b.post("/prove", "password", "five good words are here", "back", "/account/second-factor")), http.StatusOK, "QR")
	key, ok := auth.ParseFactorKey(b.part(a, `name="key" value="([A-Z2-7]+)"`))
	if !ok {
		t.Fatal("there is no key on the page")
	}
	b.see(b.post("/account/second-factor", "key", key.Reveal(), "code", "1"), http.StatusUnprocessableEntity, "The code is not right")
	a = b.see(b.post("/account/second-factor", "key", key.Reveal(), "code", key.Code(s.Now())), http.StatusOK, "Recovery codes")
	recovery := b.part(a, `<li>([a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4})</li>`)
	b.see(b.follow(b.post("/sign-out")), http.StatusOK, "You are signed out")
	if a := b.get("/account"); !strings.HasPrefix(a.to(), "/sign-in") {
		t.Errorf("after signing out: got %d to %s", a.status, a.to())
	}
	b.see(b.post("/sign-in", "login", "anna@example.com", "password", "nope"), http.StatusUnprocessableEntity, "not right", `value="anna@example.com"`)
	a = b.post("/sign-in", "login", "anna@example.com", "password", "five good words are here", "back", "/audit")
	if a.to() != "/second-factor?back=%2Faudit" {
		t.Fatalf("got %d to %s", a.status, a.to())
	}
	b.see(b.follow(a), http.StatusOK, "Six digits")
	if a := b.get("/partners"); a.to() != "/second-factor" {
		t.Errorf("before the second factor: got %d to %s", a.status, a.to())
	}
	b.see(b.post("/second-factor", "code", "000", "back", "/audit"), http.StatusUnprocessableEntity)
	b.see(b.follow(b.post("/second-factor", "code", recovery, "back", "/audit")), http.StatusOK, "second factor set up")

	// Other browsers are seen and ended.
	other := s.browser()
	s.Pass(time.Minute)
	if a := other.post("/sign-in", "login", "anna@example.com", "password", "five good words are here"); a.status != http.StatusSeeOther {
		t.Fatal(a.status)
	}
	if a := other.post("/second-factor", "code", key.Code(s.Now())); a.status != http.StatusSeeOther {
		t.Fatal(a.status, plain(a.body))
	}
	other.see(other.get("/account"), http.StatusOK)
	b.see(b.follow(b.post("/account/sessions/end")), http.StatusOK, "Ended.")
	if a := other.get("/account"); !strings.HasPrefix(a.to(), "/sign-in") {
		t.Errorf("an ended session: got %d to %s", a.status, a.to())
	}
}

func TestSignInMustWait(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.setUp("Hurtownia")
	b := s.browser()
	for range 6 {
		b.see(b.post("/sign-in", "login", "anna@example.com", "password", "wrong"), http.StatusUnprocessableEntity)
	}
	a := b.see(b.post("/sign-in", "login", "anna@example.com", "password", goodPassword), http.StatusTooManyRequests, "Too many attempts")
	if a.header.Get("Retry-After") == "" {
		t.Error("the answer does not say how long to wait")
	}
}

// Nothing is chosen for the merchant who sets up: a currency that he never looked at
// would be that of all his prices.
func TestSetUpChoosesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	code, err := s.auth.SetupCode(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if a := b.see(b.get("/setup"), http.StatusOK, `value="EUR"`); strings.Contains(a.body, " selected>EUR") || strings.Contains(a.body, " selected>English") {
		t.Error("a language or a currency is chosen already")
	}
	own := []string{"code", code, "merchant", "H", "login", "anna@example.com", "new-password", goodPassword}
	for _, more := range [][]string{nil, {"language", "pol", "currency", ""}, {"language", "", "currency", "PLN"}} {
		b.see(b.post("/setup", append(own, more...)...), http.StatusUnprocessableEntity, "Please fill this in")
	}
	if a := b.post("/setup", append(own, "language", "pol", "currency", "PLN")...); a.to() != "/" {
		t.Errorf("the code is worth nothing any more: status %d to %q", a.status, a.to())
	}
}
