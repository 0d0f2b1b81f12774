package download

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// directory is the copy of the accounts that decisions are made from. It is
// never changed: a newer one takes its place.
type directory struct {
	version     partner.Version
	links       map[partner.LinkID]*entry
	live        int // links that are not revoked
	generations map[publish.FeedRef]*publish.Generation
}

// entry is a link with all that stands behind it.
type entry struct {
	link     partner.Link
	offer    *partner.Offer
	partner  *partner.Partner
	merchant *partner.Merchant
	shop     *partner.Shop
	// full and light are the feeds that the offer is attached to and has not
	// left, the newest first, without those that are not up to date yet.
	full, light []attached
	// left are the feeds of full files that the offer was read from before.
	left []attached
}

type attached struct {
	feed  publish.FeedRef
	since time.Time
}

// nobody is what an unknown link is compared with, so that it costs the same.
var nobody = entry{}

// find gives the entry of a secret and whether it may be used.
func (d *directory) find(secret partner.Secret, now time.Time) (*entry, partner.Refusal) {
	e := d.links[secret.Link()]
	known := e != nil
	if !known {
		e = &nobody
	}
	if !secret.Matches(e.link.SecretHash) || !known {
		return nil, partner.RefusedUnknown
	}
	return e, e.decide(now)
}

func (e *entry) decide(now time.Time) partner.Refusal {
	return partner.Decide(e.merchant, e.partner, e.offer, &e.link, now)
}

// allowed says whether a link that was found before may still be used from an
// address.
func (d *directory) allowed(id partner.LinkID, from netip.Addr, now time.Time) bool {
	return d.refusal(id, from, now) == partner.Allowed
}

// refusal says why such a link may not be used.
func (d *directory) refusal(id partner.LinkID, from netip.Addr, now time.Time) partner.Refusal {
	e := d.links[id]
	if e == nil {
		return partner.RefusedUnknown
	}
	why := e.decide(now)
	if why == partner.Allowed && !e.link.Admits(from) {
		why = partner.RefusedAddress
	}
	return why
}

// present gives the generation that an offer shows now, and since when it is
// this feed's: of its oldest feed that has one. The records end the older ones
// at the moment when full and light of the newest profile are both up to date.
func (d *directory) present(list []attached) (*publish.Generation, time.Time) {
	for _, a := range slices.Backward(list) {
		if g := d.generations[a.feed]; g != nil {
			return g, a.since
		}
	}
	return nil, time.Time{}
}

// Refresh asks the database whether anything has changed, reads it if so, and
// cuts the running downloads that are no longer allowed.
func (s *Server) Refresh(ctx context.Context) error {
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	asked := s.opt.Now()
	if err := s.reread(ctx); err != nil {
		s.lost.Store(true)
		return err
	}
	s.proof.Store(&proof{asked, s.dir.Load()})
	s.confirmed.Store(&asked)
	s.distrusted.Store(false)
	s.lost.Store(false)
	s.cutRefused()
	return nil
}

// reread replaces the directory if the database has anything new.
func (s *Server) reread(ctx context.Context) error {
	version, err := s.records.AccessVersion(ctx)
	if err != nil {
		return err
	}
	old := s.dir.Load()
	if old == nil {
		old = &directory{version: partner.Version{Accounts: -1, Pointers: -1}}
	}
	if version != old.version {
		// Nothing that another database has told is believed of this one.
		another := version.Source != old.version.Source
		known := old.generations
		if another {
			known = nil
		}
		next := &directory{version: version, links: old.links, live: old.live, generations: known}
		if another || version.Accounts != old.version.Accounts {
			accounts, err := s.records.Accounts(ctx)
			if err != nil {
				return err
			}
			if accounts.Version.Source != version.Source {
				return errors.New("another database has come to answer meanwhile")
			}
			// Not the pointers' version: they are read after it.
			next.version.Accounts = accounts.Version.Accounts
			next.links = index(&accounts)
			next.live = 0
			for _, e := range next.links {
				if e.link.RevokedAt.IsZero() {
					next.live++
				}
			}
		}
		if next.generations, err = s.generations(ctx, next.links, known); err != nil {
			return err
		}
		s.dir.Store(next)
	}
	return nil
}

// proof is a directory with the moment from which it was right. The two belong
// together: a request that looked at them one after the other could be decided by
// a directory that a refresh under way has just made of older accounts.
type proof struct {
	at  time.Time
	dir *directory
}

// trusted gives the directory, or nil when it may not be believed any more.
func (s *Server) trusted() *directory {
	p := s.proof.Load()
	if p == nil || s.distrusted.Load() || s.opt.Now().Sub(p.at) > s.opt.Grace+s.opt.Lease {
		return nil
	}
	return p.dir
}

// current gives the directory that a request is decided by, or nil. One that was
// not confirmed within the lease is confirmed first, unless the database is
// lost: then it is believed for as long as the grace says.
func (s *Server) current() *directory {
	if d := s.fresh(); d != nil {
		return d
	}
	s.confirm()
	return s.trusted()
}

// fresh gives the directory if it was right within the lease. A clock that has
// been set back tells nothing.
func (s *Server) fresh() *directory {
	p := s.proof.Load()
	if p == nil || s.distrusted.Load() {
		return nil
	}
	if age := s.opt.Now().Sub(p.at); age < 0 || age > s.opt.Lease {
		return nil
	}
	return p.dir
}

// confirm has the directory confirmed; all requests that need it wait for one
// question. It returns when the directory is fresh, or the database is lost.
func (s *Server) confirm() {
	if s.dir.Load() == nil {
		return // whoever has made the server has not begun yet
	}
	s.confirms.Add(1)
	giveUp := time.NewTimer(s.opt.ConfirmWait)
	defer giveUp.Stop()
	for s.fresh() == nil && !s.lost.Load() {
		select {
		case <-s.ask():
		case <-giveUp.C:
			s.lost.Store(true) // until a refresh succeeds
		}
	}
}

// ask begins a refresh unless one is under way, and gives what is closed when
// it has ended. A refresh that began before was asked for is good enough only if
// its answer turns out to be fresh.
func (s *Server) ask() <-chan struct{} {
	s.asking.Lock()
	defer s.asking.Unlock()
	if s.asked != nil {
		return s.asked
	}
	asked := make(chan struct{})
	s.asked = asked
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), refreshTimeout)
		defer cancel()
		// Whether it has worked shows in what it leaves; the poll logs faults.
		_ = s.Refresh(ctx)
		s.asking.Lock()
		s.asked = nil
		s.asking.Unlock()
		close(asked)
	}()
	return asked
}

// generations reads the current generations of the feeds that links lead to.
func (s *Server) generations(ctx context.Context, links map[partner.LinkID]*entry, old map[publish.FeedRef]*publish.Generation) (map[publish.FeedRef]*publish.Generation, error) {
	known := make(map[publish.FeedRef]int64, len(old))
	for ref, g := range old {
		known[ref] = g.Number
	}
	list, err := s.records.CurrentGenerations(ctx, known)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(old)
	if all == nil {
		all = map[publish.FeedRef]*publish.Generation{}
	}
	for i := range list {
		all[list[i].Feed] = &list[i]
	}
	used := make(map[publish.FeedRef]*publish.Generation, len(all))
	for _, e := range links {
		for _, attachments := range [][]attached{e.full, e.light, e.left} {
			for _, a := range attachments {
				if g := all[a.feed]; g != nil {
					used[a.feed] = g
				}
			}
		}
	}
	return used, nil
}

// index puts the accounts together by link.
func index(a *partner.Accounts) map[partner.LinkID]*entry {
	merchants := make(map[partner.MerchantID]*partner.Merchant, len(a.Merchants))
	for i := range a.Merchants {
		merchants[a.Merchants[i].ID] = &a.Merchants[i]
	}
	partners := make(map[partner.ID]*partner.Partner, len(a.Partners))
	for i := range a.Partners {
		partners[a.Partners[i].ID] = &a.Partners[i]
	}
	shops := make(map[partner.ShopID]*partner.Shop, len(a.Shops))
	for i := range a.Shops {
		shops[a.Shops[i].ID] = &a.Shops[i]
	}
	offers := make(map[partner.OfferID]*entry, len(a.Offers))
	for i := range a.Offers {
		o := &a.Offers[i]
		offers[o.ID] = &entry{offer: o, partner: partners[o.Partner], merchant: merchants[o.Merchant], shop: shops[o.Shop]}
	}
	for _, at := range a.Attachments {
		e := offers[at.Offer]
		if e == nil || at.Pending {
			continue
		}
		f := attached{publish.FeedRef{Merchant: string(e.offer.Merchant), Kind: at.Kind, Key: at.Key}, at.Since}
		switch {
		case !at.Until.IsZero():
			if at.Kind == feed.KindFull {
				e.left = append(e.left, f)
			}
		case at.Kind == feed.KindFull:
			e.full = append(e.full, f)
		case at.Kind == feed.KindLight:
			e.light = append(e.light, f)
		}
	}
	links := make(map[partner.LinkID]*entry, len(a.Links))
	for _, l := range a.Links {
		// A record that does not fit together leads nowhere.
		if e := offers[l.Offer]; e != nil && e.partner != nil && e.merchant != nil && e.shop != nil {
			copied := *e
			copied.link = l
			links[l.ID] = &copied
		}
	}
	return links
}

// Changed is for who has just committed a change in this process: when it
// returns, the change is in force. If the accounts cannot be read just then,
// nothing is served until they can.
func (s *Server) Changed() {
	ctx, cancel := context.WithTimeout(context.Background(), refreshTimeout)
	defer cancel()
	if err := s.Refresh(ctx); err != nil {
		s.distrusted.Store(true)
		s.opt.Log.Error("read accounts after a change", slog.Any("error", err))
	}
}

// refreshTimeout is how long the database may take for one refresh.
const refreshTimeout = 5 * time.Second

// Run keeps the accounts fresh until the context ends.
func (s *Server) Run(ctx context.Context) {
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { s.watch(ctx) })
	tick := time.NewTicker(s.opt.PollEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
			defer cancel()
			return s.Refresh(ctx)
		}()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			s.opt.Log.Error("read accounts", slog.Any("error", err))
		case err == nil && failing:
			s.opt.Log.Info("accounts are read again")
		}
		failing = err != nil
		if failing {
			// Links expire also while the database is away.
			s.cutRefused()
		}
	}
}

// disbelief is how much longer than a request a running download is let go on by
// accounts that nobody confirms: a hiccup of the database breaks none.
const disbelief = time.Second

// watch ends all running downloads once the accounts may not be believed any
// more: a node that is cut off alone does not hear of switches that are turned.
// It does not ask the database, so one that hangs keeps it from nothing.
func (s *Server) watch(ctx context.Context) {
	tick := time.NewTicker(s.opt.PollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		at := s.confirmed.Load()
		if at == nil || s.opt.Now().Sub(*at) <= s.opt.Grace+s.opt.Lease+disbelief {
			continue
		}
		if n := s.running.cut(func(Transfer) bool { return true }); n > 0 {
			s.opt.Log.Warn("downloads were ended: the accounts could not be confirmed for too long", slog.Int("downloads", n))
		}
	}
}

func (s *Server) cutRefused() {
	d, now := s.dir.Load(), s.opt.Now()
	s.running.cut(func(t Transfer) bool { return !d.allowed(t.Link, t.Address, now) })
}
