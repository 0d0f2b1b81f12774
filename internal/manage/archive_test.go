package manage_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

func TestCompareGenerations(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(30)
	_, o := w.partner("Nord", partner.Partner{}, pln())
	w.publish()
	if full, light, err := w.Published(w.ctx, w.owner, o.ID); err != nil || full == nil || light == nil {
		t.Fatalf("published: got %v, %v, %v", full, light, err)
	}
	_, err := w.UpsertProducts(w.ctx, w.owner, []*feed.Product{product(t, 5, 9900, 1), product(t, 40, 100, 1)}, []feed.ProductID{7})
	check(t, err)
	w.publish()
	for _, kind := range []feed.Kind{feed.KindFull, feed.KindLight} {
		list, err := w.History(w.ctx, w.owner, o.ID, kind, 0, 10)
		check(t, err)
		if len(list) != 2 || list[0].Number <= list[1].Number || list[0].Feed.Kind != kind {
			t.Fatalf("%v: got %d generations", kind, len(list))
		}
		c, err := w.Compare(w.ctx, w.owner, list[1].Number, list[0].Number, 0, 10)
		check(t, err)
		want := fmt.Sprint([]manage.ProductChange{{Product: 5, Kind: "changed"}, {Product: 7, Kind: "removed"}, {Product: 40, Kind: "added"}})
		if got := fmt.Sprint(c.Changes); got != want || c.Added != 1 || c.Changed != 1 || c.Removed != 1 || c.Same != 28 || c.Next != 0 {
			t.Errorf("%v: got %s, %+v, want %s", kind, got, c, want)
		}
		// The other way round, page by page.
		back, err := w.Compare(w.ctx, w.owner, list[0].Number, list[1].Number, 5, 1)
		check(t, err)
		if fmt.Sprint(back.Changes) != fmt.Sprint([]manage.ProductChange{{Product: 7, Kind: "added"}}) || back.Next != 7 || back.Removed != 1 {
			t.Errorf("%v back: got %+v", kind, back)
		}
		old, err := w.NodeAt(w.ctx, w.owner, list[1].Number, 5)
		check(t, err)
		now, err := w.NodeAt(w.ctx, w.owner, list[0].Number, 5)
		check(t, err)
		if old.XML == now.XML || !strings.Contains(now.XML, "99.00") || strings.Contains(old.XML, "99.00") {
			t.Errorf("%v: got %s and %s", kind, old.XML, now.XML)
		}
	}
	full, light, err := w.Published(w.ctx, w.owner, o.ID)
	check(t, err)
	_, err = w.Compare(w.ctx, w.owner, full.Number, light.Number, 0, 1)
	wantKind(t, "full with light", err, feed.KindInvalid)
	_, err = w.Compare(w.ctx, w.owner, 1, 9999, 0, 1)
	wantKind(t, "an unknown generation", err, feed.KindNotFound)
	// Another merchant's generation does not exist.
	_, other, _ := w.newMerchant("Other")
	_, err = w.Generation(w.ctx, other, full.Number)
	wantKind(t, "a foreign generation", err, feed.KindNotFound)
	_, _, err = w.OpenFile(w.ctx, w.owner, o.ID, "../full.xml")
	wantKind(t, "no such file", err, feed.KindNotFound)
	body, f, err := w.OpenFile(w.ctx, w.owner, o.ID, "light.xml")
	check(t, err)
	defer body.Close()
	if f.Kind != feed.KindLight {
		t.Errorf("got %v", f.Kind)
	}
	hours, err := w.ChangeHours(w.ctx, w.owner, w.Now().Add(-1e12))
	check(t, err)
	if len(hours) == 0 || hours[0].Count < 30 {
		t.Errorf("changes by hour: got %v", hours)
	}
}

func TestShownTo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(4)
	ten := pln()
	ten.Discounts.Overall = percent(t, "10")
	out := pln()
	out.Assortment.Exclude = []feed.Rule{{Field: feed.RuleProduct, Value: "2"}}
	w.partner("Anna", partner.Partner{}, ten)
	w.partner("Bert", partner.Partner{}, out)
	list, total, err := w.ShownTo(w.ctx, w.owner, 2, "", 0, 10)
	check(t, err)
	if total != 2 || len(list) != 2 || list[0].Partner != "Anna" || !list[0].Included || list[0].Price.Net.Minor() != 909 || list[0].List.Net.Minor() != 1010 || list[0].Stock.String() != "1" {
		t.Errorf("got %+v of %d", list, total)
	}
	if list[1].Included || list[1].Reason.String() != "excluded" {
		t.Errorf("left out: got %+v", list[1])
	}
	if list, total, err = w.ShownTo(w.ctx, w.owner, 2, "", 1, 10); err != nil || total != 2 || len(list) != 1 || list[0].Partner != "Bert" {
		t.Errorf("the second page: got %+v of %d, %v", list, total, err)
	}
	w.partner("Łódź", partner.Partner{}, ten)
	if list, total, err = w.ShownTo(w.ctx, w.owner, 2, " lodz ", 0, 10); err != nil || total != 1 || len(list) != 1 || list[0].Partner != "Łódź" {
		t.Errorf("one partner: got %+v of %d, %v", list, total, err)
	}
	_, _, err = w.ShownTo(w.ctx, w.owner, 99, "", 0, 10)
	wantKind(t, "no product", err, feed.KindNotFound)
}

func TestImportInSteps(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(3)
	file := filepath.Join(t.TempDir(), "c.jsonl")
	write := func(lines ...string) manage.ImportFile {
		check(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
		return manage.ImportFile{Path: file, Name: "mine.jsonl"}
	}
	line := func(id int, price string) string {
		return fmt.Sprintf(`{"id":%d,"name":{"pol":"Rzecz %d"},"vat":"23","currency":"PLN","category":"A","unit":"szt.","price":"%s","sizes":[{"code":"n%d","stock":[{"warehouse":1,"quantity":1}]}]}`, id, id, price, id)
	}
	// Out of order is no error; nothing changes before the merge.
	in, err := w.StageImport(w.ctx, w.owner, write(line(9, "2.00"), line(2, "1.00")))
	check(t, err)
	if in.Plan.Added != 1 || in.Plan.Changed != 1 || in.Plan.Removed != 2 || in.Stats.Products != 2 {
		t.Errorf("plan: got %+v of %+v", in.Plan, in.Stats)
	}
	if _, err := w.Product(w.ctx, w.owner, 9); feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("before the merge: got %v", err)
	}
	plan, err := w.MergeImport(w.ctx, w.owner, in)
	check(t, err)
	if plan.Removed != 2 {
		t.Errorf("merge: got %+v", plan)
	}
	// Keeping what is not named.
	f := write(line(11, "3.00"))
	f.Keep = true
	in, err = w.StageImport(w.ctx, w.owner, f)
	check(t, err)
	if in.Plan.Added != 1 || in.Plan.Removed != 0 {
		t.Errorf("keep: got %+v", in.Plan)
	}
	check(t, w.DiscardImport(w.ctx, w.owner, in.ID))
	// A code of another product, in the file or beside it, is told.
	f = write(line(12, "3.00"), strings.Replace(line(13, "3.00"), "n13", "n12", 1), strings.Replace(line(14, "3.00"), "n14", "n9", 1))
	f.Keep = true
	in, err = w.StageImport(w.ctx, w.owner, f)
	check(t, err)
	if want := []catalog.SharedCode{{Code: "n12", Products: [2]feed.ProductID{12, 13}}, {Code: "n9", Products: [2]feed.ProductID{9, 14}}}; in.Shared.Count != 2 || !slices.Equal(in.Shared.Examples, want) {
		t.Errorf("shared codes: got %+v, want %v", in.Shared, want)
	}
	if in.Stats.Warnings != 2 || len(in.Problems) != 2 || in.Problems[0].Message != `"n9" is a code of product 9 too` || in.Problems[1].Line != 2 {
		t.Errorf("shared codes: told as %v", in.Problems)
	}
	check(t, w.DiscardImport(w.ctx, w.owner, in.ID))
	// Errors name the file as its sender calls it, and leave nothing.
	_, err = w.StageImport(w.ctx, w.owner, write(line(1, "x"), line(2, "1.00"), line(2, "1.00")))
	var lines *manage.LinesError
	if !errors.As(err, &lines) || lines.Problems[0].File != "mine.jsonl" || lines.Problems[0].Line != 1 {
		t.Errorf("a bad line: got %v", err)
	}
	_, err = w.StageImport(w.ctx, w.owner, write(line(2, "1.00"), line(2, "1.00")))
	wantKind(t, "an id twice", err, feed.KindInvalid)
	_, err = w.StageImport(w.ctx, w.owner, write(""))
	wantKind(t, "no products", err, feed.KindInvalid)
}

// A merchant whose settings say no rate of VAT has said none: his products are not
// taken for free of it. Shopify's export has no place for a rate.
func TestImportWithoutVAT(t *testing.T) {
	t.Parallel()
	w := setup(t)
	write := func(name, text string) manage.ImportFile {
		path := filepath.Join(t.TempDir(), name)
		check(t, os.WriteFile(path, []byte(text), 0o600))
		return manage.ImportFile{Path: path, Name: name, NetPrices: true}
	}
	table := write("mine.csv", "id;name;category;price;stock\n7;x;a;10,00;1\n")
	shop := write("shop.csv", "Handle,Title,Vendor,Option1 Name,Option1 Value,Variant Inventory Qty,Variant Price\nmug,Mug,V,Title,Default Title,1,10.00\n")
	_, err := w.StageImport(w.ctx, w.owner, table)
	var lines *manage.LinesError
	if !errors.As(err, &lines) || len(lines.Problems) != 1 || lines.Problems[0].Field != "vat" || lines.Problems[0].Message != "is missing" {
		t.Errorf("a table: got %v", err)
	}
	in, err := w.StageImport(w.ctx, w.owner, shop)
	check(t, err)
	if len(in.Problems) == 0 || in.Problems[0].Message != "the export does not say the VAT rate" || in.Problems[0].Level != catalog.LevelWarning {
		t.Errorf("Shopify's export: told as %v", in.Problems)
	}
	check(t, w.DiscardImport(w.ctx, w.owner, in.ID))
	m := w.merchant
	m.SayVAT(feed.Percent{}, true)
	m, err = w.UpdateMerchant(w.ctx, w.owner, m)
	check(t, err)
	for _, f := range []manage.ImportFile{table, shop} {
		in, err := w.StageImport(w.ctx, w.owner, f)
		check(t, err)
		if slices.ContainsFunc(in.Problems, func(p catalog.Problem) bool { return p.Field == "vat" }) {
			t.Errorf("%s with a VAT of 0 in the settings: told as %v", f.Name, in.Problems)
		}
		check(t, w.DiscardImport(w.ctx, w.owner, in.ID))
	}
	if m.VAT, err = feed.ParsePercent("23"); err != nil {
		t.Fatal(err)
	}
	_, err = w.UpdateMerchant(w.ctx, w.owner, m)
	check(t, err)
	for id, f := range map[feed.ProductID]manage.ImportFile{7: table, catalog.DeriveID("mug"): shop} {
		in, err := w.StageImport(w.ctx, w.owner, f)
		check(t, err)
		if slices.ContainsFunc(in.Problems, func(p catalog.Problem) bool { return p.Field == "vat" }) {
			t.Errorf("%s: told as %v", f.Name, in.Problems)
		}
		_, err = w.MergeImport(w.ctx, w.owner, in)
		check(t, err)
		p, err := w.Product(w.ctx, w.owner, id)
		check(t, err)
		if got := p.Prices.List.Gross.Text(p.Currency); got != "12.30" {
			t.Errorf("%s: got a gross price of %s, want 12.30", f.Name, got)
		}
	}
}
