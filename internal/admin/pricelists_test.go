package admin

import (
	"net/http"
	"strings"
	"testing"

	"feedmill/internal/auth"
)

// TestPriceLists makes a list, prices it in every way and has an offer use it.
func TestPriceLists(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	m := s.merchant("").ID
	s.goods(m)
	a := b.follow(b.post("/partners/new", "name", "Nord", "offer", "on"))
	offer := "/offers/" + b.part(a, `/panel/offers/(o-[a-z2-7]{16})`)
	b.see(b.get("/price-lists"), http.StatusOK, "There are no price lists yet")
	a = b.post("/price-lists", "name", "Hurt", "currency", "PLN", "lead", "net")
	at := a.to()
	b.see(b.follow(a), http.StatusOK, "Price list Hurt is added", "The list has no prices yet")
	b.see(b.post("/price-lists", "name", "hurt", "currency", "EUR", "lead", "gross"), http.StatusUnprocessableEntity, "already")
	version := func() string { return b.part(b.get(at), `name="version" value="(\d+)"`) }

	// One price, by a code and by an id.
	b.see(b.post(at+"/price", "item", "no-such", "price", "1", "version", version()), http.StatusUnprocessableEntity, "no product has the code", `id="f-item-error"`)
	b.see(b.post(at+"/price", "item", "A", "price", "1,x", "version", version()), http.StatusUnprocessableEntity, `value="1,x"`, `id="f-price-error"`)
	b.see(b.follow(b.post(at+"/price", "item", "A", "price", "7,50", "version", version())), http.StatusOK, "Prices added: 1", "7.50")
	b.see(b.follow(b.post(at+"/price", "item", "2", "price", "800", "version", version())), http.StatusOK, "800.00")
	b.see(b.post(at+"/price", "item", "2", "price", "700", "version", "1"), http.StatusConflict)
	// As tables write prices; what may be a thousand times more than it seems is asked about.
	b.see(b.post(at+"/price", "item", "2", "price", "1.250", "version", version()), http.StatusUnprocessableEntity, "can mean 1250 or 1.25", `id="f-price-error"`, `value="1.250"`)
	b.see(b.post(at+"/price", "item", "2", "price", "1,250", "version", version(), "!Accept-Language", "pl"), http.StatusUnprocessableEntity, `id="f-price-error"`, `value="1,250"`)
	b.see(b.follow(b.post(at+"/price", "item", "2", "price", "1\u00a0250,00", "version", version())), http.StatusOK, "1,250.00")
	b.see(b.follow(b.post(at+"/price", "item", "2", "price", "800", "version", version())), http.StatusOK, "800.00")

	// The offer takes the list's prices once it names it; before, a look at what that does.
	fields := []string{"name", "Nord", "shop", b.part(b.get("/shops"), `/panel/shops/(s-[a-z2-7]{16})`), "currency", "PLN", "base", "retail", "lead", "net", "partner-discounts", "on", "version", "1"}
	b.see(b.post(offer, append(fields, "only-listed", "on", "act", "save")...), http.StatusUnprocessableEntity, "Choose a price list")
	b.see(b.post(offer, append(fields, "price-list", "t-aaaaaaaaaaaaaaaa", "act", "save")...), http.StatusUnprocessableEntity, `id="f-price-list-error"`)
	id := strings.TrimPrefix(at, "/price-lists/")
	b.see(b.post(offer, append(fields, "price-list", id, "only-listed", "on", "act", "preview")...), http.StatusOK, "What would change")
	b.see(b.follow(b.post(offer, append(fields, "price-list", id, "only-listed", "on", "act", "save")...)), http.StatusOK)
	b.see(b.get("/products/1"), http.StatusOK, "7.50")
	b.see(b.get("/products/3"), http.StatusOK, "not in the price list")
	b.see(b.get(offer), http.StatusOK, `value="`+id+`" selected`)

	// Many prices: lines with mistakes, a look, and taking them over.
	lines := "code,price\nA,6\nC,9\n"
	b.see(b.post(at+"/file", "lines", "code,price\nA,6\nZ,x\n", "version", version()), http.StatusUnprocessableEntity, "line is wrong", "Z,x")
	a = b.see(b.sendTo(at+"/file", "photo.jpg", "\xff\xd8\xe5 no list", "version", version()), http.StatusUnprocessableEntity, `id="f-file-error"`, "UTF-8")
	if strings.Contains(a.body, `id="f-lines-error"`) {
		t.Error("what is wrong with a file is told of the lines")
	}
	b.see(b.post(at+"/file", "lines", "", "version", version()), http.StatusUnprocessableEntity, `id="f-file-error"`)
	// Two columns of a table without their names, in an account's own language.
	b.see(b.post(at+"/file", "lines", "A\t7,50\nC\t9\n", "version", version()), http.StatusUnprocessableEntity, "header: not known", "columns are product, key, code, price and remove")
	polish := s.staff(m, auth.Manager, "")
	polish.follow(polish.post("/language", "language", "pl", "back", "/panel/"))
	b.see(polish.post(at+"/file", "lines", "A\t7,50\nC\t9\n", "version", version()), http.StatusUnprocessableEntity, "pierwszy wiersz podaje nazwy kolumn")
	b.see(polish.post(at+"/file", "lines", "code,price\nZ,7\nA,8\nA,9\n", "version", version()), http.StatusUnprocessableEntity, "żaden produkt nie ma kodu „Z”", "jest już w wierszu 3")
	b.see(polish.post(at+"/price", "item", "999", "price", "1", "version", version()), http.StatusUnprocessableEntity, "nie ma produktu 999")
	b.see(polish.post(at, "name", "Hurt", "currency", "EUR", "lead", "net", "version", version()), http.StatusUnprocessableEntity, "cennik „Hurt” ma ceny w PLN")
	// A file that says no price is no file of prices.
	b.see(polish.post(at+"/file", "lines", "code,price\n", "version", version()), http.StatusUnprocessableEntity, "żaden wiersz nie podaje ceny")
	b.see(b.post(at+"/file", "lines", lines, "replace", "on", "act", "preview", "version", version()), http.StatusOK, "What would change", "A,6")
	b.see(b.get(at), http.StatusOK, "800.00")
	a = b.sendTo(at+"/file", "prices.csv", lines, "replace", "on", "act", "preview", "version", version())
	b.see(a, http.StatusOK, "What would change", "C,9")
	// What goes for good is asked about, with how much it is; nothing goes before.
	a = b.sendTo(at+"/file", "prices.csv", lines, "replace", "on", "act", "save", "version", version())
	a = b.see(a, http.StatusOK, "Are you sure?", "1 price in list Hurt is not in what you sent", `name="sure" value="1"`, `name="lines" value="code,price
A,6`, `enctype="multipart/form-data"`, `href="/panel`+at+`"`)
	b.see(b.get(at), http.StatusOK, "800.00")
	// Another number than the one agreed to is asked about again.
	b.see(b.post(at+"/file", "lines", lines, "replace", "on", "act", "save", "sure", "7", "version", version()), http.StatusOK, "Are you sure?")
	b.see(b.get(at), http.StatusOK, "800.00")
	// A file that no page can hold has to be chosen again.
	b.see(b.sendTo(at+"/file", "prices.csv", lines+strings.Repeat("\n", 400_000), "replace", "on", "act", "save", "version", version()), http.StatusOK, "Are you sure?", "Choose the same file once more", `type="file"`)
	a = b.post(at+"/file", b.hiddenIn(a, at+"/file")...)
	a = b.see(b.follow(a), http.StatusOK, "added: 1, changed: 1, removed: 1", "9.00")
	if strings.Contains(a.body, "800.00") {
		t.Error("a price that the file has not is still there")
	}
	b.see(b.sendTo(at+"/file", "prices.csv", lines, "version", "1"), http.StatusConflict)

	// What the list is, a look at gross prices, and its end.
	b.see(b.post(at, "name", "Hurt", "currency", "PLN", "lead", "gross", "act", "preview", "version", version()), http.StatusOK, "What would change")
	b.see(b.post(at, "name", "Hurt", "currency", "EUR", "lead", "net", "version", version()), http.StatusUnprocessableEntity, "has prices in PLN")
	b.see(b.post(at, "name", "Hurt", "currency", "PLN", "lead", "net", "act", "delete", "sure", "1", "version", version()), http.StatusUnprocessableEntity, "takes its prices from")
	reader := s.staff(m, auth.Readonly, "")
	reader.see(reader.get(at), http.StatusOK, "9.00")
	reader.see(reader.post(at+"/price", "item", "A", "price", "1", "version", version()), http.StatusForbidden)
	fields[len(fields)-1] = "2"
	b.see(b.follow(b.post(offer, append(fields, "act", "save")...)), http.StatusOK)
	b.see(b.follow(b.post(at+"/price", "item", "A", "price", "", "version", version())), http.StatusOK, "removed: 1")
	b.see(b.follow(b.post(at, "name", "Hurt", "currency", "PLN", "lead", "net", "act", "delete", "sure", "1", "version", version())), http.StatusOK, "is deleted", "There are no price lists yet")
	b.see(b.get("/audit"), http.StatusOK, "price list added", "prices changed", "price list deleted")
	b.see(b.get(at), http.StatusNotFound)
}

// TestRates sets exchange rates for all offers that have none of their own.
func TestRates(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	s.goods(s.merchant("").ID)
	a := b.follow(b.post("/partners/new", "name", "Nord", "currency", "EUR", "offer", "on"))
	offer := "/offers/" + b.part(a, `/panel/offers/(o-[a-z2-7]{16})`)
	shop := b.part(b.get("/shops"), `/panel/shops/(s-[a-z2-7]{16})`)
	b.see(b.follow(b.post(offer, "name", "Nord", "shop", shop, "currency", "EUR", "base", "retail", "lead", "net", "version", "1", "act", "save")), http.StatusOK)
	b.see(b.get("/products/3"), http.StatusOK, "Nord")
	b.see(b.post("/rates", "from", "PLN", "to", "EUR", "rate", "0,25", "act", "preview"), http.StatusOK, "What would change", "Nord")
	b.see(b.get("/rates"), http.StatusOK, "There are no rates yet")
	b.see(b.follow(b.post("/rates", "from", "PLN", "to", "EUR", "rate", "0,25")), http.StatusOK, "The rate from PLN to EUR is stored", "0.25")
	b.see(b.get("/products/3"), http.StatusOK, "25.00")
	b.see(b.post("/rates", "from", "PLN", "to", "EUR", "rate", "0.3"), http.StatusConflict, "0.25")
	b.see(b.post("/rates/PLN-EUR", "rate", "none", "version", "1"), http.StatusUnprocessableEntity, `value="none"`, `id="r-PLN-EUR-error"`)
	b.see(b.post("/rates/PLN-EUR", "rate", "0.5", "version", "1", "act", "preview"), http.StatusOK, "What would change", `value="0.5"`)
	b.see(b.follow(b.post("/rates/PLN-EUR", "rate", "0.5", "version", "1")), http.StatusOK, `value="0.5"`)
	b.see(b.get("/products/3"), http.StatusOK, "50.00")
	b.see(b.post("/rates/PLN-EUR", "rate", "0.6", "version", "1"), http.StatusConflict)
	b.see(b.post("/rates/PLN-XXX", "rate", "0.6", "version", "1"), http.StatusNotFound)
	b.see(b.follow(b.post("/rates/PLN-EUR", "version", "2", "act", "delete", "sure", "1")), http.StatusOK, "is deleted", "There are no rates yet")
	b.see(b.get("/audit"), http.StatusOK, "rate set", "rate deleted")
}

// TestNoPriceIsZero wants the form of one price to say how it takes a price away,
// which a file says otherwise.
func TestNoPriceIsZero(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	s.goods(s.merchant("").ID)
	list := b.part(b.follow(b.post("/price-lists", "name", "Hurt", "currency", "PLN", "lead", "net")), `(/price-lists/t-[a-z2-7]{16})`)
	a := b.see(b.post(list+"/price", "version", "1", "item", "1", "price", "0"), http.StatusUnprocessableEntity, "leave the field empty")
	if strings.Contains(a.body, "say remove") {
		t.Error("it is told to write a word that the field does not take")
	}
	b.see(b.post(list+"/file", "version", "1", "lines", "product,price\n1,0\n"), http.StatusUnprocessableEntity, "say remove")
}
