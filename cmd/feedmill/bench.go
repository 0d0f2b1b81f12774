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
	"runtime/pprof"
	"strings"
	"text/tabwriter"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/publish/folder"
	"feedmill/feed/verify"
	"feedmill/internal/config"
	"feedmill/internal/partner"
)

// benchCmd measures what feeds cost.
type benchCmd struct {
	Products   []int   `default:"10000" placeholder:"N" help:"Sizes of the catalog, one run each."`
	Partners   int     `default:"50" placeholder:"N" help:"Partners, spread evenly over the profiles."`
	Profiles   int     `default:"5" placeholder:"N" help:"Profiles that differ, 1 to 5."`
	Changed    float64 `default:"1" placeholder:"PERCENT" help:"Share of the products that change before the second publication."`
	Alone      int     `default:"5" placeholder:"N" help:"Profiles of which one partner is generated alone, as what it is compared with; 0 leaves that out."`
	NoVerify   bool    `help:"Do not prove afterwards what was published."`
	SVG        string  `placeholder:"FILE" help:"Draw the results as a picture."`
	CPUProfile string  `name:"cpuprofile" placeholder:"FILE" help:"Write a profile of the processor time, also for building with -pgo."`
	JSON       bool    `help:"Print the results as JSON."`
}

// Help implements kong.HelpProvider.
func (benchCmd) Help() string {
	return `Makes a catalog, imports it into an embedded database of its own, and measures in processor time
(user and system, of this process) what publishing it for many partners costs: first everything, then
a change file and a light file for all after some products have changed, then a new full file. Beside
it stands what the same costs when each partner is generated alone, and what each part costs by
itself. Afterwards all that was published is proved like 'feedmill verify' does; a fault fails the
benchmark. Everything stands in the temporary folder of the machine and is removed.

Times of a machine that others use too can be compared within a run only.

Example: feedmill bench --products 10000 --products 100000 --svg docs/generation.svg`
}

// benchCost is what something cost.
type benchCost struct {
	CPU  float64 `json:"cpu_seconds"`
	Wall float64 `json:"wall_seconds"`
	// Peak is the resident memory at its highest in MiB, 0 where it is not known.
	Peak float64 `json:"peak_mib,omitempty"`
}

// benchResult is what one run has measured.
type benchResult struct {
	Products int       `json:"products"`
	Partners int       `json:"partners"`
	Profiles int       `json:"profiles"`
	Changed  int64     `json:"changed"`
	Bytes    int64     `json:"plain_bytes"`
	Gzip     int64     `json:"gzip_bytes"`
	First    benchCost `json:"first"`
	Change   benchCost `json:"change"`
	Full     benchCost `json:"new_full"`
	// Alone is each partner alone: measured for Measured of them and scaled.
	Alone    float64    `json:"alone_cpu_seconds,omitempty"`
	Measured int        `json:"alone_measured"`
	Parts    benchParts `json:"parts"`
	Verified bool       `json:"verified"`
}

// Run implements the command.
func (c *benchCmd) Run(ctx context.Context, w *world, cfg *config.Config) (err error) {
	if c.Profiles < 1 || c.Profiles > len(benchProfiles) || c.Partners < c.Profiles || c.Changed <= 0 || c.Changed > 9 {
		return usage("bench", errors.New("1 to 5 profiles, at least as many partners, and a change of up to 9 percent are measured"))
	}
	if c.CPUProfile != "" {
		f, err := os.Create(c.CPUProfile)
		if err != nil {
			return fmt.Errorf("write the profile: %w", err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return errors.Join(err, f.Close())
		}
		defer func() {
			pprof.StopCPUProfile()
			err = errors.Join(err, f.Close())
		}()
	}
	var results []benchResult
	for _, n := range c.Products {
		if n < 100 {
			return usage("--products", fmt.Errorf("%d: at least 100 products are measured", n))
		}
		r, err := c.measure(ctx, w, cfg, n)
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

// measure measures one size of catalog.
func (c *benchCmd) measure(ctx context.Context, w *world, cfg *config.Config, products int) (res benchResult, err error) {
	res = benchResult{Products: products, Partners: c.Partners, Profiles: c.Profiles}
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
	step := int(100 / c.Changed)
	if err := b.load(ctx, 1, step); err != nil {
		return res, err
	}
	if res.Change, err = b.publish(ctx, s, nil); err != nil {
		return res, err
	}
	s.FullEvery, s.CompareEvery = -1, -1
	if err := b.load(ctx, 2, step); err != nil {
		return res, err
	}
	if res.Full, err = b.publish(ctx, s, nil); err != nil {
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
	rep, err := verify.Records(ctx, publishedRecords{h}, h.store, verify.Options{Now: w.now(), Examples: 5, MaxBytes: 1 << 40})
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
}

// stage brings the catalog in and makes the partners.
func (b *bench) stage(ctx context.Context) error {
	if err := b.load(ctx, 0, 1); err != nil {
		return err
	}
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
	for i := range b.Partners {
		p := partner.Partner{Name: fmt.Sprintf("Partner %d", i+1), FeedEnabled: true}
		if _, err := d.addPartner(ctx, p, b.profiles[i%len(b.profiles)]); err != nil {
			return err
		}
	}
	return nil
}

// load imports the catalog, or what changes of it in a round.
func (b *bench) load(ctx context.Context, round, step int) (err error) {
	path := filepath.Join(b.dir, "catalog.jsonl")
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the catalog: %w", err)
	}
	if err := errors.Join(writeBenchCatalog(f, b.res.Products, round, step), f.Close()); err != nil {
		return fmt.Errorf("write the catalog: %w", err)
	}
	imp := importCmd{Merchant: "Benchmark", Keep: round != 0}
	imp.Catalog, imp.Format, imp.MaxErrors = []string{path}, "jsonl", 20
	plan, err := imp.run(ctx, b.w, b.h)
	if round == 1 {
		b.res.Changed = plan.Changed
	}
	return errors.Join(err, os.Remove(path))
}

// publish measures one publication for all partners; of the first it counts the bytes.
func (b *bench) publish(ctx context.Context, s publish.Settings, count *benchResult) (benchCost, error) {
	var report publish.Report
	cost, err := measured(func() (err error) {
		report, err = b.h.publish(ctx, b.w, b.merchant, s, nil)
		return err
	})
	if err != nil {
		return cost, err
	}
	if held := explainHeld(&report, ""); held != nil {
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
		b.res.Alone, b.res.Measured = total/float64(n)*float64(b.Partners), n
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
		Catalog: publish.Catalog{Products: storedProducts(snap.Products), Known: dicts, Dictionaries: func() *feed.Dictionaries { return dicts },
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
	row("first publication", r.First)
	row(fmt.Sprintf("%d products changed: change and light files", r.Changed), r.Change)
	row(fmt.Sprintf("%d more changed: change, light and full files", r.Changed), r.Full)
	p := &r.Parts
	fmt.Fprintf(t, "\nparts of the first publication, by themselves\t\t\t\n")
	for _, part := range p.list() {
		fmt.Fprintf(t, "%s\t%.2f\t\t\n", part.name, part.cpu)
	}
	fmt.Fprintf(t, "sum\t%.2f\t\t\n", p.sum())
	fmt.Fprintf(t, "first publication by sum of parts\t%.2f\t\t\n", r.First.CPU/max(p.sum(), 1e-9))
	fmt.Fprintf(t, "new full by first publication\t1/%.1f\t\t\n", r.First.CPU/max(r.Full.CPU, 1e-9))
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
