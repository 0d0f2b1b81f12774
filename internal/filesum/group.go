package filesum

import (
	"runtime"
	"sync"
)

// maxLanes is how many files are digested at once at most, by any processor.
const maxLanes = 8

// patience is how often who is about to digest lets other goroutines run first,
// as long as files are missing that have given something before.
const patience = 32

// aBit is how many blocks are digested before it is looked whether there is more
// company by now, where there could be.
const aBit = 1024

// Group takes the digests of files that are written side by side, several at
// once where the processor can: MD5 is a chain of steps, and walking several
// chains costs little more than one. The zero value is ready. It is safe for
// concurrent use.
//
// There is no goroutine behind it and nobody waits for company, though he lets
// others run first: who has given two buffers of a file does the work for all who
// have one to be digested.
// What a file's digests are does not depend on who else is there.
type Group struct {
	mu   sync.Mutex
	done sync.Cond // after rounds; its L is mu
	// waiting have a buffer that nobody digests yet.
	waiting []*Sums
	// open counts the files that have given something and are not settled, rounds
	// those under way.
	open, rounds int
	// company is the same for all of them.
	company company
}

// New gives the digests of nothing yet, of a file of the group.
func (g *Group) New() *Sums {
	return g.newSums(bestCompany())
}

// company is how files go through the digests at once.
type company uint8

const (
	alone      company = iota
	inLanes128         // AVX
	inLanes512         // AVX-512
)

// most is how many files go at once at most.
func (c company) most() int {
	if c == inLanes128 {
		return 4
	}
	return maxLanes
}

func (g *Group) newSums(c company) *Sums {
	s := New()
	if c != alone {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.company, g.done.L = c, &g.mu
		s.group = g
	}
	return s
}

// Swap goes on with the bytes of b, now or later, and gives a buffer that nobody
// uses any more; it may have no room yet. b must not be changed until a later
// Swap has given it back, or the digests have been asked for.
func (s *Sums) Swap(b []byte) []byte {
	g := s.group
	if len(b) == 0 {
		return b
	}
	if g == nil {
		s.Write(b)
		return b[:0]
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s.settle()
	if !s.open {
		s.open = true
		g.open++
	}
	free := s.free
	s.free = nil
	if rest := s.begin(b); len(rest) < blockSize {
		s.end(rest)
		s.free = b[:0]
	} else {
		s.given, s.rest = b, rest
		g.waiting = append(g.waiting, s)
	}
	return free[:0]
}

// settle sees to it that what was given has been digested.
func (s *Sums) settle() {
	g := s.group
	for waits, yields := 0, 0; s.given != nil; {
		few := len(g.waiting) < min(g.open, g.company.most())
		switch {
		case s.busy:
			g.done.Wait()
		case few && g.rounds > 0 && waits == 0:
			waits++ // some of those in that round may be company in the next
			g.done.Wait()
		case few && yields < patience:
			yields++
			g.mu.Unlock()
			runtime.Gosched()
			g.mu.Lock()
		default:
			g.round(s)
		}
	}
}

// Settle digests what Swap was given and makes the group forget its buffers.
func (s *Sums) Settle() {
	if g := s.group; g != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		s.settle()
		s.free = nil
		if s.open {
			s.open = false
			g.open--
		}
	}
}

// lane is a file of a round with what is still to be digested.
type lane struct {
	sums *Sums
	rest []byte
}

// round goes on with what a file has given, and what others have besides, until
// the first of them is done or there may be more company.
func (g *Group) round(first *Sums) {
	var list [maxLanes]lane
	n, kept := 1, g.waiting[:0]
	list[0] = lane{first, first.rest}
	for _, s := range g.waiting {
		switch {
		case s == first:
		case n < g.company.most():
			list[n] = lane{s, s.rest}
			n++
		default:
			kept = append(kept, s)
		}
	}
	clear(g.waiting[len(kept):])
	g.waiting = kept
	for _, l := range list[:n] {
		l.sums.busy = true
	}
	c := g.company
	g.rounds++
	g.mu.Unlock()
	digest(list[:n], c)
	g.mu.Lock()
	g.rounds--
	for _, l := range list[:n] {
		s := l.sums
		s.rest, s.busy = l.rest, false
		if len(s.rest) > 0 {
			g.waiting = append(g.waiting, s)
		} else {
			s.given, s.free = nil, s.given[:0]
		}
	}
	g.done.Broadcast()
}

// digest goes on with some files, each of which has whole blocks.
func digest(list []lane, c company) {
	blocks := len(list[0].rest) / blockSize
	for _, l := range list[1:] {
		blocks = min(blocks, len(l.rest)/blockSize)
	}
	if len(list) < c.most() {
		blocks = min(blocks, aBit)
	}
	if len(list) == 1 {
		list[0].sums.blocks(&list[0].sums.s, &list[0].rest[0], blocks)
	} else {
		c.together(list, blocks)
	}
	for i := range list {
		l := &list[i]
		if l.rest = l.rest[blocks*blockSize:]; len(l.rest) < blockSize {
			l.sums.end(l.rest)
			l.rest = nil
		}
	}
}
