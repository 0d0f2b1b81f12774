package download

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestBuckets holds the buckets against a slow reference: a level that falls
// evenly and may not exceed the limit.
func TestBuckets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 30).Draw(t, "limit")
		b := buckets[string]{limit: limit, period: time.Minute}
		level, at := 0.0, time.Duration(0)
		now := time.Duration(0)
		taken := []float64{}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			now += time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "pause"))
			level = max(0, level-float64(limit)*(now-at).Seconds()/60)
			at = now
			if n := len(taken); n > 0 && rapid.IntRange(0, 9).Draw(t, "give") == 0 {
				// Nothing is given back that has flowed back already.
				if s := min(taken[n-1], level); s > 0 {
					b.give("a", s)
					level -= s
				}
				taken = taken[:n-1]
				continue
			}
			share := rapid.SampledFrom([]float64{1, 0.5, 1.0 / 256}).Draw(t, "share")
			wait, ok := b.take("a", now, share)
			const dust = 1e-6
			switch {
			case ok && level+share > float64(limit)+dust, !ok && level+share < float64(limit)-dust:
				t.Fatalf("level %v of %d: taking %v gave %v", level, limit, share, ok)
			case ok:
				level += share
				taken = append(taken, share)
			default:
				// After the wait it is there.
				if _, ok := b.take("a", now+wait+time.Microsecond, share); !ok {
					t.Fatalf("not there after %v", wait)
				}
				b.give("a", share)
			}
			if _, ok := b.take("another", now, 0); !ok {
				t.Fatal("another key is empty")
			}
		}
	})
}

// TestBucketsAreBounded comes from ever new places: memory stays, and who was
// stopped stays stopped.
func TestBucketsAreBounded(t *testing.T) {
	t.Parallel()
	b := buckets[int]{limit: 10, period: time.Minute}
	for range 10 {
		b.take(-1, 0, 1)
	}
	if _, ok := b.take(-1, 0, 1); ok {
		t.Fatal("the limit does not hold")
	}
	for i := range 2 * maxBuckets {
		if _, ok := b.take(i, 0, 1); !ok {
			t.Fatalf("place %d is stopped", i)
		}
	}
	if len(b.full) > maxBuckets {
		t.Errorf("%d buckets, at most %d are wanted", len(b.full), maxBuckets)
	}
	if _, ok := b.take(-1, 0, 1); ok {
		t.Error("who was stopped is forgotten sooner than who was not")
	}
	// Full ones go first, all of them.
	b.take(-2, 2*time.Minute, 1)
	if len(b.full) >= maxBuckets {
		t.Errorf("%d buckets are kept that mean nothing", len(b.full))
	}
}
