package records

import (
	"maps"
	"slices"
	"sync"
)

// Subscribers are called after each commit that file servers must see. The zero
// value has none.
type Subscribers struct {
	mu   sync.Mutex
	next int
	fns  map[int]func()
}

// Add has fn called from now on; cancel ends it.
func (s *Subscribers) Add(fn func()) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fns == nil {
		s.fns = map[int]func(){}
	}
	id := s.next
	s.next++
	s.fns[id] = fn
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.fns, id)
	}
}

// Call calls them all, in no order.
func (s *Subscribers) Call() {
	s.mu.Lock()
	fns := slices.Collect(maps.Values(s.fns))
	s.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
}
