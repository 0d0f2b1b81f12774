package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	csv     *tabular.Writer
	item    feed.Item
	full    *plan
	light   *plan
	// used tracks what the shown products refer to, nil when the profile shows all.
	used *usage
	// refs keeps full from naming products that are not shown.
	refs    *references
	leftOut []LeftOut
}

// plan is one feed of a run.
type plan struct {
	ref     FeedRef
	view    *view // the view that fills it
	writer  *iof.Writer
	bin     Bin
	prev    Generation
	hasPrev bool
	number  int64
	epoch   int64
	time    time.Time
	renewal bool // half of the validity has passed: make everything anew
	fresh   bool // the state before is damaged: start a new epoch with a full file
	full    bool // a full file (or the light file) is being made

	// files under way
	body, change, csv *spool
	state             *stateFile
	stateOut          *diff.Writer
	prevState         io.ReadCloser
	merge             *diff.Merge
	node              []byte

	live, added, changed, removed       int64
	changeNodes, goneNodes, expiredGone int64
}

type plans struct {
	all   []*plan
	views []*view
}

func makePlans(ctx context.Context, ledger Ledger, req *Request) (*plans, error) {
	ps := &plans{}
	known := req.Catalog.Known
	if known == nil {
		known = &feed.Dictionaries{}
	}
	index := feed.NewIndex(known)
	seen := map[FeedRef]*plan{}
	for _, profile := range req.Profiles {
		if profile.Currency.IsZero() {
			profile.Currency = req.Catalog.Currency
		}
		if err := profile.Validate(); err != nil {
			return nil, err
		}
		fullRef := FeedRef{req.Merchant, feed.KindFull, profile.FullKey()}
		lightRef := FeedRef{req.Merchant, feed.KindLight, profile.LightKey()}
		if seen[fullRef] != nil && seen[lightRef] != nil {
			continue
		}
		rules, err := pricing.Compile(&profile, index)
		if err != nil {
			return nil, fmt.Errorf("profile: %w", err)
		}
		v := &view{profile: profile, rules: rules, refs: newReferences()}
		v.writer = iof.NewWriter(&v.profile, index, iof.Options{GeneratedBy: req.Settings.GeneratedBy, DefaultLanguage: req.Catalog.Language, Languages: req.Catalog.Languages})
		if profile.CSV {
			v.csv = tabular.NewWriter(&v.profile, index, tabular.Options{DefaultLanguage: req.Catalog.Language, Languages: req.Catalog.Languages})
		}
		if len(profile.Assortment.Include)+len(profile.Assortment.Exclude) > 0 {
			v.used = newUsage()
		}
		add := func(ref FeedRef) (*plan, error) {
			if seen[ref] != nil {
				return nil, nil
			}
			p := &plan{ref: ref, view: v, writer: v.writer}
			seen[ref] = p
			ps.all = append(ps.all, p)
			return p, p.load(ctx, ledger, req)
		}
		if v.full, err = add(fullRef); err != nil {
			return nil, err
		}
		if v.light, err = add(lightRef); err != nil {
			return nil, err
		}
		ps.views = append(ps.views, v)
	}
	return ps, nil
}

// load reads the generation before and says what is due whatever the products
// turn out to be.
func (p *plan) load(ctx context.Context, ledger Ledger, req *Request) (err error) {
	if p.prev, p.hasPrev, err = ledger.Current(ctx, p.ref); err != nil {
		return fmt.Errorf("read the current generation: %w", err)
	}
	s := req.Settings
	p.epoch = 1
	p.full = true
	p.time = req.Now.UTC().Truncate(time.Second)
	if !p.hasPrev {
		return nil
	}
	p.epoch = p.prev.Epoch
	p.time = feed.NextTime(p.prev.Time, req.Now.UTC())
	p.renewal = s.Force || !p.time.Before(p.prev.Expires.Add(-s.Validity/2))
	if p.ref.Kind == feed.KindFull {
		f := p.prev.File(feed.KindFull)
		p.full = f == nil || p.renewal || s.FullEvery < 0 || p.time.Sub(f.Changed) >= s.FullEvery
	}
	return nil
}

// open starts the files of a pass.
func (p *plan) open(ctx context.Context, req *Request, bin Bin) (err error) {
	p.bin = bin
	p.live, p.added, p.changed, p.removed = 0, 0, 0, 0
	p.changeNodes, p.goneNodes, p.expiredGone = 0, 0, 0
	p.view.leftOut = nil
	var prev *diff.Reader
	if p.hasPrev && !p.fresh {
		if p.prevState, err = bin.Open(ctx, p.prev.State, 0, p.prev.State.Size); err != nil {
			return fmt.Errorf("read the state of generation %d: %w", p.prev.Number, err)
		}
		if prev, err = diff.NewReader(p.prevState); err != nil {
			return fmt.Errorf("generation %d: %w", p.prev.Number, err)
		}
	}
	p.merge = diff.NewMerge(prev)
	s := req.Settings
	generated := p.stamp(p.time, req)
	expires := p.stamp(p.time.Add(s.Validity), req)
	currency := p.view.profile.Currency
	header := 0
	if p.ref.Kind == feed.KindFull {
		if p.full {
			if p.body, err = newSpool(req.Spool, "full", s.Gzip); err != nil {
				return err
			}
			p.body.buf = p.writer.AppendFullHeader(p.body.buf, generated, expires, currency)
			header = len(p.body.buf)
		}
		if p.hasPrev && !p.fresh {
			if p.change, err = newSpool(req.Spool, "full_change", s.Gzip); err != nil {
				return err
			}
			p.change.buf = p.writer.AppendChangeHeader(p.change.buf, generated, expires, currency)
		}
	} else {
		if p.body, err = newSpool(req.Spool, "light", s.Gzip); err != nil {
			return err
		}
		p.body.buf = p.writer.AppendLightHeader(p.body.buf, generated, expires, currency)
		header = len(p.body.buf)
	}
	if p.view.csv != nil && p.full {
		if p.csv, err = newSpool(req.Spool, "csv", s.Gzip); err != nil {
			return err
		}
		if p.ref.Kind == feed.KindFull {
			p.csv.buf = p.view.csv.AppendFullHeader(p.csv.buf)
		} else {
			p.csv.buf = p.view.csv.AppendLightHeader(p.csv.buf)
		}
	}
	if p.state, err = newStateFile(req.Spool); err != nil {
		return err
	}
	p.stateOut = diff.NewWriter(p.state.w, header)
	return nil
}

// end closes what the pass has written.
func (p *plan) end(ctx context.Context, req *Request) error {
	if err := p.merge.Rest(p.gone(ctx, req)); err != nil {
		return err
	}
	if p.prevState != nil {
		if err := p.prevState.Close(); err != nil {
			return fmt.Errorf("read the state of generation %d: %w", p.prev.Number, err)
		}
		p.prevState = nil
	}
	if err := p.stateOut.Close(); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	if err := p.state.w.Flush(); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	if p.body != nil {
		if p.ref.Kind == feed.KindFull {
			p.body.buf = p.writer.AppendFullFooter(p.body.buf)
		} else {
			p.body.buf = p.writer.AppendLightFooter(p.body.buf)
		}
	}
	if p.change != nil {
		p.change.buf = p.writer.AppendChangeFooter(p.change.buf)
	}
	return nil
}

// restart makes the plan start a new epoch: a full file, and no change file
// that leads to it.
func (p *plan) restart() { p.fresh, p.full, p.epoch = true, true, p.prev.Epoch+1 }

// differs says whether the feed shows anything else than before.
func (p *plan) differs() bool {
	return p.added+p.changed+p.removed+p.expiredGone > 0
}

// wantFull marks the plans whose changes since the last full file have grown
// beyond the set share, and says whether there are any.
func (ps *plans) wantFull(req *Request) (any bool) {
	for _, p := range ps.all {
		if p.full || !p.differs() {
			continue
		}
		since := p.changeNodes
		full := p.prev.File(feed.KindFull)
		for i := range p.prev.Files {
			if f := &p.prev.Files[i]; f.Kind == feed.KindFullChange && f.Generation > full.Generation {
				since += f.Products
			}
		}
		if since*100 >= p.live*int64(req.Settings.FullShare) {
			p.full, any = true, true
		}
	}
	return any
}

// discard removes the files of a pass that were not stored.
func (ps *plans) discard() error {
	var errs []error
	for _, p := range ps.all {
		for _, s := range []**spool{&p.body, &p.change, &p.csv} {
			if *s != nil {
				errs = append(errs, (*s).discard())
				*s = nil
			}
		}
		if p.state != nil {
			errs = append(errs, p.state.remove())
			p.state = nil
		}
		if p.prevState != nil {
			errs = append(errs, p.prevState.Close())
			p.prevState = nil
		}
	}
	return errors.Join(errs...)
}

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
