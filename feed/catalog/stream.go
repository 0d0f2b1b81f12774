package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"feedmill/feed"
)

// Stream is a catalog being read. It is not safe for concurrent use.
type Stream struct {
	in      *intake
	format  Format
	sources []*source
	reader  reader
	read    int64 // uncompressed bytes
	total   int64 // bytes of the files, 0 when unknown
	told    int64 // bytes read when Progress was called last
	before  *feed.Dictionaries
	quick   bool // no codes are noted
	codes   codeWatch
	shared  SharedCodes
	used    bool
	ended   bool
	err     error
}

// reader is a format.
type reader interface {
	// head reads what stands before the first product.
	head() error
	// product gives the next product, valid until the next call; nil for a part
	// of the file that holds none or a bad one; [io.EOF] at the end.
	product(ctx context.Context) (*feed.Product, error)
	// close gives back what the format holds beside the files.
	close()
}

// Format tells the format of the files.
func (s *Stream) Format() Format { return s.format }

// Defaults tells what the catalog says for all its products: its own words
// where it has them, else the options'.
func (s *Stream) Defaults() Defaults { return s.in.first }

// Products yields the products of the files, once. A product is valid until
// the loop goes on. Bad ones are left out and reported by [Stream.Problems]; a
// non-nil error ends the stream: the files cannot be read, ctx was cancelled,
// or there are too many problems. See [Stream.Err] for the end.
func (s *Stream) Products(ctx context.Context) iter.Seq2[*feed.Product, error] {
	return func(yield func(*feed.Product, error) bool) {
		if s.used {
			yield(nil, errors.New("the catalog was read already"))
			return
		}
		s.used = true
		defer s.Close()
		if err := s.in.full(); err != nil {
			s.end(yield, err)
			return
		}
		for {
			if err := ctx.Err(); err != nil {
				s.end(yield, fmt.Errorf("import cancelled at %s:%d: %w", s.in.file, s.in.line, err))
				return
			}
			p, err := s.reader.product(ctx)
			if err == io.EOF {
				s.tellLight()
				s.tellUnstocked()
				if err = s.tellShared(); err != nil {
					s.end(yield, err)
					return
				}
				s.ended = true
				s.progress(true)
				return
			}
			if err == nil && s.in.stats.Products+s.in.stats.Removed > s.in.lim.Products {
				err = feed.Errorf(feed.KindInvalid, "%s:%d: the catalog holds more than %d products", s.in.file, s.in.line, s.in.lim.Products)
			}
			if err == nil && p != nil && !s.quick {
				err = s.codes.add(ctx, p, s.in.file, s.in.start)
			}
			if err == nil && p != nil && !yield(p, nil) {
				return
			}
			if err == nil {
				err = s.in.full()
			}
			if err != nil {
				s.end(yield, err)
				return
			}
			s.progress(false)
		}
	}
}

// hintUnstocked says what to do about a catalog without stock.
const hintUnstocked = "partners see all of them as sold out: give each a stock, or unlimited where it never runs out"

// tellUnstocked tells before the warnings of single products of a catalog of which nothing is to be had,
// such as a table that has lost its column of stock, or whose stock system gave none: it empties partners' shops.
func (s *Stream) tellUnstocked() {
	if s.in.errors > 0 || s.in.stats.Products == 0 || s.in.stocked || s.in.opt.Single {
		return
	}
	message := "no product has a stock"
	if s.in.counted {
		message = "every stock is 0"
	}
	s.in.warnings++
	s.in.listed = append([]Problem{{File: s.sources[0].name, Field: "stock", Level: LevelWarning, Message: message, Hint: hintUnstocked}}, s.in.listed...)
}

// tellLight tells of a catalog of which nothing weighs much: whole kilograms look like
// grams, and only together.
func (s *Stream) tellLight() {
	w := &s.in.weights
	if n := w.heaviest.Milligrams(); s.in.errors > 0 || n == 0 || n >= fineWeight || s.in.told["weight"] || s.in.opt.Single {
		return
	}
	field, hint := "weight", "weights are grams: multiply kilograms by 1000"
	if w.column != "" {
		field, hint = w.column, "if they are kilograms, name the column "+w.named("kg")+", if they are grams "+w.named("g")
	}
	s.in.warnings++
	s.in.listed = append([]Problem{{File: w.file, Field: field, Level: LevelWarning, Message: "the heaviest weight is " + quote(w.heaviest.String()) + ", taken for grams", Hint: hint}}, s.in.listed...)
}

// end yields the error that ends the stream.
func (s *Stream) end(yield func(*feed.Product, error) bool, err error) {
	s.err = err
	yield(nil, err)
}

// progressStep is how many bytes lie between two calls of Progress.
const progressStep = 1 << 20

func (s *Stream) progress(last bool) {
	if s.in.opt.Progress == nil {
		return
	}
	done := int64(0)
	for _, src := range s.sources {
		done += src.raw.n
	}
	if last || done-s.told >= progressStep {
		s.told = done
		s.in.opt.Progress(done, s.total, s.in.stats.Products)
	}
}

// Close closes the files; the end of the loop does so too.
func (s *Stream) Close() error {
	s.codes.sort.close()
	if s.reader != nil {
		s.reader.close()
	}
	for _, src := range s.sources {
		src.close()
	}
	return nil
}

// Place gives, inside the loop, the file of the product, as it was given, and
// its line, counted from 1: of a product with several lines one of them.
func (s *Stream) Place() (file string, line int64) { return s.in.file, s.in.start }

// Err gives, behind the loop, why nothing may be imported: the error that ended
// the stream, one of kind [feed.KindInvalid] when any product was bad, or one
// when the loop was left early. It is nil for a catalog that may be merged.
func (s *Stream) Err() error {
	switch {
	case s.err != nil:
		return s.err
	case !s.ended:
		return errors.New("the catalog was not read to its end")
	}
	return s.in.err()
}

// Problems lists what is wrong, in the order of the files. At most
// Options.MaxErrors errors and 1000 warnings are listed, and beyond these the first of
// each further kind.
func (s *Stream) Problems() []Problem { return slices.Clone(s.in.listed) }

// Head gives the dictionaries that stand before the first product; it must not
// be changed.
func (s *Stream) Head() *feed.Dictionaries { return s.before }

// Dictionaries gives, behind the loop, all dictionaries: those of the files and
// what the products mention.
func (s *Stream) Dictionaries() *feed.Dictionaries { return s.in.dict.Dictionaries() }

// Removed gives, behind the loop, the ids of products that the files say are
// removed, in their order.
func (s *Stream) Removed() []feed.ProductID { return slices.Clone(s.in.removed) }

// Stats gives what was read so far.
func (s *Stream) Stats() Stats {
	st := s.in.stats
	st.Errors, st.Warnings = s.in.errors, s.in.warnings
	st.Bytes = s.read
	st.Languages, st.Currencies = slices.Clone(st.Languages), slices.Clone(st.Currencies)
	return st
}
