package publish_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// unzip gives what the compressed twin of a file holds, which must be one member.
func unzip(t testing.TB, s *shop, f *publish.File) string {
	t.Helper()
	packed := bytes.NewReader(s.blobs[f.Gzip.Key])
	zr, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatalf("%v: %v", f.Kind, err)
	}
	zr.Multistream(false)
	got, err := io.ReadAll(zr)
	if err != nil || packed.Len() != 0 {
		t.Fatalf("%v: read its compressed twin: %v; %d bytes follow it", f.Kind, err, packed.Len())
	}
	return string(got)
}

// stockroom is a shop of so many products whose files are of several blocks.
func stockroom(t testing.TB, products int) *shop {
	s := newShop(t.TempDir())
	s.settings = publish.Settings{MaxPriceMove: -1, MaxLoss: 100, Validity: long, CompareEvery: long, FullEvery: long, FullShare: 1_000_000, Gzip: true}
	for id := range products {
		s.set(feed.ProductID(id+1), 100, 1, "x")
	}
	return s
}

// What stays of a file is taken from the file before it, however many runs and
// merges of the state lie between the two.
func TestTwinsKeepTheirBlocks(t *testing.T) {
	t.Parallel()
	s := stockroom(t, 3000)
	s.mustRun(t)
	first := s.generation(feed.KindFull)
	merged := false
	for n := range 14 {
		for i := range 40 + 100*(n%3) {
			s.set(feed.ProductID((n*977+i*31)%3000+1), int64(101+n), 1, "x")
		}
		s.now = s.now.Add(time.Minute)
		before := s.generation(feed.KindLight)
		s.opened = map[string]int{}
		s.settings.CompareEvery = long
		if n == 9 {
			s.settings.CompareEvery = -1 // a whole comparison that makes no full file
		}
		s.mustRun(t)
		light := s.generation(feed.KindLight)
		if s.opened[before.File(feed.KindLight).Gzip.Key] == 0 {
			t.Errorf("run %d has taken nothing from the light file before", n)
		}
		if f := light.File(feed.KindLight); unzip(t, s, f) != s.bytes(f) {
			t.Fatalf("run %d: the compressed light file holds something else", n)
		}
		merged = merged || n < 9 && s.generation(feed.KindFull).State != first.State
	}
	if !merged {
		t.Error("the state was never merged into a new base")
	}
	s.settings.CompareEvery, s.settings.FullEvery = long, -1
	s.set(1500, 700, 1, "x")
	s.now = s.now.Add(time.Minute)
	s.opened = map[string]int{}
	s.mustRun(t)
	full := s.generation(feed.KindFull)
	f := full.File(feed.KindFull)
	if f.Generation != full.Number || unzip(t, s, f) != s.bytes(f) {
		t.Error("no new full file, or its compressed twin holds something else")
	}
	if s.opened[first.File(feed.KindFull).Gzip.Key] == 0 {
		t.Error("the new full file has taken nothing from the one before")
	}
}

// Damage to what is stored costs time, not bytes.
func TestTwinOfDamagedBlocks(t *testing.T) {
	t.Parallel()
	sound, hurt := stockroom(t, 1500), stockroom(t, 1500)
	for n, s := range []*shop{sound, hurt} {
		s.mustRun(t)
		if n == 1 {
			for _, k := range []feed.Kind{feed.KindFull, feed.KindLight} {
				g := s.generation(k)
				b := s.blobs[g.File(k).Gzip.Key]
				for i := len(b) / 4; i < len(b)/2; i++ {
					b[i] ^= 0x55
				}
			}
		}
		s.set(7, 250, 3, "y")
		s.settings.FullEvery = -1
		s.now = s.now.Add(time.Minute)
		s.mustRun(t)
	}
	for _, k := range []feed.Kind{feed.KindFull, feed.KindLight} {
		a, b := sound.generation(k), hurt.generation(k)
		f := b.File(k)
		if unzip(t, hurt, f) != hurt.bytes(f) {
			t.Errorf("%v: the compressed twin holds something else", k)
		}
		if f.Gzip.SHA256 != a.File(k).Gzip.SHA256 {
			t.Errorf("%v: damage to the file before has changed the bytes", k)
		}
	}
}
