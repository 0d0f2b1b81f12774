// Package throttle counts what is asked for in somebody's name, and says how long
// to wait when it is too much. It refuses to know what is asked for, and what a
// name stands for.
package throttle

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits counts by name: each has a bucket of its own. Its methods may be called
// at the same time.
type Limits struct {
	mu    sync.Mutex
	perS  rate.Limit
	burst int
	now   func() time.Time
	by    map[string]*rate.Limiter
}

// maxCounted bounds what is remembered.
const maxCounted = 10_000

// New makes limits of so many a minute, and of burst at once, which is at least 1;
// a negative number a minute means none.
func New(perMinute float64, burst int, now func() time.Time) *Limits {
	l := &Limits{perS: rate.Limit(perMinute / 60), burst: max(burst, 1), now: now, by: map[string]*rate.Limiter{}}
	if perMinute < 0 {
		l.perS = rate.Inf
	}
	return l
}

// Take counts one, and gives how long to wait when it is one too many: a second
// at least.
func (l *Limits) Take(name string) time.Duration { return l.look(name, 1) }

// Peek says the same without counting.
func (l *Limits) Peek(name string) time.Duration { return l.look(name, 0) }

func (l *Limits) look(name string, n int) time.Duration {
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
		b = rate.NewLimiter(l.perS, l.burst)
		l.by[name] = b
	}
	if n == 0 && b.TokensAt(now) >= 1 || n > 0 && b.AllowN(now, n) {
		return 0
	}
	return max(time.Duration((1-b.TokensAt(now))/float64(l.perS)*float64(time.Second)), time.Second)
}

// forget drops those whose buckets are full again, else all.
func (l *Limits) forget(now time.Time) {
	for name, b := range l.by {
		if b.TokensAt(now) >= float64(l.burst) {
			delete(l.by, name)
		}
	}
	if len(l.by) >= maxCounted {
		clear(l.by)
	}
}

// Name gives what to count an address by: a customer has a whole /64 of IPv6
// addresses.
func Name(a netip.Addr) string {
	if a = a.Unmap(); a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
