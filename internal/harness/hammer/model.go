package hammer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"feedmill/feed"
	"feedmill/feed/patch"
	"feedmill/internal/harness/site"
)

// model is what the catalog holds after each change. Writers hold it for reading
// from before they change something until the change is in it.
type model struct {
	sync.RWMutex
	mu       sync.Mutex
	products map[feed.ProductID][]version
	// rates, and what the price list says of each product, 0 for nothing, in hundredths.
	rates  []amount
	listed map[feed.ProductID][]amount
	// discounts are those of light feeds by key, in tenths of a percent.
	discounts map[string]int64
}

// version is what a product is from a change on; nil is gone.
type version struct {
	event   int64
	product *site.Product
}

// amount is what a rate or a price is from a change on.
type amount struct{ event, hundredths int64 }

// latest is later than every change.
const latest = 1 << 62

func newModel() *model {
	return &model{products: map[feed.ProductID][]version{}, listed: map[feed.ProductID][]amount{}, discounts: map[string]int64{}}
}

func (m *model) setRate(event, hundredths int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rates = append(m.rates, amount{event, hundredths})
}

func (m *model) setListed(event int64, id feed.ProductID, hundredths int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listed[id] = append(m.listed[id], amount{event, hundredths})
}

func (m *model) setDiscount(key string, tenths int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.discounts[key] = tenths
}

func (m *model) set(id feed.ProductID, event int64, p *site.Product) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.products[id] = append(m.products[id], version{event, p})
}

// last gives what a product is now.
func (m *model) last(id feed.ProductID) *site.Product {
	m.mu.Lock()
	defer m.mu.Unlock()
	if list := m.products[id]; len(list) > 0 {
		return list[len(list)-1].product
	}
	return nil
}

// shown is what a file shows of a product; the price in hundredths.
type shown struct {
	price int64
	stock int
}

// moment is what the catalog and its prices may be in a generation.
type moment struct {
	products  map[feed.ProductID][]*site.Product
	rates     []int64
	listed    map[feed.ProductID][]int64
	discounts map[string]int64
}

// since gives what each product and price may be in a generation that includes a
// change: what it was after it, or has become since. A snapshot sees every change
// up to the number that it names, and may see some that had no number yet.
func (m *model) since(event int64) *moment {
	m.Lock()
	defer m.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	at := &moment{products: map[feed.ProductID][]*site.Product{}, listed: map[feed.ProductID][]int64{}, discounts: maps.Clone(m.discounts)}
	amounts := func(list []amount, before ...int64) []int64 {
		for _, a := range list {
			if a.event <= event {
				before = before[:0]
			}
			before = append(before, a.hundredths)
		}
		return before
	}
	at.rates = amounts(m.rates)
	for id, list := range m.listed {
		at.listed[id] = amounts(list, 0)
	}
	for id, list := range m.products {
		allowed := []*site.Product{nil}
		for _, v := range list {
			if v.event <= event {
				allowed = allowed[:0]
			}
			allowed = append(allowed, v.product)
		}
		at.products[id] = allowed
	}
	return at
}

var (
	gross    = regexp.MustCompile(`<price gross="([0-9]+)\.([0-9]{2})"`)
	quantity = regexp.MustCompile(`<stock id="1" quantity="([0-9]+)"`)
)

// parse gives the products of a full or light document.
func parse(data []byte) (map[feed.ProductID]shown, error) {
	out := map[feed.ProductID]shown{}
	for r := patch.NewReader(bytes.NewReader(data)); ; {
		n, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		id, err := strconv.ParseInt(n.ID, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("product %q: %w", n.ID, err)
		}
		s := shown{price: -1}
		if m := gross.FindSubmatch(n.Raw); m != nil {
			s.price, _ = strconv.ParseInt(string(m[1])+string(m[2]), 10, 64) // digits
		}
		if m := quantity.FindSubmatch(n.Raw); m != nil {
			s.stock, _ = strconv.Atoi(string(m[1])) // digits
		}
		out[feed.ProductID(id)] = s
	}
}

// differs tells where a full or light document shows something that the catalog
// was not, "" for nowhere, to an offer that looks at prices so. Light, which has a
// feed's key, shows products that have left as sold out for a time.
func differs(got map[feed.ProductID]shown, at *moment, look sight, light string) string {
	for id, list := range at.products {
		g, there := got[id]
		if !slices.ContainsFunc(list, func(p *site.Product) bool {
			if p == nil {
				return !there || light != "" && g.stock == 0
			}
			prices := look.prices(p, at, light)
			return there && g.stock == p.Stock && (prices == nil || slices.Contains(prices, g.price))
		}) {
			return fmt.Sprintf("product %d (there: %v) has price %d/100 and stock %d, which is not what it was then or since", id, there, g.price, g.stock)
		}
	}
	for id := range got {
		if _, ok := at.products[id]; !ok {
			return fmt.Sprintf("product %d was never in the catalog", id)
		}
	}
	return ""
}
