package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"feedmill/feed"
	"feedmill/feed/catalog"
)

// catalogFlags say which catalog is read and how; generate and import share them.
type catalogFlags struct {
	Catalog   []string `required:"" placeholder:"FILE" sep:"none" help:"Catalog file, '-' for standard input; give it again for files that belong together (IOF full, light and dictionaries). Gzip is accepted."`
	Format    string   `default:"auto" enum:"auto,jsonl,csv,shopify,iof" help:"Format of the catalog: auto, jsonl, csv, shopify or iof."`
	Language  string   `placeholder:"CODE" help:"Language of texts that name none (ISO 639-2, such as pol)."`
	Currency  string   `placeholder:"CODE" help:"Currency of prices that name none (ISO 4217, such as PLN)."`
	VAT       string   `name:"vat" placeholder:"PERCENT" help:"VAT rate of products that name none."`
	NetPrices bool     `help:"Prices given as one number are net, not gross."`
	Category  string   `placeholder:"PATH" help:"Category of products that name none."`
	MaxErrors int      `default:"20" help:"Problems after which reading ends."`

	// quick reads for one file alone, see [catalog.Options].
	quick bool
}

// options reads the flags.
func (f *catalogFlags) options(w *world) (opt catalog.Options, err error) {
	opt = catalog.Options{MaxErrors: f.MaxErrors, NetPrices: f.NetPrices, DefaultCategory: f.Category, Stdin: w.stdin, Quick: f.quick}
	for _, name := range f.Catalog {
		if isAddress(name) {
			return opt, usage("--catalog", &feed.Error{Kind: feed.KindInvalid, Message: "it is an address, and a catalog is read from files",
				Hint: "keep a copy of a supplier's offer with 'feedmill mirror', and import its full.xml and light.xml"})
		}
	}
	if opt.Format, err = catalog.ParseFormat(f.Format); err != nil {
		return opt, usage("--format", err)
	}
	if f.Language != "" {
		if opt.DefaultLanguage, err = feed.ParseLanguage(f.Language); err != nil {
			return opt, usage("--language", err)
		}
	}
	if f.Currency != "" {
		if opt.DefaultCurrency, err = feed.ParseCurrency(f.Currency); err != nil {
			return opt, usage("--currency", err)
		}
	}
	if f.VAT != "" {
		if opt.DefaultVAT, err = feed.ParsePercent(f.VAT); err != nil {
			return opt, usage("--vat", err)
		}
		opt.HasDefaultVAT = true
	}
	return opt, nil
}

// usage makes an error of a flag's value.
func usage(flag string, err error) error {
	return &usageError{&feed.Error{Kind: feed.KindInvalid, Message: flag, Err: err}}
}

// usageError is a mistake of the command line that only the command could see.
type usageError struct{ err *feed.Error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// source is a catalog that can be read more than once.
type source struct {
	w     *world
	files []string
	opt   catalog.Options
	temp  string
	// sorted says that the products do not come in order of id and are sorted
	// through files in temp.
	sorted bool
	last   *catalog.Stream
	// warned says that the warnings have been told: each reading has them all.
	warned bool
}

// sortMemory bounds what sorting holds in memory.
const sortMemory = 32 << 20

// openSource makes a source. Standard input is copied into the folder temp,
// because a catalog may have to be read again.
func (f *catalogFlags) openSource(w *world, temp string) (*source, error) {
	opt, err := f.options(w)
	if err != nil {
		return nil, err
	}
	s := &source{w: w, opt: opt, temp: temp}
	for _, name := range f.Catalog {
		if name == "-" {
			if name, err = spoolStdin(w.stdin, temp); err != nil {
				return nil, err
			}
			s.opt.Called = map[string]string{name: "standard input"}
		}
		s.files = append(s.files, name)
	}
	return s, nil
}

func spoolStdin(stdin io.Reader, temp string) (string, error) {
	file, err := os.Create(filepath.Join(temp, "stdin"))
	if err != nil {
		return "", fmt.Errorf("keep standard input: %w", err)
	}
	_, err = io.Copy(file, stdin)
	if err := errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("keep standard input: %w", err)
	}
	return file.Name(), nil
}

// first gives the first product's language and currency and what is known
// before it: what a file must say before its first product is written.
func (s *source) first(ctx context.Context) (lang feed.Language, cur feed.Currency, known *feed.Dictionaries, err error) {
	stream, err := catalog.Open(s.files, s.opt)
	if err != nil {
		return lang, cur, nil, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	found := false
	for p, err := range stream.Products(ctx) {
		if err != nil {
			return lang, cur, nil, s.problems(stream, err)
		}
		found, cur = true, p.Currency
		if len(p.Names) > 0 {
			lang = p.Names[0].Lang
		}
		break
	}
	if !found {
		if err := stream.Err(); err != nil {
			return lang, cur, nil, s.problems(stream, err)
		}
		return lang, cur, nil, &feed.Error{Kind: feed.KindInvalid, Message: s.called() + ": the catalog holds no products",
			Hint: "an empty offer would switch every partner's shop off, so nothing was changed"}
	}
	// What the catalog says for all its products, or else the flags, comes
	// before what its first product happens to have.
	said := stream.Defaults()
	if !said.Language.IsZero() {
		lang = said.Language
	}
	if !said.Currency.IsZero() {
		cur = said.Currency
	}
	return lang, cur, stream.Head(), nil
}

// called names the files in an error that is about all of them.
func (s *source) called() string {
	const most = 3
	var names []string
	for _, f := range s.files[:min(len(s.files), most)] {
		names = append(names, cmp.Or(s.opt.Called[f], f))
	}
	if len(s.files) > most {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

// products yields the catalog in ascending order of id. Problems are told when
// the stream ends, and are its error.
func (s *source) products(ctx context.Context) iter.Seq2[*feed.Product, error] {
	return func(yield func(*feed.Product, error) bool) {
		if s.last != nil {
			if err := s.last.Close(); err != nil {
				yield(nil, err)
				return
			}
		}
		stream, err := catalog.Open(s.files, s.opt)
		if err != nil {
			yield(nil, err)
			return
		}
		s.last = stream
		ordered := catalog.Ascending(stream.Products(ctx))
		if s.sorted {
			ordered = catalog.Sorted(ctx, stream.Products(ctx), s.temp, sortMemory)
		}
		for p, err := range ordered {
			if err != nil {
				var twice *catalog.DuplicateError
				switch {
				case errors.As(err, &twice):
					err = s.problems(stream, errors.Join(s.places(ctx, twice.ID), err))
				case !errors.Is(err, catalog.ErrUnordered):
					err = s.problems(stream, err)
				}
				yield(nil, err)
				return
			}
			if !yield(p, nil) {
				return
			}
		}
		if err := stream.Err(); err != nil {
			yield(nil, s.problems(stream, err))
		} else {
			s.warn(stream)
		}
	}
}

// problems tells what is wrong with a catalog and gives err, which sums it up.
func (s *source) problems(stream *catalog.Stream, err error) error {
	for _, p := range stream.Problems() {
		if p.Level == catalog.LevelError {
			fmt.Fprintln(s.w.stderr, p)
		}
	}
	return err
}

// places tells where a product stands that occurs twice: sorting has lost it.
func (s *source) places(ctx context.Context, id feed.ProductID) (err error) {
	stream, err := catalog.Open(s.files, s.opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	first := ""
	for p, err := range stream.Products(ctx) {
		if err != nil {
			return nil // there are other problems, which are told
		}
		if p.ID != id {
			continue
		}
		file, line := stream.Place()
		if first != "" {
			fmt.Fprintf(s.w.stderr, "%s:%d: product %d: stands at %s already\n", file, line, id, first)
			return nil
		}
		first = fmt.Sprintf("%s:%d", file, line)
	}
	return nil
}

// maxWarningsShown bounds the warnings that a command prints beside those of codes
// that several products have, which come first and are few.
const maxWarningsShown = 10

func (s *source) warn(stream *catalog.Stream) {
	if s.warned {
		return
	}
	s.warned = true
	problems := stream.Problems()
	shown := problems[:min(len(problems), maxWarningsShown+len(stream.SharedCodes().Problems("")))]
	for _, p := range shown {
		fmt.Fprintln(s.w.stderr, p)
	}
	if more := stream.Stats().Warnings - int64(len(shown)); more > 0 {
		fmt.Fprintf(s.w.stderr, "and %d more warnings\n", more)
	}
}

func (s *source) close() error {
	if s.last == nil {
		return nil
	}
	return s.last.Close()
}
