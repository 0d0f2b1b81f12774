package catalog

import (
	"fmt"
	"io"
	"strings"

	"feedmill/feed"
)

// Format is the format of a catalog file.
type Format uint8

// The formats. FormatAuto recognises the others by their content.
const (
	FormatAuto Format = iota
	FormatJSONL
	FormatCSV
	FormatShopify
	FormatIOF
)

var formatNames = [...]string{"auto", "jsonl", "csv", "shopify", "iof"}

// ParseFormat reads a name as [Format.String] gives it; "" is [FormatAuto].
func ParseFormat(s string) (Format, error) {
	if s == "" {
		return FormatAuto, nil
	}
	for i, n := range formatNames {
		if n == s {
			return Format(i), nil
		}
	}
	return 0, fmt.Errorf("%.40q is not a catalog format (one of %s)", s, strings.Join(formatNames[:], ", "))
}

// String names the format.
func (f Format) String() string { return formatNames[f] }

// Options say how a catalog is read. The zero value reads every format that
// says everything about itself.
type Options struct {
	// Format is recognised when [FormatAuto].
	Format Format
	// MaxErrors ends the stream at so many problems of level error; default 20.
	MaxErrors int
	// DefaultLanguage is the language of texts that name none; without it such
	// texts keep the zero Language, with a warning.
	DefaultLanguage feed.Language
	// DefaultCurrency is for products that name no currency; without it they are refused.
	DefaultCurrency feed.Currency
	// DefaultVAT is for products that name no VAT rate and counts only when
	// HasDefaultVAT is set; without it such products are refused.
	DefaultVAT    feed.Percent
	HasDefaultVAT bool
	// UnsaidVAT takes Shopify's export, which has no place for a rate, at a VAT of 0
	// where nobody says one, with a warning; without it such exports are refused.
	UnsaidVAT bool
	// NetPrices says that prices given as one number are net; default gross.
	NetPrices bool
	// DefaultCategory is the path of the category of products that name none.
	// Without it they are refused, except that Shopify's go to "Other".
	DefaultCategory string
	// DefaultUnit is the unit of measure of products that name none; without it
	// they have none, except that Shopify's have "pcs.".
	DefaultUnit string
	// Progress, when set, is told now and then how many bytes of the files were
	// read, how many there are (0 when unknown) and how many products came out.
	Progress func(done, total, products int64)
	// TempDir is the folder for temporary files, of which only light files need
	// one; "" is the system's own.
	TempDir string
	// Stdin is what the file name "-" denotes; nil is the process's standard input.
	Stdin io.Reader
	// Single says that these are single products of a program, not a catalog: what
	// only the whole of one can lack, such as all stock, is not told.
	Single bool
	// Quick leaves out what costs more than it tells of a catalog that is read for
	// one file: codes that several products have.
	Quick bool
	// Called says what problems and errors call a file whose own name tells nobody
	// anything, by that name; a file that is not in it is called by its name.
	Called map[string]string
	// Limits bound what is read; a zero field is its default.
	Limits Limits
}

// Limits bound what a catalog may hold. A zero field is its default.
type Limits struct {
	// Bytes of all files together, uncompressed; default 32 GiB.
	Bytes int64
	// Line is the longest line or record in bytes; default 16 MiB.
	Line int
	// Field is the longest text in bytes; default 1 MiB.
	Field int
	// Products of the catalog; default 20 million.
	Products int64
	// Sizes, Images and Parameters of one product; default 500, 200 and 1000.
	Sizes, Images, Parameters int
	// List is for every other list of a product; default 1000.
	List int
	// Ratio is how many times longer gzip data may become; default 100.
	Ratio int64
}

// withDefaults fills zero fields.
func (l Limits) withDefaults() Limits {
	orDefault(&l.Bytes, 32<<30)
	orDefault(&l.Line, 16<<20)
	orDefault(&l.Field, 1<<20)
	orDefault(&l.Products, 20_000_000)
	orDefault(&l.Sizes, 500)
	orDefault(&l.Images, 200)
	orDefault(&l.Parameters, 1000)
	orDefault(&l.List, 1000)
	orDefault(&l.Ratio, 100)
	return l
}

func orDefault[T int | int64](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Defaults are what a catalog says once for all its products.
type Defaults struct {
	// Language is that of texts that name none.
	Language feed.Language
	Currency feed.Currency
	// VAT counts only when HasVAT is set.
	VAT    feed.Percent
	HasVAT bool
	// NetPrices says that prices given as one number are net.
	NetPrices bool
}

// Stats counts what a stream has read.
type Stats struct {
	// Products were yielded, LeftOut were not because the source itself marks
	// them as not for sale, Removed are tombstones.
	Products, LeftOut, Removed int64
	// Errors and Warnings count problems, listed or not.
	Errors, Warnings int64
	// Dropped counts characters that XML forbids and that were dropped.
	Dropped int64
	// Bytes of the files, uncompressed.
	Bytes int64
	// Languages and Currencies of the products, by first appearance.
	Languages  []feed.Language
	Currencies []feed.Currency
}
