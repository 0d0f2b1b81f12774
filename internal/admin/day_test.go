package admin

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// TestFirstSteps follows what the overview tells to do first until all of it is done.
func TestFirstSteps(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	m := s.merchant("")
	a := b.see(b.get("/"), http.StatusOK, "First steps", `href="/panel/import">Import your catalog`, `href="/panel/partners/new">Add a partner`, "files are made once there is a catalog")
	if strings.Contains(a.body, ">done<") {
		t.Error("a step is done already")
	}
	b.see(b.get("/partners"), http.StatusOK, "A partner is a customer who receives your products as files")
	s.goods(m.ID)
	a = b.see(b.get("/"), http.StatusOK, ">done</span> Import your catalog", `href="/panel/partners/new">Add a partner`)
	a = b.follow(b.post("/partners/new", "name", "Nord", "offer", "on"))
	id, offer := b.part(a, `/panel/partners/(p-[a-z2-7]{16})/settings`), b.part(a, `/panel/offers/(o-[a-z2-7]{16})`)
	b.see(b.get("/"), http.StatusOK, ">done</span> Add a partner", `href="/panel/partners/`+id+`">Make a link`)
	if readonly := s.staff(m.ID, auth.Readonly, ""); strings.Contains(readonly.get("/").body, "First steps") {
		t.Error("who may do nothing is told what to do")
	}
	b.see(b.post("/offers/"+offer+"/links"), http.StatusOK)
	if a = b.see(b.get("/"), http.StatusOK); strings.Contains(a.body, "First steps") {
		t.Error("the steps stay when all are done")
	}
}

// TestListSaysWhoReceives wants no "receives" beside one who cannot.
func TestListSaysWhoReceives(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	b.follow(b.post("/partners/new", "name", "Nord", "offer", "on"))
	b.follow(b.post("/partners/new", "name", "Ohne"))
	state := func(name string) string {
		t.Helper()
		return plain(b.part(b.get("/partners"), `(?s)>`+name+`</a>.*?data-label="State">(.*?)</td>`))
	}
	if got := state("Nord"); got != "receives" {
		t.Errorf("with an offer: got %q", got)
	}
	if got := state("Ohne"); got != "no offer yet" {
		t.Errorf("without an offer: got %q", got)
	}
	b.see(b.get("/"), http.StatusOK, ">1 receives<", ">1 without an offer<")
	for state, name := range map[string]string{"on": "Nord", "none": "Ohne"} {
		if a := b.get("/partners?state=" + state); strings.Count(a.body, `<tr id="row-`) != 1 || !strings.Contains(a.body, ">"+name+"</a>") {
			t.Errorf("state %s does not list %s alone", state, name)
		}
	}
	version := b.part(b.get("/"), `(?s)/panel/sharing".*?name="version" value="(\d+)"`)
	b.follow(b.post("/sharing", "on", "off", "version", version))
	for _, name := range []string{"Nord", "Ohne"} {
		if got := state(name); got != "receives nothing" {
			t.Errorf("%s while sharing is off: got %q", name, got)
		}
	}
	if a := b.get("/"); strings.Contains(a.body, "2 receive") {
		t.Error("the overview counts receivers while sharing is off")
	}
}

// TestOneLinkForOneForm sends the form of a new link twice, as a page that is
// loaded anew does, and once more from the partner's card as it stands then.
func TestOneLinkForOneForm(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	a := b.follow(b.post("/partners/new", "name", "Nord", "offer", "on"))
	id, offer := b.part(a, `/panel/partners/(p-[a-z2-7]{16})/settings`), b.part(a, `/panel/offers/(o-[a-z2-7]{16})`)
	after := func(body string) string {
		t.Helper()
		return b.part(answer{body: body}, `/links"><input type="hidden" name="after" value="([^"]*)"`)
	}
	live := func() int {
		t.Helper()
		list, err := s.db.Links(t.Context(), s.merchant("").ID, partner.OfferID(offer))
		if err != nil {
			t.Fatal(err)
		}
		return len(slices.DeleteFunc(list, func(l partner.Link) bool { return !l.Live(s.Now()) }))
	}
	first := after(a.body)
	b.see(b.post("/offers/"+offer+"/links", "after", first), http.StatusOK, "shown now and never again")
	a = b.see(b.follow(b.post("/offers/"+offer+"/links", "after", first)), http.StatusOK, "Nothing was made this time", `class="note bad" role="alert"`)
	if n := live(); n != 1 {
		t.Errorf("one form made %d links", n)
	}
	b.see(b.post("/offers/"+offer+"/links", "after", after(a.body)), http.StatusOK, "shown now and never again")
	a = b.get("/partners/" + id)
	b.see(b.follow(b.post("/offers/"+offer+"/links", "after", after(a.body))), http.StatusOK, "Nothing was made", "two live links", `class="note bad" role="alert"`)
	if n := live(); n != 2 {
		t.Errorf("got %d live links, want 2", n)
	}
	// Who gives his password in between is told to press the button once more.
	s.Pass(auth.ReauthTime)
	a = b.post("/offers/" + offer + "/links")
	b.see(b.follow(a), http.StatusOK, "What comes next shows or changes secrets", `name="again" value="1"`, `href="/panel/partners/`+id+`"`)
	b.see(b.follow(b.post("/prove", "password", goodPassword, "back", "/partners/"+id, "again", "1")), http.StatusOK, "Nothing was done yet: press the button once more")
	// A rotation that is sent again.
	link := b.part(b.get("/partners/"+id), `/panel/links/(l-[a-z2-7]{16})`)
	b.follow(b.post("/links/"+link+"/revoke", "sure", "1"))
	link = b.part(b.get("/partners/"+id), `/panel/links/(l-[a-z2-7]{16})`)
	b.see(b.post("/links/"+link+"/rotate", "overlap", "0"), http.StatusOK, "shown now and never again")
	b.see(b.follow(b.post("/links/"+link+"/rotate", "overlap", "0")), http.StatusOK, "this link has ended", `class="note bad" role="alert"`)
	if n := live(); n != 1 {
		t.Errorf("got %d live links after a rotation, want 1", n)
	}
}

// TestPeopleOfAPartner comes from a partner's card to an account for his people.
func TestPeopleOfAPartner(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	a := b.follow(b.post("/partners/new", "name", "Nord", "offer", "on"))
	id := b.part(a, `/panel/partners/(p-[a-z2-7]{16})/settings`)
	b.see(a, http.StatusOK, `href="/panel/users/new?partner=`+id+`"`)
	b.see(b.get("/users/new?partner="+id), http.StatusOK, `<option value="partner" selected`, `<option value="`+id+`" selected`)
	if manager := s.staff(s.merchant("").ID, auth.Manager, ""); strings.Contains(manager.get("/partners/"+id).body, "/users/new") {
		t.Error("a manager is led where he may not go")
	}
	b.see(b.post("/users/new", "login", "it@nord.example", "role", "partner", "partner", id), http.StatusOK, "works once")
	b.follow(b.post("/language", "language", "pl", "back", "/panel/"))
	a = b.see(b.post("/users/new", "login", "it@nord.example", "role", "partner", "partner", id), http.StatusUnprocessableEntity, "To jest już zajęte")
	if strings.Contains(a.body, "taken already") {
		t.Error("a login that is taken is told in English too")
	}
	b.see(b.post("/partners/new", "name", "NORD"), http.StatusUnprocessableEntity, "To jest już zajęte")
}

// TestChangelogWhileOff wants the portal not to say that nothing was published
// of an offer that is switched off.
func TestChangelogWhileOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	a := b.follow(b.post("/partners/new", "name", "Nord", "offer", "on"))
	id := b.part(a, `/panel/partners/(p-[a-z2-7]{16})/settings`)
	guest := s.staff(s.merchant("").ID, auth.Portal, partner.ID(id))
	guest.see(guest.get("/portal/changes"), http.StatusOK, "Nothing has been published yet")
	version := b.part(b.get("/partners"), `name="version" value="(\d+)"`)
	b.follow(b.post("/partners/"+id+"/feed", "on", "off", "version", version, "back", "/partners"))
	a = guest.see(guest.get("/portal/changes"), http.StatusOK, "switched off at the moment")
	if strings.Contains(a.body, "Nothing has been published") {
		t.Error("the changelog says that nothing was published")
	}
	guest.see(guest.get("/portal/connect"), http.StatusOK, "between /o/ and /gateway.xml")
}

// TestRequestsAreMet follows a request of a partner's people to the merchant and back.
func TestRequestsAreMet(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	a := b.follow(b.post("/partners/new", "name", "Nord", "tags", "gold"))
	id := b.part(a, `/panel/partners/(p-[a-z2-7]{16})/settings`)
	guest := s.staff(s.merchant("").ID, auth.Portal, partner.ID(id))
	guest.see(guest.get("/portal"), http.StatusOK, "ask the merchant for one below")
	if a := b.get("/"); strings.Contains(a.body, "ask for something") {
		t.Error("somebody asks before he does")
	}
	guest.see(guest.follow(guest.post("/portal/request", "text", "a link, <please>")), http.StatusOK, "The merchant has your request")
	b.see(b.get("/"), http.StatusOK, "Partners who ask for something", `<a href="/panel/partners/`+id+`">Nord</a>`)
	a = b.see(b.get("/partners/"+id), http.StatusOK, "He has asked for something", "a link, &lt;please&gt;")
	version := b.part(a, `/answered"><input type="hidden" name="version" value="(\d+)"`)
	guest.see(guest.post("/portal/request", "text", "again"), http.StatusUnprocessableEntity, "waits for the merchant")
	a = b.see(b.follow(b.post("/partners/"+id+"/answered", "version", version)), http.StatusOK, "he can ask again", "a link, &lt;please&gt;", "gold")
	if strings.Contains(a.body, "He has asked for something") || strings.Contains(b.get("/").body, "ask for something") {
		t.Error("what is answered is asked still")
	}
	guest.see(guest.follow(guest.post("/portal/request", "text", "again")), http.StatusOK, "The merchant has your request")
}

// TestImportTellsWhatNext sends the example of a table, a wrong file and asks for
// an import that is gone.
func TestImportTellsWhatNext(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	ended := func(name, content string) answer {
		t.Helper()
		to := b.send(name, content).to()
		a := b.get(to)
		for strings.Contains(a.body, "<progress") {
			a = b.get(to)
		}
		return a
	}
	b.see(b.get("/import"), http.StatusOK, "What a table looks like", "1;T-shirt;Clothing/T-shirts")
	b.see(ended("table.csv", tableExample), http.StatusOK, "waits for you", "2 products")
	for name, content := range map[string]string{"photo.jpg": "\xff\xd8\xe5\xe0 no catalog", "odd.csv": "hello,world\n1,2\n"} {
		b.see(ended(name, content), http.StatusOK, "The catalog is as it was", `href="/panel/import">Send a file`)
	}
	gone := "/import/AAAAAAAAAAAAAAAAAAAAAAAAAA"
	b.see(b.get(gone), http.StatusNotFound, "This import is not known any more", `name="file"`)
	b.see(b.post(gone+"/merge"), http.StatusNotFound, "This import is not known any more")
	// What follows an import comes back to a page that says so.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+root+gone+"?part=task", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("HX-Request", "true")
	if a := b.do(r); a.header.Get("HX-Redirect") != root+gone {
		t.Errorf("a script that follows: got %d %v", a.status, a.header)
	}
}

// TestWhatIsWrongIsMet wants who has sent a form with something wrong in it to
// come to what is wrong, wherever on the page the form stands.
func TestWhatIsWrongIsMet(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	met := regexp.MustCompile(`<p class="note bad" role="alert" tabindex="-1" autofocus>`)
	for path, fields := range map[string][]string{"/partners/new": {"name", ""}, "/shops": {"number", "x"}, "/price-lists": {"name", ""}, "/rates": {"rate", "x", "act", "save"}} {
		a := b.see(b.post(path, fields...), http.StatusUnprocessableEntity)
		if n := len(met.FindAllString(a.body, -1)); n != 1 {
			t.Errorf("%s: the browser is led to %d messages, want 1", path, n)
		}
		if strings.Contains(b.get(path).body, "autofocus") {
			t.Errorf("%s: something takes the focus where nothing is wrong", path)
		}
	}
}

// TestTakenNames wants every kind of name that is taken to be told as that.
func TestTakenNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	b.follow(b.post("/shops", "number", "7", "name", "Seven"))
	b.see(b.post("/shops", "number", "7", "name", "Again"), http.StatusUnprocessableEntity, "This is taken already")
	list := []string{"name", "Hurt", "currency", "PLN", "lead", "net"}
	b.follow(b.post("/price-lists", list...))
	b.see(b.post("/price-lists", list...), http.StatusUnprocessableEntity, "This is taken already")
	_, err := s.manage.CreatePartner(t.Context(), manage.Identity{Merchant: s.merchant("").ID, Role: manage.RoleOwner}, partner.Partner{Name: "Nord"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.manage.CreatePartner(t.Context(), manage.Identity{Merchant: s.merchant("").ID, Role: manage.RoleOwner}, partner.Partner{Name: "nord"})
	if feed.KindOf(err) != feed.KindConflict {
		t.Errorf("got %v, want a conflict", err)
	}
}
