package iof_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/iof"

	"github.com/beevik/etree"
)

// sharedSamples lists published and invented sample files that lie in a folder
// beside the module, if there are any.
func sharedSamples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "iof", "*", "*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no shared samples beside the module")
	}
	return files
}

// truth compares a product with the tree that another parser made of it.
type truth struct {
	t    *testing.T
	e    *etree.Element
	p    *feed.Product
	cur  feed.Currency
	lang string // of the file
}

func (x *truth) same(what, got, want string) {
	x.t.Helper()
	if got != want {
		x.t.Errorf("product %s: %s = %q, want %q", x.e.SelectAttrValue("id", ""), what, got, want)
	}
}

func (x *truth) sameInt(what string, got feed.Int, e *etree.Element, attr string) {
	x.t.Helper()
	text := ""
	if n, ok := got.Get(); ok {
		text = strconv.Itoa(int(n))
	}
	x.same(what, text, e.SelectAttrValue(attr, ""))
}

func (x *truth) price(what string, got feed.Price, e *etree.Element) {
	x.t.Helper()
	for _, side := range []struct {
		attr string
		got  feed.Amount
	}{{"net", got.Net}, {"gross", got.Gross}} {
		want := "0"
		if e != nil {
			want = e.SelectAttrValue(side.attr, "0")
		}
		f, err := strconv.ParseFloat(want, 64)
		if err != nil {
			x.t.Fatal(err)
		}
		x.same(what+"/@"+side.attr, side.got.Text(x.cur), fmt.Sprintf("%.2f", f))
	}
}

func (x *truth) prices(what string, p feed.Prices, e *etree.Element) {
	x.t.Helper()
	x.price(what+"/price", p.List, e.SelectElement("price"))
	x.price(what+"/srp", p.SRP, e.SelectElement("srp"))
	x.price(what+"/strikethrough_retail_price", p.StrikethroughRetail, e.SelectElement("strikethrough_retail_price"))
	x.price(what+"/strikethrough_wholesale_price", p.StrikethroughWholesale, e.SelectElement("strikethrough_wholesale_price"))
}

// texts compares texts with the elements that hold them.
func (x *truth) texts(what string, got feed.Texts, nodes []*etree.Element) {
	x.t.Helper()
	var want []string
	for _, n := range nodes {
		want = append(want, n.SelectAttrValue("xml:lang", x.lang)+":"+strings.TrimSpace(n.Text()))
	}
	x.same(what, flat(got), strings.Join(want, "|"))
}

func flat(ts feed.Texts) string {
	var parts []string
	for _, t := range ts {
		parts = append(parts, t.Lang.String()+":"+t.Value)
	}
	return strings.Join(parts, "|")
}

func (x *truth) reference(tag, attr, id string, names feed.Texts) {
	x.t.Helper()
	want, wantNames := "", ""
	if n := x.e.SelectElement(tag); n != nil {
		want = n.SelectAttrValue("id", "")
		wantNames = n.SelectAttrValue("xml:lang", x.lang) + ":" + n.SelectAttrValue(attr, "")
	}
	x.same(tag+"/@id", id, want)
	x.same(tag+"/@"+attr, flat(names), wantNames)
}

func (x *truth) image(what string, m feed.Image, e *etree.Element) {
	x.t.Helper()
	if e == nil {
		x.same(what, m.URL, "")
		return
	}
	x.same(what+"/@url", m.URL, e.SelectAttrValue("url", ""))
	x.same(what+"/@hash", m.Hash, e.SelectAttrValue("hash", ""))
	x.same(what+"/@changed", m.Changed, e.SelectAttrValue("changed", ""))
	x.sameInt(what+"/@width", m.Width, e, "width")
	x.sameInt(what+"/@height", m.Height, e, "height")
	x.sameInt(what+"/@priority", m.Priority, e, "iaiext:priority")
}

func (x *truth) product(light bool) {
	e, p := x.e, x.p
	x.same("@id", strconv.FormatInt(int64(p.ID), 10), e.SelectAttrValue("id", ""))
	x.same("@vat", p.VAT.String(), e.SelectAttrValue("vat", "0.0"))
	x.prices("product", p.Prices, e)
	x.sizes(light)
	if light {
		return
	}
	x.same("@code_on_card", p.DisplayCode, e.SelectAttrValue("code_on_card", ""))
	x.same("@producer_code_standard", p.CodeStandard.String(), e.SelectAttrValue("producer_code_standard", ""))
	x.same("@type", p.Type.String(), e.SelectAttrValue("type", "regular"))
	x.sameInt("@site", p.Site, e, "site")
	producer := e.SelectElement("producer")
	if producer == nil {
		producer = etree.NewElement("producer")
	}
	x.same("producer/@id", p.Producer.ID, producer.SelectAttrValue("id", ""))
	x.same("producer/@name", p.Producer.Name, producer.SelectAttrValue("name", ""))
	x.reference("category", "name", p.Category.ID, p.Category.Names)
	x.reference("category_idosell", "path", p.Taxonomy.ID, p.Taxonomy.Names)
	x.reference("unit", "name", p.Unit.ID, p.Unit.Names)
	x.reference("series", "name", p.Series.ID, p.Series.Names)
	x.reference("warranty", "name", p.Warranty.ID, p.Warranty.Names)
	if w := e.SelectElement("warranty"); w != nil {
		x.same("warranty/@type", p.Warranty.Kind.String(), w.SelectAttrValue("type", ""))
		x.sameInt("warranty/@period", p.Warranty.Months, w, "period")
	}
	if c := e.SelectElement("card"); c != nil {
		x.same("card/@url", p.URL, c.SelectAttrValue("url", ""))
	}
	x.texts("name", p.Names, e.FindElements("description/name"))
	x.texts("short_desc", p.ShortDescs, e.FindElements("description/short_desc"))
	x.texts("long_desc", p.LongDescs, e.FindElements("description/long_desc"))
	x.texts("version/name", p.Version.Names, e.FindElements("description/version/name"))
	if v := e.FindElement("description/version"); v != nil {
		x.same("version/@name", p.Version.Name, v.SelectAttrValue("name", ""))
	}
	meta := 0
	for _, n := range e.FindElements("description/*") {
		if n.Space != "iaiext" {
			continue
		}
		if meta < len(p.Meta) {
			m := p.Meta[meta]
			x.same("meta", m.Name+" "+m.Lang.String()+" "+m.Site+" "+m.Value, n.Tag+" "+n.SelectAttrValue("xml:lang", x.lang)+" "+n.SelectAttrValue("iaiext:site_id", "")+" "+strings.TrimSpace(n.Text()))
		}
		meta++
	}
	x.same("number of meta texts", strconv.Itoa(len(p.Meta)), strconv.Itoa(meta))

	images := e.FindElements("images/large/image")
	x.same("number of images", strconv.Itoa(len(p.Images)), strconv.Itoa(len(images)))
	for i := range p.Images {
		x.image("image", p.Images[i], images[i])
	}
	x.image("icon", p.Icon, e.FindElement("images/icons/icon"))
	x.image("auction_icon", p.AuctionIcon, e.FindElement("images/icons/auction_icon"))
	x.image("group_icon", p.GroupIcon, e.FindElement("images/icons/group_icon"))

	files := e.FindElements("attachments/file")
	x.same("number of files", strconv.Itoa(len(p.Attachments)), strconv.Itoa(len(files)))
	for i := range p.Attachments {
		f, n := &p.Attachments[i], files[i]
		x.same("file/@url", f.URL, n.SelectAttrValue("url", ""))
		x.same("file/@version", f.Version, n.SelectAttrValue("version", ""))
		x.same("file/@enable", f.Enable, n.SelectAttrValue("enable", ""))
		x.same("file/@attachment_file_type", f.FileType, n.SelectAttrValue("attachment_file_type", ""))
		x.same("file/@attachment_file_extension", f.Extension, n.SelectAttrValue("attachment_file_extension", ""))
		x.same("file/@download_log", f.DownloadLog.String(), n.SelectAttrValue("download_log", ""))
		x.sameInt("file/@priority", f.Priority, n, "priority")
		x.texts("file/name", f.Names, n.SelectElements("name"))
		if l := n.SelectElement("limitation"); l != nil {
			x.sameInt("limitation/@downloads", f.Downloads, l, "downloads")
			x.sameInt("limitation/@days", f.Days, l, "days")
		}
	}
	x.group()
	x.parameters()
	x.bundled()
}

func (x *truth) sizes(light bool) {
	sizes := x.e.FindElements("sizes/size")
	x.same("number of sizes", strconv.Itoa(len(x.p.Sizes)), strconv.Itoa(len(sizes)))
	if s := x.e.SelectElement("sizes"); s != nil && !light {
		x.same("sizes/@group_id", x.p.SizeGroup.ID, s.SelectAttrValue("iaiext:group_id", ""))
		x.same("sizes/@group_name", x.p.SizeGroup.Name, s.SelectAttrValue("iaiext:group_name", ""))
		x.same("sizes/@sizeList", x.p.SizeList, s.SelectAttrValue("iaiext:sizeList", ""))
	}
	for i := range min(len(sizes), len(x.p.Sizes)) {
		s, n := &x.p.Sizes[i], sizes[i]
		id := n.SelectAttrValue("id", "")
		if x.p.SizeGroup.ID == feed.OneSizeGroup && id == "0" {
			id = "uniw" // the vocabulary's spelling of the one size
		}
		x.same("size/@id", s.ID, id)
		x.same("size/@name", s.Name, n.SelectAttrValue("name", ""))
		x.same("size/@panel_name", s.PanelName, n.SelectAttrValue("panel_name", ""))
		x.same("size/@code", s.Code, n.SelectAttrValue("code", ""))
		x.same("size/@code_producer", s.ProducerCode, n.SelectAttrValue("code_producer", ""))
		x.same("size/@code_external", s.ExternalCode, n.SelectAttrValue("iaiext:code_external", ""))
		x.same("size/@weight", s.Weight.String(), n.SelectAttrValue("weight", "0"))
		x.same("size/@weight_net", s.WeightNet.String(), n.SelectAttrValue("iaiext:weight_net", "0"))
		x.sameInt("size/@priority", s.Priority, n, "iaiext:priority")
		x.prices("size", s.Prices, n)
		var got, want []string
		for _, q := range s.Stock {
			got = append(got, fmt.Sprint(q.Warehouse, " ", q.Quantity, " ", q.Available, " ", q.Physical, " ", q.LocationID, " ", q.Location))
		}
		for _, q := range n.SelectElements("stock") {
			number := func(attr string) string {
				f, err := strconv.ParseFloat(q.SelectAttrValue(attr, "0"), 64)
				if err != nil {
					x.t.Fatal(err)
				}
				return strconv.FormatFloat(f, 'f', -1, 64)
			}
			want = append(want, fmt.Sprint(q.SelectAttrValue("id", ""), " ", number("quantity"), " ", number("available_stock_quantity"), " ", number("stock_quantity"), " ", q.SelectAttrValue("location_id", ""), " ", q.SelectAttrValue("location_text_id", "")))
		}
		x.same("stock", strings.Join(got, "|"), strings.Join(want, "|"))
	}
}

func (x *truth) group() {
	n := x.e.SelectElement("group")
	if n == nil || x.p.Group == nil {
		x.same("group", fmt.Sprint(x.p.Group == nil), fmt.Sprint(n == nil))
		return
	}
	g := x.p.Group
	x.same("group/@id", g.ID, n.SelectAttrValue("id", ""))
	x.same("group/@first_product_id", g.First, n.SelectAttrValue("first_product_id", n.SelectAttrValue("iaiext:first_product_id", "")))
	x.same("group/@first_product_code_iai", g.FirstCode, n.SelectAttrValue("iaiext:first_product_code_iai", ""))
	x.same("group/@first_product_code_producer", g.FirstProducerCode, n.SelectAttrValue("iaiext:first_product_code_producer", ""))
	x.same("group/@first_product_code_external", g.FirstExternalCode, n.SelectAttrValue("iaiext:first_product_code_external", ""))
	x.same("group/@code_external", g.ExternalCode, n.SelectAttrValue("iaiext:code_external", ""))
	x.texts("group_by_parameter/name", g.Parameter.Names, n.FindElements("group_by_parameter/name"))
	x.texts("product_value/name", g.Value.Names, n.FindElements("group_by_parameter/product_value/name"))
}

// parameters compares identity and texts; nodes of one id in several languages
// are one parameter.
func (x *truth) parameters() {
	var got, want []string
	for _, m := range x.p.Parameters {
		for _, name := range m.Names {
			got = append(got, fmt.Sprint(m.ID, " ", m.Section, " ", name.Lang, " ", name.Value, " ", m.Context, " ", m.Distinction.String()+m.GroupDistinction.String()+m.Hide.String()+m.AuctionHide.String()))
		}
		for _, v := range m.Values {
			for _, name := range v.Names {
				got = append(got, fmt.Sprint(m.ID, "=", v.ID, " ", name.Lang, " ", name.Value, " ", v.Context, " ", v.Priority.Or(-1)))
			}
		}
	}
	for _, n := range x.e.FindElements("parameters/*") {
		want = append(want, fmt.Sprint(n.SelectAttrValue("id", ""), " ", n.Tag == "section" || n.SelectAttrValue("type", "") == "section", " ", n.SelectAttrValue("xml:lang", x.lang), " ", n.SelectAttrValue("name", ""), " ", n.SelectAttrValue("context_id", ""), " ",
			n.SelectAttrValue("distinction", "")+n.SelectAttrValue("group_distinction", "")+n.SelectAttrValue("hide", "")+n.SelectAttrValue("auction_template_hide", "")))
		values := n.SelectElements("value")
		done := make([]bool, len(values))
		for i, v := range values {
			// What follows under the same id in another language belongs here.
			langs := map[string]bool{}
			for j := i; j < len(values); j++ {
				o := values[j]
				lang := o.SelectAttrValue("xml:lang", x.lang)
				if done[j] || o.SelectAttrValue("id", "") != v.SelectAttrValue("id", "") || langs[lang] {
					continue
				}
				done[j], langs[lang] = true, true
				want = append(want, fmt.Sprint(n.SelectAttrValue("id", ""), "=", o.SelectAttrValue("id", ""), " ", lang, " ", o.SelectAttrValue("name", ""), " ", o.SelectAttrValue("context_id", ""), " ", o.SelectAttrValue("priority", "-1")))
			}
		}
	}
	x.same("parameters", strings.Join(got, "\n"), strings.Join(want, "\n"))
}

func (x *truth) bundled() {
	n := x.e.SelectElement("bundled")
	if n == nil || x.p.Bundled == nil {
		x.same("bundled", fmt.Sprint(x.p.Bundled == nil), fmt.Sprint(n == nil))
		return
	}
	x.same("bundled/@type", fmt.Sprint(x.p.Bundled.Specified), fmt.Sprint(n.SelectAttrValue("type", "") == "specified"))
	var got, want []string
	for _, c := range x.p.Bundled.Components {
		got = append(got, fmt.Sprint(c.ID, " ", c.Quantity, " ", c.Choice))
		for _, s := range c.Sizes {
			got = append(got, fmt.Sprint(s.ID, " ", s.Name, " ", s.Code, " ", s.ProducerCode, " ", s.ExternalCode))
		}
	}
	for _, c := range n.SelectElements("product") {
		want = append(want, fmt.Sprint(c.SelectAttrValue("id", ""), " ", strings.TrimSuffix(c.SelectAttrValue("quantity", ""), ".000"), " ", strings.TrimSpace(c.SelectAttrValue("type", ""))))
		for _, s := range c.FindElements("sizes/size") {
			want = append(want, fmt.Sprint(s.SelectAttrValue("id", ""), " ", s.SelectAttrValue("name", ""), " ", s.SelectAttrValue("iaiext:code", ""), " ", s.SelectAttrValue("iaiext:code_producer", ""), " ", s.SelectAttrValue("iaiext:code_external", "")))
		}
	}
	x.same("bundled", strings.Join(got, "\n"), strings.Join(want, "\n"))
}

// TestReadSharedSamples reads every offer file and compares each product, field
// by field, with what another parser finds in the file.
func TestReadSharedSamples(t *testing.T) {
	t.Parallel()
	for _, file := range sharedSamples(t) {
		doc := etree.NewDocument()
		if err := doc.ReadFromFile(file); err != nil {
			t.Fatal(err)
		}
		if doc.Root().Tag != "offer" {
			continue
		}
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var removed []string
			r := iof.NewReader(f, iof.ReadOptions{
				Report: func(line int, product, field, message string, level iof.Level) {
					if level == iof.LevelError {
						t.Errorf("line %d, product %s, %s: %s", line, product, field, message)
					}
				},
				Removed: func(id feed.ProductID) { removed = append(removed, fmt.Sprint(int64(id))) },
			})
			products := doc.FindElement("//products")
			head, err := r.Header()
			if err != nil {
				t.Fatal(err)
			}
			if got, want := head.Currency.String(), products.SelectAttrValue("currency", ""); got != want {
				t.Errorf("currency %q, want %q", got, want)
			}
			if got, want := head.Generated.Format("2006-01-02 15:04:05"), doc.Root().SelectAttrValue("generated", ""); got != want {
				t.Errorf("generated %q, want %q", got, want)
			}
			light := strings.HasPrefix(filepath.Base(file), "light")
			kind, err := r.Kind()
			if err != nil || (kind == feed.KindLight) != light {
				t.Errorf("kind %v, %v", kind, err)
			}
			var nodes []*etree.Element
			var wantRemoved []string
			for _, n := range products.SelectElements("product") {
				if n.SelectAttrValue("removed", "") == "yes" {
					wantRemoved = append(wantRemoved, n.SelectAttrValue("id", ""))
				} else {
					nodes = append(nodes, n)
				}
			}
			i := 0
			for p, err := range r.Products(context.Background()) {
				if err != nil {
					t.Fatal(err)
				}
				if i >= len(nodes) {
					t.Fatalf("more than the %d products of the file", len(nodes))
				}
				x := &truth{t: t, e: nodes[i], p: p, cur: p.Currency, lang: products.SelectAttrValue("language", "")}
				x.product(light)
				i++
			}
			if i != len(nodes) {
				t.Errorf("%d products, want %d", i, len(nodes))
			}
			if fmt.Sprint(removed) != fmt.Sprint(wantRemoved) {
				t.Errorf("removed %v, want %v", removed, wantRemoved)
			}
		})
	}
}

// TestReadSharedDictionaries reads every dictionary file and compares ids,
// parents and names with what another parser finds.
func TestReadSharedDictionaries(t *testing.T) {
	t.Parallel()
	for _, file := range sharedSamples(t) {
		kind, _, ok := feed.ParseFileName(filepath.Base(file))
		if !ok || kind < feed.KindCategories || kind > feed.KindWarranties {
			continue
		}
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			doc := etree.NewDocument()
			if err := doc.ReadFromFile(file); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var d feed.Dictionaries
			if err := iof.ReadDictionary(f, kind, &d); err != nil {
				t.Fatal(err)
			}
			lang := doc.Root().SelectAttrValue("language", "")
			var want []string
			var walk func(e *etree.Element, parent string)
			walk = func(e *etree.Element, parent string) {
				id := e.SelectAttrValue("id", "")
				names := map[string]string{}
				for _, n := range e.SelectElements("name") {
					names[n.SelectAttrValue("xml:lang", lang)] = strings.TrimSpace(n.Text())
				}
				if _, ok := names[lang]; !ok && kind != feed.KindProducers {
					names[lang] = e.SelectAttrValue("name", "")
				}
				if kind == feed.KindProducers {
					names = map[string]string{"": e.SelectAttrValue("name", "")}
				}
				want = append(want, fmt.Sprint(parent, ">", id, " ", names))
				for _, c := range e.ChildElements() {
					if c.Tag == e.Tag || c.Tag == "size" {
						walk(c, id)
					}
				}
			}
			roots := doc.Root().ChildElements()
			if kind == feed.KindParameters {
				roots = doc.FindElements("/parameters/*/*")
			}
			for _, e := range roots {
				walk(e, "")
			}
			got := dictionaryLines(kind, &d)
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func dictionaryLines(kind feed.Kind, d *feed.Dictionaries) (lines []string) {
	add := func(parent, id string, ts feed.Texts) {
		names := map[string]string{}
		for _, t := range ts {
			names[t.Lang.String()] = t.Value
		}
		lines = append(lines, fmt.Sprint(parent, ">", id, " ", names))
	}
	switch kind {
	case feed.KindProducers:
		for _, e := range d.Producers {
			add("", e.ID, feed.Texts{{Value: e.Name}})
		}
	case feed.KindCategories:
		for _, e := range d.Categories {
			add(e.Parent, e.ID, e.Names)
		}
	case feed.KindUnits:
		for _, e := range d.Units {
			add("", e.ID, e.Names)
		}
	case feed.KindSeries:
		for _, e := range d.Series {
			add(e.Parent, e.ID, e.Names)
		}
	case feed.KindStocks:
		for _, e := range d.Warehouses {
			add("", fmt.Sprint(e.ID), e.Names)
		}
	case feed.KindWarranties:
		for _, e := range d.Warranties {
			add("", e.ID, e.Names)
		}
	case feed.KindSizes:
		for _, g := range d.SizeGroups {
			lines = append(lines, fmt.Sprint(">", g.ID, " map[pol:", g.Name, "]"))
			for _, e := range g.Sizes {
				add(g.ID, e.ID, e.Names)
			}
		}
	case feed.KindParameters:
		for _, list := range [][]feed.ParameterEntry{d.Sections, d.Parameters, d.Values} {
			for _, e := range list {
				add("", e.ID, e.Names)
			}
		}
	}
	return lines
}
