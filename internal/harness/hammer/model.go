package hammer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
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

// at gives the catalog after a change.
func (m *model) at(event int64) map[feed.ProductID]shown {
	m.Lock()
	defer m.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[feed.ProductID]shown{}
	for id, list := range m.products {
		var p *site.Product
		for _, v := range list {
			if v.event <= event {
				p = v.product
			}
		}
		if p != nil {
			out[id] = shown{p.Price, p.Stock}
		}
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

// differs tells how a full or light document differs from the catalog, "" for
// not at all. Light shows products that have left as sold out for a time, and
// prices that depend on the offer.
func differs(got, want map[feed.ProductID]shown, light bool) string {
	for id, w := range want {
		g, ok := got[id]
		switch {
		case !ok:
			return fmt.Sprintf("product %d is missing", id)
		case g.stock != w.stock || !light && g.price != w.price:
			return fmt.Sprintf("product %d has price %d and stock %d instead of %d and %d", id, g.price, g.stock, w.price, w.stock)
		}
	}
	for id, g := range got {
		if _, ok := want[id]; !ok && (!light || g.stock != 0) {
			return fmt.Sprintf("product %d is not in the catalog", id)
		}
	}
	return ""
}
