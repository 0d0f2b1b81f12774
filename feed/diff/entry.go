package diff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/zeebo/xxh3"

	"feedmill/feed"
)

// Digest identifies a rendered node: its XXH3-128. It tells a node from the one
// that the same product had before and proves nothing to anybody else, so it
// need not withstand intent; decision 0009 says what that would cost.
type Digest [16]byte

// Sum gives the digest of a rendered node.
func Sum(node []byte) Digest { return Digest(xxh3.Hash128(node).Bytes()) }

// Entry is one product in a state.
type Entry struct {
	ID feed.ProductID
	// Digest is of the node's bytes.
	Digest Digest

	// Alike is a digest of what this feed and its offer's other one must tell alike
	// of the product; what that is, writers of states decide. Two that differ are
	// taken for equal once in four billion times.
	Alike uint32

	// Size is the length of the product's node in the file, in bytes, and Twin
	// that of its record in the file's CSV twin. The nodes of a file follow each
	// other in order of id, so sizes give offsets. Only in states with positions.
	Size, Twin int
	// Price is what the product costs in minor units, less than 0 when it has no
	// price. Only in states with positions.
	Price int64

	// Gone says that the product has left the feed and is shown as sold out
	// until its retention ends; Since is when it left (whole seconds) and Node
	// the node that is shown. Node is valid until the next entry is read.
	Gone  bool
	Since time.Time
	Node  []byte

	// Named says that another product in the feed may name this one, as the
	// leader of its group or a component of it.
	Named bool
	// Absent says that the product is not in the feed: the entry only tells that
	// it is named.
	Absent bool
	// Removed says, in a layer, that a state below has the product and the feed
	// has not.
	Removed bool
	// Lead is not 0 for a product that leads a group because the leader that the
	// group names is not in the feed: a digest of what others say of it.
	Lead uint64
	// Leader is who leads the product's group in place of the leader that it
	// names, 0 for nobody.
	Leader feed.ProductID
}

// shows says whether the entry stands for a node in the feed's files.
func (e *Entry) shows() bool { return !e.Absent && !e.Removed }

// Bits of an entry's flags.
const (
	flagGone = 1 << iota
	flagNamed
	flagAbsent
	flagRemoved
	flagLead
	flagLeader
	flagsKnown = 1<<iota - 1
)

func (e *Entry) flags() (f byte) {
	for _, b := range [...]struct {
		set bool
		bit byte
	}{{e.Gone, flagGone}, {e.Named, flagNamed}, {e.Absent, flagAbsent}, {e.Removed, flagRemoved}, {e.Lead != 0, flagLead}, {e.Leader != 0, flagLeader}} {
		if b.set {
			f |= b.bit
		}
	}
	return f
}

// appendEntry writes an entry that follows the id last in its leaf: uvarint of
// the distance times 2, plus 1 when a byte of flags follows; then, where the
// product is shown, in a state with positions uvarints of size, twin and
// price+1, the digest, and four bytes of what is told alike; and what the flags say.
func appendEntry(dst []byte, e *Entry, last feed.ProductID, positions bool) []byte {
	d := uint64(e.ID-last) << 1
	flags := e.flags()
	if flags != 0 {
		d |= 1
	}
	dst = binary.AppendUvarint(dst, d)
	if flags != 0 {
		dst = append(dst, flags)
	}
	if e.shows() {
		if positions {
			dst = binary.AppendUvarint(dst, uint64(e.Size))
			dst = binary.AppendUvarint(dst, uint64(e.Twin))
			dst = binary.AppendUvarint(dst, uint64(max(e.Price, -1)+1))
		}
		dst = append(dst, e.Digest[:]...)
		dst = binary.BigEndian.AppendUint32(dst, e.Alike)
	}
	if e.Gone {
		dst = binary.AppendVarint(dst, e.Since.Unix())
		dst = binary.AppendUvarint(dst, uint64(len(e.Node)))
		dst = append(dst, e.Node...)
	}
	if e.Lead != 0 {
		dst = binary.BigEndian.AppendUint64(dst, e.Lead)
	}
	if e.Leader != 0 {
		dst = binary.AppendUvarint(dst, uint64(e.Leader))
	}
	return dst
}

// ErrCorrupt says that a state is torn or damaged. A run that meets it makes a
// new full file and a new epoch instead of guessing.
var ErrCorrupt = errors.New("state is damaged")

func corruptf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// maxNode bounds sizes in a state; no writer makes a larger node.
const maxNode = 64 << 20

// cursor decodes a leaf or an index.
type cursor struct {
	b         []byte
	last      feed.ProductID
	positions bool
	err       error
}

func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = corruptf(format, args...)
	}
	c.b = nil
}

func (c *cursor) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 || v > limit {
		c.fail("a number is torn or out of range")
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) take(n int) []byte {
	if n > len(c.b) {
		c.fail("it ends too early")
		return nil
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

// next decodes the next entry of a leaf; ok is false at its end and on errors.
// The entry's Node lies in the leaf.
func (c *cursor) next() (e Entry, ok bool) {
	if len(c.b) == 0 || c.err != nil {
		return Entry{}, false
	}
	d := c.uvarint(2*feed.MaxProductID + 1)
	e.ID = c.last + feed.ProductID(d>>1)
	if c.err == nil && (d>>1 == 0 || e.ID > feed.MaxProductID) {
		c.fail("product id %d after %d", e.ID, c.last)
	}
	c.last = e.ID
	var flags byte
	if d&1 == 1 {
		if f := c.take(1); f != nil {
			flags = f[0]
		}
		if c.err == nil && (flags == 0 || flags&^flagsKnown != 0) {
			c.fail("flags %x of product %d", flags, e.ID)
		}
	}
	e.Gone, e.Named = flags&flagGone != 0, flags&flagNamed != 0
	e.Absent, e.Removed = flags&flagAbsent != 0, flags&flagRemoved != 0
	e.Price = -1
	if e.shows() {
		if c.positions {
			e.Size = int(c.uvarint(maxNode))
			e.Twin = int(c.uvarint(maxNode))
			e.Price = int64(c.uvarint(1<<62)) - 1
		}
		copy(e.Digest[:], c.take(len(e.Digest)))
		if b := c.take(4); b != nil {
			e.Alike = binary.BigEndian.Uint32(b)
		}
	}
	if e.Gone {
		sec, n := binary.Varint(c.b)
		if n <= 0 {
			c.fail("a number is torn or out of range")
		} else {
			c.b = c.b[n:]
		}
		e.Since = time.Unix(sec, 0).UTC()
		e.Node = c.take(int(c.uvarint(maxNode)))
	}
	if flags&flagLead != 0 {
		if b := c.take(8); b != nil {
			e.Lead = binary.BigEndian.Uint64(b)
		}
	}
	if flags&flagLeader != 0 {
		e.Leader = feed.ProductID(c.uvarint(feed.MaxProductID))
	}
	if c.err != nil {
		return Entry{}, false
	}
	return e, true
}
