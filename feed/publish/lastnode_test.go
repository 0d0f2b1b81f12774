package publish_test

import (
	"strings"
	"testing"

	"feedmill/feed"
)

// What leaves light is read from the light file before, in few requests however
// much it is: the store may be far. A single product costs a small one.
func TestManyGoneProductsAreReadTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		goes func(feed.ProductID) bool
		most int
	}{
		{"one", func(id feed.ProductID) bool { return id == 1000 }, 1},
		{"most", func(id feed.ProductID) bool { return id%3 != 0 }, 16},
		{"the last thousand", func(id feed.ProductID) bool { return id > 2000 }, 16},
		{"here and there", func(id feed.ProductID) bool { return id%100 == 7 }, 16},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t.TempDir())
			s.settings.MaxLoss, s.hints = 100, false
			const products = 3000
			for id := range feed.ProductID(products) {
				s.set(id+1, 100, 5, "name")
			}
			s.mustRun(t)
			before := s.generation(feed.KindLight)
			file := before.File(feed.KindLight).Plain
			s.opened = map[string]int{}
			gone := 0
			for id := range feed.ProductID(products) {
				if c.goes(id + 1) {
					s.remove(id + 1)
					gone++
				}
			}
			s.mustRun(t)
			if n := s.opened[file.Key]; n == 0 || n > c.most {
				t.Errorf("%d products have gone, and light of %d bytes was read in %d parts, want %d at most", gone, file.Size, n, c.most)
			}
			after := s.generation(feed.KindLight)
			light := s.bytes(after.File(feed.KindLight))
			if n, all := strings.Count(light, ` quantity="0"`), strings.Count(light, "<product id="); n != gone || all != products {
				t.Errorf("light has %d products, %d of them sold out, want %d and %d", all, n, products, gone)
			}
		})
	}
}
