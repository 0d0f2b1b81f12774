package admin

import (
	"net/http"
	"testing"
)

// TestWhatIsPastedIsTrimmed sends what was copied with signs around it that nobody
// sees, as tables and chats add them: they are no part of what is kept or sought.
func TestWhatIsPastedIsTrimmed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	s.goods(s.merchant("").ID)
	a := b.follow(b.post("/partners/new", "name", "\ufeffNord\u200b ", "email", "\u202ait@nord.example\u202c", "tags", "\u200bgold, \u2060north", "offer", "on"))
	id := b.part(a, `/panel/partners/(p-[a-z2-7]{16})/settings`)
	b.see(b.get("/partners/"+id+"/settings"), http.StatusOK, `value="Nord"`, `value="it@nord.example"`, `value="gold, north"`)
	b.see(b.post("/partners/new", "name", "Nord\u200b"), http.StatusUnprocessableEntity, "This is taken already")
	b.see(b.post("/partners/new", "name", "\u200b\u2060"), http.StatusUnprocessableEntity, "Please fill this in")
	b.see(b.get("/products?q=Wheel%E2%80%8B"), http.StatusOK, "/panel/products/3")
	b.see(b.get("/partners?q=%EF%BB%BFnord"), http.StatusOK, "/panel/partners/"+id)

	// Who is added with such a login signs in by the one that is seen, and whoever
	// pastes his own too.
	b.see(b.post("/users/new", "login", "jan@example.com\u200b", "role", "readonly"), http.StatusOK, "works once")
	b.see(b.post("/users/new", "login", "jan@example.com", "role", "readonly"), http.StatusUnprocessableEntity, "This is taken already")
	if a := s.browser().post("/sign-in", "login", "\u200banna@example.com\u2060", "password", goodPassword); a.to() != "/" {
		t.Errorf("a pasted login: got %d to %q", a.status, a.to())
	}
	// A name in Hebrew keeps what belongs to it, and an emoji of several signs stays whole.
	for _, name := range []string{"אופניים בע״מ", "Family 👨‍👩‍👧", "England 🏴󠁧󠁢󠁥󠁮󠁧󠁿"} {
		b.see(b.follow(b.post("/partners/new", "name", name)), http.StatusOK, "<h1>"+name+"</h1>")
	}
}
