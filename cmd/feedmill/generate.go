package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/publish"
	"feedmill/feed/publish/folder"
	"feedmill/internal/config"
)

// generateCmd writes an offer into a folder.
type generateCmd struct {
	catalogFlags
	Profile string `placeholder:"FILE" help:"Profile file (TOML): languages, currency, discounts, assortment, stock policy, dialect; see docs/profile.md. Without it the catalog is shown as it is."`
	priceFileFlags
	Supplier string `placeholder:"FILE" help:"Supplier file (TOML): name, address and contact that the gateway tells."`
	Out      string `required:"" short:"o" placeholder:"DIR" help:"Folder of the offer; it is replaced as a whole, in one step. With --only the file, or a pipe or device to write into."`
	Gzip     bool   `help:"Write a compressed twin beside each full, change and light file."`
	BaseURL  string `name:"base-url" placeholder:"URL" help:"Address of the folder, put before the file names in the gateway; without it they are relative."`
	At       string `placeholder:"TIME" help:"Time to write into the files instead of now (YYYY-MM-DD hh:mm:ss, UTC)."`
	Full     bool   `help:"Make every file anew, also where nothing has changed."`
	Only     string `placeholder:"KIND" help:"Write this file alone, full or light, to where --out says: no folder, gateway, digests, dictionaries or change files."`
	JSON     bool   `help:"Print the report as JSON."`

	CPUProfile string `name:"cpuprofile" placeholder:"FILE" help:"Write a profile of the processor time, also for building with -pgo."`
}

// Help implements kong.HelpProvider.
func (generateCmd) Help() string {
	return `Reads a catalog (JSON Lines, CSV, Shopify's product export or IOF XML), prices it by a profile, and
writes gateway, full, light, dictionaries and manifest.json into a folder. Run again after the
catalog has changed it adds a change file with complete nodes and tombstones; run again over an
unchanged catalog it changes nothing. Files that somebody has removed or cut off in the folder are
told and made again; with --full the contents of all are looked at for that. Readers of the folder
see the old offer or the new one, whole, and so does the next run when this one is killed.

With --only the file that --out names is written and nothing else, from the catalog as it is now. It is
the full.xml or light.xml of a first run, in one step; but a gateway names both by their digests, so
one of them alone is no offer. The file is replaced in one step, and what a run that was killed has
left beside it goes with the next.

A catalog with problems changes nothing: each problem is printed with file, line, product and field.
What the profile names that the catalog does not have is told as a warning.

Example: feedmill generate --catalog products.jsonl --profile partner.toml --out public/partner`
}

// Run implements the command.
func (c *generateCmd) Run(ctx context.Context, w *world, cfg *config.Config) (err error) {
	if c.Out == "" {
		return usage("--out", errors.New("is empty"))
	}
	opt, req, err := c.prepare(w, cfg)
	if err != nil {
		return err
	}
	stop, err := startCPUProfile(c.CPUProfile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if c.Only != "" {
		return c.only(ctx, w, req, opt.Supplier)
	}
	out, err := folder.Open(c.Out, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for _, what := range out.Damage() {
		fmt.Fprintf(w.stderr, "%s: warning: %s; what depends on it is made again\n", c.Out, what)
	}
	if req.Spool, err = out.Spool(); err != nil {
		return err
	}
	bar := w.newProgress("generate")
	defer bar.done()
	in, err := c.readable(ctx, w, &req, req.Spool, opt.Supplier, bar)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.src.close()) }()
	report, err := publish.Do(ctx, out, out, req)
	if errors.Is(err, catalog.ErrUnordered) {
		in.src.sorted = true
		report, err = publish.Do(ctx, out, out, req)
	}
	if err != nil {
		return err
	}
	refreshed, err := out.Refresh()
	if err != nil {
		return err
	}
	bar.done()
	in.listed.warn(w)
	warnUnmatched(w.stderr, report.Unmatched, []string{c.Profile})
	held := explainHeld(&report, "check the catalog and the profile; if they are right, run again with "+heldFlags(&report))
	if c.JSON {
		return errors.Join(writeJSON(w.stdout, reportOf(&report, nil)), held)
	}
	printReport(w.stdout, report)
	if held != nil {
		return held
	}
	switch {
	case published(report):
		fmt.Fprintf(w.stdout, "published in %s\n", c.Out)
	case refreshed:
		fmt.Fprintf(w.stdout, "nothing has changed but the gateway, which is written again in %s\n", c.Out)
	default:
		fmt.Fprintf(w.stdout, "nothing has changed: %s stays as it is\n", c.Out)
	}
	return nil
}

// input is what is read: catalog and price file.
type input struct {
	src    *source
	listed *listedPrices
}

// readable opens the catalog and the price file and makes them the request's.
// Where there is no error the caller closes the source.
func (c *generateCmd) readable(ctx context.Context, w *world, req *publish.Request, temp string, supplier feed.Supplier, bar *progress) (in input, err error) {
	src, err := c.openSource(w, temp)
	if err != nil {
		return in, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, src.close())
		}
	}()
	lang, cur, known, err := src.first(ctx)
	if err != nil {
		return in, err
	}
	src.opt.Progress = bar.read
	listed, err := c.openPriceFile(w, &req.Profiles[0], cur)
	if err != nil {
		return in, err
	}
	req.Catalog = publish.Catalog{Products: listed.join(src.products), Terms: listed.terms, Known: known, Language: lang, Currency: cur, Supplier: supplier,
		Dictionaries: func() *feed.Dictionaries { return src.last.Dictionaries() }}
	return input{src, listed}, nil
}

// prepare reads everything that the flags name, before anything is touched.
func (c *generateCmd) prepare(w *world, cfg *config.Config) (opt folder.Options, req publish.Request, err error) {
	req = publish.Request{Merchant: "folder", Now: w.now(), Profiles: make([]feed.Profile, 1)}
	if req.Settings, err = settings(&cfg.Feeds); err != nil {
		return opt, req, err
	}
	req.Settings.Force, req.Settings.Gzip = c.Full, c.Gzip
	if c.At != "" {
		if req.Now, err = feed.ParseTime(c.At); err != nil {
			return opt, req, usage("--at", fmt.Errorf("%q is not a time (YYYY-MM-DD hh:mm:ss)", c.At))
		}
	}
	if c.Profile != "" {
		if req.Profiles[0], err = config.ReadProfile(c.Profile); err != nil {
			return opt, req, err
		}
	}
	opt = folder.Options{BaseURL: c.BaseURL, Dialect: req.Profiles[0].Dialect, Zone: req.Settings.Zone, Now: req.Now,
		Digests: c.Full, Supplier: feed.Supplier{Name: "Supplier", ShortName: "supplier"}}
	if c.Supplier != "" {
		if opt.Supplier, err = config.ReadSupplier(c.Supplier); err != nil {
			return opt, req, err
		}
	}
	return opt, req, folder.CheckBaseURL(c.BaseURL)
}

// settings turns the settings of feeds into those of a run that somebody asks
// for, who waits for no interval.
func settings(f *config.Feeds) (publish.Settings, error) {
	offset, err := zoneOffset(f)
	if err != nil {
		return publish.Settings{}, err
	}
	// A run takes 0 for the default, which is not what somebody who writes it means.
	for _, s := range []struct {
		key   string
		wrong bool
		want  string
	}{{"max_loss", f.MaxLoss < 1, "a percentage from 1; 100 holds nothing"}, {"max_price_move", f.MaxPriceMove == 0, "a percentage from 1, or -1, which holds nothing"},
		{"full_share", f.FullShare < 1, "a percentage from 1"}} {
		if s.wrong {
			return publish.Settings{}, misused("setting feeds."+s.key+": want "+s.want, "")
		}
	}
	return publish.Settings{FullEvery: orNever(f.FullEvery), FullShare: f.FullShare, Validity: f.Validity,
		CompareEvery: orNever(f.CompareEvery),
		ChainKeep:    f.ChainKeep, GoneKeep: orNever(f.GoneKeep), MaxLoss: f.MaxLoss, MaxPriceMove: f.MaxPriceMove, Zone: time.FixedZone("", int(offset/time.Second))}, nil
}

// zoneOffset gives the zone in which times are told where no merchant says it,
// and with which new merchants begin.
func zoneOffset(f *config.Feeds) (time.Duration, error) {
	d, err := f.ZoneOffset()
	if err != nil {
		return 0, &feed.Error{Kind: feed.KindInvalid, Message: err.Error()}
	}
	return d, nil
}

// orNever keeps a zero that somebody set from being taken for the default.
func orNever(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// explainHeld gives the error of a run that holds something back, with a hint of
// what to do; nil when it holds nothing.
func explainHeld(r *publish.Report, hint string) error {
	var reasons []string
	for i := range r.Feeds {
		if h := r.Feeds[i].Held; h != nil {
			reasons = append(reasons, h.Error())
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return &feed.Error{Kind: feed.KindConflict, Message: strings.Join(reasons, "; "), Hint: hint}
}

// heldFlags gives the flags with which a run would hold nothing of what this one
// holds. What loses many products may move the mean of their prices, too.
func heldFlags(r *publish.Report) string {
	loss, price := false, false
	for i := range r.Feeds {
		if h := r.Feeds[i].Held; h != nil {
			loss = loss || h.Because == publish.HeldLoss || h.Because == publish.HeldEmpty
			price = price || h.Because == publish.HeldPrice || h.Because == publish.HeldLoss && h.Now > 0
		}
	}
	switch {
	case loss && price:
		return "--feeds.max_loss 100 --feeds.max_price_move=-1"
	case loss:
		return "--feeds.max_loss 100"
	}
	return "--feeds.max_price_move=-1"
}

func published(r publish.Report) bool {
	for _, f := range r.Feeds {
		if f.Published {
			return true
		}
	}
	return false
}

// printReport tells what a run did.
func printReport(to io.Writer, r publish.Report) {
	if r.Whole {
		fmt.Fprintf(to, "%d products in the catalog\n", r.Products)
	} else {
		fmt.Fprintf(to, "%d products looked at\n", r.Products)
	}
	for _, f := range r.Feeds {
		state := "unchanged"
		switch {
		case f.Published:
			state = fmt.Sprintf("generation %d", f.Generation.Number)
		case f.Held != nil:
			state = "held"
		case f.Waiting:
			state = "something is new, and not due yet"
		}
		what := []string{fmt.Sprintf("%s: %s, %d products", f.Feed.Kind, state, f.Products)}
		if f.Published {
			what = append(what, fmt.Sprintf("%d added, %d changed, %d removed", f.Added, f.Changed, f.Removed))
		}
		if f.Published && f.Feed.Kind == feed.KindFull && !f.Full {
			what = append(what, "in a change file")
		}
		fmt.Fprintln(to, strings.Join(what, "; "))
		if f.Feed.Kind == feed.KindFull {
			printLeftOut(to, f.LeftOut)
		}
	}
}

func printLeftOut(to io.Writer, list []publish.LeftOut) {
	for _, l := range list {
		fmt.Fprintf(to, "  %d left out (%s), such as %s\n", l.Products, l.Reason, l.Example)
	}
}
