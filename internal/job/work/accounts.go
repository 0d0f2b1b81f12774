package work

import (
	"context"
	"fmt"
	"time"

	"feedmill/internal/job"
	"feedmill/internal/partner"
)

// Accounts is what a merchant's accounts need done now and then.
type Accounts interface {
	// ApplySchedules writes down what timed switches have done by now.
	ApplySchedules(ctx context.Context, merchant partner.MerchantID) (int, error)
	// PruneLedger removes what the ledger of downloads has kept for long enough.
	PruneLedger(ctx context.Context, merchant partner.MerchantID) (int64, error)
	// AuditHead gives the end of the audit's chain.
	AuditHead(ctx context.Context, merchant partner.MerchantID) (partner.AuditHead, error)
}

// Tend writes down what a merchant's timed switches have done, removes old lines
// of the ledger of downloads, and once a day logs the end of the audit's chain,
// so that it stands where nobody who can change the database can change it.
type Tend struct {
	Merchant partner.MerchantID `json:"merchant"`
	// Head says that the end of the chain is to be logged.
	Head bool `json:"head,omitempty"`
}

// Kind implements job.Args.
func (Tend) Kind() string { return "tend" }

// For implements job.Args.
func (t Tend) For() (partner.MerchantID, string) { return t.Merchant, "" }

// Join implements job.Joiner: what either was to do is done.
func (t Tend) Join(later Tend) Tend {
	later.Head = later.Head || t.Head
	return later
}

// tend is the job.
func (w *Work) tend(ctx context.Context, t Tend) error {
	if w.opt.Accounts == nil {
		return job.Permanent(fmt.Errorf("no accounts to tend"))
	}
	if t.Head {
		head, err := w.opt.Accounts.AuditHead(ctx, t.Merchant)
		if err != nil {
			return fmt.Errorf("read the head of the audit: %w", err)
		}
		w.opt.Log.Info("head of the audit", "merchant", string(t.Merchant), "lines", head.Lines, "head", head.String())
	}
	// A point of a schedule that is written down does not come again once the
	// clock is right, nor does the ledger.
	if err := w.checkClock(ctx, w.opt.Now().UTC()); err != nil {
		return err
	}
	moved, err := w.opt.Accounts.ApplySchedules(ctx, t.Merchant)
	if err != nil {
		return fmt.Errorf("apply schedules: %w", err)
	}
	pruned, err := w.opt.Accounts.PruneLedger(ctx, t.Merchant)
	if err != nil {
		return fmt.Errorf("prune the ledger of downloads: %w", err)
	}
	if moved > 0 || pruned > 0 {
		w.opt.Log.Info("tended accounts", "merchant", string(t.Merchant), "switches", moved, "downloads", pruned)
	}
	return nil
}

// dueTends gives a round for every merchant.
func (w *Work) dueTends(head bool) func(context.Context, time.Time, time.Time) ([]job.Args, error) {
	return func(ctx context.Context, _, _ time.Time) ([]job.Args, error) {
		merchants, err := w.opt.Records.Merchants(ctx)
		if err != nil {
			return nil, fmt.Errorf("list merchants: %w", err)
		}
		var list []job.Args
		for i := range merchants {
			list = append(list, Tend{Merchant: merchants[i].ID, Head: head})
		}
		return list, nil
	}
}
