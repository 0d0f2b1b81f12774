package rules

import (
	"hash/maphash"
	"math/bits"
	"strconv"
)

// key stands for an id: the number itself for a plain whole number, a hash
// with the highest bit set for any other text. Two texts that share a hash
// would hide a fault, never invent one, with odds of one to 2^60.
type key uint64

const textKey key = 1 << 63

// keys makes keys of ids. The seed differs from run to run, so that nobody
// can choose ids that crowd one place of a table.
type keys struct{ seed maphash.Seed }

func (k keys) of(id []byte) key {
	if n := len(id); n > 0 && n < 19 && (id[0] != '0' || n == 1) {
		v := key(0)
		for _, c := range id {
			if c < '0' || c > '9' {
				return k.hash(id)
			}
			v = v*10 + key(c-'0')
		}
		return v
	}
	return k.hash(id)
}

func (k keys) hash(id []byte) key { return key(maphash.Bytes(k.seed, id)) | textKey }

// path makes a hash of a path of names.
func (k keys) path(names []byte) uint64 { return maphash.Bytes(k.seed, names) }

// pair makes the key of an id within another.
func (k keys) pair(a, b key) key {
	hi, lo := bits.Mul64(uint64(a)^0x9E3779B97F4A7C15, uint64(b)^0xD1B54A32D192ED03)
	hi2, lo2 := bits.Mul64(hi^lo^uint64(a), 0x2545F4914F6CDD1D)
	return key(hi2^lo2) | textKey
}

// text gives the id back where the key is a number.
func (k key) text() (string, bool) {
	if k&textKey != 0 {
		return "", false
	}
	return strconv.FormatUint(uint64(k), 10), true
}

// budget is the memory that tables may take together.
type budget struct{ left int64 }

// shards keep what a growing table copies at once small.
const shards = 64

// table is a hash table from keys to small values without pointers, open
// addressed, in shards that grow one by one within a budget.
type table[V any] struct {
	mem    *budget
	salt   uint64
	slot   int64 // bytes of one slot
	shard  [shards]shard[V]
	length int
}

type shard[V any] struct {
	keys  []key // 0 marks a free slot, so keys are stored plus one
	vals  []V
	taken int
}

func newTable[V any](mem *budget, salt uint64, valueSize int64) *table[V] {
	return &table[V]{mem: mem, salt: salt | 1, slot: 8 + valueSize}
}

// find gives the shard of a key and its slot there; ok is false for a free slot.
func (t *table[V]) find(k key) (s *shard[V], i int, ok bool) {
	hi, lo := bits.Mul64(uint64(k)^t.salt, 0x9E3779B97F4A7C15)
	h := hi ^ lo
	s = &t.shard[h>>58]
	if len(s.keys) == 0 {
		return s, 0, false
	}
	mask := len(s.keys) - 1
	for i = int(h) & mask; s.keys[i] != 0; i = (i + 1) & mask {
		if s.keys[i] == k+1 {
			return s, i, true
		}
	}
	return s, i, false
}

// get gives the value of a key, nil when there is none. The pointer is good
// until the next put.
func (t *table[V]) get(k key) *V {
	if s, i, ok := t.find(k); ok {
		return &s.vals[i]
	}
	return nil
}

func (t *table[V]) has(k key) bool {
	_, _, ok := t.find(k)
	return ok
}

// put gives the place of a key's value, made when there was none. It is nil
// when the budget is spent.
func (t *table[V]) put(k key) (v *V, fresh bool) {
	s, i, ok := t.find(k)
	if ok {
		return &s.vals[i], false
	}
	if s.taken*5 >= len(s.keys)*4 {
		if !t.grow(s) {
			return nil, true
		}
		s, i, _ = t.find(k)
	}
	s.keys[i] = k + 1
	s.taken++
	t.length++
	return &s.vals[i], true
}

func (t *table[V]) grow(s *shard[V]) bool {
	n := max(8, 2*len(s.keys))
	more := int64(n-len(s.keys)) * t.slot
	if t.mem.left < more {
		return false
	}
	t.mem.left -= more
	old := *s
	s.keys, s.vals = make([]key, n), make([]V, n)
	for i, k := range old.keys {
		if k != 0 {
			_, j, _ := t.find(k - 1)
			s.keys[j], s.vals[j] = k, old.vals[i]
		}
	}
	return true
}

// release forgets everything and gives the memory back to the budget.
func (t *table[V]) release() {
	for i := range t.shard {
		t.mem.left += int64(len(t.shard[i].keys)) * t.slot
		t.shard[i] = shard[V]{}
	}
	t.length = 0
}

// each visits all entries, in no order.
func (t *table[V]) each(visit func(key, *V)) {
	for i := range t.shard {
		s := &t.shard[i]
		for j, k := range s.keys {
			if k != 0 {
				visit(k-1, &s.vals[j])
			}
		}
	}
}
