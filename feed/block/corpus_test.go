package block_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/block"
	"feedmill/feed/iof"
)

// shop makes products with the statistics of a merchant's catalog: a
// vocabulary that repeats as words of a language do, phrases that stand in
// every description, addresses and hashes that repeat nowhere. Equal seeds give
// equal products.
type shop struct {
	words [3][]string
	brand []string
}

var shopLanguages = [3]feed.Language{feed.MustLanguage("pol"), feed.MustLanguage("eng"), feed.MustLanguage("ger")}

func newShop() *shop {
	r := rand.New(rand.NewPCG(11, 7))
	word := func(syllables []string, n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(syllables[r.IntN(len(syllables))])
		}
		return b.String()
	}
	s := new(shop)
	for i, syllables := range []string{
		"wy ko na sto do sz czą nia łę pro wi kie ra ja ło śli zie mo gó rek ba weł po dłu żka nos ny ki ch em ów",
		"the com ing ble fort er col our ed qua li ty ma te rial wash ea sy light du ra gar ment s ly in for out able",
		"un der ge ver stell bar keit sch lich ung haus größe trag be quem mus ter en er leicht fach rei ni gung st ab",
	} {
		list := strings.Fields(syllables)
		for range 500 {
			s.words[i] = append(s.words[i], word(list, 1+r.IntN(4)))
		}
	}
	for range 400 {
		w := word(strings.Fields("ba ko ri va lo ta ne mi xu za"), 2+r.IntN(2))
		s.brand = append(s.brand, strings.ToUpper(w[:1])+w[1:])
	}
	return s
}

// pick favours small indices, as words and producers are unequally common.
func pick(r *rand.Rand, n int) int {
	f := r.Float64()
	return int(f * f * f * float64(n))
}

func (s *shop) sentence(r *rand.Rand, lang, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s.words[lang][pick(r, 500)])
	}
	return b.String() + "."
}

const hexDigits = "0123456789abcdef"

func hexText(r *rand.Rand) string {
	b := make([]byte, 32)
	for i := range b {
		b[i] = hexDigits[r.IntN(16)]
	}
	return string(b)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var vat23 = must(feed.ParsePercent("23"))

func netPrice(minor int64) feed.Price {
	return must(feed.PriceFromNet(must(feed.AmountOf(minor)), vat23))
}

// item makes the product of an id at a revision; revisions differ in price,
// stock and one sentence.
func (s *shop) item(id feed.ProductID, revision int) *feed.Item {
	r := rand.New(rand.NewPCG(uint64(id), 1))
	v := rand.New(rand.NewPCG(uint64(id), uint64(revision)+2))
	brand, kind := s.brand[pick(r, 400)], pick(r, 300)
	model := fmt.Sprintf("%s %d", s.brand[r.IntN(400)], r.IntN(900))
	p := &feed.Product{
		ID: id, VAT: vat23, Currency: feed.MustCurrency("PLN"), DisplayCode: fmt.Sprintf("%s-%d", brand[:2], id),
		Producer: feed.Ref{ID: fmt.Sprint(1000000 + len(brand)*7919%900000), Name: brand},
		Category: feed.Reference{ID: fmt.Sprint(1214553000 + kind), Names: feed.Texts{{Value: "Dom/" + s.words[0][kind] + "/" + s.words[0][(kind*7)%500]}}},
		Unit:     feed.Reference{ID: "0", Names: feed.Texts{{Value: "szt."}}},
		URL:      fmt.Sprintf("https://shop.example/pl/products/%s-%d?ref=feed", strings.ReplaceAll(model, " ", "-"), id),
	}
	for l := range 1 + r.IntN(5)/3 + r.IntN(8)/7 {
		name := strings.TrimSuffix(s.sentence(r, l, 3+r.IntN(3)), ".") + " " + brand + " " + model
		long := "<h2>" + name + "</h2>\n"
		for range 1 + r.IntN(2) {
			long += "<p>" + s.sentence(r, l, 9+r.IntN(12)) + " " + s.sentence(r, l, 8+r.IntN(9)) + "</p>\n"
		}
		long += "<ul>\n"
		for range 2 + r.IntN(3) {
			long += "<li>" + s.sentence(r, l, 3+r.IntN(4)) + "</li>\n"
		}
		long += "</ul>\n<p><strong>24 h</strong> &ndash; " + s.words[l][1] + " " + s.words[l][2] + " 30 &amp; " + s.words[l][3] + "</p>"
		if revision > 0 && l == 0 {
			long += "<p>" + s.sentence(v, l, 2) + "</p>"
		}
		lang := shopLanguages[l]
		p.Names = append(p.Names, feed.Text{Lang: lang, Value: name})
		p.ShortDescs = append(p.ShortDescs, feed.Text{Lang: lang, Value: s.sentence(r, l, 10+r.IntN(12))})
		p.LongDescs = append(p.LongDescs, feed.Text{Lang: lang, Value: long})
	}
	it := &feed.Item{Product: p, Currency: p.Currency}
	net := 499 + r.Int64N(60000)
	if revision > 0 {
		net += v.Int64N(500)
	}
	it.Full = feed.PricePoints{Price: netPrice(net), SRP: netPrice(net * 12 / 10)}
	it.Light = feed.PricePoints{Price: netPrice(net * 9 / 10), SRP: netPrice(net * 12 / 10)}
	sizes := []string{"XS", "S", "M", "L", "XL", "XXL"}
	for _, size := range sizes[:1+r.IntN(6)*r.IntN(2)] {
		z := feed.Size{ID: size, Name: size, PanelName: size, Code: fmt.Sprintf("%d-%s", id, size),
			ProducerCode: fmt.Sprintf("590%010d", r.Int64N(1e10)), Weight: feed.Grams(50 + 25*r.Int64N(60))}
		is := feed.ItemSize{Full: it.Full, Light: it.Light}
		for w := range 1 + r.IntN(2) {
			is.Stock = append(is.Stock, feed.Stock{Warehouse: feed.WarehouseID(w + 1), Quantity: feed.Pieces(int64(pick(v, 40)))})
		}
		z.Stock = is.Stock
		p.Sizes, it.Sizes = append(p.Sizes, z), append(it.Sizes, is)
	}
	for n := range 3 + r.IntN(6) {
		p.Images = append(p.Images, feed.Image{Hash: hexText(r), Width: feed.IntOf(int32(800 + 100*r.IntN(8))), Height: feed.IntOf(800),
			URL: fmt.Sprintf("https://shop.example/hpeciai/%s/pol_pl_%s-%d_%d.webp", hexText(r), strings.ReplaceAll(model, " ", "-"), id, n+1)})
	}
	for n := range 10 + r.IntN(11) {
		k := (kind*7 + n*3 + r.IntN(3)) % 60
		value := pick(r, 80)
		p.Parameters = append(p.Parameters, feed.Parameter{ID: fmt.Sprint(300 + k), Names: feed.Texts{{Lang: shopLanguages[0], Value: s.words[0][k+40]}},
			Values: []feed.ParameterValue{{ID: fmt.Sprint(5000 + value), Names: feed.Texts{{Lang: shopLanguages[0], Value: s.words[0][value+120]}}}}})
	}
	return it
}

// document is what goes through a writer: a header, nodes by ascending id, a footer.
type document struct {
	header, footer []byte
	ids            []feed.ProductID
	nodes          [][]byte
}

func (d *document) plain() []byte {
	b := append([]byte(nil), d.header...)
	for _, n := range d.nodes {
		b = append(b, n...)
	}
	return append(b, d.footer...)
}

// mean is the size of a node in bytes.
func (d *document) mean() int {
	n := 0
	for _, node := range d.nodes {
		n += len(node)
	}
	return n / max(len(d.nodes), 1)
}

// cut gives blocks of about size bytes.
func (d *document) cut(size int) int {
	return block.CutFor(size, int64(len(d.nodes)), int64(d.mean()*len(d.nodes)))
}

// offer renders ids as a full or light document by the project's own writers.
func offer(light bool, ids []feed.ProductID, revision func(feed.ProductID) int) *document {
	s := newShop()
	p := &feed.Profile{Languages: shopLanguages[:2], Currency: feed.MustCurrency("PLN")}
	w := iof.NewWriter(p, nil, iof.Options{GeneratedBy: "feedmill"})
	at := time.Date(2026, 3, 2, 1, 10, 0, 0, time.UTC)
	d := &document{header: w.AppendFullHeader(nil, at, at.AddDate(0, 0, 7), p.Currency), footer: w.AppendFullFooter(nil), ids: ids}
	for _, id := range ids {
		it := s.item(id, revision(id))
		if light {
			d.nodes = append(d.nodes, w.AppendLight(nil, it))
		} else {
			d.nodes = append(d.nodes, w.AppendFull(nil, it))
		}
	}
	return d
}

// catalogIDs are n ids with the gaps of a catalog that is years old.
func catalogIDs(n int) []feed.ProductID {
	r := rand.New(rand.NewPCG(5, 5))
	ids := make([]feed.ProductID, 0, n)
	for id := feed.ProductID(1000); len(ids) < n; id++ {
		if r.IntN(10) < 7 {
			ids = append(ids, id)
		}
	}
	return ids
}

func unrevised(feed.ProductID) int { return 0 }

var (
	sampleFull  = sync.OnceValue(func() *document { return offer(false, catalogIDs(2000), unrevised) })
	sampleLight = sync.OnceValue(func() *document { return offer(true, catalogIDs(6000), unrevised) })
)

func TestSampleIsLifelike(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		d        *document
		from, to int
	}{"full": {sampleFull(), 3000, 8000}, "light": {sampleLight(), 250, 2500}} {
		if m := c.d.mean(); m < c.from || m > c.to {
			t.Errorf("%s: got nodes of %d bytes, want %d to %d", name, m, c.from, c.to)
		}
	}
}
