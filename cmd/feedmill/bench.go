package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/publish/folder"
	"feedmill/feed/verify"
	"feedmill/internal/config"
	"feedmill/internal/partner"
	"feedmill/internal/proof"
)

// benchCmd measures what feeds cost.
type benchCmd struct {
	Products   []int     `default:"10000" placeholder:"N" help:"Sizes of the catalog, one run each. Default 10000."`
	Partners   []int     `default:"50" placeholder:"N" help:"Partners, spread evenly over the profiles. Further numbers are measured with the first size. Default 50."`
	Profiles   int       `default:"5" placeholder:"N" help:"Profiles that differ, 1 to 5. Default 5."`
	Changed    []float64 `default:"1" placeholder:"PERCENT" help:"Share of the products that change before the second publication. Further shares are measured in the same run. Default 1."`
	Alone      int       `default:"5" placeholder:"N" help:"Profiles of which one partner is generated alone, as what it is compared with; 0 leaves that out. Default 5."`
	Small      bool      `help:"Products of about 900 bytes in place of 4,800, for catalogs whose files the disk would not hold else."`
	NoVerify   bool      `help:"Do not prove afterwards what was published."`
	SVG        string    `placeholder:"FILE" help:"Draw the results as a picture: cost by size, partners, and share changed."`
	CPUProfile string    `name:"cpuprofile" placeholder:"FILE" help:"Write a profile of the processor time, also for building with -pgo."`
	JSON       bool      `help:"Print the results as JSON."`
}

// Help implements kong.HelpProvider.
func (benchCmd) Help() string {
	return `Makes a catalog, imports it into an embedded database of its own, and measures in processor time
(user and system, of this process) what publishing it for many partners costs: first everything, then
a change file and a light file for all after some products have changed, then a new full file. Beside
it stands what the same costs when each partner is generated alone, and what each part costs by
itself. A new full file is made twice: from the one before and what has changed since, and once more
by a run that compares every product. Afterwards all that was published is validated and proved like
'feedmill verify' does; a fault fails the benchmark. Everything stands in the temporary folder of the
machine and is removed.

Times of a machine that others use too can be compared within a run only.

Example: feedmill bench --products 10000 --products 100000 --partners 50 --partners 500 --changed 1 --changed 0.1 --svg docs/generation.svg`
}

// benchCost is what something cost.
type benchCost struct {
	CPU  float64 `json:"cpu_seconds"`
	Wall float64 `json:"wall_seconds"`
	// Peak is the resident memory at its highest in MiB, 0 where it is not known.
	Peak float64 `json:"peak_mib,omitempty"`
}

// benchShare is what publications cost after a share of the products has changed.
type benchShare struct {
	Percent float64 `json:"percent"`
	Changed int64   `json:"changed"`
	// Import is what changed on its way into the records.
	Import benchCost `json:"import"`
	// Change is a change file and a light file for all, Full a new full file besides.
	Change benchCost `json:"change"`
	Full   benchCost `json:"new_full"`
}

// benchResult is what one run has measured.
type benchResult struct {
	Products int   `json:"products"`
	Partners int   `json:"partners"`
	Profiles int   `json:"profiles"`
	Bytes    int64 `json:"plain_bytes"`
	Gzip     int64 `json:"gzip_bytes"`
	// Import is the catalog on its way into the records.
	Import benchCost `json:"import"`
	First  benchCost `json:"first"`
	// Shares are measured one after the other.
	Shares []benchShare `json:"shares"`
	// Compared is as the first share with a new full file, by a run that compares
	// everything.
	Compared benchCost `json:"new_full_compared"`
	// Alone is each partner alone: measured for Measured of them and scaled.
	Alone    float64    `json:"alone_cpu_seconds,omitempty"`
	Measured int        `json:"alone_measured"`
	Parts    benchParts `json:"parts"`
	Verified bool       `json:"verified"`
}

// Run implements the command.
func (c *benchCmd) Run(ctx context.Context, w *world, cfg *config.Config) (err error) {
	wrong := c.Profiles < 1 || c.Profiles > len(benchProfiles) || len(c.Partners) == 0 || len(c.Changed) == 0 || len(c.Products) == 0
	for _, n := range c.Partners {
		wrong = wrong || n < c.Profiles
	}
	for _, share := range c.Changed {
		wrong = wrong || share <= 0 || share > 9
	}
	if wrong {
		return usage("bench", errors.New("1 to 5 profiles, at least as many partners, and a change of up to 9 percent are measured"))
	}
	stop, err := startCPUProfile(c.CPUProfile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var results []benchResult
	for _, n := range c.Products {
		if n < 100 {
			return usage("--products", fmt.Errorf("%d: at least 100 products are measured", n))
		}
		r, err := c.measure(ctx, w, cfg, n, c.Partners[0], c.Changed)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	for _, n := range c.Partners[1:] {
		r, err := c.measure(ctx, w, cfg, c.Products[0], n, c.Changed[:1])
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	if c.SVG != "" {
		if err := os.WriteFile(c.SVG, appendBenchPlot(nil, results), 0o666); err != nil {
			return fmt.Errorf("draw the results: %w", err)
		}
	}
	if c.JSON {
		return writeJSON(w.stdout, results)
	}
	fmt.Fprintf(w.stdout, "%s/%s, %d cores, %s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	for i := range results {
		if err := results[i].print(w.stdout); err != nil {
			return err
		}
	}
	return nil
}

// benchProfiles are the settings of the partners, in TOML.
var benchProfiles = []string{
	"languages = [\"pol\"]\ncurrency = \"PLN\"\n[discount]\noverall = 10\n",
	"languages = [\"eng\", \"pol\"]\ncurrency = \"EUR\"\n[rates]\nPLN = \"0.2345\"\n",
	"languages = [\"pol\", \"eng\"]\ncurrency = \"CZK\"\n[rates]\nPLN = \"5.81\"\n[discount]\noverall = 5\n",
	"languages = [\"eng\"]\ncurrency = \"USD\"\n[rates]\nPLN = \"0.2512\"\n[stock]\ncap = 50\n",
	"languages = [\"pol\"]\ncurrency = \"PLN\"\n[discount]\noverall = 20\n[dialect]\nescaped_text = true\n",
}

// measure measures one size of catalog and number of partners.
func (c *benchCmd) measure(ctx context.Context, w *world, cfg *config.Config, products, partners int, shares []float64) (res benchResult, err error) {
	res = benchResult{Products: products, Partners: partners, Profiles: c.Profiles}
	dir, err := os.MkdirTemp("", "feedmill-bench-")
	if err != nil {
		return res, fmt.Errorf("make a folder for the benchmark: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	own := *cfg
	own.Data, own.Database.Kind, own.Store.Kind = filepath.Join(dir, "data"), "sqlite", "folder"
	h, err := w.openHome(ctx, &own)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	b := &bench{benchCmd: c, w: w, h: h, dir: dir, res: &res}
	if err := b.stage(ctx); err != nil {
		return res, err
	}
	// Only what is told changes: nothing is due by its age alone.
	s, err := settings(&own.Feeds)
	if err != nil {
		return res, err
	}
	s.MaxPriceMove, s.MaxLoss = -1, 100
	if res.First, err = b.publish(ctx, s, &res); err != nil {
		return res, err
	}
	for i, percent := range shares {
		share, err := b.share(ctx, s, percent, 2*i+1)
		if err != nil {
			return res, err
		}
		res.Shares = append(res.Shares, share)
	}
	s.FullEvery, s.CompareEvery = -1, -1
	if _, err := b.load(ctx, 2*len(shares)+1, shares[0]); err != nil {
		return res, err
	}
	if res.Compared, err = b.publish(ctx, s, nil); err != nil {
		return res, err
	}
	if err := b.alone(ctx); err != nil {
		return res, err
	}
	if res.Parts, err = b.parts(ctx); err != nil {
		return res, err
	}
	if c.NoVerify {
		return res, nil
	}
	rep, err := verify.Records(ctx, proof.Of(h.db), h.store, verify.Options{Now: w.now(), Examples: 5, MaxBytes: 1 << 40})
	if err == nil && !rep.Clean() {
		err = errors.Join(feed.Errorf(feed.KindInternal, "what the benchmark has published is not right"), verify.Text(w.stderr, rep))
	}
	res.Verified = err == nil
	return res, err
}

// bench is one measurement under way.
type bench struct {
	*benchCmd
	w        *world
	h        *home
	dir      string
	res      *benchResult
	merchant partner.MerchantID
	profiles []feed.Profile
	loaded   benchCost // of the last import
}

// stage brings the catalog in and makes the partners.
func (b *bench) stage(ctx context.Context) error {
	if _, err := b.load(ctx, 0, 100); err != nil {
		return err
	}
	b.res.Import = b.loaded
	m, err := b.h.merchant(ctx, "")
	if err != nil {
		return err
	}
	b.merchant = m.ID
	for i, text := range benchProfiles[:b.Profiles] {
		path := filepath.Join(b.dir, fmt.Sprintf("profile%d.toml", i))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
		p, err := config.ReadProfile(path)
		if err != nil {
			return err
		}
		b.profiles = append(b.profiles, p)
	}
	d := b.h.desk(b.w, m, "")
	for i := range b.res.Partners {
		p := partner.Partner{Name: fmt.Sprintf("Partner %d", i+1), FeedEnabled: true}
		if _, err := d.addPartner(ctx, p, b.profiles[i%len(b.profiles)]); err != nil {
			return err
		}
	}
	return nil
}

// share measures publications after some products have changed, and again after
// they have changed once more.
func (b *bench) share(ctx context.Context, s publish.Settings, percent float64, round int) (share benchShare, err error) {
	share.Percent = percent
	if share.Changed, err = b.load(ctx, round, percent); err != nil {
		return share, err
	}
	share.Import = b.loaded
	if share.Change, err = b.publish(ctx, s, nil); err != nil {
		return share, err
	}
	if _, err := b.load(ctx, round+1, percent); err != nil {
		return share, err
	}
	s.FullEvery = -1
	share.Full, err = b.publish(ctx, s, nil)
	return share, err
}

// load imports the catalog in round 0, or else what changes of it, and tells how
// many products do.
func (b *bench) load(ctx context.Context, round int, percent float64) (changed int64, err error) {
	path := filepath.Join(b.dir, "catalog.jsonl")
	f, err := os.Create(path)
	if err != nil {
		return 0, fmt.Errorf("write the catalog: %w", err)
	}
	if err := errors.Join(writeBenchCatalog(f, b.res.Products, round, max(int(100/percent), 1), b.Small), f.Close()); err != nil {
		return 0, fmt.Errorf("write the catalog: %w", err)
	}
	imp := importCmd{Merchant: "Benchmark", Keep: round != 0}
	imp.Catalog, imp.Format, imp.MaxErrors = []string{path}, "jsonl", 20
	var plan partner.MergePlan
	b.loaded, err = measured(func() (err error) {
		plan, err = imp.run(ctx, b.w, b.h)
		return err
	})
	return plan.Changed, errors.Join(err, os.Remove(path))
}

// publish measures one publication for all partners; of the first it counts the bytes.
func (b *bench) publish(ctx context.Context, s publish.Settings, count *benchResult) (benchCost, error) {
	var report offersReport
	cost, err := measured(func() (err error) {
		report, err = b.h.publish(ctx, b.w, b.merchant, s, nil)
		return err
	})
	if err != nil {
		return cost, err
	}
	if held := explainHeld(&report.Report, ""); held != nil {
		return cost, held
	}
	for i := range report.Feeds {
		f := &report.Feeds[i]
		if !f.Published {
			return cost, feed.Errorf(feed.KindInternal, "the %v feed was not published", f.Feed.Kind)
		}
		if count == nil {
			continue
		}
		for k := range f.Generation.Files {
			count.Bytes += f.Generation.Files[k].Plain.Size
			count.Gzip += f.Generation.Files[k].Gzip.Size
		}
	}
	return cost, nil
}

// alone measures partners who are generated alone, into a folder each.
func (b *bench) alone(ctx context.Context) error {
	n := min(b.Alone, len(b.profiles))
	total := 0.0
	for _, profile := range b.profiles[:n] {
		cost, err := measured(func() error { return b.one(ctx, profile) })
		if err != nil {
			return err
		}
		total += cost.CPU
	}
	if n > 0 {
		b.res.Alone, b.res.Measured = total/float64(n)*float64(b.res.Partners), n
	}
	return nil
}

// one generates a profile from the stored catalog as if there was nothing else.
func (b *bench) one(ctx context.Context, profile feed.Profile) (err error) {
	snap, err := b.h.db.Snapshot(ctx, b.merchant)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	dicts, err := b.dictionaries(ctx, snap)
	if err != nil {
		return err
	}
	dir := filepath.Join(b.dir, "alone")
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	out, err := folder.Open(dir, folder.Options{Dialect: profile.Dialect, Zone: time.UTC, Now: b.w.now(), Supplier: feed.Supplier{Name: "Supplier", ShortName: "supplier"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	spool, err := out.Spool()
	if err != nil {
		return err
	}
	_, err = publish.Do(ctx, out, out, publish.Request{Merchant: "folder", Profiles: []feed.Profile{profile}, Now: b.w.now(), Spool: spool,
		Settings: publish.Settings{Gzip: true},
		Catalog: publish.Catalog{Products: wholeCatalog(snap, nil), Known: dicts, Dictionaries: func() *feed.Dictionaries { return dicts },
			Language: snap.Merchant.Language, Currency: snap.Merchant.Currency}})
	return err
}

// measured runs fn and tells what it cost.
func measured(fn func() error) (benchCost, error) {
	debug.FreeOSMemory()
	peak := resetPeak()
	start, before := time.Now(), cpuTime()
	err := fn()
	c := benchCost{CPU: (cpuTime() - before).Seconds(), Wall: time.Since(start).Seconds()}
	if peak {
		c.Peak = peakMemory()
	}
	return c, err
}

// print tells a result as text.
func (r *benchResult) print(to io.Writer) error {
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\n%d products, %d partners in %d profiles: %d MB of XML, %d MB compressed\n", r.Products, r.Partners, r.Profiles, r.Bytes/1e6, r.Gzip/1e6)
	row := func(what string, c benchCost) {
		ratio := ""
		if r.Alone > 0 {
			ratio = fmt.Sprintf("1/%.0f", r.Alone/max(c.CPU, 1e-9))
		}
		fmt.Fprintf(t, "%s\t%.2f\t%s\t%.0f\n", what, c.CPU, ratio, c.Peak)
	}
	fmt.Fprintf(t, "\tCPU s\tof each alone\tpeak MiB\n")
	if r.Alone > 0 {
		fmt.Fprintf(t, "each partner alone (%d measured)\t%.2f\t1\t\n", r.Measured, r.Alone)
	}
	row("import", r.Import)
	row("first publication", r.First)
	for i := range r.Shares {
		sh := &r.Shares[i]
		row(fmt.Sprintf("%d products changed: import", sh.Changed), sh.Import)
		row(fmt.Sprintf("%d products changed: change and light files", sh.Changed), sh.Change)
		row(fmt.Sprintf("%d changed again: change, light and full files", sh.Changed), sh.Full)
	}
	row(fmt.Sprintf("%d changed again: the same, with all compared", r.Shares[0].Changed), r.Compared)
	p := &r.Parts
	fmt.Fprintf(t, "\nparts of the first publication, by themselves\t\t\t\n")
	for _, part := range p.list() {
		fmt.Fprintf(t, "%s\t%.2f\t\t\n", part.name, part.cpu)
	}
	fmt.Fprintf(t, "sum\t%.2f\t\t\n", p.sum())
	fmt.Fprintf(t, "first publication by sum of parts\t%.2f\t\t\n", r.First.CPU/max(p.sum(), 1e-9))
	full, change := r.Shares[0].Full.CPU, r.Shares[0].Change.CPU
	fmt.Fprintf(t, "change, light and new full by first publication\t1/%.1f\t\t\n", r.First.CPU/max(full, 1e-9))
	fmt.Fprintf(t, "new full, by the difference of both, by the same\t1/%.1f\t\t\n", r.First.CPU/max(full-change, 1e-9))
	fmt.Fprintf(t, "gzip of blocks by gzip of whole files\t%.3f\t\t\n", p.Stitched)
	verified := "not looked at"
	if r.Verified {
		verified = "clean"
	}
	fmt.Fprintf(t, "what was published\t%s\t\t\n", verified)
	return t.Flush()
}

// peakMemory gives the highest resident memory since resetPeak in MiB.
func peakMemory() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			return kb / 1024
		}
	}
	return 0
}

// resetPeak makes the peak start anew, where the system can do that.
func resetPeak() bool { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) == nil }
