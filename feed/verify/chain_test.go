package verify

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"

	"pgregory.net/rapid"
)

// randomChain is a random chain: what a correct publisher would make of random
// states of a feed.
func randomChain(t *rapid.T) (ch *chain, last map[uint64]byte) {
	ch = &chain{known: true}
	now := map[uint64]byte{}
	edit := func() {
		for range rapid.IntRange(1, 4).Draw(t, "edits") {
			id := rapid.Uint64Range(1, 12).Draw(t, "id")
			if rapid.Bool().Draw(t, "drop") {
				delete(now, id)
			} else {
				now[id] = rapid.Byte().Draw(t, "content")
			}
		}
	}
	node := func(id uint64, content byte) node { return node{id: id, digest: [16]byte{content, 1}} }
	full := func(generation int64) {
		e := sound(feed.KindFull, generation)
		for _, id := range slices.Sorted(maps.Keys(now)) {
			e.list = append(e.list, node(id, now[id]))
		}
		ch.fulls = append(ch.fulls, e)
	}
	edit()
	full(1)
	at := int64(1) // the generation that the change files lead to
	for g := int64(2); g < int64(rapid.IntRange(3, 12).Draw(t, "generations")); g++ {
		before := maps.Clone(now)
		if rapid.IntRange(0, 3).Draw(t, "quiet") > 0 {
			edit()
		}
		e := sound(feed.KindFullChange, g)
		e.label, e.changed = feed.Label(time.Unix(1_800_000_000+g, 0).UTC()), time.Unix(1_800_000_000+g, 0)
		for id := uint64(1); id <= 12; id++ {
			was, had := before[id]
			is, has := now[id]
			switch {
			case had && !has:
				e.list = append(e.list, tombstone(id))
			case has && (!had || was != is):
				e.list = append(e.list, node(id, is))
			}
		}
		if len(e.list) > 0 {
			e.base, e.target, e.found = at, g, int64(len(e.list))
			at = g
			ch.changes = append(ch.changes, e)
		}
		if rapid.IntRange(0, 3).Draw(t, "full") == 0 {
			full(g)
		}
	}
	return ch, now
}

func tombstone(id uint64) node { return node{id: id | mark} }

func sound(k feed.Kind, generation int64) *entry {
	return &entry{name: fmt.Sprintf("%d/%s", generation, k), kind: k, generation: generation, read: true, whole: true, sound: true}
}

// What a correct publisher makes is clean, and gives the products as they are;
// the oldest full files and change files may be gone.
func TestCorrectChainsAreClean(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ch, last := randomChain(t)
		ch.fulls = ch.fulls[rapid.IntRange(0, len(ch.fulls)-1).Draw(t, "forgotten fulls"):]
		if n := len(ch.changes); n > 0 {
			old := 0
			for old < n && ch.changes[old].generation <= ch.fulls[0].generation {
				old++
			}
			ch.changes = ch.changes[rapid.IntRange(0, old).Draw(t, "forgotten changes"):]
		}
		c := newChecker("", Options{})
		now, ok := c.judgeChain(ch)
		if !ok || len(c.rep.Findings) > 0 {
			t.Fatalf("got %v, %v, want nothing", ok, c.rep.Findings)
		}
		got := map[uint64]byte{}
		for _, n := range now {
			got[n.product()] = n.digest[0]
		}
		if !maps.Equal(got, last) {
			t.Fatalf("got the products %v, want %v", got, last)
		}
		// Applying a change file once more changes nothing: the newest word on
		// each of its products is the one that stands.
		if len(ch.changes) > 0 {
			newest := ch.changes[len(ch.changes)-1]
			w := &walker{checker: c, words: map[uint64]step{}, sure: true, full: ch.fulls[0], base: now}
			for _, n := range newest.list {
				w.words[n.product()] = step{n, newest}
			}
			if again := w.now(); !slices.Equal(again, now) {
				t.Fatalf("applied twice: %v, want %v", again, now)
			}
		}
	})
}

// One entry less, more or other in a change file between two full files is
// always found.
func TestWrongChangesAreFound(t *testing.T) {
	t.Parallel()
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		ch, _ := randomChain(t)
		var between []*entry
		for _, e := range ch.changes {
			if e.generation <= ch.fulls[len(ch.fulls)-1].generation {
				between = append(between, e)
			}
		}
		if len(between) == 0 {
			t.Skip("no change file between full files")
		}
		// The last word on a product before the last full file: whatever is done
		// to it cannot be mended by a later one.
		e := between[len(between)-1]
		i := rapid.IntRange(0, len(e.list)-1).Draw(t, "entry")
		e.list = slices.Clone(e.list)
		if rapid.Bool().Draw(t, "drop") {
			e.list = slices.Delete(e.list, i, i+1)
			e.found = int64(len(e.list))
		} else if e.list[i].marked() {
			e.list[i] = node{id: e.list[i].product(), digest: [16]byte{0, 2}}
		} else {
			e.list[i].digest[1] = 9
		}
		c := newChecker("", Options{})
		if c.judgeChain(ch); c.close().Clean() {
			t.Fatalf("nothing is found")
		}
		found++
	})
	if found == 0 {
		t.Error("no damage was planted at all")
	}
}

// lightFile makes a light file of n products without holding it.
type lightFile struct {
	n, i int
	rest string
}

func (f *lightFile) Read(p []byte) (int, error) {
	for len(f.rest) < len(p) && f.i <= f.n+1 {
		switch {
		case f.i == 0:
			f.rest += `<offer generated="2026-11-21 10:00:00"><products currency="PLN">`
		case f.i > f.n:
			f.rest += `</products></offer>`
		default:
			f.rest += fmt.Sprintf(`<product id="%d" vat="23.0"><price gross="1.23" net="1.00"/><sizes><size id="uniw" code="%d"><stock id="1" quantity="5"/></size></sizes></product>`, f.i, f.i)
		}
		f.i++
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Memory is 24 bytes a product of a file and nothing beside it.
func TestMemoryPerProduct(t *testing.T) {
	const n = 100_000
	if size := binary.Size(node{}.digest) + 8; size != 24 {
		t.Fatalf("a node has %d bytes, want 24", size)
	}
	e := sound(feed.KindLight, 1)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if err := readProducts(newBook("", 1), e, &lightFile{n: n}); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if len(e.list) != n || !e.list[n-1].marked() {
		t.Fatalf("got %d products, want %d, all with stock", len(e.list), n)
	}
	// A slice that grew has at most a quarter of room to spare.
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > n*24*3/2+1<<20 {
		t.Errorf("%d products take %d bytes, want about %d", n, grown, n*24)
	}
	runtime.KeepAlive(e)
}

func TestProgressAndExamples(t *testing.T) {
	t.Parallel()
	var seen []Progress
	c := newChecker("x", Options{Examples: 2, Progress: func(p Progress) { seen = append(seen, p) }})
	c.progress("a")
	for i := range 5 {
		c.add(ruleOrphan, place{file: fmt.Sprint(i)}, "x")
	}
	c.add(ruleXML, place{}, "y")
	r := c.close()
	if len(seen) != 1 || seen[0].File != "a" {
		t.Errorf("got %v", seen)
	}
	if len(r.Findings) != 3 || r.Findings[0].Rule != ruleXML || r.Counts[1].Found != 5 || r.Counts[1].Shown != 2 || r.Clean() {
		t.Errorf("got %+v", r)
	}
	var b strings.Builder
	if err := Text(&b, r); err != nil || !strings.Contains(b.String(), "and 3 more") {
		t.Errorf("got %v and\n%s", err, &b)
	}
}
