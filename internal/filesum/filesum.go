// Package filesum takes the two digests by which a published file is known: the
// MD5 that IOF's gateway tells and the SHA-256 that everything else goes by.
//
// It owns doing both in one pass over the bytes, which on processors with
// instructions for SHA costs what MD5 costs alone, and doing so for several files
// at once ([Group]), which with vector registers costs less again. It refuses to
// know what the bytes are.
package filesum

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

const blockSize = 64 // of both

// Sums takes the digests of what is written to it. The zero value is not
// ready: see [New]. It is not safe for concurrent use.
type Sums struct {
	// blocks puts whole blocks through both; nil where the two are done apart.
	blocks func(s *state, p *byte, n int)
	s      state
	// tail are the bytes behind the last whole block, n how many.
	tail [blockSize]byte
	n    int
	size uint64

	md5, sha hash.Hash // where blocks is nil

	// group is nil for files that are digested alone. given is to be digested, rest
	// is what is left of it, free a buffer that has been; a round that is busy has
	// the file; one that is open is counted. All of these are the group's.
	group             *Group
	given, rest, free []byte
	busy, open        bool
}

// state is what the assembly reads and writes.
type state struct {
	md5 [4]uint32
	sha [8]uint32
}

var start = state{
	md5: [4]uint32{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476},
	sha: [8]uint32{0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19},
}

// New gives the digests of nothing yet.
func New() *Sums { return newSums(best()) }

func newSums(blocks func(s *state, p *byte, n int)) *Sums {
	if blocks == nil {
		return &Sums{md5: md5.New(), sha: sha256.New()}
	}
	return &Sums{blocks: blocks, s: start}
}

// Write implements io.Writer; it never fails.
func (s *Sums) Write(p []byte) (int, error) {
	if s.blocks == nil {
		s.md5.Write(p)
		return s.sha.Write(p)
	}
	s.Settle()
	written := len(p)
	s.end(s.begin(p))
	return written, nil
}

// begin goes on with the bytes that complete a block, and gives the others.
func (s *Sums) begin(p []byte) []byte {
	s.size += uint64(len(p))
	if s.n == 0 {
		return p
	}
	n := copy(s.tail[s.n:], p)
	if s.n += n; s.n == blockSize {
		s.blocks(&s.s, &s.tail[0], 1)
		s.n = 0
	}
	return p[n:]
}

// end goes on with whole blocks and keeps what is left. Where there is anything
// no block is incomplete.
func (s *Sums) end(p []byte) {
	if n := len(p) / blockSize; n > 0 {
		s.blocks(&s.s, &p[0], n)
		p = p[n*blockSize:]
	}
	if len(p) > 0 {
		s.n = copy(s.tail[:], p)
	}
}

// MD5 gives the MD5 of what was written so far.
func (s *Sums) MD5() (sum [md5.Size]byte) {
	if s.blocks == nil {
		s.md5.Sum(sum[:0])
		return sum
	}
	s.Settle()
	st := s.padded(binary.LittleEndian)
	for i, w := range st.md5 {
		binary.LittleEndian.PutUint32(sum[4*i:], w)
	}
	return sum
}

// SHA256 gives the SHA-256 of what was written so far.
func (s *Sums) SHA256() (sum [sha256.Size]byte) {
	if s.blocks == nil {
		s.sha.Sum(sum[:0])
		return sum
	}
	s.Settle()
	st := s.padded(binary.BigEndian)
	for i, w := range st.sha {
		binary.BigEndian.PutUint32(sum[4*i:], w)
	}
	return sum
}

// padded ends a copy of the state with a one, zeros and the length in bits:
// MD5 and SHA-256 differ in its order of bytes alone, so each ends with its own.
func (s *Sums) padded(order binary.ByteOrder) state {
	st := s.s
	var end [2 * blockSize]byte
	copy(end[:], s.tail[:s.n])
	end[s.n] = 0x80
	n := 1
	if s.n+1+8 > blockSize {
		n = 2
	}
	order.PutUint64(end[n*blockSize-8:], s.size<<3)
	s.blocks(&st, &end[0], n)
	return st
}
