package dbtest

import (
	"context"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// desk is what the suite asks of a database for those who act for a merchant.
type desk interface {
	UpdateShop(ctx context.Context, actor partner.Actor, s partner.Shop) (partner.Shop, error)
	SetPartnerSchedule(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, s partner.Schedule, version int64) (partner.Partner, error)
	SetOfferSchedule(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.OfferID, s partner.Schedule, version int64) (partner.Offer, error)
	ApplySchedules(ctx context.Context, merchant partner.MerchantID) (int, error)
	ChangeAll(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, set partner.Changeset) (partner.Changeset, error)

	Link(ctx context.Context, merchant partner.MerchantID, id partner.LinkID) (partner.Link, error)
	UpdateLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID, s partner.LinkSettings, version int64) (partner.Link, error)
	SuspendLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID) error
	ResumeLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID) error

	CreateKey(ctx context.Context, actor partner.Actor, k partner.Key) error
	Keys(ctx context.Context, merchant partner.MerchantID) ([]partner.Key, error)
	FindKey(ctx context.Context, id partner.KeyID) (partner.Key, error)
	UseKey(ctx context.Context, merchant partner.MerchantID, id partner.KeyID, at time.Time) error
	RevokeKey(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.KeyID) error
	BeginIdempotent(ctx context.Context, merchant partner.MerchantID, key string, fingerprint [32]byte) (*partner.IdempotentAnswer, error)
	EndIdempotent(ctx context.Context, merchant partner.MerchantID, key string, answer partner.IdempotentAnswer) error
	ForgetIdempotent(ctx context.Context, merchant partner.MerchantID, key string) error

	RecordDownloads(ctx context.Context, list []partner.Download) error
	Downloads(ctx context.Context, merchant partner.MerchantID, f partner.LedgerFilter, limit int) ([]partner.LedgerEntry, error)
	DownloadDays(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID, from time.Time) ([]partner.DownloadDay, error)
	LinkDays(ctx context.Context, merchant partner.MerchantID, link partner.LinkID, from time.Time) ([]partner.LinkDay, error)
	Freshness(ctx context.Context, merchant partner.MerchantID) ([]partner.Freshness, error)
	PruneLedger(ctx context.Context, merchant partner.MerchantID) (int64, error)

	PutProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, put []partner.StagedProduct, removed []feed.ProductID) (partner.PutResult, error)
	EditProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, ids []feed.ProductID, edit func(partner.StoredProduct) (partner.StagedProduct, error)) (partner.PutResult, error)
	ProductPage(ctx context.Context, merchant partner.MerchantID, after feed.ProductID, limit int) ([]partner.StoredProduct, error)
	ProductsByPrefix(ctx context.Context, merchant partner.MerchantID, prefix string, limit int) ([]feed.ProductID, error)

	AuditHead(ctx context.Context, merchant partner.MerchantID) (partner.AuditHead, error)
	VerifyAudit(ctx context.Context, merchant partner.MerchantID, noted ...partner.AuditHead) (partner.AuditReport, error)
	NoteAct(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, action, object string, before, after partner.Facts) error
}
