package hammer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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
}

// version is what a product is from a change on; nil is gone.
type version struct {
	event   int64
	product *site.Product
}

func newModel() *model { return &model{products: map[feed.ProductID][]version{}} }

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

// shown is what a file shows of a product.
type shown struct{ price, stock int }

// since gives what each product may be in a generation that includes a change:
// what it was after it, or has become since. A snapshot sees every change up to
// the number that it names, and may see some that had no number yet.
func (m *model) since(event int64) map[feed.ProductID][]*site.Product {
	m.Lock()
	defer m.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[feed.ProductID][]*site.Product{}
	for id, list := range m.products {
		allowed := []*site.Product{nil}
		for _, v := range list {
			if v.event <= event {
				allowed = allowed[:0]
			}
			allowed = append(allowed, v.product)
		}
		out[id] = allowed
	}
	return out
}

var (
	gross    = regexp.MustCompile(`<price gross="([0-9]+)\.[0-9]{2}"`)
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
			s.price, _ = strconv.Atoi(string(m[1])) // digits
		}
		if m := quantity.FindSubmatch(n.Raw); m != nil {
			s.stock, _ = strconv.Atoi(string(m[1])) // digits
		}
		out[feed.ProductID(id)] = s
	}
}

// differs tells where a full or light document shows something that the catalog
// was not, "" for nowhere. Light shows products that have left as sold out for a
// time, and prices that depend on the offer.
func differs(got map[feed.ProductID]shown, allowed map[feed.ProductID][]*site.Product, light bool) string {
	for id, list := range allowed {
		g, there := got[id]
		if !slices.ContainsFunc(list, func(p *site.Product) bool {
			if p == nil {
				return !there || light && g.stock == 0
			}
			return there && g.stock == p.Stock && (light || g.price == p.Price)
		}) {
			return fmt.Sprintf("product %d (there: %v) has price %d and stock %d, which is not what it was then or since", id, there, g.price, g.stock)
		}
	}
	for id := range got {
		if _, ok := allowed[id]; !ok {
			return fmt.Sprintf("product %d was never in the catalog", id)
		}
	}
	return ""
}
