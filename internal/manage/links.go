package manage

import (
	"context"
	"net/netip"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Links gives the links of an offer, of all offers when offer is "", ended ones
// included. Secrets are nowhere in them.
func (s *Service) Links(ctx context.Context, who Identity, offer partner.OfferID) ([]partner.Link, error) {
	if err := allow(who, ReadAccounts); err != nil {
		return nil, err
	}
	return s.db.Links(ctx, who.Merchant, offer)
}

// Link gives one link.
func (s *Service) Link(ctx context.Context, who Identity, id partner.LinkID) (partner.Link, error) {
	if err := allow(who, ReadAccounts); err != nil {
		return partner.Link{}, err
	}
	return s.db.Link(ctx, who.Merchant, id)
}

// NewLink says what a link is to be. CIDRs is as [partner.ParseCIDRs] reads it.
type NewLink struct {
	Name    string
	CIDRs   string
	Expires time.Time
}

func (s *Service) makeLink(who Identity, offer partner.OfferID, n NewLink) (partner.Link, partner.Secret, error) {
	cidrs, err := partner.ParseCIDRs(n.CIDRs)
	if err != nil {
		return partner.Link{}, partner.Secret{}, err
	}
	now := s.now()
	if !n.Expires.IsZero() && !n.Expires.After(now) {
		return partner.Link{}, partner.Secret{}, feed.Errorf(feed.KindInvalid, "the link would have ended at %s already", n.Expires.UTC().Format(time.RFC3339))
	}
	l, secret := partner.NewLink(who.Merchant, offer, n.Name, now, n.Expires)
	l.CIDRs = cidrs
	return l, secret, nil
}

// CreateLink makes a link of an offer. The secret is shown by whoever has called,
// this once, and is kept nowhere.
func (s *Service) CreateLink(ctx context.Context, who Identity, offer partner.OfferID, n NewLink) (partner.Link, partner.Secret, error) {
	if err := allow(who, WriteLinks); err != nil {
		return partner.Link{}, partner.Secret{}, err
	}
	// What is foreign is answered as what does not exist.
	if _, err := s.db.Offer(ctx, who.Merchant, offer); err != nil {
		return partner.Link{}, partner.Secret{}, err
	}
	trim(&n.Name)
	l, secret, err := s.makeLink(who, offer, n)
	if err != nil {
		return partner.Link{}, partner.Secret{}, err
	}
	if err := s.db.CreateLink(ctx, who.Actor, l); err != nil {
		return partner.Link{}, partner.Secret{}, err
	}
	return l, secret, nil
}

// RotateLink makes a link in place of another, with its name, networks and end.
// The old one answers for overlap more; an overlap of 0 revokes it at once.
func (s *Service) RotateLink(ctx context.Context, who Identity, id partner.LinkID, overlap time.Duration) (partner.Link, partner.Secret, error) {
	if err := allow(who, WriteLinks); err != nil {
		return partner.Link{}, partner.Secret{}, err
	}
	if overlap < 0 || overlap > maxOverlap {
		return partner.Link{}, partner.Secret{}, feed.Errorf(feed.KindInvalid, "an overlap lasts from 0 to %s, not %s", maxOverlap, overlap)
	}
	old, err := s.db.Link(ctx, who.Merchant, id)
	if err != nil {
		return partner.Link{}, partner.Secret{}, err
	}
	n := NewLink{Name: old.Name, CIDRs: partner.FormatCIDRs(old.CIDRs)}
	if old.ExpiresAt.After(s.now()) && old.Replaces == "" {
		n.Expires = old.ExpiresAt
	}
	l, secret, err := s.makeLink(who, old.Offer, n)
	if err != nil {
		return partner.Link{}, partner.Secret{}, err
	}
	if err := s.db.RotateLink(ctx, who.Actor, id, l, overlap); err != nil {
		return partner.Link{}, partner.Secret{}, err
	}
	l.Replaces = id
	return l, secret, nil
}

// maxOverlap is how long a rotation may take: what goes on longer is two links.
const maxOverlap = 90 * 24 * time.Hour

// UpdateLink changes a link's name, networks and end.
func (s *Service) UpdateLink(ctx context.Context, who Identity, id partner.LinkID, to partner.LinkSettings, version int64) (partner.Link, error) {
	if err := allow(who, WriteLinks); err != nil {
		return partner.Link{}, err
	}
	trim(&to.Name)
	return s.db.UpdateLink(ctx, who.Actor, who.Merchant, id, to, version)
}

// RevokeLink ends a link for good.
func (s *Service) RevokeLink(ctx context.Context, who Identity, id partner.LinkID) error {
	if err := allow(who, WriteLinks); err != nil {
		return err
	}
	return s.db.RevokeLink(ctx, who.Actor, who.Merchant, id)
}

// SuspendLink stops a link until [Service.ResumeLink].
func (s *Service) SuspendLink(ctx context.Context, who Identity, id partner.LinkID) error {
	if err := allow(who, WriteLinks); err != nil {
		return err
	}
	return s.db.SuspendLink(ctx, who.Actor, who.Merchant, id)
}

// ResumeLink lets a stopped link answer again and takes its alarm back.
func (s *Service) ResumeLink(ctx context.Context, who Identity, id partner.LinkID) error {
	if err := allow(who, WriteLinks); err != nil {
		return err
	}
	return s.db.ResumeLink(ctx, who.Actor, who.Merchant, id)
}

// Keys gives the keys of the API, ended ones included.
func (s *Service) Keys(ctx context.Context, who Identity) ([]partner.Key, error) {
	if err := allow(who, ManageKeys); err != nil {
		return nil, err
	}
	return s.db.Keys(ctx, who.Merchant)
}

// CreateKey makes a key. The secret is shown by whoever has called, this once.
func (s *Service) CreateKey(ctx context.Context, who Identity, name string, scopes partner.Scopes, expires time.Time) (partner.Key, partner.KeySecret, error) {
	return s.CreateBoundKey(ctx, who, name, scopes, "", expires)
}

// CreateBoundKey is [Service.CreateKey] for a key that may be used from some
// networks alone; cidrs is as [partner.ParseCIDRs] reads it.
func (s *Service) CreateBoundKey(ctx context.Context, who Identity, name string, scopes partner.Scopes, cidrs string, expires time.Time) (partner.Key, partner.KeySecret, error) {
	if err := allow(who, ManageKeys); err != nil {
		return partner.Key{}, partner.KeySecret{}, err
	}
	now := s.now()
	if !expires.IsZero() && !expires.After(now) {
		return partner.Key{}, partner.KeySecret{}, feed.Errorf(feed.KindInvalid, "the key would have ended at %s already", expires.UTC().Format(time.RFC3339))
	}
	networks, err := partner.ParseCIDRs(cidrs)
	if err != nil {
		return partner.Key{}, partner.KeySecret{}, err
	}
	trim(&name)
	k, secret := partner.NewKey(who.Merchant, name, scopes, now, expires)
	k.CIDRs = networks
	if err := s.db.CreateKey(ctx, who.Actor, k); err != nil {
		return partner.Key{}, partner.KeySecret{}, err
	}
	return k, secret, nil
}

// RevokeKey ends a key for good.
func (s *Service) RevokeKey(ctx context.Context, who Identity, id partner.KeyID) error {
	if err := allow(who, ManageKeys); err != nil {
		return err
	}
	return s.db.RevokeKey(ctx, who.Actor, who.Merchant, id)
}

// Authenticate gives the identity behind a key's secret as a request carries
// it, from an address that nobody knows: a key that is bound to networks is not
// valid. Whatever is wrong with it, the error is the same.
func (s *Service) Authenticate(ctx context.Context, text string) (Identity, error) {
	return s.AuthenticateFrom(ctx, text, netip.Addr{})
}

// AuthenticateFrom is [Service.Authenticate] for a request that comes from an
// address: a key that is bound to networks is valid from them alone.
func (s *Service) AuthenticateFrom(ctx context.Context, text string, from netip.Addr) (Identity, error) {
	refused := &feed.Error{Kind: feed.KindForbidden, Message: "the key is not valid"}
	secret, ok := partner.ParseKeySecret(text)
	if !ok {
		return Identity{}, refused
	}
	now := s.now()
	k, err := s.db.FindKey(ctx, secret.Key())
	switch {
	case feed.KindOf(err) == feed.KindNotFound && err != nil:
		// An unknown key costs the same comparison as a known one.
		_ = secret.Matches([32]byte{1})
		return Identity{}, refused
	case err != nil:
		return Identity{}, err
	case !secret.Matches(k.SecretHash), !k.Live(now), !k.Admits(from):
		return Identity{}, refused
	}
	if now.Sub(k.LastUsed) > time.Minute {
		// The note is worth less than what was asked for, which may be to turn a partner
		// off while the disk is full. Whatever else is written says what is wrong.
		_ = s.db.UseKey(ctx, k.Merchant, k.ID, now)
	}
	return Identity{Merchant: k.Merchant, Role: RoleKey, Scopes: k.Scopes, Actor: partner.Actor{Name: string(k.ID), Role: "key"}}, nil
}
