package admin

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestAnImportThatLosesMuchTellsWhatToDo sends a part of a catalog as the whole:
// before it is taken over the page says how a part is sent, afterwards where what
// partners would lose is decided about.
func TestAnImportThatLosesMuchTellsWhatToDo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	send := func(n int) (string, answer) {
		var lines strings.Builder
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&lines, `{"id":%d,"name":"A %[1]d","vat":"23","currency":"PLN","category":"A","unit":"szt.","price":"5","sizes":[{"code":"A-%[1]d"}]}`+"\n", i)
		}
		to := b.send("catalog.jsonl", lines.String()).to()
		a := b.get(to)
		for strings.Contains(a.body, "<progress") {
			a = b.get(to)
		}
		return to, a
	}
	merge := func(to string) answer {
		a := b.follow(b.post(to+"/merge", "sure", "1"))
		for strings.Contains(a.body, "<progress") {
			a = b.get(to)
		}
		return a
	}
	held := `are held until you decide. <a href="/panel/held">`
	// What is not there, yet or any more, has no page to go to.
	links := func(what string, a answer, id string, want bool) {
		t.Helper()
		if got := strings.Contains(a.body, `<a href="/panel/products/`+id+`">`); got != want {
			t.Errorf("%s: product %s has a link: %v", what, id, got)
		}
	}
	to, a := send(40)
	links("before it is added", a, "1", false)
	merged := merge(to)
	links("added", merged, "1", true)
	if strings.Contains(a.body, "not your whole catalog") || strings.Contains(merged.body, held) {
		t.Error("a first catalog is told what to do when much is lost")
	}
	to, a = send(10)
	b.see(a, http.StatusOK, "30 products would go", "If the file is not your whole catalog: discard it")
	links("before it is removed", a, "11", true)
	merged = merge(to)
	b.see(merged, http.StatusOK, "What has changed", held)
	links("removed", merged, "11", false)
}
