package admin

import (
	"net/http"
	"strings"
	"testing"
)

// TestRefusedImportCounts tells how many errors there are in each language, in
// the right form, and nothing in a language that the reader has not chosen.
func TestRefusedImportCounts(t *testing.T) {
	t.Parallel()
	words, err := loadLexicon()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 1, "has an error and"}, {"en", 2, "has 2 errors"}, {"pl", 1, "ma błąd"}, {"pl", 3, "3 błędy"}, {"pl", 5, "5 błędów"}, {"pl", 22, "22 błędy"},
		{"sl", 2, "2 napaki"}, {"sl", 5, "5 napak "}, {"el", 1, "ένα σφάλμα"}, {"ru", 21, "21 ошибка"}, {"ru", 2, "2 ошибки"}, {"ru", 11, "11 ошибок"},
	} {
		if got := words.say(c.lang, "import.refused", c.n); !strings.Contains(got, c.want) {
			t.Errorf("%s, %d: got %q, want %q", c.lang, c.n, got, c.want)
		}
	}
	s := newSite(t)
	b := s.setUp("Hurtownia")
	b.see(b.follow(b.post("/language", "language", "pl", "back", "/panel/")), http.StatusOK, "Katalog")
	a := b.send("bad.jsonl", `{"id":1,"name":"A","vat":"23","currency":"PLN","category":"A","unit":"szt.","price":"x","sizes":[{"code":"A"}]}`+"\n")
	to := a.to()
	for a = b.get(to); strings.Contains(a.body, "<progress"); a = b.get(to) {
	}
	b.see(a, http.StatusOK, "Katalog ma błąd i nie został przyjęty.", "„x” nie jest liczbą")
	if strings.Contains(a.body, "was not taken") || strings.Contains(a.body, "decimal") {
		t.Error("the page tells of it in English too")
	}
	// So is what a spreadsheet is given: with the mark of its character set, the
	// sign that it wants between columns, and codes that no language changes.
	file := b.get(strings.TrimPrefix(b.part(a, `href="/panel(/import/\w+/problems\.csv)"`), root)).body
	if want := "\ufefffile;line;product;field;level;message;hint;code;hint_code\nbad.jsonl;1;1;price;error;„x” nie jest liczbą"; !strings.HasPrefix(file, want) || !strings.Contains(file, ";not-decimal;") || strings.Contains(file, "decimal number") {
		t.Errorf("got %q, want %q", file, want)
	}
	bare := b.send("bare.csv", "id;name;category;price\n")
	for a = b.get(bare.to()); strings.Contains(a.body, "<progress"); a = b.get(bare.to()) {
	}
	b.see(a, http.StatusOK, "w katalogu nie ma produktów", "czy eksport został przerwany?")
	a = b.get(to)
	b.post("/language", "language", "en", "back", "/panel/")
	file = b.get(strings.TrimPrefix(b.part(a, `href="/panel(/import/\w+/problems\.csv)"`), root)).body
	if want := "\ufefffile,line,product,field,level,message,hint,code,hint_code\nbad.jsonl,1,1,price,error,"; !strings.HasPrefix(file, want) || !strings.Contains(file, "is not a decimal number") || !strings.Contains(file, ",not-decimal,") {
		t.Errorf("in English: got %q, want %q", file, want)
	}
	b.post("/language", "language", "pl", "back", "/panel/")
	// A file that is none is refused as a whole, and a sentence that only English
	// has is marked.
	for content, want := range map[string]string{
		"id,name,nmae\n1,A,B\n": "kolumna „nmae” jest nieznana",
		"[{}]":                  "to tablica JSON",
		// What to do about it is told, too.
		"<!DOCTYPE html><title>Zaloguj</title>":               "plik.csv to strona internetowa „Zaloguj” (taką stronę widzi ktoś, kto nie jest zalogowany",
		`{"id":"gid://shopify/Product/1","title":"A"}` + "\n": "plik.csv pochodzi z GraphQL Shopify (podaj zamiast niego eksport",
		`{"id":1,"name":`: `<span lang="en">`,
	} {
		a := b.send("plik.csv", content)
		to := a.to()
		for a = b.get(to); strings.Contains(a.body, "<progress"); a = b.get(to) {
		}
		if !strings.Contains(a.body, want) && !strings.Contains(plain(a.body), want) {
			t.Errorf("%q: got %s, want %q", content, plain(a.body), want)
		}
	}
}
