package diff

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"
	"time"

	"feedmill/feed"
)

// Source reads n bytes of a stored state from an offset on. It is called for
// several stretches at once.
type Source func(ctx context.Context, offset, n int64) (io.ReadCloser, error)

const (
	// tailRead is how much of a state's end is read at once: footer and index of
	// half a million products fit.
	tailRead = 16 << 10
	// gapRead is how many bytes are rather read than skipped between two leaves:
	// an answer of a remote store takes longer than as many bytes of one. maxRead
	// is how many are read at once, and atOnce how many such reads.
	gapRead = 64 << 10
	// nearGap is gapRead of a file at hand.
	nearGap = 2 << 10
	maxRead = 1 << 20
	atOnce  = 4
)

// State is a stored state that entries are looked up in.
type State struct {
	Summary
	// Near says that the source answers at once, as a file at hand does: then
	// nothing is read that is not needed.
	Near   bool
	src    Source
	size   int64
	blocks []blockRef
	starts []int64 // where the index blocks stand
	extra  struct {
		at, len int64
		crc     uint32
	}
	tail   []byte
	tailAt int64
	// block is the index block read last.
	block  int
	leaves []leafRef
	offs   []int64
}

// Open reads what a state of size bytes tells of itself.
func Open(ctx context.Context, src Source, size int64) (*State, error) {
	s := &State{src: src, size: size, block: -1}
	if size < int64(len(magic)+trailerSize) {
		return nil, corruptf("it has %d bytes", size)
	}
	n := min(size, tailRead)
	var err error
	if s.tail, err = s.fetch(ctx, size-n, n); err != nil {
		return nil, err
	}
	s.tailAt = size - n
	t, err := parseTrailer(s.tail[len(s.tail)-trailerSize:])
	if err != nil {
		return nil, err
	}
	if t.footer < 0 || t.footerLen < 0 || t.footer+t.footerLen != size-int64(trailerSize) {
		return nil, corruptf("its end is damaged")
	}
	f, err := s.fetch(ctx, t.footer, t.footerLen)
	if err != nil {
		return nil, err
	}
	if crc32.Checksum(f, castagnoli) != t.footerCRC {
		return nil, corruptf("its checksum is wrong")
	}
	return s, s.parseFooter(f, t.footer)
}

func (s *State) parseFooter(f []byte, end int64) error {
	c := cursor{b: f}
	if b := c.take(1); b != nil {
		s.Positions = b[0] == 1
	}
	limit := uint64(1) << 62
	for _, to := range []*int64{&s.Header, &s.TwinHeader, &s.Entries, &s.Live} {
		*to = int64(c.uvarint(limit))
	}
	sec, n := binary.Varint(c.b)
	if n <= 0 {
		return corruptf("its footer is torn")
	}
	c.b = c.b[n:]
	if sec >= 0 {
		s.Oldest = time.Unix(sec, 0).UTC()
	}
	s.extra.at, s.extra.len = int64(c.uvarint(uint64(end))), int64(c.uvarint(uint64(end)))
	if b := c.take(crcSize); b != nil {
		s.extra.crc = binary.BigEndian.Uint32(b)
	}
	at := int64(c.uvarint(uint64(end)))
	count := int(c.uvarint(uint64(len(f))))
	var id feed.ProductID
	var leaf int64
	for range count {
		id += feed.ProductID(c.uvarint(feed.MaxProductID))
		n := c.uvarint(uint64(end))
		leaf += int64(c.uvarint(uint64(end)))
		s.blocks = append(s.blocks, blockRef{id, int(n), leaf})
		s.starts = append(s.starts, at)
		at += int64(n)
	}
	if c.err == nil && (len(c.b) != 0 || at != end || s.extra.at+s.extra.len > end) {
		c.fail("its footer does not add up")
	}
	return c.err
}

// Extra gives the bytes that were kept beside the entries.
func (s *State) Extra(ctx context.Context) ([]byte, error) {
	b, err := s.fetch(ctx, s.extra.at, s.extra.len)
	if err == nil && crc32.Checksum(b, castagnoli) != s.extra.crc {
		err = corruptf("its checksum is wrong")
	}
	return b, err
}

// span is a leaf that holds entries to look up: those of ids[from:to], if any.
type span struct {
	off      int64
	len      int
	from, to int
}

// Find looks entries up and calls fn for each that there is, in order, with its
// place in ids. ids must ascend. The entry is valid during the call.
func (s *State) Find(ctx context.Context, ids []feed.ProductID, fn func(i int, e Entry) error) error {
	spans, err := s.spans(ctx, ids)
	if err != nil {
		return err
	}
	gap := int64(gapRead)
	if s.Near {
		gap = nearGap
	}
	for len(spans) > 0 {
		var reads []stretch
		for len(reads) < atOnce && len(spans) > 0 {
			r := stretch{off: spans[0].off, end: spans[0].off + int64(spans[0].len)}
			n := 1
			for n < len(spans) && spans[n].off-r.end <= gap && spans[n].off+int64(spans[n].len)-r.off <= maxRead {
				r.end = spans[n].off + int64(spans[n].len)
				n++
			}
			r.spans, spans = spans[:n], spans[n:]
			reads = append(reads, r)
		}
		var wg sync.WaitGroup
		for i := range reads {
			r := &reads[i]
			read := func() { r.b, r.err = s.fetch(ctx, r.off, r.end-r.off) }
			if s.Near {
				read()
			} else {
				wg.Go(read)
			}
		}
		wg.Wait()
		for _, r := range reads {
			if r.err != nil {
				return r.err
			}
			for _, sp := range r.spans {
				if err := s.scan(r.b[sp.off-r.off:][:sp.len], ids, sp, fn); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// stretch is what is read at once.
type stretch struct {
	off, end int64
	spans    []span
	b        []byte
	err      error
}

// spans finds the leaves that may hold the ids.
func (s *State) spans(ctx context.Context, ids []feed.ProductID) ([]span, error) {
	var spans []span
	for i, id := range ids {
		b, found := slices.BinarySearchFunc(s.blocks, id, func(b blockRef, id feed.ProductID) int { return int(min(max(b.first-id, -1), 1)) })
		if !found {
			b--
		}
		if b < 0 {
			continue
		}
		if err := s.loadBlock(ctx, b); err != nil {
			return nil, err
		}
		l, found := slices.BinarySearchFunc(s.leaves, id, func(l leafRef, id feed.ProductID) int { return int(min(max(l.first-id, -1), 1)) })
		if !found {
			l--
		}
		if l < 0 {
			continue
		}
		if n := len(spans); n > 0 && spans[n-1].off == s.offs[l] {
			spans[n-1].to = i + 1
			continue
		}
		spans = append(spans, span{s.offs[l], s.leaves[l].len, i, i + 1})
	}
	return spans, nil
}

func (s *State) loadBlock(ctx context.Context, b int) error {
	if s.block == b {
		return nil
	}
	raw, err := s.fetch(ctx, s.starts[b], int64(s.blocks[b].len))
	if err != nil {
		return err
	}
	if len(raw) < crcSize || binary.BigEndian.Uint32(raw[len(raw)-crcSize:]) != crc32.Checksum(raw[:len(raw)-crcSize], castagnoli) {
		return corruptf("its index is damaged")
	}
	s.block, s.leaves, s.offs = -1, s.leaves[:0], s.offs[:0]
	c := cursor{b: raw[:len(raw)-crcSize]}
	id, off := s.blocks[b].first, s.blocks[b].leaf
	for len(c.b) > 0 {
		id += feed.ProductID(c.uvarint(feed.MaxProductID))
		n := c.uvarint(uint64(s.size))
		s.leaves, s.offs = append(s.leaves, leafRef{id, int(n)}), append(s.offs, off)
		off += int64(n)
	}
	if c.err == nil && off > s.size {
		c.fail("its index is damaged")
	}
	if c.err == nil {
		s.block = b
	}
	return c.err
}

// scan looks for ids[sp.from:sp.to] in a leaf.
func (s *State) scan(b []byte, ids []feed.ProductID, sp span, fn func(int, Entry) error) error {
	n, k := binary.Uvarint(b)
	if k <= 0 || uint64(len(b)) != uint64(k)+n+crcSize {
		return corruptf("a leaf has another length than its index says")
	}
	b = b[k:]
	if binary.BigEndian.Uint32(b[n:]) != crc32.Checksum(b[:n], castagnoli) {
		return corruptf("its checksum is wrong")
	}
	c := cursor{b: b[:n], positions: s.Positions}
	i := sp.from
	for i < sp.to {
		e, ok := c.next()
		if !ok {
			return c.err
		}
		for i < sp.to && ids[i] < e.ID {
			i++
		}
		if i < sp.to && ids[i] == e.ID {
			if err := fn(i, e); err != nil {
				return err
			}
			i++
		}
	}
	return nil
}

// fetch reads bytes of the state, from its end if they lie there.
func (s *State) fetch(ctx context.Context, off, n int64) ([]byte, error) {
	if n < 0 || off < 0 || off+n > s.size {
		return nil, corruptf("bytes %d+%d of %d are asked for", off, n, s.size)
	}
	if n == 0 {
		return nil, nil
	}
	if s.tail != nil && off >= s.tailAt {
		return s.tail[off-s.tailAt:][:n], nil
	}
	r, err := s.src(ctx, off, n)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	if err != nil {
		err = tooEarly(err)
	}
	return b, errors.Join(err, r.Close())
}
