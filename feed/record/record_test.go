package record

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/feedtest"

	"pgregory.net/rapid"
)

func TestProductRoundTrip(t *testing.T) {
	t.Parallel()
	var dirty feed.Product // used again and again, also between checks
	var dec Decoder
	var reused feed.Product
	rapid.Check(t, func(t *rapid.T) {
		p := feedtest.Product().Draw(t, "product")
		if rapid.Bool().Draw(t, "untagged") {
			p.Names[0].Lang = feed.Language{}
		}
		doc := Append(nil, p)
		for name, decode := range map[string]func() (*feed.Product, error){
			"fresh":   func() (*feed.Product, error) { var q feed.Product; return &q, Decode(doc, &q) },
			"used":    func() (*feed.Product, error) { return &dirty, Decode(doc, &dirty) },
			"decoder": func() (*feed.Product, error) { return &reused, dec.Decode(doc, &reused) },
		} {
			q, err := decode()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if d := feedtest.Diff(q, p); d != "" {
				t.Fatalf("%s: %s", name, d)
			}
			if again := Append(nil, q); !bytes.Equal(again, doc) {
				t.Fatalf("%s: the document of what was decoded is another", name)
			}
		}
		if Digest(p) != DigestDocument(doc) {
			t.Fatal("two digests of one product")
		}
	})
}

func TestDictionariesRoundTrip(t *testing.T) {
	t.Parallel()
	var dirty feed.Dictionaries
	rapid.Check(t, func(t *rapid.T) {
		d := feedtest.Dictionaries().Draw(t, "dictionaries")
		doc := AppendDictionaries(nil, d)
		var fresh feed.Dictionaries
		for _, got := range []*feed.Dictionaries{&fresh, &dirty} {
			if err := DecodeDictionaries(doc, got); err != nil {
				t.Fatal(err)
			}
			if diff := feedtest.Diff(got, d); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// fill sets every field that v has to something other than zero, lists to
// two elements, so that a field nobody encodes is noticed.
func fill(t *testing.T, v reflect.Value, n *int) {
	*n++
	k := int64(*n)
	set := func(x any) { v.Set(reflect.ValueOf(x)) }
	amount := func(k int64) feed.Amount {
		a, err := feed.AmountOf(k)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	switch v.Interface().(type) {
	case feed.Amount:
		set(amount(k))
		return
	case feed.Percent:
		p, err := feed.PercentOf(k)
		if err != nil {
			t.Fatal(err)
		}
		set(p)
		return
	case feed.Quantity:
		q, err := feed.QuantityOf(k)
		if err != nil {
			t.Fatal(err)
		}
		set(q)
		return
	case feed.Weight:
		w, err := feed.WeightOf(k)
		if err != nil {
			t.Fatal(err)
		}
		set(w)
		return
	case feed.Int:
		set(feed.IntOf(int32(k)))
		return
	case feed.Language:
		set(feed.MustLanguage([]string{"pol", "eng", "ger"}[k%3]))
		return
	case feed.Currency:
		set(feed.MustCurrency("KWD"))
		return
	case feed.Flag, feed.ProductType, feed.CodeStandard, feed.WarrantyKind, feed.ComponentChoice:
		v.SetUint(uint64(k%2 + 1))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("s" + strings.Repeat("x", int(k%7)) + string(rune('0'+k%10)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(k)
	case reflect.Uint8:
		v.SetUint(uint64(k%3 + 1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				t.Fatalf("%s.%s is not exported: teach this test to set a %s", v.Type(), v.Type().Field(i).Name, v.Type())
			}
			if v.Type() == reflect.TypeFor[feed.Product]() && v.Type().Field(i).Name == "Listed" {
				continue // prices of price lists are records of their own: see TestEveryFieldIsKept
			}
			if v.Field(i).Type() == reflect.TypeFor[*feed.Mark]() {
				continue // stored nowhere
			}
			fill(t, v.Field(i), n)
		}
	default:
		t.Fatalf("teach this test to set a %s", v.Type())
	}
}

// everything gives a T with every field set.
func everything[T any](t *testing.T) *T {
	v := new(T)
	n := 0
	fill(t, reflect.ValueOf(v).Elem(), &n)
	return v
}

// TestEveryFieldIsKept fails when a field is added to the vocabulary that the
// documents forget.
func TestEveryFieldIsKept(t *testing.T) {
	t.Parallel()
	p := everything[feed.Product](t)
	// What price lists say of a product is not the product's: it is neither written
	// nor left behind by the product before.
	with := *p
	with.Listed = []feed.ListedPrice{{List: "b2b", Code: "s"}}
	if !bytes.Equal(Append(nil, &with), Append(nil, p)) {
		t.Error("prices of price lists are in the document")
	}
	q := feed.Product{Listed: with.Listed}
	if err := Decode(Append(nil, p), &q); err != nil {
		t.Fatal(err)
	}
	if d := feedtest.Diff(&q, p); d != "" {
		t.Errorf("%s: encode and decode it, under a new version", d)
	}
	// An empty product over a full one: nothing may be left behind.
	if err := Decode(Append(nil, new(feed.Product)), &q); err != nil {
		t.Fatal(err)
	}
	if d := feedtest.Diff(&q, new(feed.Product)); d != "" {
		t.Errorf("left behind by the product before: %s", d)
	}
	d := everything[feed.Dictionaries](t)
	var e feed.Dictionaries
	if err := DecodeDictionaries(AppendDictionaries(nil, d), &e); err != nil {
		t.Fatal(err)
	}
	if diff := feedtest.Diff(&e, d); diff != "" {
		t.Errorf("%s: encode and decode it, under a new version", diff)
	}
}

// TestFormatIsFrozen holds version 1 to the bytes it had when it was released:
// stored documents cannot be asked to change.
func TestFormatIsFrozen(t *testing.T) {
	t.Parallel()
	product, dictionaries := Digest(everything[feed.Product](t)), DigestDocument(AppendDictionaries(nil, everything[feed.Dictionaries](t)))
	for _, c := range []struct {
		what      string
		got, want string
	}{
		{"product", hex.EncodeToString(product[:]), frozenProduct},
		{"dictionaries", hex.EncodeToString(dictionaries[:]), frozenDictionaries},
	} {
		if c.got != c.want {
			t.Errorf("documents of %s changed (digest %s, want %s): give them a new version and keep reading the old one", c.what, c.got, c.want)
		}
	}
}

// TestLeastLengths holds the numbers that bound the memory of hostile
// documents to what empty elements really take.
func TestLeastLengths(t *testing.T) {
	t.Parallel()
	length := func(walk func(*walker)) int {
		w := walker{encoding: true}
		walk(&w)
		return len(w.out)
	}
	empty := length(func(w *walker) { product(w, new(feed.Product)) })
	added := func(change func(*feed.Product)) int {
		var p feed.Product
		change(&p)
		return length(func(w *walker) { product(w, &p) }) - empty
	}
	for _, c := range []struct {
		name      string
		got, want int
	}{
		{"tag", added(func(p *feed.Product) { p.Tags = make([]string, 1) }), minString},
		{"text", added(func(p *feed.Product) { p.Names = make(feed.Texts, 1) }), minText},
		{"meta", added(func(p *feed.Product) { p.Meta = make([]feed.MetaText, 1) }), minMeta},
		{"size", added(func(p *feed.Product) { p.Sizes = make([]feed.Size, 1) }), minSize},
		{"image", added(func(p *feed.Product) { p.Images = make([]feed.Image, 1) }), minImage},
		{"attachment", added(func(p *feed.Product) { p.Attachments = make([]feed.Attachment, 1) }), minFile},
		{"parameter", added(func(p *feed.Product) { p.Parameters = make([]feed.Parameter, 1) }), minParameter},
		{"attr", added(func(p *feed.Product) { p.Attrs = make([]feed.Attr, 1) }), minAttr},
		{"extension", added(func(p *feed.Product) { p.Extensions = make([]feed.Extension, 1) }), minAttr},
		{"stock", length(func(w *walker) { stock(w, new(feed.Stock)) }), minStock},
		{"value", length(func(w *walker) { value(w, new(feed.ParameterValue)) }), minValue},
		{"component", length(func(w *walker) { component(w, new(feed.Component)) }), minComponent},
		{"component size", length(func(w *walker) { componentSize(w, new(feed.ComponentSize)) }), minCompSize},
		{"contact", length(func(w *walker) { contact(w, new(feed.Contact)) }), minContact},
		{"ref", length(func(w *walker) { ref(w, new(feed.Ref)) }), minRef},
		{"category", length(func(w *walker) { category(w, new(feed.Category)) }), minCategory},
		{"unit", length(func(w *walker) { unit(w, new(feed.Unit)) }), minUnit},
		{"series", length(func(w *walker) { series(w, new(feed.SeriesEntry)) }), minCategory},
		{"warranty", length(func(w *walker) { warranty(w, new(feed.Warranty)) }), minWarranty},
		{"warehouse", length(func(w *walker) { warehouse(w, new(feed.Warehouse)) }), minWarehouse},
		{"size group", length(func(w *walker) { sizeGroup(w, new(feed.SizeGroup)) }), minGroup},
		{"size entry", length(func(w *walker) { sizeEntry(w, new(feed.SizeEntry)) }), minSizeEntry},
		{"entry", length(func(w *walker) { entry(w, new(feed.ParameterEntry)) }), minEntry},
	} {
		if c.got != c.want {
			t.Errorf("an empty %s takes %d bytes, want %d", c.name, c.got, c.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	good := Append(nil, everything[feed.Product](t))
	dictionaries := AppendDictionaries(nil, &feed.Dictionaries{})
	newer := bytes.Clone(good)
	newer[0] = 2
	for _, c := range []struct {
		name string
		doc  []byte
		want error
		says string
	}{
		{"nothing", nil, ErrDamaged, "empty"},
		{"a newer version", newer, ErrVersion, "version 2 (this program reads 1)"},
		{"dictionaries", dictionaries, ErrDamaged, "other kind"},
		{"more than a product", append(bytes.Clone(good), 0), ErrDamaged, "more bytes"},
		{"only the version", good[:1], ErrDamaged, "inside a number"},
	} {
		var p feed.Product
		err := Decode(c.doc, &p)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v with %q in it", c.name, err, c.want, c.says)
		}
	}
	var d feed.Dictionaries
	if err := DecodeDictionaries(good, &d); !errors.Is(err, ErrDamaged) {
		t.Errorf("a product as dictionaries: %v, want %v", err, ErrDamaged)
	}
	if err := DecodeDictionaries([]byte{0x82}, &d); !errors.Is(err, ErrVersion) {
		t.Errorf("newer dictionaries: %v, want %v", err, ErrVersion)
	}
}

// TestEveryCutIsRefused cuts a document at every byte.
func TestEveryCutIsRefused(t *testing.T) {
	t.Parallel()
	good := Append(nil, everything[feed.Product](t))
	var p feed.Product
	for n := range good {
		if err := Decode(good[:n], &p); !errors.Is(err, ErrDamaged) {
			t.Fatalf("the first %d bytes of %d: %v, want %v", n, len(good), err, ErrDamaged)
		}
	}
}

// TestNamesAlone reads documents as far as their names, and ones that are cut
// behind or before them.
func TestNamesAlone(t *testing.T) {
	t.Parallel()
	var dec Decoder
	var q feed.Product
	rapid.Check(t, func(t *rapid.T) {
		p := feedtest.Product().Draw(t, "product")
		doc := Append(nil, p)
		if err := dec.DecodeNames(doc, &q); err != nil || !reflect.DeepEqual(append(feed.Texts{}, q.Names...), append(feed.Texts{}, p.Names...)) || q.ID != p.ID {
			t.Fatalf("got %v, %v, want %v", q.Names, err, p.Names)
		}
	})
	doc := Append(nil, &feed.Product{ID: 1, Names: feed.Texts{{Lang: feed.MustLanguage("pol"), Value: "Kubek"}}})
	end := bytes.Index(doc, []byte("Kubek")) + len("Kubek")
	for n := range doc {
		if err := dec.DecodeNames(doc[:n], &q); (err == nil) != (n >= end) {
			t.Errorf("the first %d bytes of %d, names end at %d: got %v", n, len(doc), end, err)
		}
	}
}

// TestHostileCounts claims long lists in short documents.
func TestHostileCounts(t *testing.T) {
	good := Append(nil, everything[feed.Product](t))
	for at := 1; at < len(good); at++ {
		doc := append(bytes.Clone(good[:at]), 0xff, 0xff, 0xff, 0xff, 0x7f)
		doc = append(doc, make([]byte, 1000)...)
		var p feed.Product
		if err := Decode(doc, &p); err == nil {
			t.Fatalf("a document with a count of 34359738367 at byte %d was read", at)
		}
		// A list of empty sizes is the largest thing a byte can ask for.
		if n := cap(p.Sizes); n > len(doc)/minSize+64 {
			t.Fatalf("%d bytes made room for %d sizes", len(doc), n)
		}
	}
}

func TestDecoderAliases(t *testing.T) {
	t.Parallel()
	doc := Append(nil, &feed.Product{ID: 1, DisplayCode: "ABC"})
	var copied, aliased feed.Product
	var dec Decoder
	if err := errors.Join(Decode(doc, &copied), dec.Decode(doc, &aliased)); err != nil {
		t.Fatal(err)
	}
	doc[bytes.Index(doc, []byte("ABC"))] = 'X'
	if copied.DisplayCode != "ABC" || aliased.DisplayCode != "XBC" {
		t.Errorf("after a change of the document: %q and %q, want ABC and XBC", copied.DisplayCode, aliased.DisplayCode)
	}
}

// TestDecoderKeepsProductsApart decodes into two products in turn: memory
// behind pointers must not be shared.
func TestDecoderKeepsProductsApart(t *testing.T) {
	t.Parallel()
	doc := func(name string) []byte {
		return Append(nil, &feed.Product{Group: &feed.Group{ID: name}, Promotion: &feed.Promotion{Name: name}, Bundled: &feed.Bundled{Components: []feed.Component{{ID: name}}}})
	}
	a, b, none := doc("a"), doc("b"), Append(nil, new(feed.Product))
	var dec Decoder
	var p, q feed.Product
	for _, step := range []struct {
		to  *feed.Product
		doc []byte
	}{{&p, a}, {&q, b}, {&p, none}, {&q, a}, {&p, b}} {
		if err := dec.Decode(step.doc, step.to); err != nil {
			t.Fatal(err)
		}
	}
	if p.Group.ID != "b" || q.Group.ID != "a" || p.Promotion.Name != "b" || q.Promotion.Name != "a" || p.Bundled.Components[0].ID != "b" || q.Bundled.Components[0].ID != "a" {
		t.Errorf("got groups %v and %v, want b and a", p.Group, q.Group)
	}
}

// TestConcurrentAppend lets the race detector see that encoding only reads.
func TestConcurrentAppend(t *testing.T) {
	t.Parallel()
	p := everything[feed.Product](t)
	docs := make(chan []byte)
	for range 4 {
		go func() { docs <- Append(nil, p) }()
	}
	first := <-docs
	for range 3 {
		if doc := <-docs; !bytes.Equal(doc, first) {
			t.Error("one product gave two documents")
		}
	}
}

func TestManyLanguages(t *testing.T) {
	t.Parallel()
	var p feed.Product
	for _, code := range strings.Fields("aar abk afr aka alb amh ara arg arm asm ava ave aym aze bak bam baq bel ben bih bis bos bre bul bur cat cha che chi chu chv cor cos cre cze dan div dut dzo eng epo est ewe fao fij fin fre fry ful") {
		l, err := feed.ParseLanguage(code)
		if err != nil {
			continue
		}
		p.Names = append(p.Names, feed.Text{Lang: l, Value: code})
	}
	p.LongDescs = p.Names
	if len(p.Names) <= maxLanguages {
		t.Fatalf("only %d languages", len(p.Names))
	}
	var q feed.Product
	if err := Decode(Append(nil, &p), &q); err != nil {
		t.Fatal(err)
	}
	if d := feedtest.Diff(&q, &p); d != "" {
		t.Error(d)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Append(nil, new(feed.Product)))
	f.Add(Append(nil, feedtest.Product().Example(1)))
	f.Add(AppendDictionaries(nil, feedtest.Dictionaries().Example(1)))
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, doc []byte) {
		var p feed.Product
		if err := Decode(doc, &p); err == nil {
			// What is read is what the document says, in its one spelling.
			if again := Append(nil, &p); !bytes.Equal(again, doc) {
				t.Errorf("%x was read, and would be written as %x", doc, again)
			}
		} else if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
			t.Errorf("%v is neither of the two errors", err)
		}
		var d feed.Dictionaries
		if err := DecodeDictionaries(doc, &d); err == nil {
			if again := AppendDictionaries(nil, &d); !bytes.Equal(again, doc) {
				t.Errorf("%x was read, and would be written as %x", doc, again)
			}
		}
	})
}
