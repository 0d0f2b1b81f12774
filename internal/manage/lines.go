package manage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/record"
	"feedmill/internal/partner"
)

// LinesError says what is wrong with lines of a catalog; nothing of them was
// written. It stands behind errors of kind KindInvalid.
type LinesError struct {
	// Problems name line, product and field; lines count from 1 in what was given.
	Problems []catalog.Problem
}

// Error implements error.
func (e *LinesError) Error() string {
	if len(e.Problems) == 0 {
		return "the lines cannot be read"
	}
	p := e.Problems[0]
	return fmt.Sprintf("%d problems, the first: %s", len(e.Problems), p.String())
}

// LinesResult is what a write of lines did.
type LinesResult struct {
	partner.PutResult
	// Warnings are what was taken although something is odd about it.
	Warnings []catalog.Problem
}

// maxLineErrors is how many problems one write tells.
const maxLineErrors = 50

// UpsertLines writes products given as JSON Lines of the catalog's native format
// in one transaction, all or none. Lines of removed products remove. What a line
// leaves out is as the merchant's settings say; netPrices says what prices of one
// number are. Names of categories, producers and so on denote the dictionaries'
// entries; entries that are not there yet are added to them first. Lines that
// are not products are refused: see [Service.UpsertDictionaries].
func (s *Service) UpsertLines(ctx context.Context, who Identity, body []byte, netPrices bool) (result LinesResult, err error) {
	if err := allow(who, WriteProducts); err != nil {
		return result, err
	}
	if problems := notProducts(body); len(problems) > 0 {
		return result, refuseLines(problems)
	}
	for try := 1; ; try++ {
		result, err = s.upsertLines(ctx, who, body, netPrices)
		var stale *dictionariesMoved
		if !errors.As(err, &stale) || try == 3 {
			return result, err
		}
	}
}

// dictionariesMoved says that somebody else has written dictionaries meanwhile.
type dictionariesMoved struct{ err error }

func (e *dictionariesMoved) Error() string { return e.err.Error() }
func (e *dictionariesMoved) Unwrap() error { return e.err }

func refuseLines(problems []catalog.Problem) error {
	return &feed.Error{Kind: feed.KindInvalid, Message: "nothing was written", Hint: "correct what is listed and send all of it again", Err: &LinesError{problems}}
}

// notProducts finds lines that are entries of dictionaries.
func notProducts(body []byte) (problems []catalog.Problem) {
	n := int64(0)
	for line := range bytes.Lines(body) {
		n++
		rest, found := bytes.CutPrefix(bytes.TrimSpace(line), []byte("{"))
		if rest = bytes.TrimSpace(rest); found && bytes.HasPrefix(rest, []byte(`"record"`)) && len(problems) < maxLineErrors {
			problems = append(problems, catalog.Problem{Line: n, Field: "record", Message: "is not a member of a product", Hint: "entries of dictionaries are written apart from products"})
		}
	}
	return problems
}

func (s *Service) upsertLines(ctx context.Context, who Identity, body []byte, netPrices bool) (result LinesResult, err error) {
	stored, old, err := s.dictionaries(ctx, who.Merchant)
	if err != nil {
		return result, err
	}
	stream, before, err := s.openLines(ctx, who, old, body, netPrices)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	var put []partner.StagedProduct
	at := map[feed.ProductID]int{}
	var twice []catalog.Problem
	owners := map[string]feed.ProductID{} // by the codes of sizes
	n := 0
	for p, err := range stream.Products(ctx) {
		if err != nil {
			break // told by Err
		}
		if n++; n > maxWrite {
			return result, tooMany(n)
		}
		if _, ok := at[p.ID]; ok && len(twice) < maxLineErrors {
			twice = append(twice, catalog.Problem{Product: fmt.Sprint(p.ID), Field: "id", Message: "stands in two lines"})
		}
		at[p.ID] = n
		put = append(put, stageProduct(p))
		for i := range p.Sizes {
			owners[strings.Clone(p.Sizes[i].Code)] = p.ID
		}
	}
	problems := shifted(stream.Problems(), before)
	if err := stream.Err(); err != nil {
		if feed.KindOf(err) != feed.KindInvalid {
			return result, err
		}
		if len(problems) == 0 {
			problems = []catalog.Problem{{Message: err.Error()}}
		}
		return result, refuseLines(keep(problems, catalog.LevelError))
	}
	removed := stream.Removed()
	if len(removed)+len(put) > maxWrite {
		return result, tooMany(len(removed) + len(put))
	}
	for _, id := range removed {
		if _, ok := at[id]; ok {
			twice = append(twice, catalog.Problem{Product: fmt.Sprint(id), Field: "removed", Message: "the product is both given and removed"})
		}
	}
	if len(twice) > 0 {
		return result, refuseLines(twice)
	}
	shared, err := s.sharedBeside(ctx, who.Merchant, owners, func(id feed.ProductID) bool {
		_, given := at[id]
		return !given && !slices.Contains(removed, id)
	})
	if err != nil {
		return result, err
	}
	result.Warnings = append(shared.Problems(""), keep(problems, catalog.LevelWarning)...)
	// The entries come first: a product that names one which no dictionary has
	// would break the files (IOF: closed references), an entry too many does not.
	doc := record.AppendDictionaries(nil, feed.JoinDictionaries(stream.Dictionaries(), old))
	if len(put) > 0 && !bytes.Equal(doc, stored.Doc) {
		if _, err := s.db.SetDictionaries(ctx, who.Actor, who.Merchant, doc, stored.Version); err != nil {
			if feed.KindOf(err) == feed.KindConflict {
				err = &dictionariesMoved{err}
			}
			return result, err
		}
	}
	slices.Sort(removed)
	result.PutResult, err = s.db.PutProducts(ctx, who.Actor, who.Merchant, put, slices.Compact(removed))
	return result, err
}

func tooMany(n int) error {
	return &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%d products in one write, at most %d are taken", n, maxWrite), Hint: "bring whole catalogs in with an import"}
}

// openLines opens lines behind those of the dictionaries that they may name, and
// says how many of these there are.
func (s *Service) openLines(ctx context.Context, who Identity, known *feed.Dictionaries, body []byte, netPrices bool) (*catalog.Stream, int64, error) {
	m, err := s.db.Merchant(ctx, who.Merchant)
	if err != nil {
		return nil, 0, err
	}
	head := catalog.AppendDictionaries(nil, known)
	rate, said := m.RateVAT()
	stream, err := catalog.Open([]string{"-"}, catalog.Options{
		Format: catalog.FormatJSONL, Stdin: io.MultiReader(bytes.NewReader(head), bytes.NewReader(body)), MaxErrors: maxLineErrors,
		DefaultLanguage: m.Language, DefaultCurrency: m.Currency, DefaultVAT: rate, HasDefaultVAT: said, NetPrices: netPrices, Single: true,
	})
	if err != nil {
		return nil, 0, err
	}
	return stream, int64(bytes.Count(head, []byte("\n"))), nil
}

// shifted gives problems by the lines that the caller has given.
func shifted(problems []catalog.Problem, before int64) []catalog.Problem {
	for i := range problems {
		problems[i].File, problems[i].Line = "", max(problems[i].Line-before, 0)
	}
	return problems
}

func keep(problems []catalog.Problem, level catalog.Level) (list []catalog.Problem) {
	for _, p := range problems {
		if p.Level == level {
			list = append(list, p)
		}
	}
	return list
}

func (s *Service) dictionaries(ctx context.Context, merchant partner.MerchantID) (doc partner.Document, d *feed.Dictionaries, err error) {
	if doc, err = s.db.Dictionaries(ctx, merchant); err != nil {
		return doc, nil, err
	}
	d = &feed.Dictionaries{}
	if doc.Version > 0 {
		if err := record.DecodeDictionaries(doc.Doc, d); err != nil {
			return doc, nil, fmt.Errorf("read dictionaries: %w", err)
		}
	}
	return doc, d, nil
}

// Dictionaries gives the dictionaries as lines of the native format, and their
// version, 0 for none.
func (s *Service) Dictionaries(ctx context.Context, who Identity) (lines []byte, version int64, err error) {
	if err := allow(who, ReadProducts); err != nil {
		return nil, 0, err
	}
	doc, d, err := s.dictionaries(ctx, who.Merchant)
	if err != nil {
		return nil, 0, err
	}
	return catalog.AppendDictionaries(nil, d), doc.Version, nil
}

// UpsertDictionaries adds entries of dictionaries, given as lines of the native
// format, and changes those that are there already. version is the one that the
// change was made from.
func (s *Service) UpsertDictionaries(ctx context.Context, who Identity, body []byte, version int64) (now int64, err error) {
	if err := allow(who, WriteProducts); err != nil {
		return 0, err
	}
	stored, old, err := s.dictionaries(ctx, who.Merchant)
	if err != nil {
		return 0, err
	}
	if stored.Version != version {
		return 0, partner.Conflict("dictionaries", string(who.Merchant), version, stored.Version, nil, nil)
	}
	stream, before, err := s.openEntries(ctx, who, old, body)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	n := 0
	for _, err := range stream.Products(ctx) {
		if err != nil {
			break // told by Err
		}
		n++
	}
	problems := keep(shifted(stream.Problems(), before), catalog.LevelError)
	if err := stream.Err(); err != nil {
		if feed.KindOf(err) != feed.KindInvalid {
			return 0, err
		}
		if len(problems) == 0 {
			problems = []catalog.Problem{{Message: err.Error()}}
		}
		return 0, refuseLines(problems)
	}
	if n+len(stream.Removed()) > 0 {
		return 0, refuseLines([]catalog.Problem{{Message: "there are products among the entries", Hint: "products are written apart from dictionaries"}})
	}
	return s.db.SetDictionaries(ctx, who.Actor, who.Merchant, record.AppendDictionaries(nil, feed.JoinDictionaries(old, stream.Dictionaries())), version)
}

// openEntries opens lines of entries. What they are parents of must be known, and
// what they rename must not stand before them under its old name.
func (s *Service) openEntries(ctx context.Context, who Identity, known *feed.Dictionaries, body []byte) (*catalog.Stream, int64, error) {
	given := map[string]bool{}
	for line := range bytes.Lines(body) {
		var e entryName
		if json.Unmarshal(line, &e) == nil {
			given[e.key()] = true
		}
	}
	var head []byte
	for line := range bytes.Lines(catalog.AppendDictionaries(nil, known)) {
		var e entryName
		if json.Unmarshal(line, &e) == nil && !given[e.key()] {
			head = append(head, line...)
		}
	}
	m, err := s.db.Merchant(ctx, who.Merchant)
	if err != nil {
		return nil, 0, err
	}
	stream, err := catalog.Open([]string{"-"}, catalog.Options{Format: catalog.FormatJSONL, MaxErrors: maxLineErrors, DefaultLanguage: m.Language,
		Stdin: io.MultiReader(bytes.NewReader(head), bytes.NewReader(body))})
	if err != nil {
		return nil, 0, err
	}
	return stream, int64(bytes.Count(head, []byte("\n"))), nil
}

// entryName is what tells entries of dictionaries apart.
type entryName struct {
	Record string          `json:"record"`
	ID     json.RawMessage `json:"id"`
}

func (e *entryName) key() string { return e.Record + "\x00" + string(bytes.Trim(e.ID, `"`)) }

// ChangeNumber gives the number that a change has in the merchant's log, by its
// number in the queue (see [partner.PutResult]): feeds whose cursor is as large
// show it. It waits no longer than told; ok is false when that was too short.
func (s *Service) ChangeNumber(ctx context.Context, who Identity, queue int64, wait time.Duration) (number int64, ok bool, err error) {
	if err := allow(who, ReadProducts); err != nil {
		if err2 := allow(who, WriteProducts); err2 != nil {
			return 0, false, err
		}
	}
	if queue == 0 {
		return 0, false, nil
	}
	return s.db.EventNumber(ctx, who.Merchant, queue, wait)
}
