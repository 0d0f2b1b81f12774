package download

import "time"

// Request is what is told of a request that has ended. Nothing in it is a secret.
type Request struct {
	// Route is the template that the address fits, or "none".
	Route string
	// Method is as it came.
	Method string
	// Status is 0 when nothing was answered.
	Status int
	// Bytes counts the body.
	Bytes int64
	Took  time.Duration
	// Why is the reason of anything but a plain success: one of a small closed
	// set, the names of [feedmill/internal/partner.Refusal] among them.
	Why string
	// Cut says that it ended because a switch was turned.
	Cut bool
}

// The reasons beside those of the policy.
const (
	whyAddress       = "no-such-address"
	whyFile          = "no-such-file"
	whyMalformed     = "malformed"
	whyCredentials   = "no-credentials"
	whyMethod        = "method"
	whyBareRange     = "bare-range"
	whyUnpublished   = "unpublished"
	whyUnconfirmed   = "unconfirmed"
	whyRecords       = "records"
	whyStore         = "store"
	whyDamaged       = "damaged"
	whyBroken        = "broken-off"
	whyCut           = "cut"
	whyAddressLimit  = "address-limit"
	whyLinkLimit     = "link-limit"
	whyWholeLimit    = "whole-limit"
	whyRunningLink   = "running-per-link"
	whyRunningPlace  = "running-per-address"
	whyRunning       = "running"
	whyInternalError = "internal"
)

// Stats are numbers for whoever watches.
type Stats struct {
	// Running counts the downloads under way, Links those that are not revoked.
	Running, Links int
	// SnapshotAge is how long ago the accounts were last known to be right; it
	// is negative before they were read.
	SnapshotAge time.Duration
	// Confirmed counts how often a request had to have them confirmed itself.
	Confirmed uint64
	// Ledger is about the downloads that are still to be written down.
	Ledger LedgerStats
}

// Stats gives the present numbers.
func (s *Server) Stats() Stats {
	st := Stats{Running: s.running.count(), SnapshotAge: -1, Confirmed: s.confirms.Load(), Ledger: s.opt.Ledger.Stats()}
	if d, at := s.dir.Load(), s.confirmed.Load(); d != nil && at != nil {
		st.Links, st.SnapshotAge = d.live, s.opt.Now().Sub(*at)
	}
	return st
}

// QueueStats gives how many downloads wait to be written down, how many may,
// and how many were lost because more did.
func (s *Server) QueueStats() (length, capacity int, dropped uint64) {
	st := s.opt.Ledger.Stats()
	return st.Waiting, st.Capacity, st.Dropped
}
