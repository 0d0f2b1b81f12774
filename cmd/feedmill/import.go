package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/record"
	"feedmill/internal/config"
	"feedmill/internal/crash"
	"feedmill/internal/job"
	"feedmill/internal/job/work"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// importCmd merges a catalog into the records.
type importCmd struct {
	catalogFlags
	Merchant string `placeholder:"NAME" help:"Merchant whose catalog it is; needed when there are several. The first import makes one of this name."`
	Keep     bool   `help:"Keep products that the catalog does not name. Without it the catalog replaces the one before."`
	DryRun   bool   `xor:"how" help:"Tell what would be added, changed and removed, and change nothing."`

	Background bool `xor:"how" help:"Read and check the catalog now, and let 'feedmill serve' merge it."`

	JSON bool `help:"Print the result as JSON."`

	// submit hands the merge to somebody else, whose job it becomes.
	submit func(ctx context.Context, args work.Import) (int64, error)
	job    int64
	// shared are codes that several products have.
	shared catalog.SharedCodes
	// zone is that of the merchant whom the first import makes.
	zone time.Duration
}

// Help implements kong.HelpProvider.
func (importCmd) Help() string {
	return `Reads a catalog (JSON Lines, CSV, Shopify's product export or IOF XML) and merges it into the
merchant's, whole or not at all: a catalog with problems changes nothing, and each problem is printed
with file, line, product and field. Where there is no merchant yet, one is made, with one shop.
With --background the merge becomes a job of the server ('feedmill job list' shows it).

Example: feedmill import --catalog products.jsonl.gz --dry-run`
}

// Run implements the command.
func (c *importCmd) Run(ctx context.Context, w *world, cfg *config.Config) (err error) {
	h, err := w.openHome(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if c.Background {
		c.submit = func(ctx context.Context, args work.Import) (int64, error) { return submitImport(ctx, w, cfg, args) }
	}
	if c.zone, err = zoneOffset(&cfg.Feeds); err != nil {
		return err
	}
	plan, err := c.run(ctx, w, h)
	if err != nil {
		return err
	}
	if c.Background {
		if c.JSON {
			return writeJSON(w.stdout, importJob{c.job, sharedReportOf(c.shared)})
		}
		fmt.Fprintf(w.stdout, "job %d merges the catalog\n", c.job)
		return nil
	}
	if c.JSON {
		return writeJSON(w.stdout, mergeReportOf(&plan, c.shared))
	}
	verb := "imported"
	if c.DryRun {
		verb = "would be"
	}
	fmt.Fprintf(w.stdout, "%s: %d added%s, %d changed%s, %d removed%s, %d unchanged\n", verb, plan.Added, examples(plan.AddedExamples),
		plan.Changed, examples(plan.ChangedExamples), plan.Removed, examples(plan.RemovedExamples), plan.Unchanged)
	return nil
}

// run imports into an open home.
func (c *importCmd) run(ctx context.Context, w *world, h *home) (plan partner.MergePlan, err error) {
	spool, err := h.spool()
	if err != nil {
		return plan, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(spool)) }()
	src, err := c.openSource(w, spool)
	if err != nil {
		return plan, err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	lang, cur, _, err := src.first(ctx)
	if err != nil {
		return plan, err
	}
	if c.DryRun {
		if list, err := h.db.Merchants(ctx); err != nil || len(list) == 0 {
			return c.count(ctx, src, err)
		}
	}
	m, err := c.account(ctx, h, lang, cur)
	if err != nil {
		return plan, err
	}
	if !c.DryRun {
		// Where nobody serves, no sweep comes by for what killed imports have left.
		todo := work.New(work.Options{Records: h.db, Imports: h.db, Now: w.now, Log: w.log})
		if n, err := todo.SweepImports(ctx); err != nil {
			w.log.Warn("imports that were given up stay for now", "error", err)
		} else if n > 0 {
			w.log.Info("swept leftovers", "imports", n)
		}
	}
	bar := w.newProgress("import")
	defer bar.done()
	src.opt.Progress = bar.read
	id := partner.NewImportID()
	defer func() {
		// What was staged is used up by the merge, and of no use after a failure.
		if c.job == 0 {
			err = errors.Join(err, h.db.DiscardImport(context.WithoutCancel(ctx), m.ID, id))
		}
	}()
	_, err = h.db.StageProducts(ctx, m.ID, id, stage(src.products(ctx)))
	if errors.Is(err, catalog.ErrUnordered) {
		// Sorted, so that an id that occurs twice is found and named.
		src.sorted = true
		_, err = h.db.StageProducts(ctx, m.ID, id, stage(src.products(ctx)))
	}
	if err != nil {
		return plan, err
	}
	mode, removed := partner.MergeReplace, []feed.ProductID(nil)
	if c.Keep {
		mode, removed = partner.MergeUpsert, src.last.Removed()
	}
	c.shared = src.last.SharedCodes()
	if c.DryRun {
		if plan, err = h.db.PlanMerge(ctx, m.ID, id, mode, removed); err != nil {
			return plan, err
		}
		return plan, c.beside(w, src, &plan, removed)
	}
	crash.Point("import.staged")
	if err := stageDictionaries(ctx, h, m.ID, id, mode, src.last.Dictionaries()); err != nil {
		return plan, err
	}
	crash.Point("import.merging")
	if c.submit != nil {
		c.job, err = c.submit(ctx, work.Import{Merchant: m.ID, ID: id, Mode: mode, Removed: removed, Actor: actor()})
		return plan, err
	}
	if plan, err = h.db.Merge(ctx, actor(), m.ID, id, mode, removed); err != nil {
		return plan, err
	}
	return plan, c.beside(w, src, &plan, removed)
}

// beside tells which codes the catalog's products come to share with others. Those
// that they share among themselves are told with the catalog's warnings.
func (c *importCmd) beside(w *world, src *source, plan *partner.MergePlan, removed []feed.ProductID) error {
	more, err := manage.SharedBeside(plan, removed)
	if err != nil {
		return err
	}
	for _, p := range more.Problems(src.called()) {
		fmt.Fprintln(w.stderr, p)
	}
	c.shared = c.shared.Join(more)
	return nil
}

// submitImport asks whoever works on jobs to merge a staged import.
func submitImport(ctx context.Context, w *world, cfg *config.Config, args work.Import) (int64, error) {
	kinds, err := work.New(work.Options{}).Kinds()
	if err != nil {
		return 0, err
	}
	c, closeJobs, err := openJobs(ctx, w, cfg, job.Config{Kinds: kinds})
	if err != nil {
		return 0, err
	}
	defer closeJobs()
	in, err := c.Insert(ctx, args, job.InsertOptions{})
	return in.ID, err
}

// stage encodes products on their way into the records.
func stage(in iter.Seq2[*feed.Product, error]) iter.Seq2[partner.StagedProduct, error] {
	return func(yield func(partner.StagedProduct, error) bool) {
		var doc []byte
		var codes []string
		for p, err := range in {
			if err != nil {
				yield(partner.StagedProduct{}, err)
				return
			}
			doc = record.Append(doc[:0], p)
			codes = codes[:0]
			for i := range p.Sizes {
				for _, code := range []string{p.Sizes[i].Code, p.Sizes[i].ProducerCode, p.Sizes[i].ExternalCode} {
					if code != "" {
						codes = append(codes, code)
					}
				}
			}
			if p.DisplayCode != "" {
				codes = append(codes, p.DisplayCode)
			}
			if !yield(partner.StagedProduct{ID: p.ID, Codes: codes, Doc: doc, Digest: sha256.Sum256(doc)}, nil) {
				return
			}
		}
	}
}

// stageDictionaries adds the catalog's dictionaries to an import. A catalog
// that leaves other products in place leaves their dictionary entries too.
func stageDictionaries(ctx context.Context, h *home, m partner.MerchantID, id partner.ImportID, mode partner.MergeMode, d *feed.Dictionaries) error {
	before, err := h.db.Dictionaries(ctx, m)
	if err != nil {
		return err
	}
	if mode == partner.MergeUpsert && before.Version > 0 {
		var old feed.Dictionaries
		if err := record.DecodeDictionaries(before.Doc, &old); err != nil {
			return fmt.Errorf("read the dictionaries before: %w", err)
		}
		d = feed.JoinDictionaries(&old, d)
	}
	return h.db.StageDictionaries(ctx, m, id, record.AppendDictionaries(nil, d), before.Version)
}

// count tells what the first import of all would do, which needs no records.
func (c *importCmd) count(ctx context.Context, src *source, err error) (plan partner.MergePlan, _ error) {
	if err != nil {
		return plan, err
	}
	plan, err = counted(src.products(ctx))
	if errors.Is(err, catalog.ErrUnordered) {
		src.sorted = true
		plan, err = counted(src.products(ctx))
	}
	if err != nil {
		return partner.MergePlan{}, err
	}
	c.shared = src.last.SharedCodes()
	return plan, nil
}

// counted is what adding products to nothing does.
func counted(products iter.Seq2[*feed.Product, error]) (plan partner.MergePlan, err error) {
	for p, err := range products {
		if err != nil {
			return plan, err
		}
		if plan.Added++; len(plan.AddedExamples) < 5 {
			plan.AddedExamples = append(plan.AddedExamples, p.ID)
		}
	}
	return plan, nil
}

// account gives the merchant to import for, and makes the first one.
func (c *importCmd) account(ctx context.Context, h *home, lang feed.Language, cur feed.Currency) (partner.Merchant, error) {
	list, err := h.db.Merchants(ctx)
	if err != nil {
		return partner.Merchant{}, err
	}
	if len(list) > 0 {
		return h.merchant(ctx, c.Merchant)
	}
	m := partner.Merchant{ID: partner.NewMerchantID(), Name: c.Merchant, SharingEnabled: true, Language: lang, Currency: cur, ZoneOffset: c.zone}
	if m.Name == "" {
		m.Name = "Merchant"
	}
	m.Supplier = feed.Supplier{Name: m.Name, ShortName: m.Name}
	if m, err = h.db.CreateMerchant(ctx, actor(), m); feed.KindOf(err) == feed.KindForbidden {
		return m, &feed.Error{Kind: feed.KindForbidden, Message: "the first import makes the merchant", Err: err,
			Hint: "run it as the admin role (setting database.url_file); the generate role may do all that come after"}
	}
	if err != nil {
		return m, err
	}
	return m, h.db.CreateShop(ctx, actor(), partner.Shop{ID: partner.NewShopID(), Merchant: m.ID, Number: 1, Name: m.Name})
}

// examples lists some ids.
func examples(ids []feed.ProductID) string {
	if len(ids) == 0 {
		return ""
	}
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = strconv.FormatInt(int64(id), 10)
	}
	return " (such as " + strings.Join(text, ", ") + ")"
}
