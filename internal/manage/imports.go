package manage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/record"
	"feedmill/internal/partner"
)

// Staging is what records may offer beside [Records]: whole catalogs that wait
// to be merged. Both databases do.
type Staging interface {
	StageProducts(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, seq iter.Seq2[partner.StagedProduct, error]) (int64, error)
	StageDictionaries(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, doc []byte, version int64) error
	DiscardImport(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) error
	Merging
}

// Merging compares a staged catalog with the merchant's, and puts it in place.
type Merging interface {
	PlanMerge(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (partner.MergePlan, error)
	Merge(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (partner.MergePlan, error)
}

// ImportFile is a catalog in a local file, and how it is to be read. What the
// catalog does not say of languages, currency and VAT is as the merchant's
// settings say.
type ImportFile struct {
	Path string
	// Name is what problems call the file.
	Name string
	// Keep leaves products in place that the catalog does not name.
	Keep bool
	// NetPrices says that prices given as one number are net.
	NetPrices bool
	// MaxErrors ends the reading at so many problems; 0 is 1000.
	MaxErrors int
	// TempDir is the folder for temporary files, "" for the system's own.
	TempDir string
	// Progress, when set, is told now and then how many bytes of the file were
	// read, how many there are and how many products came out.
	Progress func(done, total, products int64)
}

// StagedImport is a catalog that has been read and waits to be merged.
type StagedImport struct {
	ID      partner.ImportID
	Mode    partner.MergeMode
	Removed []feed.ProductID
	Stats   catalog.Stats
	Format  catalog.Format
	// Problems are warnings; with errors there is no import.
	Problems []catalog.Problem
	// Shared are codes that several products will have; Problems name them, too.
	Shared catalog.SharedCodes
	// Plan is what merging it would do.
	Plan partner.MergePlan
}

// StageImport reads a catalog, stages it and says what merging it would do; the
// merchant's catalog stays as it is. A catalog with problems of level error is
// refused by a *[LinesError] that lists all of them, and leaves nothing.
func (s *Service) StageImport(ctx context.Context, who Identity, f ImportFile) (in StagedImport, err error) {
	if err := allow(who, WriteProducts); err != nil {
		return in, err
	}
	db, err := s.staging()
	if err != nil {
		return in, err
	}
	m, err := s.db.Merchant(ctx, who.Merchant)
	if err != nil {
		return in, err
	}
	in.ID = partner.NewImportID()
	if in.Mode = partner.MergeReplace; f.Keep {
		in.Mode = partner.MergeUpsert
	}
	defer func() {
		if err != nil {
			// What was staged is of no use after a failure.
			err = errors.Join(err, db.DiscardImport(context.WithoutCancel(ctx), who.Merchant, in.ID))
		}
	}()
	dicts, err := in.read(ctx, db, &m, f, false)
	if errors.Is(err, catalog.ErrUnordered) {
		// Sorted, so that an id that occurs twice is found and named.
		dicts, err = in.read(ctx, db, &m, f, true)
	}
	if err != nil {
		return in, err
	}
	if err := in.stageDictionaries(ctx, s.db, db, who.Merchant, dicts); err != nil {
		return in, err
	}
	if in.Plan, err = db.PlanMerge(ctx, who.Merchant, in.ID, in.Mode, in.Removed); err != nil {
		return in, err
	}
	beside, err := SharedBeside(&in.Plan, in.Removed)
	in.Plan.Clashes = nil
	told := beside.Problems(f.Name)
	in.Problems = slices.Concat(told, in.Problems)
	in.Stats.Warnings += int64(len(told))
	in.Shared = in.Shared.Join(beside)
	return in, err
}

func (s *Service) staging() (Staging, error) {
	if db, ok := s.db.(Staging); ok {
		return db, nil
	}
	return nil, feed.Errorf(feed.KindUnavailable, "these records take no catalogs")
}

// read reads the file once and stages its products.
func (in *StagedImport) read(ctx context.Context, db Staging, m *partner.Merchant, f ImportFile, sorted bool) (_ *feed.Dictionaries, err error) {
	rate, said := m.RateVAT()
	opt := catalog.Options{DefaultLanguage: m.Language, DefaultCurrency: m.Currency, DefaultVAT: rate, HasDefaultVAT: said, UnsaidVAT: true, NetPrices: f.NetPrices,
		MaxErrors: f.MaxErrors, TempDir: f.TempDir, Progress: f.Progress, Called: map[string]string{f.Path: f.Name}}
	if opt.MaxErrors <= 0 {
		opt.MaxErrors = 1000
	}
	src, err := catalog.Open([]string{f.Path}, opt)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	products := src.Products(ctx)
	if sorted {
		products = catalog.Sorted(ctx, products, f.TempDir, 0)
	} else {
		products = catalog.Ascending(products)
	}
	_, err = db.StageProducts(ctx, m.ID, in.ID, staged(products))
	in.Stats, in.Format, in.Problems = src.Stats(), src.Format(), slices.Clone(src.Problems())
	if errors.Is(err, catalog.ErrUnordered) {
		return nil, err
	}
	if in.Stats.Errors > 0 {
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: notTaken(in.Stats.Errors), Err: &LinesError{in.Problems}}
	}
	if err == nil {
		err = src.Err()
	}
	if err != nil {
		return nil, err
	}
	if in.Stats.Products == 0 && len(src.Removed()) == 0 {
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: "the catalog has no products", Hint: "was the export cut off?"}
	}
	if in.Mode == partner.MergeUpsert {
		in.Removed = slices.Clone(src.Removed())
	}
	in.Shared = src.SharedCodes()
	return src.Dictionaries(), nil
}

// notTaken tells that a catalog was refused for errors in it.
func notTaken(n int64) string {
	if n == 1 {
		return "the catalog has an error and was not taken"
	}
	return fmt.Sprintf("the catalog has %d errors and was not taken", n)
}

// staged encodes products on their way into the records.
func staged(in iter.Seq2[*feed.Product, error]) iter.Seq2[partner.StagedProduct, error] {
	return func(yield func(partner.StagedProduct, error) bool) {
		for p, err := range in {
			if err != nil {
				yield(partner.StagedProduct{}, err)
				return
			}
			if !yield(stageProduct(p), nil) {
				return
			}
		}
	}
}

// stageDictionaries adds the catalog's dictionaries to an import. A catalog that
// leaves other products in place leaves their dictionary entries too.
func (in *StagedImport) stageDictionaries(ctx context.Context, db Records, to Staging, m partner.MerchantID, d *feed.Dictionaries) error {
	before, err := db.Dictionaries(ctx, m)
	if err != nil {
		return err
	}
	if in.Mode == partner.MergeUpsert && before.Version > 0 {
		var old feed.Dictionaries
		if err := record.DecodeDictionaries(before.Doc, &old); err != nil {
			return fmt.Errorf("read the dictionaries before: %w", err)
		}
		d = feed.JoinDictionaries(&old, d)
	}
	return to.StageDictionaries(ctx, m, in.ID, record.AppendDictionaries(nil, d), before.Version)
}

// MergeImport puts a staged catalog into place, whole or not at all.
func (s *Service) MergeImport(ctx context.Context, who Identity, in StagedImport) (partner.MergePlan, error) {
	if err := allow(who, WriteProducts); err != nil {
		return partner.MergePlan{}, err
	}
	db, err := s.staging()
	if err != nil {
		return partner.MergePlan{}, err
	}
	return db.Merge(ctx, who.Actor, who.Merchant, in.ID, in.Mode, in.Removed)
}

// DiscardImport forgets a staged catalog.
func (s *Service) DiscardImport(ctx context.Context, who Identity, id partner.ImportID) error {
	if err := allow(who, WriteProducts); err != nil {
		return err
	}
	db, err := s.staging()
	if err != nil {
		return err
	}
	return db.DiscardImport(ctx, who.Merchant, id)
}
