package publish

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"feedmill/feed"
	"feedmill/feed/diff"
	"feedmill/feed/iof"
	"feedmill/feed/pricing"
	"feedmill/feed/tabular"
)

// view is one profile of a run: its prices and the feeds that it fills. Views
// that share a full feed have one of them fill it.
type view struct {
	profile feed.Profile
	rules   *pricing.Rules
	writer  *iof.Writer
	// texts are shared with the views that write the same; nil where another view
	// fills the full feed.
	texts *iof.Texts
	csv   *tabular.Writer
	item  feed.Item
	// product is the item's as the catalog has it.
	product *feed.Product
	// alike is a digest of what full and light must tell alike of the product.
	alike uint32
	full  *plan
	light *plan
	// used tracks what the shown products refer to, nil when the profile shows
	// all; usedBefore is what the state before tells of it.
	used, usedBefore *usage
	// refs keeps full from naming products that are not shown.
	refs    *references
	leftOut []LeftOut
}

// plan is one feed of a run.
type plan struct {
	ref     FeedRef
	view    *view // the view that fills it
	writer  *iof.Writer
	prev    Generation
	hasPrev bool
	number  int64
	epoch   int64
	time    time.Time
	zone    *time.Location // in which the time is told, nil for the merchant's
	// expiring says that half of the validity has passed, renewal that everything
	// is made anew, for that or because it was asked for.
	expiring, renewal bool
	fresh             bool  // the state before is damaged: start a new epoch with a full file
	lostHistory       bool  // newer generations than the one before were published: it must not take a number above theirs
	full              bool  // a full file (or the light file) is being made
	wantFull          bool  // a full file is due when something differs
	chain             int64 // the first change file that stays listed for its age; 0 when none does
	refull            bool  // a full file is due in any case
	idle              bool  // nothing new since what is held: leave it
	whole             bool  // the whole feed is compared
	why               string
	hinted            bool // hint tells what may differ
	hint              []feed.ProductID
	late              *Hint // of what had no number yet; nil where nobody knows
	held              Held  // what is held already
	hasHeld           bool

	// files under way
	body         *body
	change, csv  *spool
	state        *stateFile
	readers      []closer
	merge        *diff.Merge
	node, record []byte
	// extra and filed are what the state keeps beside its entries.
	extra []byte
	filed *spill
	sp    look
	last  lastNodes

	live, added, changed, removed       int64
	changeNodes, goneNodes, expiredGone int64
	missed                              int64
	// moved is 0 where the feed shows the products and the sizes that it showed
	// before, and else a digest of what differs in that: equal in two feeds that
	// showed the same.
	moved                uint64
	priceSum, priceCount int64

	// what decide makes of it
	due, wait, dictsChanged bool
	// sizesChanged says that sizes.xml is among the dictionaries that have.
	sizesChanged bool
	dicts        []File
	heldNow      *HeldError
}

type closer interface{ Close() error }

type plans struct {
	all   []*plan
	views []*view
	// texts are those of all views.
	texts []*iof.Texts
	codes []byte // room for what full and light must tell alike of a product
	// pairs are the full and the light feed of each profile.
	pairs [][2]*plan
	// watch finds out what the profiles name that the catalog does not have.
	watch *pricing.Watch
}

// newPlans lists the feeds that the profiles need.
func newPlans(req *Request) (*plans, error) {
	ps := &plans{}
	known := req.Catalog.Known
	if known == nil {
		known = &feed.Dictionaries{}
	}
	index := feed.NewIndex(known)
	seen := map[FeedRef]*plan{}
	for _, profile := range req.Profiles {
		// Offers find their feeds by what the profile says, not by what fills its gaps.
		fullRef := FeedRef{req.Merchant, feed.KindFull, profile.FullKey()}
		lightRef := FeedRef{req.Merchant, feed.KindLight, profile.LightKey()}
		if profile.Currency.IsZero() {
			profile.Currency = req.Catalog.Currency
		}
		if err := profile.Validate(); err != nil {
			return nil, err
		}
		if seen[fullRef] != nil && seen[lightRef] != nil {
			ps.pairs = append(ps.pairs, [2]*plan{seen[fullRef], seen[lightRef]})
			continue
		}
		rules, err := pricing.Compile(&profile, index, &req.Catalog.Terms)
		if err != nil {
			return nil, fmt.Errorf("profile: %w", err)
		}
		v := &view{profile: profile, rules: rules}
		v.writer = iof.NewWriter(&v.profile, index, iof.Options{GeneratedBy: req.Settings.GeneratedBy, DefaultLanguage: req.Catalog.Language, Languages: req.Catalog.Languages})
		if profile.CSV {
			v.csv = tabular.NewWriter(&v.profile, index, tabular.Options{DefaultLanguage: req.Catalog.Language, Languages: req.Catalog.Languages})
		}
		v.forget()
		add := func(ref FeedRef) *plan {
			if seen[ref] != nil {
				return nil
			}
			p := &plan{ref: ref, view: v, writer: v.writer}
			seen[ref] = p
			ps.all = append(ps.all, p)
			return p
		}
		v.full, v.light = add(fullRef), add(lightRef)
		ps.share(v)
		ps.views = append(ps.views, v)
		ps.pairs = append(ps.pairs, [2]*plan{seen[fullRef], seen[lightRef]})
	}
	ps.watchFor(req, index)
	return ps, nil
}

// share gives a new view texts, if it can those of one that writes the same.
func (ps *plans) share(v *view) {
	if v.full == nil {
		return
	}
	for _, o := range ps.views {
		if o.full == nil || !o.writer.SameTexts(v.writer) {
			continue
		}
		o.texts.Share()
		v.texts = o.texts
		return
	}
	v.texts = &iof.Texts{}
	ps.texts = append(ps.texts, v.texts)
}

// nextProduct makes texts be rendered anew.
func (ps *plans) nextProduct() {
	for _, t := range ps.texts {
		t.Next()
	}
}

// alike digests what full and light must tell alike of a product, or else
// partners who match sizes by it lose them: ids, codes and the VAT rate.
func (ps *plans) alike(p *feed.Product) uint32 {
	b := p.VAT.Append(ps.codes[:0])
	for i := range p.Sizes {
		s := &p.Sizes[i]
		for _, text := range [...]string{s.ID, s.Code, s.ProducerCode, s.ExternalCode} {
			b = append(append(b, 0xff), text...) // in no text
		}
	}
	ps.codes = b
	sum := diff.Sum(b)
	return binary.BigEndian.Uint32(sum[:])
}

// forget empties what passes gather of a view.
func (v *view) forget() {
	v.refs, v.leftOut, v.used, v.usedBefore = newReferences(), nil, nil, nil
	if len(v.profile.Assortment.Include)+len(v.profile.Assortment.Exclude) > 0 {
		v.used = newUsage()
	}
}

// load reads the generation before and says what is due whatever the products
// turn out to be.
func (p *plan) load(ctx context.Context, r *runner) (err error) {
	if p.prev, p.hasPrev, err = r.ledger.Current(ctx, p.ref); err != nil {
		return fmt.Errorf("read the current generation: %w", err)
	}
	req, s := r.req, r.req.Settings
	now := req.Now.UTC()
	p.epoch, p.full = 1, true
	p.time = now.Truncate(time.Second)
	if !p.hasPrev {
		p.goWhole("there is none before")
		if err := p.loadFloor(ctx, r.ledger, now); err != nil {
			return err
		}
		p.forgetLost(r.lost, now)
		return p.loadHeld(ctx, r)
	}
	if req.Catalog.Head < p.prev.Cursor {
		return fmt.Errorf("the snapshot ends with change %d, what is published includes change %d: %w", req.Catalog.Head, p.prev.Cursor, ErrLost)
	}
	p.epoch = p.prev.Epoch
	p.time = feed.NextTime(p.prev.Time, now)
	p.afterTold(s.Zone, now)
	p.expiring = !p.time.Before(p.prev.Expires.Add(-s.Validity / 2))
	p.renewal = s.Force || p.expiring
	if p.ref.Kind == feed.KindFull {
		f := p.prev.File(feed.KindFull)
		p.refull = s.Full && f != nil && p.changedSince(f) > 0
		p.wantFull = f == nil || p.refull || s.FullEvery < 0
		if !p.wantFull {
			age, err := p.age(ctx, r, f.Changed, f.Generation, s.FullEvery)
			if err != nil {
				return err
			}
			p.wantFull = age >= s.FullEvery || age < -slack
		}
		if err := p.loadChain(ctx, r); err != nil {
			return err
		}
		p.full = p.wantFull || p.renewal
	}
	p.forgetLost(r.lost, now)
	if s.Force && !p.fresh {
		if err := p.proveChanges(ctx, r.bin); err != nil {
			return err
		}
	}
	if c := p.view.profile.Currency; p.prev.Currency != c && !p.fresh {
		// Nodes of light name no currency, and neither do those of products that left.
		p.restart("the currency is another one")
	}
	switch {
	case p.whole:
	case s.Force:
		p.goWhole("it was asked for")
	case p.renewal:
		p.goWhole("it is renewed")
	default:
		// A comparison of the future was made before the clock was set back.
		if age := now.Sub(p.prev.Compared); s.CompareEvery < 0 || age >= s.CompareEvery || age < -time.Hour {
			p.goWhole("it is time to")
		}
	}
	if err := p.loadHeld(ctx, r); err != nil || p.idle {
		return err
	}
	return p.loadHint(ctx, r)
}

// loadChain finds the oldest change file that is young enough to stay listed.
// Those that were made before the clock was set back go with the first that was
// made after that.
func (p *plan) loadChain(ctx context.Context, r *runner) error {
	keep := r.req.Settings.ChainKeep
	for _, f := range slices.Backward(p.prev.Files) { // the newest first of a kind
		if f.Kind != feed.KindFullChange {
			continue
		}
		age, err := p.age(ctx, r, f.Changed, f.Generation, keep)
		switch {
		case err != nil:
			return err
		case age >= keep:
			p.chain = 0
		case p.chain == 0:
			p.chain = f.Generation
		}
		if age >= 0 && age < keep {
			break
		}
	}
	return nil
}

// loadFloor makes the first generation go on above those of the time before the
// feed was retired: partners remember labels for longer than we keep files.
func (p *plan) loadFloor(ctx context.Context, l Ledger, now time.Time) error {
	floors, ok := l.(Floors)
	if !ok {
		return nil
	}
	epoch, after, err := floors.Floor(ctx, p.ref)
	if err != nil {
		return fmt.Errorf("read what the feed has used: %w", err)
	}
	p.epoch, p.time = max(p.epoch, epoch), feed.NextTime(after, now)
	return nil
}

// hintShare is the part of a feed, as one in so many, beyond which looking
// products up costs more than reading all; fewHints are always looked up.
const (
	hintShare = 10
	fewHints  = 64
)

// loadHint asks where to look.
func (p *plan) loadHint(ctx context.Context, r *runner) error {
	c := &r.req.Catalog
	if c.Changes == nil || c.ByID == nil || p.fresh {
		p.goWhole("nothing tells where to look")
		return nil
	}
	h, ok := r.hints[p.prev.Cursor]
	if !ok {
		if p.prev.Cursor < c.Head {
			var err error
			if h, err = c.Changes(ctx, p.prev.Cursor); err != nil {
				return fmt.Errorf("read what has changed: %w", err)
			}
		}
		r.hints[p.prev.Cursor] = h
	}
	switch {
	case h.All:
		p.goWhole("everything may have changed")
	case int64(len(h.Products)) > max(fewHints, p.prev.Products/hintShare):
		p.goWhole("much has changed")
		p.hint, p.hinted = h.Products, true
	default:
		p.hint, p.hinted = h.Products, true
	}
	return nil
}

// goWhole makes the plan compare the whole feed; the first reason is told.
func (p *plan) goWhole(why string) {
	if !p.whole {
		p.whole, p.why = true, why
	}
}

// restart makes the plan start a new epoch: a full file, and no change file
// that leads to it.
func (p *plan) restart(why string) {
	p.fresh, p.full, p.epoch = true, true, max(p.epoch, p.prev.Epoch+1)
	p.goWhole(why)
}

// usable says whether the run compares with the state before.
func (p *plan) usable() bool { return p.hasPrev && !p.fresh }

// proveChanges starts a new epoch where a change file is damaged: it cannot be made
// anew, and would be listed for as long as change files are.
func (p *plan) proveChanges(ctx context.Context, bin Bin) error {
	for i := range p.prev.Files {
		f := &p.prev.Files[i]
		if f.Kind != feed.KindFullChange {
			continue
		}
		whole, err := f.stands(ctx, bin)
		if err != nil {
			return fmt.Errorf("read change file %s of generation %d: %w", f.Label, f.Generation, err)
		}
		if !whole {
			p.restart("a change file is damaged")
			return nil
		}
	}
	return nil
}

// stands says whether the file is in the store as it was put there, its twin too.
func (f *File) stands(ctx context.Context, bin Bin) (bool, error) {
	for _, b := range []Blob{f.Plain, f.Gzip} {
		if b.IsZero() {
			continue
		}
		if whole, err := stands(ctx, bin, b); !whole || err != nil {
			return false, err
		}
	}
	return true, nil
}

// stands says whether a stored file is what was stored.
func stands(ctx context.Context, bin Bin, b Blob) (bool, error) {
	sum := sha256.New()
	r, err := bin.Open(ctx, b, 0, b.Size)
	if err == nil {
		_, err = io.Copy(sum, r)
		err = errors.Join(err, r.Close())
	}
	if errors.Is(err, diff.ErrCorrupt) {
		return false, nil
	}
	return SHA256(sum.Sum(nil)) == b.SHA256, err
}

// openState starts to read the state before as a whole.
func (p *plan) openState(ctx context.Context, bin Bin) (diff.Entries, error) {
	var states []diff.Entries
	for _, b := range append([]Blob{p.prev.State}, p.prev.Layers...) {
		r, err := bin.Open(ctx, b, 0, b.Size)
		if err != nil {
			return nil, fmt.Errorf("read the state of generation %d: %w", p.prev.Number, err)
		}
		p.readers = append(p.readers, r)
		s, err := diff.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("generation %d: %w", p.prev.Number, err)
		}
		states = append(states, s)
	}
	return diff.Layered(false, states...), nil
}

// differs says whether the feed shows anything else than before.
func (p *plan) differs() bool {
	return p.added+p.changed+p.removed+p.expiredGone > 0
}

// came, left and differ note how what is shown of a product differs from what
// was.
func (p *plan) came(now *diff.Entry) {
	p.added++
	p.move(now.ID, 0, uint64(now.Alike)+1)
}

func (p *plan) left(before *diff.Entry) {
	p.removed++
	p.move(before.ID, uint64(before.Alike)+1, 0)
}

func (p *plan) differ(before, now *diff.Entry) {
	p.changed++
	if before.Alike != now.Alike {
		p.move(now.ID, uint64(before.Alike)+1, uint64(now.Alike)+1)
	}
}

// move mixes what a product was and is to its offer's other feed into moved, in
// any order of products.
func (p *plan) move(id feed.ProductID, before, now uint64) {
	h := uint64(0)
	for _, v := range [...]uint64{uint64(id), before, now} {
		h = (h ^ v) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	p.moved ^= h
}

// needFull gives the plans that need a full file beside what differs and make
// none yet, because it is time or the changes since the last have grown beyond
// the set share.
func (ps *plans) needFull(req *Request) (list []*plan) {
	for _, p := range ps.all {
		if p.ref.Kind != feed.KindFull || p.idle || p.whole && p.full {
			continue
		}
		// Dictionaries that grow publish the feed too, and take a full file along.
		if grown := p.wantFull && p.state != nil && len(p.extra) > 0; !p.differs() && !grown && !p.refull {
			continue
		}
		if p.wantFull || p.changedSince(p.prev.File(feed.KindFull))*100 >= p.live*int64(req.Settings.FullShare) {
			list = append(list, p)
		}
	}
	return list
}

// close closes what the plan reads.
func (p *plan) close() error {
	var errs []error
	for _, r := range p.readers {
		errs = append(errs, r.Close())
	}
	p.readers = nil
	return errors.Join(errs...)
}

// discard removes the files of a pass that were not staged.
func (p *plan) discard() error {
	var errs []error
	if p.body != nil {
		errs = append(errs, p.body.discard())
		p.body = nil
	}
	for _, s := range []**spool{&p.change, &p.csv} {
		if *s != nil {
			errs = append(errs, (*s).discard())
			*s = nil
		}
	}
	if p.state != nil {
		errs = append(errs, p.state.remove())
		p.state = nil
	}
	errs = append(errs, p.sp.discard(), p.close(), p.setFiled(nil))
	return errors.Join(errs...)
}

// discard is that of all plans for which which is true.
func (ps *plans) discard(which func(*plan) bool) error {
	var errs []error
	for _, p := range ps.all {
		if which(p) {
			errs = append(errs, p.discard())
		}
	}
	return errors.Join(errs...)
}

func isWhole(p *plan) bool { return p.whole && !p.idle }

// leaveOut counts a product that the view does not show.
func (v *view) leaveOut(product *feed.Product, verdict pricing.Verdict) {
	for i := range v.leftOut {
		if v.leftOut[i].Reason == verdict.Reason.String() {
			v.leftOut[i].Products++
			return
		}
	}
	v.leftOut = append(v.leftOut, LeftOut{Reason: verdict.Reason.String(), Products: 1,
		Example: fmt.Sprintf("product %d: %s", product.ID, v.rules.Describe(product, verdict))})
}

// stockReason says whether only its stock keeps a product out: such a product
// comes back any minute, so dictionaries keep what it refers to.
func stockReason(v pricing.Verdict) bool { return v.Reason == pricing.ReasonOutOfStock }
