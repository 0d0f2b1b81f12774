package api

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits counts requests by name.
type limits struct {
	mu    sync.Mutex
	perS  rate.Limit
	burst int
	now   func() time.Time
	by    map[string]*bucket
}

type bucket struct {
	*rate.Limiter
	last time.Time
}

// maxCounted bounds what is remembered.
const maxCounted = 10_000

// newLimits makes limits of so many a minute; a negative number means none.
func newLimits(perMinute, burst int, now func() time.Time) *limits {
	l := &limits{perS: rate.Limit(float64(perMinute) / 60), burst: max(burst, 1), now: now, by: map[string]*bucket{}}
	if perMinute < 0 {
		l.perS = rate.Inf
	}
	return l
}

// take counts a request, and gives how long to wait when it is one too many.
func (l *limits) take(name string) time.Duration { return l.look(name, 1) }

// peek says the same without counting.
func (l *limits) peek(name string) time.Duration { return l.look(name, 0) }

func (l *limits) look(name string, n int) time.Duration {
	if l.perS == rate.Inf {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.by[name]
	if b == nil {
		if n == 0 {
			return 0
		}
		if len(l.by) >= maxCounted {
			l.forget(now)
		}
		b = &bucket{Limiter: rate.NewLimiter(l.perS, l.burst)}
		l.by[name] = b
	}
	if n == 0 {
		if b.TokensAt(now) >= 1 {
			return 0
		}
	} else if b.last = now; b.AllowN(now, n) {
		return 0
	}
	return max(time.Duration((1-b.TokensAt(now))/float64(l.perS)*float64(time.Second)), time.Second)
}

// forget drops those whose buckets are full again, else all.
func (l *limits) forget(now time.Time) {
	for name, b := range l.by {
		if b.TokensAt(now) >= float64(l.burst) {
			delete(l.by, name)
		}
	}
	if len(l.by) >= maxCounted {
		clear(l.by)
	}
}

// limitKey gives what to count an address by, which is also all that the log is
// told of it: a customer has a whole /64 of IPv6 addresses.
func limitKey(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

func jsonNumber(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
