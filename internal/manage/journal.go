package manage

import (
	"context"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// maxPage is how many lines one listing gives at most.
const maxPage = 1000

func page(limit int) int {
	if limit <= 0 || limit > maxPage {
		return maxPage
	}
	return limit
}

// Downloads gives downloads, the newest first; a listing goes on with the last
// number as the filter's Before.
func (s *Service) Downloads(ctx context.Context, who Identity, f partner.LedgerFilter, limit int) ([]partner.LedgerEntry, error) {
	if err := allow(who, ReadLedger); err != nil {
		return nil, err
	}
	return s.db.Downloads(ctx, who.Merchant, f, page(limit))
}

// DownloadDays gives the daily counts of an offer from a day on.
func (s *Service) DownloadDays(ctx context.Context, who Identity, offer partner.OfferID, from time.Time) ([]partner.DownloadDay, error) {
	if err := allow(who, ReadLedger); err != nil {
		return nil, err
	}
	return s.db.DownloadDays(ctx, who.Merchant, offer, from)
}

// LinkDays gives from how many places a link was used, by day, from a day on.
func (s *Service) LinkDays(ctx context.Context, who Identity, link partner.LinkID, from time.Time) ([]partner.LinkDay, error) {
	if err := allow(who, ReadLedger); err != nil {
		return nil, err
	}
	return s.db.LinkDays(ctx, who.Merchant, link, from)
}

// Freshness tells of each offer how far its recipient is behind.
func (s *Service) Freshness(ctx context.Context, who Identity) ([]partner.Freshness, error) {
	if err := allow(who, ReadLedger); err != nil {
		return nil, err
	}
	return s.db.Freshness(ctx, who.Merchant)
}

// Audit gives lines of the audit after a number, the oldest first.
func (s *Service) Audit(ctx context.Context, who Identity, after int64, limit int) ([]partner.AuditEntry, error) {
	if err := allow(who, ReadAudit); err != nil {
		return nil, err
	}
	return s.db.Audit(ctx, who.Merchant, after, page(limit))
}

// AuditHead gives the end of the audit's chain.
func (s *Service) AuditHead(ctx context.Context, who Identity) (partner.AuditHead, error) {
	if err := allow(who, ReadAudit); err != nil {
		return partner.AuditHead{}, err
	}
	return s.db.AuditHead(ctx, who.Merchant)
}

// VerifyAudit says whether the audit's chain holds, and with it the heads that
// were noted elsewhere.
func (s *Service) VerifyAudit(ctx context.Context, who Identity, noted ...partner.AuditHead) (partner.AuditReport, error) {
	if err := allow(who, ReadAudit); err != nil {
		return partner.AuditReport{}, err
	}
	return s.db.VerifyAudit(ctx, who.Merchant, noted...)
}

// Runs gives publish runs, the newest first; before goes on below a lease
// number, 0 begins.
func (s *Service) Runs(ctx context.Context, who Identity, before int64, limit int) ([]publish.RunRecord, error) {
	if err := allow(who, ReadLedger); err != nil {
		return nil, err
	}
	return s.db.Runs(ctx, who.Merchant, before, page(limit))
}

// Held gives the generations that the guard has stopped.
func (s *Service) Held(ctx context.Context, who Identity) ([]publish.HeldRecord, error) {
	if err := allow(who, ReadLedger); err != nil {
		return nil, err
	}
	return s.db.HeldGenerations(ctx, who.Merchant)
}

// ReleaseHeld publishes what the guard has stopped of a run.
func (s *Service) ReleaseHeld(ctx context.Context, who Identity, run string) ([]publish.HeldRecord, error) {
	if err := allow(who, Publish); err != nil {
		return nil, err
	}
	return s.db.ReleaseHeld(ctx, who.Actor, who.Merchant, run)
}

// DiscardHeld forgets what the guard has stopped of a run.
func (s *Service) DiscardHeld(ctx context.Context, who Identity, run string) ([]publish.HeldRecord, error) {
	if err := allow(who, Publish); err != nil {
		return nil, err
	}
	return s.db.DiscardHeld(ctx, who.Actor, who.Merchant, run)
}
