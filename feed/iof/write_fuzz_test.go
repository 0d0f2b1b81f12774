package iof_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/iof"
)

// strict reads a whole document and gives the attributes and texts by the
// path of their element, several under one path joined by a line of dashes.
func strict(t *testing.T, doc []byte) map[string]string {
	t.Helper()
	out := make(map[string]string)
	put := func(key, value string) {
		if old, ok := out[key]; ok {
			value = old + "\n---\n" + value
		}
		out[key] = value
	}
	d := xml.NewDecoder(bytes.NewReader(doc))
	var path []string
	var text []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%q", err, doc)
		}
		switch token := token.(type) {
		case xml.StartElement:
			path, text = append(path, token.Name.Local), append(text, "")
			for _, a := range token.Attr {
				put(strings.Join(path, "/")+"@"+a.Name.Local, a.Value)
			}
		case xml.CharData:
			if len(text) > 0 {
				text[len(text)-1] += string(token)
			}
		case xml.EndElement:
			put(strings.Join(path, "/"), text[len(text)-1])
			path, text = path[:len(path)-1], text[:len(text)-1]
		}
	}
}

// FuzzTexts puts one string into every place of a product that takes text.
func FuzzTexts(f *testing.F) {
	for _, s := range fragments {
		f.Add(s, s, false)
		f.Add("a"+s+"]]>b", "words of more than eight bytes"+s, true)
	}
	f.Fuzz(func(t *testing.T, s, attr string, escaped bool) {
		p := &feed.Profile{Languages: []feed.Language{pol}, Dialect: feed.Dialect{EscapedText: escaped}}
		w := iof.NewWriter(p, nil, iof.Options{DefaultLanguage: pol})
		r := &reference{p: p}
		ts := texts("", s)
		product := &feed.Product{
			ID: 1, DisplayCode: attr, Producer: feed.Ref{ID: attr, Name: attr}, Category: feed.Reference{ID: attr, Names: ts}, Unit: feed.Reference{ID: "1", Names: ts},
			Series: feed.Reference{ID: attr, Names: ts}, Warranty: feed.WarrantyRef{ID: "1", Names: ts}, URL: attr, MobileURL: attr,
			Names: ts, ShortDescs: ts, LongDescs: ts, Version: feed.Version{Name: s}, Meta: []feed.MetaText{{Name: "meta_title", Value: s}, {Name: attr, Value: s}},
			Attrs:     []feed.Attr{{Name: attr, Value: s}, {Name: "rebate", Value: attr}},
			SizeGroup: feed.Ref{ID: attr, Name: attr}, Sizes: []feed.Size{{ID: attr, Name: attr, PanelName: attr, Code: attr, ProducerCode: attr, ExternalCode: attr}},
			Images: []feed.Image{{URL: attr, Hash: attr, Changed: attr}}, Icon: feed.Image{URL: attr}, Attachments: []feed.Attachment{{URL: attr, Name: attr, Names: ts, Enable: attr, Extension: attr}},
			Group:      &feed.Group{ID: attr, First: attr, Parameter: feed.GroupName{Names: ts}, Value: feed.GroupName{ID: attr, Names: ts}},
			Parameters: []feed.Parameter{{ID: attr, Names: ts, Context: attr, Values: []feed.ParameterValue{{ID: attr, Names: ts, Context: attr}}}},
			Promotion:  &feed.Promotion{Name: attr, Start: attr, End: attr}, Bundled: &feed.Bundled{Components: []feed.Component{{ID: attr, Sizes: []feed.ComponentSize{{Name: attr, Code: attr}}}}},
			Responsible: &feed.ResponsibleEntity{Producer: feed.Contact{Name: s}}, Extensions: []feed.Extension{{Name: "taxcode", XML: s}, {Name: "taxcode", XML: attr}},
		}
		it := &feed.Item{Product: product, Currency: pln, Promotion: feed.PromotionPrices{Price: price(t, 1, 1)},
			Sizes: []feed.ItemSize{{Stock: []feed.Stock{{Warehouse: 1, LocationID: attr, Location: attr}}}}}
		full := strict(t, w.AppendFullFooter(w.AppendFull(w.AppendFullHeader(nil, generated, expires, pln), it)))
		strict(t, w.AppendLightFooter(w.AppendLight(w.AppendLightHeader(nil, generated, expires, pln), it)))

		for _, key := range []string{"description/name", "description/short_desc", "description/long_desc", "description/meta_title", "responsible_entity/producer/name"} {
			if got, want := full["offer/products/product/"+key], r.nodeText(s); got != want {
				t.Errorf("text of %s: got %q, want %q", key, got, want)
			}
		}
		for _, key := range []string{"@code_on_card", "@rebate", "/producer@name", "/card@url", "/sizes@group_id", "/sizes/size/stock@location_id", "/images/large/image@url", "/promotion@name"} {
			want := attrText(attr)
			if key == "/producer@name" && want == "" {
				continue
			}
			if got := full["offer/products/product"+key]; got != want {
				t.Errorf("attribute %s: got %q, want %q", key, got, want)
			}
		}
	})
}

// FuzzDocuments puts one string into every place of the other documents.
func FuzzDocuments(f *testing.F) {
	for _, s := range fragments {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{GeneratedBy: s})
		ts := texts("", s, "pol", s)
		entries := []feed.ParameterEntry{{ID: s, Names: ts, Descriptions: ts, CardIcons: ts, ListIcons: ts}}
		d := &feed.Dictionaries{Producers: []feed.Ref{{ID: s, Name: s}}, Categories: []feed.Category{{ID: s, Parent: s, Names: ts}, {ID: "b", Parent: s}}, Units: []feed.Unit{{ID: s, Names: ts}},
			Series: []feed.SeriesEntry{{ID: s, Names: ts}, {Parent: s}}, Warranties: []feed.Warranty{{ID: s, Names: ts, Descriptions: ts}}, Warehouses: []feed.Warehouse{{Names: ts}},
			SizeGroups: []feed.SizeGroup{{ID: s, Name: s, Sizes: []feed.SizeEntry{{ID: s, Names: ts}, {}}}}, Sections: entries, Parameters: entries, Values: entries}
		for _, doc := range [][]byte{
			w.AppendCategories(nil, d, generated, expires), w.AppendSizes(nil, d, generated), w.AppendProducers(nil, d, generated, expires), w.AppendUnits(nil, d, generated, expires),
			w.AppendParameters(nil, d, generated, expires), w.AppendStocks(nil, d, generated, expires), w.AppendSeries(nil, d, generated, expires), w.AppendWarranties(nil, d, generated, expires),
		} {
			strict(t, doc)
		}
		g := sampleGateway()
		g.Supplier = feed.Supplier{Name: s, ShortName: s, LogoURL: s, Email: s, Phone: s, Fax: s, Website: s, Street: s, Zipcode: s, City: s, Country: s, Province: s}
		g.Full.URL, g.Full.Hash = s, s
		got := strict(t, w.AppendGateway(nil, g))
		r := &reference{p: &feed.Profile{}}
		for _, key := range []string{"email", "fax", "address/province"} {
			if want := r.nodeText(s); got["provider_description/meta/"+key] != want {
				t.Errorf("%s: got %q, want %q", key, got["provider_description/meta/"+key], want)
			}
		}
		if got := got["provider_description/full@url"]; got != attrText(s) {
			t.Errorf("full@url: got %q, want %q", got, attrText(s))
		}
		p := samplePreset()
		p.Supplier = g.Supplier
		p.Settings = append(p.Settings, iof.Setting{Name: s, Value: s}, iof.Setting{Name: "description", Value: s}, iof.Setting{Name: "update_name", Value: s})
		got = strict(t, w.AppendPreset(nil, p))
		if want := (&reference{p: &feed.Profile{Dialect: feed.Dialect{EscapedText: true}}}).nodeText(s); got["preset/description"] != want {
			t.Errorf("preset description: got %q, want %q", got["preset/description"], want)
		}
	})
}

// FuzzExtension passes any extension: whatever it is, the product stays
// well-formed and holds no other product.
func FuzzExtension(f *testing.F) {
	for _, s := range []string{"<iaiext:note>a</iaiext:note>", "<iaiext:note a='1' b=\"2\"/>", "<iaiext:note/><iaiext:note/>", "<iaiext:note></product><product></iaiext:note>", "<iaiext:note><!-- a -- b --></iaiext:note>",
		"<iaiext:note><![CDATA[ ]] ]]></iaiext:note>", "<iaiext:note>]]></iaiext:note>", "<iaiext:note a='1' a='2'/>", "<iaiext:note>&amp;&#x20;&#0;</iaiext:note>", "<iaiext:note xmlns:x='y'/>", "<x:note/>", "<?a?>", "<!DOCTYPE a>",
		"<iaiext:note><b:c/></iaiext:note>", "<iaiext:note xml:lang='pol'>ł</iaiext:note>", "<iaiext:note><a><b>c</b></a>&lt;</iaiext:note>", "<iaiext:note a = '&quot;' />"} {
		f.Add(s, "note")
	}
	f.Fuzz(func(t *testing.T, extension, name string) {
		w := iof.NewWriter(&feed.Profile{Dialect: feed.Dialect{AllExtensions: true}}, nil, iof.Options{})
		it := &feed.Item{Product: &feed.Product{ID: 1, Extensions: []feed.Extension{{Name: name, XML: extension}}}, Currency: pln}
		b := w.AppendFull(nil, it)
		doc := w.AppendFullFooter(append(w.AppendFullHeader(nil, generated, expires, pln), b...))
		got := strict(t, doc)
		if got["offer/products/product@id"] != "1" {
			t.Errorf("products: got %q, want one", got["offer/products/product@id"])
		}
		if bytes.Contains(b, []byte("iaiext:")) {
			if _, ok := got["offer/products/product/"+name]; !ok {
				t.Errorf("an extension was written, but not as %q: %s", name, b)
			}
		}
	})
}
