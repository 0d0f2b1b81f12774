package auth

import (
	"crypto/sha256"
	"net/netip"
	"time"

	"feedmill/internal/partner"
)

// Failures is how often something has gone wrong in a row, and when last.
type Failures struct {
	Count int
	Last  time.Time
}

// allowance is how many failures cost nothing, and how long the wait becomes at
// most; in between it doubles from a second on.
type allowance struct {
	free    int
	longest time.Duration
}

// The three counts of failed sign-ins. One person's mistakes at one place are
// counted together and so are all from one network; all that try one account
// count together too, but with a wait so short that nobody can lock its owner out.
var (
	perPlace   = allowance{5, 15 * time.Minute}
	perNetwork = allowance{30, 15 * time.Minute}
	perAccount = allowance{50, 20 * time.Second}
)

// forgiveAfter is when failures count for nothing any more.
const forgiveAfter = 24 * time.Hour

// until gives when the next attempt is allowed.
func (a allowance) until(f Failures) time.Time {
	over := f.Count - a.free
	if over <= 0 {
		return time.Time{}
	}
	wait := a.longest
	if over <= 10 { // a second, two, four …
		wait = min(wait, time.Second<<(over-1))
	}
	return f.Last.Add(wait)
}

// counter is one count of failures and what it allows.
type counter struct {
	key [32]byte
	allowance
}

// counters gives the counts that an attempt falls under. Nothing of them can be
// read back: they are hashes.
func counters(what, login string, from netip.Addr) []counter {
	network := partner.TruncateAddress(from).String()
	key := func(sort, value string) [32]byte { return sha256.Sum256([]byte(sort + "\x00" + value)) }
	return []counter{
		{key(what+" place", login+"\x00"+network), perPlace},
		{key(what+" network", network), perNetwork},
		{key(what+" account", login), perAccount},
	}
}
