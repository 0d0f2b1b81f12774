package download

import (
	"net/netip"
	"sync"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Limits say how much of the server one link or one address may use. They are
// far above what importers do, because importers do not understand being told to
// wait. Of each, 0 is the default and a negative number means no limit.
type Limits struct {
	// GatewaysPerLink and GatewaysPerAddress are reads of gateways and manifests
	// in a minute. Default 60 and 3000.
	GatewaysPerLink, GatewaysPerAddress int
	// FilesPerLink and FilesPerAddress are requests for all other files in a
	// minute. Default 600 and 30000.
	FilesPerLink, FilesPerAddress int
	// WholesPerDay is how often a link may fetch the same full file, parts
	// counted by their bytes. Default 300: one that is fetched every five minutes,
	// unconditionally, is not refused (decision 0016).
	WholesPerDay int
	// RunningPerLink, RunningPerAddress and Running are downloads that run at a
	// time. Default 32, 1024 and 10000.
	RunningPerLink, RunningPerAddress, Running int
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		n *int
		d int
	}{
		{&l.GatewaysPerLink, 60}, {&l.GatewaysPerAddress, 3000}, {&l.FilesPerLink, 600}, {&l.FilesPerAddress, 30_000},
		{&l.WholesPerDay, 300}, {&l.RunningPerLink, 32}, {&l.RunningPerAddress, 1024}, {&l.Running, 10_000},
	} {
		if *f.n == 0 {
			*f.n = f.d
		}
	}
	return l
}

// maxBuckets bounds the memory of one table: some 60 bytes a bucket.
const maxBuckets = 65_536

// buckets allow each key so much in a period, all of it at once if need be, and
// then what flows back. A bucket is one point in time: when it would be full
// again. One that is full already is the same as none.
type buckets[K comparable] struct {
	limit  int // negative: none
	period time.Duration

	mu   sync.Mutex
	full map[K]time.Duration
}

// take takes a share of 1 unit, or says after how long it is there. now is time
// since some beginning and never runs backwards.
func (b *buckets[K]) take(key K, now time.Duration, share float64) (wait time.Duration, ok bool) {
	if b.limit < 0 {
		return 0, true
	}
	cost := time.Duration(float64(b.period) / float64(b.limit) * share)
	b.mu.Lock()
	defer b.mu.Unlock()
	full := max(b.full[key], now) + cost
	if over := full - now - b.period; over > 0 {
		return over, false
	}
	if b.full == nil {
		b.full = map[K]time.Duration{}
	}
	if _, known := b.full[key]; !known && len(b.full) >= maxBuckets {
		b.makeRoom(now)
	}
	b.full[key] = full
	return 0, true
}

// give gives back a share that was taken and not used.
func (b *buckets[K]) give(key K, share float64) {
	if b.limit < 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if full, ok := b.full[key]; ok {
		b.full[key] = full - time.Duration(float64(b.period)/float64(b.limit)*share)
	}
}

// makeRoom drops the emptiest need of a few buckets taken at random, so that
// who comes from ever new addresses costs no memory and little time.
func (b *buckets[K]) makeRoom(now time.Duration) {
	var least K
	looked := 0
	for key, full := range b.full {
		if full <= now {
			delete(b.full, key)
			least = key
		} else if looked == 0 || full < b.full[least] {
			least = key
		}
		if looked++; looked == 32 {
			break
		}
	}
	delete(b.full, least)
}

// wholeKey names a file of a link.
type wholeKey struct {
	link       partner.LinkID
	kind       feed.Kind
	generation int64
}

// limiter holds all buckets of a server.
type limiter struct {
	began                     time.Time
	linkGateways, linkFiles   buckets[partner.LinkID]
	placeGateways, placeFiles buckets[netip.Addr]
	wholes                    buckets[wholeKey]
}

func newLimiter(l Limits, began time.Time) *limiter {
	return &limiter{
		began:         began,
		linkGateways:  buckets[partner.LinkID]{limit: l.GatewaysPerLink, period: time.Minute},
		linkFiles:     buckets[partner.LinkID]{limit: l.FilesPerLink, period: time.Minute},
		placeGateways: buckets[netip.Addr]{limit: l.GatewaysPerAddress, period: time.Minute},
		placeFiles:    buckets[netip.Addr]{limit: l.FilesPerAddress, period: time.Minute},
		wholes:        buckets[wholeKey]{limit: l.WholesPerDay, period: 24 * time.Hour},
	}
}

// place is what counts as one address: all of an IPv6 network that a customer
// is given is one.
func place(a netip.Addr) netip.Addr {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// counted says whether requests from an address are counted together. Requests
// from this machine come from a proxy that the operator has not named.
func counted(a netip.Addr) bool { return !a.IsLoopback() }

// enterAddress counts a request against its address, or answers and gives
// false. It comes before any look at the link, so it tells nothing of links.
func (c *call) enterAddress() bool {
	if !counted(c.addr) {
		return true
	}
	b := &c.s.limits.placeFiles
	if c.gateway {
		b = &c.s.limits.placeGateways
	}
	wait, ok := b.take(place(c.addr), c.now.Sub(c.s.limits.began), 1)
	if !ok {
		c.tooMany(whyAddressLimit, wait)
	}
	return ok
}

// enterLink counts a request against its link, or answers and gives false.
func (c *call) enterLink() bool {
	b := &c.s.limits.linkFiles
	if c.gateway {
		b = &c.s.limits.linkGateways
	}
	wait, ok := b.take(c.link, c.now.Sub(c.s.limits.began), 1)
	if !ok {
		c.tooMany(whyLinkLimit, wait)
	}
	return ok
}

// The smallest part of a full file counts as so many bytes of it, and as no more
// than this share of it: a large file may be fetched in small parts.
const (
	leastBytes = 64 << 10
	leastShare = 1.0 / 256
)

// enterWhole counts a part of a full file, or answers and gives false. unsent is
// to be called with how many of its bytes did not go out.
func (c *call) enterWhole(part, size int64) (unsent func(int64), ok bool) {
	if c.file.kind != feed.KindFull && c.file.kind != feed.KindFullCSV {
		return func(int64) {}, true
	}
	key := wholeKey{c.link, c.file.kind, c.file.generation}
	least := min(leastShare, leastBytes/float64(max(size, 1)))
	share := func(n int64) float64 { return max(float64(n)/float64(max(size, 1)), least) }
	taken := share(part)
	wait, ok := c.s.limits.wholes.take(key, c.now.Sub(c.s.limits.began), taken)
	if !ok {
		clearBody(c.w.Header())
		c.tooMany(whyWholeLimit, wait)
		return nil, false
	}
	return func(n int64) {
		c.s.limits.wholes.give(key, taken-share(part-n))
	}, true
}
