package manage

import (
	"context"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// somebody refuses whoever is nobody to his merchant.
func somebody(who Identity) error {
	if who.Merchant == "" || who.Role == RoleNone || who.Role > RoleOwner {
		return &feed.Error{Kind: feed.KindForbidden, Message: "you may not do that", Hint: "ask an owner of the account"}
	}
	return nil
}

// BeginRequest begins a request under a key of the client's choice. An answer
// that is not nil is that of the same request sent before, and nothing is to be
// done; else it is to be carried out and ended by [Service.EndRequest], or by
// [Service.ForgetRequest] where it came to nothing. Another request under the
// same key is KindInvalid, the same one still under way KindConflict.
func (s *Service) BeginRequest(ctx context.Context, who Identity, key string, fingerprint [32]byte) (*partner.IdempotentAnswer, error) {
	if err := somebody(who); err != nil {
		return nil, err
	}
	return s.db.BeginIdempotent(ctx, who.Merchant, key, fingerprint)
}

// EndRequest keeps the answer to a request that was begun.
func (s *Service) EndRequest(ctx context.Context, who Identity, key string, answer partner.IdempotentAnswer) error {
	if err := somebody(who); err != nil {
		return err
	}
	return s.db.EndIdempotent(ctx, who.Merchant, key, answer)
}

// ForgetRequest lets a request that came to nothing be tried again under its key.
func (s *Service) ForgetRequest(ctx context.Context, who Identity, key string) error {
	if err := somebody(who); err != nil {
		return err
	}
	return s.db.ForgetIdempotent(ctx, who.Merchant, key)
}

// EventNumber gives the number in the log of changes of a change that a write
// has put into the queue ([partner.PutResult]): feeds whose cursor is as large
// show it. It waits no longer than told; ok is false when that was too short.
func (s *Service) EventNumber(ctx context.Context, who Identity, queue int64, wait time.Duration) (number int64, ok bool, err error) {
	if err := allow(who, ReadProducts); err != nil && allow(who, WriteProducts) != nil {
		return 0, false, err
	}
	return s.db.EventNumber(ctx, who.Merchant, queue, wait)
}
