package block

import (
	"crypto/sha256"
	"sync"
	"unsafe"
)

// cache keeps segments by the SHA-256 of their plain bytes and the level, up to
// a number of bytes; the least recently used go first. Segments in it are never
// written to. It is safe for concurrent use.
type cache struct {
	max int64

	mu    sync.Mutex
	m     map[cacheKey]*cacheEntry
	ring  cacheEntry // the end of the list; next is the most recently used
	bytes int64
}

// cacheKey has the first 16 bytes of the SHA-256. It has to withstand intent, because merchants
// choose what is in a block and blocks are shared between merchants.
type cacheKey struct {
	sum   [16]byte
	plain int
	level int
}

func cacheKeyOf(plain []byte, level int) cacheKey {
	sum := sha256.Sum256(plain)
	return cacheKey{[16]byte(sum[:16]), len(plain), level}
}

// cacheEntry is a segment; it is in the list once it is made.
type cacheEntry struct {
	key        cacheKey
	stream     []byte
	crc        uint32
	made       chan struct{}
	prev, next *cacheEntry
}

// entryCost is what an entry takes beside its stream: itself, its channel, and
// its place in a map that is between half and all of seven eighths full.
const entryCost = int64(unsafe.Sizeof(cacheEntry{})) + 96 + int64(unsafe.Sizeof(cacheKey{})+8)*2

func newCache(maxBytes int64) *cache {
	c := &cache{max: maxBytes, m: make(map[cacheKey]*cacheEntry)}
	c.ring.prev, c.ring.next = &c.ring, &c.ring
	return c
}

// get gives the segment of a key. When there is none and nobody makes it, the
// caller does: mine is true, and he calls put or drop. While somebody makes it,
// get waits for him.
func (c *cache) get(k cacheKey) (stream []byte, crc uint32, mine bool) {
	for {
		c.mu.Lock()
		e := c.m[k]
		if e == nil {
			c.m[k] = &cacheEntry{key: k, made: make(chan struct{})}
			c.mu.Unlock()
			return nil, 0, true
		}
		if e.stream != nil {
			e.unlink()
			c.front(e)
			c.mu.Unlock()
			return e.stream, e.crc, false
		}
		c.mu.Unlock()
		<-e.made
	}
}

// put gives the cache the segment that get asked for, and the copy of the
// stream that it keeps back.
func (c *cache) put(k cacheKey, stream []byte, crc uint32) []byte {
	kept := append([]byte(nil), stream...)
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.m[k]
	e.stream, e.crc = kept, crc
	close(e.made)
	c.front(e)
	c.bytes += e.cost()
	for c.bytes > c.max {
		last := c.ring.prev
		last.unlink()
		delete(c.m, last.key)
		c.bytes -= last.cost()
	}
	return kept
}

// drop says that the segment that get asked for will not come.
func (c *cache) drop(k cacheKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.m[k].made)
	delete(c.m, k)
}

// cost is what the entry takes of memory; append gave the stream the whole of
// the piece that the allocator had for it.
func (e *cacheEntry) cost() int64 { return entryCost + int64(cap(e.stream)) }

func (c *cache) front(e *cacheEntry) {
	e.prev, e.next = &c.ring, c.ring.next
	e.prev.next, e.next.prev = e, e
}

func (e *cacheEntry) unlink() { e.prev.next, e.next.prev = e.next, e.prev }

// size gives the bytes and segments that the cache holds now.
func (c *cache) size() (bytes int64, segments int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.ring.next; e != &c.ring; e = e.next {
		segments++
	}
	return c.bytes, segments
}
