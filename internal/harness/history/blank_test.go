package history_test

import (
	"time"

	"feedmill/internal/harness/memledger"
)

// newBlank gives a ledger that knows no history.
func newBlank(now func() time.Time) *memledger.Ledger {
	return memledger.New(memledger.Options{Now: now, Lease: 15 * time.Second})
}
