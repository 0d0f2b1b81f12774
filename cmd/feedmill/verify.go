package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/verify"
	"feedmill/internal/config"
	"feedmill/internal/outbound"
	"feedmill/internal/partner"
)

// verifyCmd proves what is published.
type verifyCmd struct {
	Name         string        `arg:"" optional:"" name:"offer" placeholder:"DIR|URL" help:"Folder that 'feedmill generate' has written, or address of a gateway."`
	Store        bool          `help:"Prove everything that this installation has published, from its records and its store."`
	Explain      string        `placeholder:"RULE" help:"Tell everything about a rule and do nothing else; 'all' lists the rules."`
	JSON         bool          `help:"Print the report as JSON."`
	Strict       bool          `help:"Let warnings count as errors do."`
	Examples     int           `default:"20" placeholder:"N" help:"Findings listed of one rule; 0 lists all of them."`
	AllowHTTP    bool          `name:"allow-http" help:"Follow http:// beside https://."`
	AllowPrivate bool          `help:"Follow addresses in private networks and on this machine, on any port."`
	Timeout      time.Duration `default:"1h" help:"Longest time for an address."`
	MaxBytes     int64         `default:"17179869184" placeholder:"BYTES" help:"Most bytes to fetch for an address."`
}

// Help implements kong.HelpProvider.
func (verifyCmd) Help() string {
	return `Proves that what is published is whole, with code that shares nothing with what published it: every
file that gateway and manifest name is there with its length, MD5 and SHA-256, its compressed twin is the
same bytes in one gzip member; all is well-formed, valid and free of open references; full and change
files make the next full file, product by product and byte for byte, over everything that is kept; light
has the same products; nothing is expired and nothing left over. It reads all of it once or twice and
changes nothing. docs/verify.md lists the rules.

Exit status: 0 clean, 1 something was found, 2 the command line is wrong, 3 it could not be checked.

Example: feedmill verify public/partner`
}

// Run implements the command.
func (c *verifyCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	if c.Explain != "" {
		return c.explain(w)
	}
	if (c.Name == "") != c.Store {
		return w.misused("verify: name a folder, the address of a gateway, or --store")
	}
	opt := verify.Options{Now: w.now(), Examples: c.Examples, MaxBytes: c.MaxBytes}
	if c.Examples <= 0 {
		opt.Examples = -1
	}
	show, done := w.fileProgress("verify")
	opt.Progress = show
	rep, err := c.check(ctx, w, cfg, opt)
	done()
	if err != nil {
		return cannotCheck(err)
	}
	if c.JSON {
		err = writeJSON(w.stdout, struct {
			Clean bool `json:"clean"`
			verify.Report
		}{rep.Clean(), rep})
	} else {
		err = verify.Text(w.stdout, rep)
	}
	switch {
	case err != nil:
		return err
	case !rep.Clean() || c.Strict && len(rep.Counts) > 0:
		return &quietError{exitFailed}
	}
	return nil
}

// cannotCheck makes an error end with the status of what could not be checked,
// whatever its kind.
func cannotCheck(err error) error {
	return &feed.Error{Kind: feed.KindInternal, Message: "cannot check", Hint: feed.HintOf(err), Err: err}
}

// misused tells what is wrong with the command line.
func (w *world) misused(format string, args ...any) error {
	fmt.Fprintf(w.stderr, "feedmill: "+format+"\n", args...)
	return &quietError{exitUsage}
}

// check runs the check that the command line asks for.
func (c *verifyCmd) check(ctx context.Context, w *world, cfg *config.Config, opt verify.Options) (rep verify.Report, err error) {
	switch {
	case c.Store:
		h, err := w.openExisting(ctx, cfg)
		if err != nil {
			return rep, err
		}
		rep, err = verify.Records(ctx, publishedRecords{h}, h.store, opt)
		return rep, errors.Join(err, h.Close())
	case isAddress(c.Name):
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		out := outbound.Options{AllowHTTP: c.AllowHTTP, MaxBytes: c.MaxBytes}
		if c.AllowPrivate {
			out.Allow = func(netip.AddrPort) bool { return true }
		}
		return verify.Gateway(ctx, outbound.New(out), c.Name, opt)
	}
	return verify.Folder(ctx, c.Name, opt)
}

func (c *verifyCmd) explain(w *world) error {
	if strings.EqualFold(c.Explain, "all") {
		if c.JSON {
			return writeJSON(w.stdout, verify.All())
		}
		for _, r := range verify.All() {
			fmt.Fprintf(w.stdout, "%-24s %-8s %s\n", r.ID, r.Severity, r.Title)
		}
		return nil
	}
	r, ok := verify.Lookup(c.Explain)
	if !ok {
		return w.misused("there is no rule %q; 'feedmill verify --explain all' lists them", c.Explain)
	}
	if c.JSON {
		return writeJSON(w.stdout, r)
	}
	_, err := fmt.Fprint(w.stdout, r.Explain())
	return err
}

// fileProgress shows on a terminal which file is read; the second function
// removes the line.
func (w *world) fileProgress(what string) (show func(verify.Progress), done func()) {
	if !w.terminal {
		return nil, func() {}
	}
	var last time.Time
	show = func(p verify.Progress) {
		if now := w.now(); now.Sub(last) >= 100*time.Millisecond {
			last = now
			of := ""
			if p.FilesOf > 0 {
				of = fmt.Sprintf(" of %d", p.FilesOf)
			}
			fmt.Fprintf(w.stderr, "\r\x1b[K%s: %d%s files, %d MB, %.60s", what, p.Files, of, p.Bytes/1_000_000, p.File)
		}
	}
	return show, func() { fmt.Fprint(w.stderr, "\r\x1b[K") }
}

// openExisting opens the records and the store, and makes none where there are
// none: a checker must not bring to life what it checks.
func (w *world) openExisting(ctx context.Context, cfg *config.Config) (*home, error) {
	if cfg.Database.Kind != "postgres" {
		if _, err := os.Stat(filepath.Join(cfg.Data, "feedmill.db")); errors.Is(err, fs.ErrNotExist) {
			return nil, &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("there are no records in %s", cfg.Data), Hint: "name the data folder with --data"}
		}
	}
	return w.openHome(ctx, cfg)
}

// retained is what is asked of the records about all that is kept.
type retained interface {
	// EachRetained calls fn for every generation that is kept, of one feed
	// together and ascending by number, with the time at which another took its
	// place, zero for none, and whether the pointer names it.
	EachRetained(ctx context.Context, merchant partner.MerchantID, fn func(g publish.Generation, retired time.Time, current bool) error) error
	// EachBlob calls fn for every stored blob and its state.
	EachBlob(ctx context.Context, merchant partner.MerchantID, fn func(b publish.Blob, state string) error) error
}

// publishedRecords shows the records to package verify, in its words.
type publishedRecords struct{ h *home }

// Merchants implements verify.Ledger.
func (p publishedRecords) Merchants(ctx context.Context) (ids []string, err error) {
	list, err := p.h.db.Merchants(ctx)
	for _, m := range list {
		ids = append(ids, string(m.ID))
	}
	return ids, err
}

// errStop ends a listing that nobody wants more of.
var errStop = errors.New("stop")

// each makes a sequence of a listing.
func each[T any](list func(yield func(T) error) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := list(func(v T) error {
			if !yield(v, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			var none T
			yield(none, err)
		}
	}
}

// Blobs implements verify.Ledger.
func (p publishedRecords) Blobs(ctx context.Context, merchant string) iter.Seq2[verify.Blob, error] {
	return each(func(yield func(verify.Blob) error) error {
		return p.h.db.EachBlob(ctx, partner.MerchantID(merchant), func(b publish.Blob, state string) error {
			return yield(verify.Blob{Key: b.Key, Size: b.Size, MD5: b.MD5, SHA256: b.SHA256, State: state})
		})
	})
}

// Generations implements verify.Ledger.
func (p publishedRecords) Generations(ctx context.Context, merchant string) iter.Seq2[verify.Generation, error] {
	return each(func(yield func(verify.Generation) error) error {
		var states map[string]string
		ask := func() error {
			states = map[string]string{}
			return p.h.db.EachBlob(ctx, partner.MerchantID(merchant), func(b publish.Blob, state string) error {
				if state != "live" {
					states[b.Key] = state
				}
				return nil
			})
		}
		if err := ask(); err != nil {
			return err
		}
		blob := func(b *publish.Blob) verify.Blob {
			if b.IsZero() {
				return verify.Blob{}
			}
			out := verify.Blob{Key: b.Key, Size: b.Size, MD5: b.MD5, SHA256: b.SHA256, State: states[b.Key]}
			// The state of a generation that was replaced is swept before the
			// generation is forgotten; then nothing is recorded of its bytes.
			if recorded := b.SHA256 != [32]byte{}; out.State == "" && recorded {
				out.State = "live"
			}
			return out
		}
		return p.h.db.EachRetained(ctx, partner.MerchantID(merchant), func(g publish.Generation, retired time.Time, current bool) error {
			// A publication makes condemned bytes live again.
			for b := range g.Blobs() {
				if current && states[b.Key] != "" {
					if err := ask(); err != nil {
						return err
					}
					break
				}
			}
			out := verify.Generation{Feed: verify.Feed{Merchant: g.Feed.Merchant, Kind: g.Feed.Kind, Key: g.Feed.Key},
				Number: g.Number, Base: g.Base, Epoch: g.Epoch, Time: g.Time, Expires: g.Expires, Retired: retired, Current: current, Products: g.Products,
				States: []verify.Blob{blob(&g.State)}}
			for i := range g.Layers {
				out.States = append(out.States, blob(&g.Layers[i]))
			}
			for i := range g.Files {
				f := &g.Files[i]
				out.Files = append(out.Files, verify.File{Kind: f.Kind, Label: f.Label, Generation: f.Generation, Changed: f.Changed, Products: f.Products,
					Base: f.Base, Target: f.Target, Plain: blob(&f.Plain), Gzip: blob(&f.Gzip)})
			}
			return yield(out)
		})
	})
}

// Offers implements verify.Ledger: each offer with the newest feeds it is
// attached to that have something to show.
func (p publishedRecords) Offers(ctx context.Context, merchant string) iter.Seq2[verify.Offer, error] {
	return each(func(yield func(verify.Offer) error) error {
		accounts, err := p.h.db.Accounts(ctx)
		if err != nil {
			return err
		}
		shown := map[partner.OfferID]*[2]string{}
		for _, o := range accounts.Offers {
			if string(o.Merchant) == merchant {
				shown[o.ID] = new([2]string)
			}
		}
		for _, a := range accounts.Attachments {
			keys := shown[a.Offer]
			if keys == nil || !a.Until.IsZero() {
				continue
			}
			place := 0
			if a.Kind == feed.KindLight {
				place = 1
			}
			if keys[place] != "" {
				continue // a newer one was listed before
			}
			_, ok, err := p.h.db.Current(ctx, publish.FeedRef{Merchant: merchant, Kind: a.Kind, Key: a.Key})
			if err != nil {
				return err
			}
			if ok {
				keys[place] = a.Key
			}
		}
		var offers []verify.Offer
		for i := range accounts.Offers {
			o := &accounts.Offers[i]
			if keys := shown[o.ID]; keys != nil && keys[0] != "" && keys[1] != "" {
				offers = append(offers, verify.Offer{Merchant: merchant, Name: offerName(&accounts, o), Full: keys[0], Light: keys[1]})
			}
		}
		slices.SortStableFunc(offers, func(a, b verify.Offer) int { return strings.Compare(a.Name, b.Name) })
		for _, o := range offers {
			if err := yield(o); err != nil {
				return err
			}
		}
		return nil
	})
}

// offerName names an offer for people: by its partner and itself.
func offerName(a *partner.Accounts, o *partner.Offer) string {
	for i := range a.Partners {
		if p := &a.Partners[i]; p.ID == o.Partner {
			if o.Name == "" {
				return p.Name
			}
			return p.Name + " / " + o.Name
		}
	}
	return o.Name
}
