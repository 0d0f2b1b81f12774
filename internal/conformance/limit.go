package conformance

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits counts requests by address.
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

// maxAddresses bounds what is remembered; beyond it those who have waited
// longest are forgotten.
const maxAddresses = 10_000

func newLimits(perMinute float64, burst int, now func() time.Time) *limits {
	return &limits{perS: rate.Limit(perMinute / 60), burst: burst, now: now, by: map[string]*bucket{}}
}

// take counts a request, and gives how long to wait when it is one too many.
func (l *limits) take(address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.by[address]
	if b == nil {
		if len(l.by) >= maxAddresses {
			l.forget(now)
		}
		b = &bucket{Limiter: rate.NewLimiter(l.perS, l.burst)}
		l.by[address] = b
	}
	b.last = now
	if b.AllowN(now, 1) {
		return 0
	}
	return time.Duration(float64(time.Second) / float64(l.perS))
}

// forget drops addresses whose buckets are full again, else all of them.
func (l *limits) forget(now time.Time) {
	full := time.Duration(float64(l.burst) / float64(l.perS) * float64(time.Second))
	for a, b := range l.by {
		if now.Sub(b.last) > full {
			delete(l.by, a)
		}
	}
	if len(l.by) >= maxAddresses {
		clear(l.by)
	}
}

// clientAddr gives the address to count by. One customer of a network has a
// whole /64 of IPv6 addresses.
func clientAddr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap(); ip.Is6() {
		if p, err := ip.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}
