package publish

import (
	"encoding/json"
	"time"
)

// HeldRecord is a held generation as a ledger keeps it.
type HeldRecord struct {
	Held
	// Run is the run that made it; what one run has held is released or discarded
	// together. Since is when.
	Run   string
	Since time.Time
}

// RunEnd is what is told of a run at its end.
type RunEnd struct {
	// Error is what went wrong, "" for nothing; 500 bytes of it are kept.
	Error string
	// Counts is a JSON object for people, such as products and files by feed; nil
	// for none.
	Counts json.RawMessage
}

// RunRecord is a run as a ledger remembers it.
type RunRecord struct {
	Run
	Started time.Time
	// Ended is zero while the run lasts, or has died and no other has begun since.
	Ended time.Time
	// Outcome is "published", "unchanged", "held", "failed" or "lost" (its lease
	// ran out before it ended), and "" before the end.
	Outcome string
	RunEnd
}

// Judgement says what keys of stored files are to a ledger. Keys that are in use,
// or may be, stand nowhere.
type Judgement struct {
	// Left are uploads of runs that have ended, which nothing will ever name, and
	// which an earlier look has found left over too; Fresh those that none has.
	Left, Fresh []string
	// Unknown are keys that the ledger has never heard of.
	Unknown []string
}
